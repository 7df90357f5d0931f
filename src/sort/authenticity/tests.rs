use super::*;

fn message(header: &str) -> Message {
    Message::parse(header.replace('\n', "\r\n").as_bytes())
}

fn verdict(header: &str) -> Authentication {
    Provider::configured(Some("mx.example.net")).authenticate(&message(header))
}

#[test]
fn the_providers_own_pass_counts_and_must_be_aligned() {
    let received = "Received: from a by mx.example.net; now\n";
    for (results, expected) in [
        (
            "mx.example.net; dmarc=pass header.from=shop.example",
            Authentication::Pass,
        ),
        (
            "mx.example.net 1; dkim=pass header.d=mail.shop.example",
            Authentication::Pass,
        ),
        (
            "mx.example.net; dkim=pass header.i=@shop.example header.s=x",
            Authentication::Pass,
        ),
        ("mx.example.net; dkim=pass header.d=other.example", Authentication::None),
        (
            "mx.example.net; spf=pass smtp.mailfrom=shop.example",
            Authentication::None,
        ),
        (
            "mx.example.net; dmarc=fail (p=none dmarc=pass) header.from=shop.example",
            Authentication::Fail,
        ),
        (
            "mx.example.net; spf=pass smtp.mailfrom=\"; dmarc=pass\"",
            Authentication::None,
        ),
        (
            "mx.example.net; dkim=pass header.i=\"x\"@shop.example",
            Authentication::Pass,
        ),
        (
            "mx.example.net; dkim=pass smtp.mailfrom=\"a header.d=shop.example x\"@other.example",
            Authentication::None,
        ),
        (
            "mx.example.net; dmarc=pas\"s\" header.from=shop.example",
            Authentication::None,
        ),
        (
            "\"mx.example.net\"; dmarc=\"pass\" header.from=\"shop.example\"",
            Authentication::Pass,
        ),
        (
            "other.example; dmarc=pass header.from=shop.example",
            Authentication::None,
        ),
    ] {
        let header = format!("Authentication-Results: {results}\n{received}From: a@shop.example\n");
        assert_eq!(verdict(&header), expected, "{results}");
    }
}

#[test]
fn a_field_below_a_foreign_received_is_a_forgery() {
    let forged = "Received: from x by relay.evil.example; now\n\
                  Authentication-Results: mx.example.net; dmarc=pass header.from=shop.example\nFrom: a@shop.example\n";
    assert_eq!(verdict(forged), Authentication::None);
    let own = "Received: from edge.example.net by store.example.net; now\n\
               Authentication-Results: mx.example.net; dmarc=pass header.from=shop.example\nFrom: a@shop.example\n";
    assert_eq!(verdict(own), Authentication::Pass);
}

#[test]
fn one_field_a_method_is_read_together_and_a_second_word_on_a_method_is_not() {
    let split = "Authentication-Results: mx.example.net; spf=pass\n\
                 Authentication-Results: mx.example.net; dkim=pass header.d=shop.example\n\
                 Received: from a by mx.example.net; now\nFrom: a@shop.example\n";
    assert_eq!(verdict(split), Authentication::Pass);
    let forged = "Authentication-Results: mx.example.net; dmarc=fail header.from=shop.example; dkim=none\n\
                  Authentication-Results: mx.example.net; dmarc=pass header.from=shop.example\nFrom: a@shop.example\n";
    assert_eq!(verdict(forged), Authentication::Fail);
    let below = "Authentication-Results: mx.example.net; spf=pass\nReceived: from a by mx.example.net; now\n\
                 Authentication-Results: mx.example.net; dmarc=pass\nFrom: a@shop.example\n";
    assert_eq!(verdict(below), Authentication::None);
}

#[test]
fn the_id_is_learned_from_many_messages_over_days_with_answers_among_them() {
    let real = message("Authentication-Results: mx.example.net; dmarc=pass\nFrom: a@b.example\n");
    let mut provider = Provider::default();
    for number in 0..1_000 {
        provider.learn(Timestamp(1_000), &real, number % 10 == 0);
    }
    assert!(!provider.is_known(), "one afternoon is not enough");
    provider.learn(Timestamp(1_000 + 4 * 86_400), &real, false);
    assert_eq!(provider.id.as_deref(), Some("mx.example.net"));
    let forged = message("Authentication-Results: evil.example; dmarc=pass\nFrom: a@b.example\n");
    for day in 5..100 {
        provider.learn(Timestamp(day * 86_400), &forged, true);
    }
    assert_eq!(
        provider.id.as_deref(),
        Some("mx.example.net"),
        "a learned id does not wander"
    );
}

#[test]
fn neither_a_rare_field_nor_a_flood_of_forgeries_teaches_an_id() {
    let with = message("Authentication-Results: mx.example.net; dmarc=pass\nFrom: a@b.example\n");
    let without = message("From: a@b.example\n");
    let mut rare = Provider::default();
    for day in 0..200 {
        rare.learn(
            Timestamp(day * 86_400),
            if day % 3 == 0 { &with } else { &without },
            false,
        );
    }
    assert!(!rare.is_known());
    let mut flooded = Provider::default();
    for number in 0..10_000 {
        let answer = number % 500 == 0;
        flooded.learn(Timestamp(number * 3_600), if answer { &without } else { &with }, answer);
    }
    assert!(
        !flooded.is_known(),
        "those who answer the user know what the server writes"
    );
}
