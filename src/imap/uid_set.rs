//! UID sets as commands carry them: ascending, compact (`2,9:11`), and cut so that no command line gets too long
//! (RFC 9051 section 9, `sequence-set`; RFC 2683 section 3.2.1.5 on line length).

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use async_imap::imap_proto::core::sequence_set;

use crate::sort::mailbox::Uid;

/// Most UIDs that a set sent by a server may name; more is an attack on our memory.
const MOST: u64 = 2_000_000;

/// Cuts ascending, distinct UIDs into consecutive sets of at most `longest` characters each, and at most `most` UIDs.
/// Each result is the set's text and the UIDs it names. A set holds at least one UID however small `longest` is.
pub(super) fn cut(uids: &[Uid], longest: usize, most: usize) -> Vec<(String, &[Uid])> {
    let mut sets = Vec::new();
    let mut rest = uids;
    while !rest.is_empty() {
        let (text, taken) = first(rest, longest, most.max(1));
        let (set, after) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
        sets.push((text, set));
        rest = after;
    }
    sets
}

/// The text of one set that names all of `uids`.
pub(super) fn text(uids: &[Uid]) -> String {
    first(uids, usize::MAX, usize::MAX).0
}

fn first(uids: &[Uid], longest: usize, most: usize) -> (String, usize) {
    let mut text = String::new();
    let mut taken = 0;
    while let Some(run) = uids.get(taken..).and_then(|rest| run(rest, most - taken)) {
        let before = text.len();
        let comma = if before == 0 { "" } else { "," };
        let _ = match (run.first(), run.last()) {
            (Some(Uid(a)), Some(Uid(b))) if a != b => write!(text, "{comma}{a}:{b}"),
            (Some(Uid(a)), _) => write!(text, "{comma}{a}"),
            _ => break,
        };
        if text.len() > longest && taken > 0 {
            text.truncate(before);
            break;
        }
        taken += run.len();
        if taken >= most {
            break;
        }
    }
    (text, taken)
}

/// The longest run of consecutive numbers at the start of `uids`, `None` when there is nothing to take.
fn run(uids: &[Uid], most: usize) -> Option<&[Uid]> {
    let first = uids.first()?.0;
    let length = uids
        .iter()
        .take(most)
        .zip(first..=u32::MAX)
        .take_while(|(uid, expected)| uid.0 == *expected)
        .count();
    uids.get(..length).filter(|run| !run.is_empty())
}

/// Every UID that a server's ranges name, in their order; `None` when they name more than a folder can sensibly hold.
pub(super) fn expand<'a>(ranges: impl Iterator<Item = &'a RangeInclusive<u32>> + Clone) -> Option<Vec<Uid>> {
    let total: u64 = ranges
        .clone()
        .map(|range| u64::from(range.end().saturating_sub(*range.start())) + 1)
        .sum();
    (total <= MOST).then(|| ranges.flat_map(|range| range.clone().map(Uid)).collect())
}

/// Reads a set as servers write it (`1:3,7`, also `3:1`); `None` when it is not one.
pub(super) fn parse(text: &str) -> Option<Vec<RangeInclusive<u32>>> {
    let ended = format!("{text}\r\n");
    match sequence_set(ended.as_bytes()) {
        Ok((b"\r\n", ranges)) => Some(ranges.into_iter().map(ascending).collect()),
        _ => None,
    }
}

fn ascending(range: RangeInclusive<u32>) -> RangeInclusive<u32> {
    let (a, b) = range.into_inner();
    a.min(b)..=a.max(b)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn uids(numbers: &[u32]) -> Vec<Uid> {
        numbers.iter().copied().map(Uid).collect()
    }

    #[test]
    fn runs_are_written_as_ranges() {
        assert_eq!(text(&uids(&[1, 2, 3, 7, 9, 10])), "1:3,7,9:10");
        assert_eq!(text(&uids(&[u32::MAX - 1, u32::MAX])), "4294967294:4294967295");
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn a_set_is_cut_before_it_gets_too_long() {
        let numbers: Vec<u32> = (1..2_000).map(|n| n * 2).collect();
        let all = uids(&numbers);
        let sets = cut(&all, 100, usize::MAX);
        assert!(sets.iter().all(|(text, _)| text.len() <= 100));
        assert!(sets.len() < 110, "{} sets", sets.len());
    }

    #[test]
    fn a_set_that_names_the_whole_number_space_is_refused() {
        assert_eq!(expand([1..=u32::MAX].iter()), None);
        assert_eq!(expand([3..=4, 9..=9].iter()), Some(uids(&[3, 4, 9])));
    }

    #[test]
    fn reversed_and_broken_sets() {
        assert_eq!(parse("4:2,9"), Some(vec![2..=4, 9..=9]));
        for broken in ["", "1,", "a", "1:*", "4294967296", "1 2"] {
            assert_eq!(parse(broken), None, "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn cutting_keeps_every_uid_in_order(numbers: BTreeSet<u32>, longest in 1usize..60, most in 1usize..40) {
            let all: Vec<Uid> = numbers.iter().copied().map(Uid).collect();
            let mut back = Vec::new();
            for (text, set) in cut(&all, longest, most) {
                prop_assert!(set.len() <= most);
                prop_assert!(text.len() <= longest || !text.contains(','));
                let named = expand(parse(&text).unwrap().iter()).unwrap();
                prop_assert_eq!(&named, set);
                back.extend(named);
            }
            prop_assert_eq!(back, all);
        }
    }
}
