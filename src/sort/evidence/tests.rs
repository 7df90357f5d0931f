use super::*;
use crate::sort::sender::Address;

fn owner() -> Owner {
    Owner::new(vec![Address::parse("me@example.net").unwrap()])
}

fn verdict(header: &str) -> Option<Bucket> {
    Evidence::of(&Message::parse(header.as_bytes()), &owner())
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
        "List-Id: <talk.example.org>\r\nPrecedence: bulk\r\nSender: talk-admin@example.org\r\n",
        "List-Post: <mailto:talk@example.org>\r\nPrecedence: list\r\nReturn-Path: <talk-request@example.org>\r\n",
        "Mailing-List: list talk@example.com; contact talk-owner@example.com\r\nPrecedence: bulk\r\n",
        "List-Id: <talk.example.com>\r\nCc: talk@lists.example.com\r\n",
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
        Evidence::of(&forged, &owner())
            .verdict(Doubt {
                authentication: Authentication::Fail,
                colleague: false
            })
            .map(|found| found.0),
        Some(Bucket::Bulk)
    );
}

#[test]
fn a_letter_needs_more_than_suspicion_to_leave() {
    let to_me = "To: me@example.net\r\n";
    for header in [
        "From: emily.deal@mill.example\r\nReply-To: e@deal.example\r\nSubject: free offer\r\nContent-Type: text/html\r\n",
        "From: 358401234567@mobile.example\r\nSubject: win!!\r\n",
        "From: news@club.example\r\nSubject: our weekly bulletin\r\n",
        "From: Smith, John <john@firm.example>\r\nSubject: The offer\r\nContent-Type: text/html\r\n",
        "From: anna@example.org\r\nFeedback-ID: i1:host\r\nReturn-Path: <SRS0=a=b=c=d@forward.example>\r\n",
    ] {
        assert_eq!(verdict(&format!("{header}{to_me}")), None, "{header}");
    }
}

#[test]
fn a_colleagues_circular_needs_one_mark_more() {
    let circular = Message::parse(b"From: hr@work.example\r\nTo: me@example.net\r\nAuto-Submitted: auto-generated\r\n");
    let evidence = Evidence::of(&circular, &owner());
    assert!(evidence.verdict(Doubt::default()).is_some());
    let colleague = Doubt {
        colleague: true,
        ..Doubt::default()
    };
    assert_eq!(evidence.verdict(colleague), None);
}

#[test]
fn every_verdict_names_its_marks() {
    let shop = Message::parse(
        b"From: offers@shop.example\r\nTo: me@example.net\r\nSubject: Sale\r\nList-Unsubscribe: <x:y>\r\n",
    );
    let (bucket, text) = Evidence::of(&shop, &owner()).verdict(Doubt::default()).unwrap();
    assert_eq!(bucket, Bucket::Bulk);
    assert_eq!(
        text,
        "mass mail or a machine's: it can be unsubscribed (List-Unsubscribe), the sender's address is an advertiser's, \
         its subject advertises"
    );
}
