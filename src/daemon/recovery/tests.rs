use super::*;
use crate::sort::refusal::PERHAPS;

const COPY: (UidValidity, Uid) = (UidValidity(7), Uid(3));

fn resolved(same_epoch: bool, in_source: bool, in_destination: &[(UidValidity, Uid)]) -> Resolution {
    resolve(&Findings {
        same_epoch,
        in_source,
        deleted: false,
        renumbered: false,
        in_destination: in_destination.to_vec(),
        may_have_left: false,
    })
}

#[test]
fn an_unexecuted_move_is_decided_afresh_and_never_replayed() {
    assert_eq!(resolved(true, true, &[]), Resolution::DecideAgain);
}

#[test]
fn what_may_have_been_copied_and_taken_away_is_not_copied_again() {
    let findings = |in_source, in_destination| Findings {
        same_epoch: true,
        in_source,
        deleted: false,
        renumbered: false,
        in_destination,
        may_have_left: true,
    };
    let void = Resolution::Close(Outcome::Void(MAY_HAVE_LEFT.to_owned()));
    assert_eq!(resolve(&findings(true, vec![])), void);
    assert_eq!(resolve(&findings(true, vec![COPY])), Resolution::Finish(COPY));
    assert_ne!(resolve(&findings(false, vec![])), void);
    let marked = Findings {
        deleted: true,
        ..findings(true, vec![])
    };
    let void = Resolution::Close(Outcome::Void(MAY_HAVE_LEFT_MARKED.to_owned()));
    assert_eq!(resolve(&marked), void, "the mark stays");
}

#[test]
fn what_carries_the_mark_of_deletion_is_not_decided_about_again() {
    let findings = |in_destination| Findings {
        same_epoch: true,
        in_source: true,
        deleted: true,
        renumbered: false,
        in_destination,
        may_have_left: false,
    };
    assert!(matches!(
        resolve(&findings(vec![])),
        Resolution::Close(Outcome::Void(_))
    ));
    // The mark may be ours, from the first half of the ladder.
    assert_eq!(resolve(&findings(vec![COPY])), Resolution::Finish(COPY));
}

#[test]
fn a_move_that_ran_is_done_wherever_it_is_found() {
    assert_eq!(
        resolved(true, false, &[COPY]),
        Resolution::Close(Outcome::Done(Some(COPY)))
    );
    assert_eq!(
        resolved(false, false, &[COPY]),
        Resolution::Close(Outcome::Done(Some(COPY)))
    );
}

#[test]
fn a_copy_that_ran_is_finished() {
    assert_eq!(resolved(true, true, &[COPY]), Resolution::Finish(COPY));
}

#[test]
fn nothing_is_touched_when_the_server_shows_something_else() {
    for (same_epoch, in_source, copies) in [
        (false, true, vec![]),
        (false, true, vec![COPY]),
        (true, false, vec![]),
        (true, true, vec![COPY, COPY]),
        (true, false, vec![COPY, COPY]),
    ] {
        let resolution = resolved(same_epoch, in_source, &copies);
        assert!(
            matches!(resolution, Resolution::Close(Outcome::Void(_))),
            "{resolution:?}"
        );
    }
}

#[test]
fn a_copy_beside_an_original_that_was_numbered_anew_is_told() {
    let findings = |renumbered, in_destination| Findings {
        same_epoch: false,
        in_source: false,
        deleted: false,
        renumbered,
        in_destination,
        may_have_left: false,
    };
    let told = resolve(&findings(true, vec![COPY]));
    assert!(
        matches!(&told, Resolution::Close(Outcome::Failed(code)) if code.starts_with(COPIED)),
        "{told:?}"
    );
    assert_eq!(
        resolve(&findings(false, vec![COPY])),
        Resolution::Close(Outcome::Done(Some(COPY)))
    );
    assert!(matches!(
        resolve(&findings(true, vec![])),
        Resolution::Close(Outcome::Void(_))
    ));
}

#[test]
fn what_was_perhaps_copied_is_known_by_its_note() {
    for note in [MAY_HAVE_LEFT, MAY_HAVE_LEFT_MARKED] {
        assert!(note.starts_with(PERHAPS), "{note}");
    }
}
