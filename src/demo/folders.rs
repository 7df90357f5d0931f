//! Commands about whole folders: SELECT, LIST, STATUS, CREATE and their kin (RFC 9051 section 6.3, RFC 5258, RFC 5819,
//! RFC 6154).

use super::answer::{Answer, string, untagged};
use super::command::List;
use super::mailbox::{Account, Folder};
use super::names;
use super::options::ServerOptions;
use super::selected::Selected;
use super::session::Session;
use crate::sort::mailbox::Uid;

/// The flags a client may set for good; `\*` says that keywords are kept too.
const FLAGS: &str = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";

impl Session {
    /// The user's name; empty before login, and then nobody's.
    pub(super) fn user(&self) -> &str {
        self.user.as_deref().unwrap_or_default()
    }

    fn name(&self, wire: &str) -> Result<String, Answer> {
        names::from_wire(&self.shared.options, wire).map_err(Answer::no)
    }

    pub(super) fn namespace(&self) -> Answer {
        let options = &self.shared.options;
        Answer::ok("Namespace completed.").with(format!(
            "NAMESPACE (({} \"{}\")) NIL NIL",
            string(&options.prefix),
            options.separator
        ))
    }

    pub(super) fn select(&mut self, wire: &str, read_only: bool) -> Answer {
        // Even a SELECT that fails leaves nothing selected (RFC 9051 section 6.3.2).
        self.selected = None;
        let name = match self.name(wire) {
            Ok(name) => name,
            Err(answer) => return answer,
        };
        let user = self.user().to_owned();
        let opened = self.shared.read(|state| {
            let folder = state.store.folder(&user, &name)?;
            Some((selected_lines(folder, read_only), Selected::new(folder, read_only)))
        });
        let Some((lines, selected)) = opened else {
            return missing(wire);
        };
        self.selected = Some(selected);
        let text = if read_only {
            "[READ-ONLY] Examine completed."
        } else {
            "[READ-WRITE] Select completed."
        };
        Answer::ok(text).with_lines(&lines)
    }

    pub(super) fn create(&mut self, wire: &str) -> Answer {
        let separator = self.shared.options.separator;
        match self.name(wire.strip_suffix(separator).unwrap_or(wire)) {
            Err(answer) => answer,
            Ok(name) => {
                let created = self
                    .shared
                    .change(|state| state.store.create(self.user(), &name).is_some());
                if created {
                    Answer::ok("Create completed.")
                } else {
                    Answer::no("[ALREADYEXISTS] Mailbox already exists")
                }
            }
        }
    }

