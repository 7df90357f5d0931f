//! Days of the week by their English names, as users write them in rules, in folder names and on the command line.

use jiff::civil::Weekday;

const NAMES: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// The day whose name is `word`, in any case.
pub fn named(word: &str) -> Option<Weekday> {
    begins(word)
        .filter(|(name, _)| name.len() == word.len())
        .map(|(_, day)| day)
}

/// The day whose name is `word` or is shortened to its first three letters, in any case.
pub fn named_or_short(word: &str) -> Option<Weekday> {
    begins(word)
        .filter(|(name, _)| name.len() == word.len() || word.len() == 3)
        .map(|(_, day)| day)
}

/// The day whose name begins with `word`, in any case; two letters at least, which tell all seven apart.
pub fn abbreviated(word: &str) -> Option<Weekday> {
    begins(word).map(|(_, day)| day)
}

fn begins(word: &str) -> Option<(&'static str, Weekday)> {
    let word = word.to_ascii_lowercase();
    let mut days = NAMES.into_iter();
    days.find(|(name, _)| word.len() >= 2 && name.starts_with(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_takes_its_own_and_no_more() {
        for (word, full, short, any) in [
            ("Monday", true, true, true),
            ("mon", false, true, true),
            ("mo", false, false, true),
            ("mond", false, false, true),
            ("m", false, false, false),
            ("mondays", false, false, false),
            ("someday", false, false, false),
            ("", false, false, false),
        ] {
            let monday = |found| found == Some(Weekday::Monday);
            let taken = [named(word), named_or_short(word), abbreviated(word)].map(monday);
            assert_eq!(taken, [full, short, any], "{word}");
        }
        assert_eq!(named_or_short("thu"), Some(Weekday::Thursday));
        assert_eq!(abbreviated("sa"), Some(Weekday::Saturday));
    }
}
