//! Single tests of a Sieve script, written from patterns.

use crate::sort::rules::condition::Mark;
use crate::sort::rules::pattern::Pattern;

/// Why something cannot be said in Sieve.
pub(super) type Unsayable = String;

/// Sieve's own regular expressions are POSIX ones.
pub(super) fn regex_unsayable() -> Unsayable {
    "Sieve's regular expressions are of another kind".to_owned()
}

/// The evidence stage reads more than these fields; for a script they are the best there is.
pub(super) fn marked(mark: Mark) -> Result<String, Unsayable> {
    match mark {
        Mark::List => Ok(any_of(vec![
            "exists \"list-id\"".to_owned(),
            "exists \"list-post\"".to_owned(),
            "header :is \"precedence\" \"list\"".to_owned(),
        ])),
        Mark::Spam => Ok(
            "anyof (header :contains \"x-spam-flag\" \"yes\", header :matches \"x-spam-status\" \"yes*\")".to_owned(),
        ),
        Mark::Bulk | Mark::Automatic => Err(format!("`{}` weighs many signs at once", mark.as_str())),
    }
}

/// A test of a header field as text.
pub(super) fn text_test(field: &str, pattern: &Pattern) -> Result<String, Unsayable> {
    let field = quoted(field);
    Ok(match pattern {
        Pattern::Contains(part) => {
            ascii_only(part)?;
            format!("header :contains {field} {}", quoted(part))
        }
        Pattern::Is(whole) => {
            ascii_only(whole)?;
            format!("header :is {field} {}", quoted(whole.trim()))
        }
        Pattern::Glob(glob) => {
            ascii_only(&glob.to_string())?;
            format!("header :matches {field} {}", quoted(&glob.to_string()))
        }
        Pattern::Address(address) => format!("address :is :all {field} {}", quoted(address.as_str())),
        Pattern::Domain(domain) => format!("address :is :domain {field} {}", quoted(domain)),
        Pattern::DomainAndBelow(domain) => domain_and_below(&field, domain),
        Pattern::Regex(_) => return Err(regex_unsayable()),
    })
}

/// The default comparator knows the case of ASCII letters only (RFC 5228 section 2.7.3).
fn ascii_only(text: &str) -> Result<(), Unsayable> {
    if text.is_ascii() {
        Ok(())
    } else {
        Err("Sieve ignores the case of ASCII letters only".to_owned())
    }
}

/// A test of the identifier in List-Id.
pub(super) fn list_id(pattern: &Pattern) -> Result<String, Unsayable> {
    let matches = |glob: &str| format!("header :matches \"list-id\" {}", quoted(glob));
    let plain = |text: &str| text.replace('\\', "\\\\").replace('*', "\\*").replace('?', "\\?");
    Ok(match pattern {
        Pattern::Contains(part) => matches(&format!("*<*{}*>*", plain(part))),
        Pattern::Is(whole) | Pattern::Domain(whole) => matches(&format!("*<{}>*", plain(whole))),
        Pattern::DomainAndBelow(domain) => any_of(vec![
            matches(&format!("*<{}>*", plain(domain))),
            matches(&format!("*<*.{}>*", plain(domain))),
        ]),
        Pattern::Glob(glob) => matches(&format!("*<{glob}>*")),
        Pattern::Address(address) => matches(&format!("*<{}>*", plain(address.as_str()))),
        Pattern::Regex(_) => return Err(regex_unsayable()),
    })
}

/// A test of a domain and everything below it.
pub(super) fn domain_and_below(fields: &str, domain: &str) -> String {
    any_of(vec![
        format!("address :is :domain {fields} {}", quoted(domain)),
        format!("address :matches :domain {fields} {}", quoted(&format!("*.{domain}"))),
    ])
}

/// One of the tests.
pub(super) fn any_of(tests: Vec<String>) -> String {
    joined("anyof", tests)
}

/// Every one of the tests.
pub(super) fn all_of(tests: Vec<String>) -> String {
    joined("allof", tests)
}

fn joined(word: &str, mut tests: Vec<String>) -> String {
    match tests.len() {
        1 => tests.remove(0),
        _ => format!("{word} ({})", tests.join(", ")),
    }
}

/// A Sieve string (RFC 5228 section 2.4.2).
pub(super) fn quoted(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')).collect();
    format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text that cannot end a comment.
pub(super) fn comment(text: &str) -> String {
    format!("\"{}\"", text.replace(char::is_control, " "))
}
