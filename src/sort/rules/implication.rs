//! What follows from a condition, as far as it can be told from the text: whether every message that meets one meets
//! another, and whether none can meet both.
//!
//! Both answers err to `false`: they only feed warnings, and a warning that is wrong is worse than one that is missing.

use super::condition::{Acquaintance, Condition, ToMe};
use super::measure::Moment;
use super::pattern::{Pattern, is_at_or_below};
use super::place::Place;

/// True when every message that meets `narrow` certainly meets `wide`.
pub(super) fn implies(narrow: &Condition, wide: &Condition) -> bool {
    use Condition::{All, Any, Not};
    match (narrow, wide) {
        (_, All(parts)) => parts.iter().all(|part| implies(narrow, part)),
        (Any(parts), _) => parts.iter().all(|part| implies(part, wide)),
        (Not(narrow), Not(wide)) => implies(wide, narrow),
        (All(parts), _) => parts.iter().any(|part| implies(part, wide)) || implies_some(narrow, wide),
        _ => implies_some(narrow, wide) || leaf_implies(narrow, wide),
    }
}

fn implies_some(narrow: &Condition, wide: &Condition) -> bool {
    matches!(wide, Condition::Any(parts) if parts.iter().any(|part| implies(narrow, part)))
}

fn leaf_implies(narrow: &Condition, wide: &Condition) -> bool {
    use Condition::{
        Auth, DateAfter, DateBefore, Duplicate, Flags, HasAttachment, HeaderPresent, Hours, Larger, Marked, Matches,
        NewerThan, OlderThan, RecipientsMax, RecipientsMin, ReplyToMe, Sender, SenderSeenMin, Smaller, ToMe, Weekdays,
    };
    match (narrow, wide) {
        (
            Matches { place, patterns },
            Matches {
                place: wide_place,
                patterns: wide,
            },
        ) => {
            covers_place(wide_place, place)
                && !patterns.is_empty()
                && patterns
                    .iter()
                    .all(|narrow| wide.iter().any(|wide| covers(wide, narrow)))
        }
        (
            Matches {
                place: Place::Header(name),
                ..
            },
            HeaderPresent(wide, true),
        ) => name == wide,
        (
            Matches {
                place: Place::Attachment,
                ..
            },
            HasAttachment(true),
        ) => true,
        (HeaderPresent(a, x), HeaderPresent(b, y)) => a == b && x == y,
        (Marked(a, x), Marked(b, y)) => a == b && x == y,
        (ReplyToMe(a), ReplyToMe(b)) | (Duplicate(a), Duplicate(b)) | (HasAttachment(a), HasAttachment(b)) => a == b,
        (ToMe(narrow), ToMe(wide)) => narrow
            .iter()
            .all(|way| wide.iter().any(|wide| way_implies(*way, *wide))),
        (Auth(narrow), Auth(wide)) => narrow.iter().all(|result| wide.contains(result)),
        (Sender(narrow), Sender(wide)) => narrow
            .iter()
            .all(|kind| wide.iter().any(|wide| kind_implies(*kind, *wide))),
        (SenderSeenMin(a), SenderSeenMin(b)) => a >= b,
        (RecipientsMin(a), RecipientsMin(b)) => a >= b,
        (RecipientsMax(a), RecipientsMax(b)) => a <= b,
        (Larger(a), Larger(b)) => a >= b,
        (Smaller(a), Smaller(b)) => a <= b,
        (OlderThan(a), OlderThan(b)) => a >= b,
        (NewerThan(a), NewerThan(b)) => a <= b,
        (DateAfter(a), DateAfter(b)) => comparable(*a, *b) && a >= b,
        (DateBefore(a), DateBefore(b)) => comparable(*a, *b) && a <= b,
        (Hours(a), Hours(b)) => a.iter().all(|span| b.contains(span)),
        (Weekdays(a), Weekdays(b)) => a == b,
        (Flags(a), Flags(b)) => b.iter().all(|flag| a.contains(flag)),
        _ => false,
    }
}

/// True when no message can meet both.
pub(super) fn disjoint(one: &Condition, other: &Condition) -> bool {
    use Condition::{All, Any, Not};
    match (one, other) {
        (All(parts), other) | (other, All(parts)) => parts.iter().any(|part| disjoint(part, other)),
        (Any(parts), other) | (other, Any(parts)) => {
            !parts.is_empty() && parts.iter().all(|part| disjoint(part, other))
        }
        (Not(inner), other) | (other, Not(inner)) => implies(other, inner),
        _ => leaf_disjoint(one, other) || leaf_disjoint(other, one),
    }
}