    pub(super) fn delete(&mut self, wire: &str) -> Answer {
        let name = match self.name(wire) {
            Ok(name) if name == "INBOX" => return Answer::no("[CANNOT] INBOX can't be deleted."),
            Ok(name) => name,
            Err(answer) => return answer,
        };
        let below = format!("{name}/");
        self.shared.change(|state| {
            let Some(account) = state.store.account_mut(self.user()) else {
                return missing(wire);
            };
            if account.folders.keys().any(|folder| folder.starts_with(&below)) {
                return Answer::no("[HASCHILDREN] Mailbox has children, delete them first");
            }
            match account.folders.remove(&name) {
                Some(folder) => {
                    if folder.subscribed {
                        account.orphans.insert(name.clone());
                    }
                    Answer::ok("Delete completed.")
                }
                None => missing(wire),
            }
        })
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Answer {
        let (old, new) = match (self.name(from), self.name(to)) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(answer), _) | (_, Err(answer)) => return answer,
        };
        if old == "INBOX" || new.starts_with(&format!("{old}/")) {
            return Answer::no("[CANNOT] This folder cannot be renamed to that");
        }
        self.shared.change(|state| {
            let Some(account) = state.store.account_mut(self.user()) else {
                return missing(from);
            };
            if account.folders.contains_key(&new) {
                return Answer::no("[ALREADYEXISTS] Target mailbox already exists");
            }
            if !account.folders.contains_key(&old) {
                return missing(from);
            }
            let below = format!("{old}/");
            let moved: Vec<String> = account
                .folders
                .keys()
                .filter(|name| **name == old || name.starts_with(&below))
                .cloned()
                .collect();
            for name in moved {
                if let (Some(folder), Some(rest)) = (account.folders.remove(&name), name.strip_prefix(&old)) {
                    account.folders.insert(format!("{new}{rest}"), folder);
                }
            }
            Answer::ok("Rename completed.")
        })
    }

    pub(super) fn subscribe(&mut self, wire: &str, subscribed: bool) -> Answer {
        let name = match self.name(wire) {
            Ok(name) => name,
            Err(answer) => return answer,
        };
        self.shared.change(|state| {
            let Some(account) = state.store.account_mut(self.user()) else {
                return missing(wire);
            };
            account.orphans.remove(&name);
            match account.folders.get_mut(&name) {
                Some(folder) => folder.subscribed = subscribed,
                None if subscribed => return missing(wire),
                // A folder may be gone before its subscription is.
                None => {}
            }
            Answer::ok(if subscribed {
                "Subscribe completed."
            } else {
                "Unsubscribe completed."
            })
        })
    }

    pub(super) fn status(&mut self, wire: &str, items: &[String]) -> Answer {
        let name = match self.name(wire) {
            Ok(name) => name,
            Err(answer) => return answer,
        };
        self.shared.read(|state| match state.store.folder(self.user(), &name) {
            None => missing(wire),
            Some(folder) => match status_line(folder, wire, items) {
                Ok(line) => Answer::ok("Status completed.").with(line),
                Err(item) => Answer::bad(format!("Invalid status item {item}")),
            },
        })
    }

    pub(super) fn list(&mut self, list: &List) -> Answer {
        let options = &self.shared.options;
        if list.patterns.iter().all(String::is_empty) {
            let line = format!(
                "LIST (\\Noselect) \"{}\" {}",
                options.separator,
                string(&options.prefix)
            );
            return Answer::ok("List completed.").with(line);
        }
        self.shared.read(|state| {
            let Some(account) = state.store.account(self.user()) else {
                return Answer::no("No such user");
            };
            let mut answer = Answer::ok("List completed.");
            for (name, folder) in &account.folders {
                let wire = names::to_wire(options, name);
                let wanted = list
                    .patterns
                    .iter()
                    .any(|pattern| matches(&wire, &format!("{}{pattern}", list.reference), options.separator));
                if !wanted
                    || (list.only_subscribed && !folder.subscribed)
                    || (list.only_special_use && folder.special_use.is_none())
                {
                    continue;
                }
                let mut attributes = attributes(options, account, name, folder);
                if folder.subscribed && (list.only_subscribed || list.return_subscribed) {
                    attributes.push("\\Subscribed");
                }
                answer = answer.with(list_line("LIST", options, &attributes, &wire));
                if !list.return_status.is_empty() {
                    match status_line(folder, &wire, &list.return_status) {
                        Ok(line) => answer = answer.with(line),
                        Err(item) => return Answer::bad(format!("Invalid status item {item}")),
                    }
                }
            }
            answer
        })
    }

    pub(super) fn lsub(&mut self, reference: &str, pattern: &str) -> Answer {
        let options = &self.shared.options;
        self.shared.read(|state| {
            let Some(account) = state.store.account(self.user()) else {
                return Answer::no("No such user");
            };
            let folders = account
                .folders
                .iter()
                .filter(|(_, folder)| folder.subscribed)
                .map(|(name, _)| name);
            let mut answer = Answer::ok("Lsub completed.");
            for name in folders.chain(&account.orphans) {
                let wire = names::to_wire(options, name);
                if matches(&wire, &format!("{reference}{pattern}"), options.separator) {
                    answer = answer.with(list_line("LSUB", options, &[], &wire));
                }
            }
            answer
        })
    }
}

fn missing(wire: &str) -> Answer {
    Answer::no(format!(
        "[NONEXISTENT] Mailbox doesn't exist: {}",
        crate::sort::sanitise(wire)
    ))
}

