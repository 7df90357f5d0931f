use super::*;

fn owner() -> Owner {
    Owner::new(vec![Address::parse("me@example.org").unwrap()])
}

fn drag(taught: &mut Taught, header: &str, bucket: Bucket, at: i64, authentication: Authentication) -> Learned {
    let message = Message::parse(header.as_bytes());
    let evidence = Evidence::of(&message, &owner());
    let drag = Drag {
        message: &message,
        evidence: &evidence,
        authentication,
        bucket,
        whole_domain: false,
        at: Timestamp(at),
        by: Teacher::Drag,
    };
    taught.drag(&drag, &owner())
}

fn bucket(taught: &Taught, header: &str, authentication: Authentication) -> Option<Bucket> {
    taught
        .lookup(&Message::parse(header.as_bytes()), authentication)
        .map(|lesson| lesson.bucket)
}

const POST: &str = "From: bo@example.com\r\nMessage-ID: <1@x>\r\nList-Id: <talk.example.com>\r\nList-Post: <mailto:talk@example.com>\r\n";
const SHOP: &str =
    "From: a1@shop.example\r\nMessage-ID: <2@x>\r\nList-Id: <7.shop.example>\r\nList-Unsubscribe: <x:y>\r\n";

#[test]
fn a_list_is_taught_as_a_list_and_a_poster_as_a_person() {
    let mut taught = Taught::default();
    drag(&mut taught, POST, Bucket::News, 1, Authentication::None);
    let other = POST.replace("bo@", "al@");
    assert_eq!(bucket(&taught, &other, Authentication::None), Some(Bucket::News));
    drag(&mut taught, POST, Bucket::Blackhole, 2, Authentication::None);
    assert_eq!(bucket(&taught, POST, Authentication::None), Some(Bucket::Blackhole));
    assert_eq!(
        bucket(&taught, &other, Authentication::None),
        Some(Bucket::News),
        "the others stay"
    );
}

#[test]
fn an_advertiser_who_changes_his_address_stays_in_the_blackhole() {
    let mut taught = Taught::default();
    drag(&mut taught, SHOP, Bucket::Blackhole, 1, Authentication::None);
    assert_eq!(
        bucket(&taught, &SHOP.replace("a1@", "a2@"), Authentication::None),
        Some(Bucket::Blackhole)
    );
}

#[test]
fn a_rescue_takes_back_what_the_drag_taught() {
    let mut taught = Taught::default();
    drag(&mut taught, SHOP, Bucket::Blackhole, 1, Authentication::None);
    let learned = drag(&mut taught, SHOP, Bucket::Inbox, 2, Authentication::None);
    assert_eq!(learned.forgotten.len(), 2);
    assert_eq!(
        bucket(&taught, &SHOP.replace("a1@", "a2@"), Authentication::None),
        Some(Bucket::Inbox)
    );
}

#[test]
fn a_spoof_in_the_blackhole_does_not_swallow_the_friend() {
    let friend = "From: anna@example.com\r\nMessage-ID: <3@x>\r\n";
    for spoof in [Authentication::Fail, Authentication::None] {
        let mut taught = Taught::default();
        drag(&mut taught, friend, Bucket::Blackhole, 1, spoof);
        assert_eq!(bucket(&taught, friend, Authentication::Pass), None);
        assert_eq!(bucket(&taught, friend, spoof), Some(Bucket::Blackhole));
    }
}

#[test]
fn nobody_teaches_the_owner_nor_a_malformed_from_nor_all_of_a_shared_domain() {
    let mut taught = Taught::default();
    for header in ["From: me@example.org\r\n", "From: a@x.example, b@x.example\r\n"] {
        assert_eq!(
            drag(&mut taught, header, Bucket::Blackhole, 1, Authentication::None),
            Learned::default()
        );
    }
    let message = Message::parse(b"From: spammer@gmail.com\r\n");
    let evidence = Evidence::of(&message, &owner());
    let drag = Drag {
        message: &message,
        evidence: &evidence,
        authentication: Authentication::None,
        bucket: Bucket::Blackhole,
        whole_domain: true,
        at: Timestamp(1),
        by: Teacher::Drag,
    };
    assert!(matches!(
        Taught::identities_for(&drag, &owner()).as_slice(),
        [Identity::Address(_)]
    ));
}

#[test]
fn the_newest_lesson_wins_in_whatever_order_they_are_loaded() {
    let lesson = |bucket, at| Lesson {
        identity: Identity::Domain("shop.example".to_owned()),
        bucket,
        at: Timestamp(at),
        example: None,
        authentication: Authentication::None,
        by: Teacher::Import,
    };
    let mut taught = Taught::default();
    taught.load([lesson(Bucket::Top, 2), lesson(Bucket::Bulk, 1)]);
    assert_eq!(
        bucket(&taught, "From: a@mail.shop.example\r\n", Authentication::None),
        Some(Bucket::Top)
    );
    assert_eq!(
        bucket(&taught, "From: a@notshop.example\r\n", Authentication::None),
        None
    );
}