fn leaf_disjoint(one: &Condition, other: &Condition) -> bool {
    use Condition::{
        Auth, DateAfter, DateBefore, Duplicate, Flags, HasAttachment, HeaderPresent, Larger, Marked, Matches,
        NewerThan, OlderThan, RecipientsMax, RecipientsMin, ReplyToMe, Sender, Smaller, ToMe,
    };
    match (one, other) {
        (Marked(a, x), Marked(b, y)) => a == b && x != y,
        (HeaderPresent(a, x), HeaderPresent(b, y)) => a == b && x != y,
        (
            Matches {
                place: Place::Header(name),
                ..
            },
            HeaderPresent(other, false),
        ) => name == other,
        (
            Matches {
                place: Place::Attachment,
                ..
            },
            HasAttachment(false),
        ) => true,
        (ReplyToMe(a), ReplyToMe(b)) | (Duplicate(a), Duplicate(b)) | (HasAttachment(a), HasAttachment(b)) => a != b,
        (Auth(a), Auth(b)) => !a.iter().any(|result| b.contains(result)),
        (ToMe(a), ToMe(b)) => !a
            .iter()
            .any(|x| b.iter().any(|y| way_implies(*x, *y) || way_implies(*y, *x))),
        (Sender(a), Sender(b)) => !a
            .iter()
            .any(|x| b.iter().any(|y| kind_implies(*x, *y) || kind_implies(*y, *x))),
        (RecipientsMin(least), RecipientsMax(most)) => least > most,
        // Strictly above and strictly below leaves a gap only when the bounds are two apart.
        (Larger(a), Smaller(b)) => *b <= a.saturating_add(1),
        (OlderThan(a), NewerThan(b)) => *b <= a.saturating_add(1),
        (DateAfter(a), DateBefore(b)) => comparable(*a, *b) && a >= b,
        (Flags(a), Flags(b)) => a
            .iter()
            .any(|(flag, set)| b.iter().any(|(other, other_set)| flag == other && set != other_set)),
        (Matches { place: a, patterns: x }, Matches { place: b, patterns: y }) => {
            a == b
                && has_one_value(a)
                && x.iter()
                    .all(|x| y.iter().all(|y| patterns_disjoint(x, y) || patterns_disjoint(y, x)))
        }
        _ => false,
    }
}

/// Two parts of one condition that cannot both hold.
pub(super) fn contradiction(condition: &Condition) -> Option<(&Condition, &Condition)> {
    let Condition::All(parts) = condition else { return None };
    parts.iter().enumerate().find_map(|(index, one)| {
        let partner = parts.iter().skip(index + 1).find(|other| disjoint(one, other));
        partner.map(|other| (one, other)).or_else(|| contradiction(one))
    })
}

fn comparable(a: Moment, b: Moment) -> bool {
    matches!(
        (a, b),
        (Moment::Instant(_), Moment::Instant(_)) | (Moment::Local(_), Moment::Local(_))
    )
}

fn way_implies(narrow: ToMe, wide: ToMe) -> bool {
    narrow == wide || (narrow == ToMe::Only && wide == ToMe::Direct)
}

fn kind_implies(narrow: Acquaintance, wide: Acquaintance) -> bool {
    // Whoever was answered was written to.
    narrow == wide || (narrow == Acquaintance::Replied && wide == Acquaintance::Known)
}

fn covers_place(wide: &Place, narrow: &Place) -> bool {
    wide == narrow || (*wide == Place::Recipient && matches!(narrow, Place::To | Place::Cc))
}

/// Places that never hold two values, so that two values asked for contradict each other.
fn has_one_value(place: &Place) -> bool {
    matches!(
        place,
        Place::From | Place::Subject | Place::ListId | Place::Account | Place::Folder
    )
}

/// True when every value that `narrow` matches is matched by `wide`, at one place.
fn covers(wide: &Pattern, narrow: &Pattern) -> bool {
    use Pattern::{Address, Contains, Domain, DomainAndBelow, Glob, Is, Regex};
    match (wide, narrow) {
        (Address(wide), Address(narrow)) => wide == narrow,
        (Domain(wide), Domain(narrow)) => wide == narrow,
        (Domain(wide), Address(narrow)) => **wide == *narrow.domain(),
        (DomainAndBelow(wide), Address(narrow)) => is_at_or_below(narrow.domain(), wide),
        (DomainAndBelow(wide), Domain(narrow) | DomainAndBelow(narrow)) => is_at_or_below(narrow, wide),
        (Contains(wide), Contains(narrow) | DomainAndBelow(narrow)) => narrow.contains(&**wide),
        (Contains(wide), Address(narrow)) => narrow.as_str().contains(&**wide),
        (Contains(wide), Domain(narrow)) => format!("@{narrow}").contains(&**wide),
        // A value is compared after trimming, so the narrow text itself must hold the part.
        (Contains(wide), Is(narrow)) => narrow.trim().contains(&**wide),
        (Contains(wide), Glob(narrow)) => narrow.literal().contains(&**wide),
        (Is(wide), Is(narrow)) => wide.trim() == narrow.trim(),
        (Glob(wide), _) if wide.is_everything() => true,
        (Glob(wide), Address(narrow)) => wide.matches(narrow.as_str()),
        (Glob(wide), Glob(narrow)) => wide == narrow,
        (Regex(wide), Regex(narrow)) => {
            wide.as_str() == narrow.as_str() && (wide.ignores_case() || !narrow.ignores_case())
        }
        (Regex(wide), Address(narrow)) => wide.is_match(narrow.as_str()),
        _ => false,
    }
}

/// True when no single value matches both. Called both ways round.
fn patterns_disjoint(one: &Pattern, other: &Pattern) -> bool {
    use Pattern::{Address, Contains, Domain, DomainAndBelow, Glob, Is};
    match (one, other) {
        (Address(a), Address(b)) => a != b,
        (Address(a), Domain(b)) => *a.domain() != **b,
        (Address(a), DomainAndBelow(b)) => !is_at_or_below(a.domain(), b),
        (Address(a), Glob(b)) => !b.matches(a.as_str()),
        (Address(a), Contains(b)) => b.is_ascii() && !a.as_str().contains(&**b),
        (Domain(a), Domain(b)) => a != b,
        (Domain(a), DomainAndBelow(b)) => !is_at_or_below(a, b),
        (DomainAndBelow(a), DomainAndBelow(b)) => !is_at_or_below(a, b) && !is_at_or_below(b, a),
        (Is(a), Is(b)) => a.trim() != b.trim(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