/// What SELECT tells before its tagged line.
fn selected_lines(folder: &Folder, read_only: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut line = |text: &str| untagged(&mut out, text);
    let keywords: std::collections::BTreeSet<&str> = folder
        .messages()
        .iter()
        .flat_map(|stored| stored.flags.iter().map(String::as_str))
        .filter(|flag| !flag.starts_with('\\'))
        .collect();
    let keywords: String = keywords.into_iter().flat_map(|keyword| [" ", keyword]).collect();
    line(&format!("FLAGS ({FLAGS}{keywords})"));
    if read_only {
        line("OK [PERMANENTFLAGS ()] Read-only mailbox.");
    } else {
        line(&format!("OK [PERMANENTFLAGS ({FLAGS}{keywords} \\*)] Flags permitted."));
    }
    line(&format!("{} EXISTS", folder.messages().len()));
    line("0 RECENT");
    if let Some(at) = folder
        .messages()
        .iter()
        .position(|stored| !stored.flags.contains("\\Seen"))
    {
        line(&format!("OK [UNSEEN {}] First unseen.", at + 1));
    }
    line(&format!("OK [UIDVALIDITY {}] UIDs valid", folder.uid_validity));
    line(&format!("OK [UIDNEXT {}] Predicted next UID", folder.uid_next));
    out
}

/// A STATUS line, or the item that is not known.
fn status_line(folder: &Folder, wire: &str, items: &[String]) -> Result<String, String> {
    let mut told = Vec::new();
    for item in items {
        let number = match item.as_str() {
            "MESSAGES" => folder.messages().len() as u64,
            "RECENT" => 0,
            "UIDNEXT" => {
                let Uid(uid) = folder.uid_next;
                u64::from(uid)
            }
            "UIDVALIDITY" => u64::from(folder.uid_validity.0),
            "UNSEEN" => folder
                .messages()
                .iter()
                .filter(|stored| !stored.flags.contains("\\Seen"))
                .count() as u64,
            _ => return Err(item.clone()),
        };
        told.push(format!("{item} {number}"));
    }
    Ok(format!("STATUS {} ({})", string(wire), told.join(" ")))
}

fn attributes(options: &ServerOptions, account: &Account, name: &str, folder: &Folder) -> Vec<&'static str> {
    let mut attributes = Vec::new();
    if options.capabilities.has("CHILDREN") {
        let below = format!("{name}/");
        let has_children = account.folders.keys().any(|other| other.starts_with(&below));
        attributes.push(if has_children {
            "\\HasChildren"
        } else {
            "\\HasNoChildren"
        });
    }
    if options.capabilities.has("SPECIAL-USE") {
        attributes.extend(folder.special_use);
    }
    attributes
}

fn list_line(kind: &str, options: &ServerOptions, attributes: &[&str], wire: &str) -> String {
    format!(
        "{kind} ({}) \"{}\" {}",
        attributes.join(" "),
        options.separator,
        string(wire)
    )
}

/// Whether a name matches a pattern: `*` is anything, `%` anything within one level.
fn matches(name: &str, pattern: &str, separator: char) -> bool {
    // Positions in the name up to which the pattern so far can match; one pass, no backtracking.
    let name: Vec<char> = name.chars().collect();
    let inbox = pattern.eq_ignore_ascii_case("INBOX");
    if inbox {
        return name.iter().collect::<String>() == "INBOX";
    }
    let mut reached = vec![false; name.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for wanted in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        let mut open = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let before = at.checked_sub(1).and_then(|before| name.get(before));
            let here = reached.get(at).copied().unwrap_or(false);
            *slot = match wanted {
                '*' | '%' => {
                    open = here || (open && (wanted == '*' || before != Some(&separator)));
                    open
                }
                _ => {
                    let was = at
                        .checked_sub(1)
                        .and_then(|before| reached.get(before))
                        .copied()
                        .unwrap_or(false);
                    was && before == Some(&wanted)
                }
            };
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_crosses_levels_and_a_percent_sign_does_not() {
        assert!(matches("a/b/c", "*", '/'));
        assert!(matches("a/b/c", "a*c", '/'));
        assert!(matches("a/b/c", "a/%/c", '/'));
        assert!(!matches("a/b/c", "a/%", '/'));
        assert!(matches("abc", "%", '/'));
        assert!(matches("", "*", '/'));
        assert!(!matches("abc", "ab", '/'));
        assert!(matches("INBOX", "inbox", '/'));
    }
}
