use super::*;
use crate::sort::sender::Address;

fn owner() -> Owner {
    Owner::new(vec![Address::parse("me@example.net").unwrap()])
}

fn verdict(header: &str) -> Option<Bucket> {
    Evidence::for_owner(&Message::parse(header.as_bytes()), &owner())
        .verdict(Doubt::default())
        .map(|(bucket, _)| bucket)
}

const LETTER: &str = "From: Anna Smith <anna.smith@example.org>\r\nTo: me@example.net\r\nSubject: Sunday\r\n";

#[test]
fn the_first_letter_of_a_stranger_is_silent() {
    assert_eq!(verdict(LETTER), None);
    for extra in [
        "Subject: Your newsletter\r\n",
        "Subject: 20% of the flat\r\n",
        "Content-Type: text/html\r\n",
    ] {
        assert_eq!(
            verdict(&format!(
                "From: anna.smith@example.org\r\nTo: me@example.net\r\n{extra}"
            )),
            None,
            "{extra}"
        );
    }
}

#[test]
fn lists_on_which_people_talk_are_news() {
    for list in [
        "List-Id: <talk.example.org>\r\nList-Post: <mailto:talk@example.org>\r\n",
        "List-Id: <talk.example.org>\r\nPrecedence: list\r\n",
        "List-Id: <kernel.example.org>\r\nPrecedence: bulk\r\nList-Subscribe: <mailto:x@example.org>\r\n",
    ] {
        assert_eq!(verdict(&format!("{LETTER}{list}")), Some(Bucket::News), "{list}");
    }
}

#[test]
fn mailing_tools_are_not_lists() {
    let tool = "List-Unsubscribe: <https://shop.example/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFeedback-ID: 1:2\r\n";
    assert_eq!(
        verdict(&format!(
            "From: hello@shop.example\r\nTo: me@example.net\r\nSubject: Sale\r\n{tool}"
        )),
        Some(Bucket::Bulk)
    );
    assert_eq!(
        verdict(&format!(
            "From: newsletter@paper.example\r\nTo: me@example.net\r\nSubject: Sunday\r\n{tool}"
        )),
        Some(Bucket::News)
    );
}

#[test]
fn reports_are_bulk_and_codes_stay() {
    assert_eq!(
        verdict("From: MAILER-DAEMON\r\nSubject: failure\r\n"),
        Some(Bucket::Bulk)
    );
    assert_eq!(
        verdict("From: no-reply@bank.example\r\nTo: me@example.net\r\nSubject: Your security code\r\n"),
        Some(Bucket::Inbox)
    );
    let forged = Message::parse(b"From: no-reply@bank.example\r\nSubject: Your security code\r\n");
    assert_eq!(
        Evidence::for_owner(&forged, &owner())
            .verdict(Doubt {
                authentication: Authentication::Fail,
                colleague: false
            })
            .map(|found| found.0),
        Some(Bucket::Bulk)
    );
}
