//! The walls of the house (design section 8), held by reading the source: who may import whom, which module may say what
//! to a server, how long a file may be. Each rule is shown below to be able to fail.
//!
//! Comments and test modules are not looked at: a wall may be talked about, and a test may read a fixture.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Longest file, in lines before its test module.
const LONGEST: usize = 400;

/// Which modules of the crate a module may not import.
const DIRECTIONS: [(&str, &[&str]); 7] = [
    (
        "src/sort/",
        &["imap", "store", "daemon", "cli", "config", "report", "demo"],
    ),
    ("src/imap/", &["store", "daemon", "cli", "config", "report", "demo"]),
    ("src/store/", &["imap", "daemon", "cli", "config", "report", "demo"]),
    ("src/config/", &["imap", "store", "daemon", "cli", "report", "demo"]),
    ("src/report/", &["imap", "daemon", "cli", "demo"]),
    ("src/daemon/", &["cli", "demo"]),
    ("src/demo/", &["cli"]),
];

/// What the core may not touch: no IO, no clock, no log, no async, no chance.
const IMPURE: &str = r"\b(tokio|async_imap|rusqlite|tracing::|notify::|log::|fastrand|indicatif|DefaultHasher|SystemTime|Instant::now)|\bstd::(fs|net|env|process|thread|time::(SystemTime|Instant))\b|\bstd::\{[^}]*\b(fs|net|env|process|thread)\b|\basync\b|\.await\b|\be?println!|\bdbg!";

/// Commands that change a mailbox; `CREATE-SPECIAL-USE` and `APPENDLIMIT` are capabilities.
const CHANGES: &str = r"\bUID (MOVE|COPY|STORE|EXPUNGE)\b|\b(SUBSCRIBE|APPEND)( |$)|\bCREATE( [^T]|$)";

/// Commands that are never sent: they expunge what we did not copy, remove folders, or count messages by number.
const NEVER_SENT: &str = r"^(\{\w*\} )?((EXPUNGE|CLOSE|DELETE|RENAME|UNSUBSCRIBE)( |$|\\r)|(STORE|COPY|MOVE) [{\d])";

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = [
    "utils", "util", "common", "helpers", "helper", "manager", "types", "misc",
];

/// Crates that must not come in, even behind another crate.
const UNWANTED_CRATES: [&str; 7] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "async-std",
    "instant",
    "openssl",
    "openssl-sys",
    "native-tls",
];

/// One source file.
struct Source {
    /// `src/...`, with slashes.
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The lines of code with their numbers: no comments, nothing after the file's test module begins.
    fn code(&self) -> Vec<(usize, String)> {
        let comment = Regex::new(r"(^|[^:])//.*$").unwrap();
        let lines = self.text.lines().take(self.length()).enumerate();
        lines
            .map(|(index, line)| (index + 1, comment.replace(line, "$1").into_owned()))
            .collect()
    }

    /// The string literals in it with their line numbers.
    fn literals(&self) -> Vec<(usize, String)> {
        let literal = Regex::new(r#""((?:[^"\\]|\\.)*)""#).unwrap();
        let mut found = Vec::new();
        for (number, line) in self.code() {
            found.extend(
                literal
                    .captures_iter(&line)
                    .map(|capture| (number, capture[1].to_owned())),
            );
        }
        found
    }

    /// Lines before the file's own test module, comments counted. `#[cfg(test)] mod tests;` near the top is no such module.
    fn length(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        let begins = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
        lines.windows(2).position(begins).unwrap_or(lines.len())
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    fn line(&self, number: usize, complaint: &str) -> String {
        format!("{}:{number}: {complaint}", self.path)
    }
}

/// Everything that is wrong with one file.
fn complaints(source: &Source) -> Vec<String> {
    let mut found = names(source);
    if !source.is_test() {
        found.extend(shape(source));
        found.extend(directions(source));
        found.extend(purity(source));
        found.extend(commands(source));
        found.extend(journal_first(source));
    }
    found
}

fn directions(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (module, forbidden) in DIRECTIONS {
        if !source.path.starts_with(module) {
            continue;
        }
        let names = forbidden.join("|");
        let import = Regex::new(&format!(r"\b(?:crate|postroom)::(?:\{{[^;]*?)?\b({names})\b")).unwrap();
        let code: Vec<String> = source.code().into_iter().map(|(_, line)| line).collect();
        let code = code.join("\n");
        for hit in import.captures_iter(&code) {
            let number = code[..hit.get(1).unwrap().start()].lines().count();
            found.push(source.line(number, &format!("{module} may not know {}", &hit[1])));
        }
    }
    found
}

fn purity(source: &Source) -> Vec<String> {
    if !source.path.starts_with("src/sort/") {
        return Vec::new();
    }
    let impure = Regex::new(IMPURE).unwrap();
    let hits = source.code().into_iter().filter_map(|(number, line)| {
        let hit = impure.find(&line)?;
        Some(source.line(number, &format!("the core is pure, and this is {:?}", hit.as_str())))
    });
    hits.collect()
}

fn commands(source: &Source) -> Vec<String> {
    if source.path.starts_with("src/demo/") {
        return Vec::new();
    }
    let (changes, never) = (Regex::new(CHANGES).unwrap(), Regex::new(NEVER_SENT).unwrap());
    let in_imap = source.path.starts_with("src/imap/");
    let mover = source.path == "src/imap/mover.rs" || source.path.starts_with("src/imap/mover/");
    let mut found = Vec::new();
    for (number, literal) in source.literals() {
        let uid_change = literal.contains("UID ") || in_imap;
        if !mover && uid_change && changes.is_match(&literal) {
            found.push(source.line(
                number,
                &format!("only imap/mover.rs changes the server, and this is {literal:?}"),
            ));
        }
        if in_imap && never.is_match(&literal) {
            found.push(source.line(number, &format!("never sent: {literal:?}")));
        }
    }
    found
}

fn journal_first(source: &Source) -> Vec<String> {
    if source.path.starts_with("src/store/") {
        return Vec::new();
    }
    let calls = source.code().into_iter().filter(|(_, line)| {
        line.contains("after_fsync") && !(source.path == "src/sort/ledger.rs" && line.contains("pub fn after_fsync"))
    });
    calls
        .map(|(number, _)| source.line(number, "only the store says what is on disk (Committed::after_fsync)"))
        .collect()
}

fn shape(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let lines = source.length();
    if lines > LONGEST {
        found.push(format!("{}: {lines} lines; look for the second subject", source.path));
    }
    if lines > 1 && !source.text.starts_with("//!") {
        found.push(format!("{}: does not open by saying what it is for", source.path));
    }
    found
}

fn names(source: &Source) -> Vec<String> {
    let words = source.path.trim_end_matches(".rs").split('/');
    let empty = words.filter(|word| EMPTY_NAMES.contains(word));
    empty
        .map(|word| format!("{}: {word:?} says nothing about what is inside", source.path))
        .collect()
}

fn unwanted_crates(lock: &str) -> Vec<String> {
    let found = UNWANTED_CRATES
        .iter()
        .filter(|name| lock.contains(&format!("name = \"{name}\"\n")));
    found.map(|name| format!("Cargo.lock: {name} has come in")).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    fn walk(directory: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                found.push(Source {
                    path: name,
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("src"), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

#[test]
fn the_walls_stand() {
    let sources = sources();
    assert!(sources.len() > 20, "the source was not found");
    let found: Vec<String> = sources.iter().flat_map(complaints).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn no_unwanted_crate_has_come_in() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert!(lock.contains("name = \"async-imap\"\n"));
    assert_eq!(unwanted_crates(&lock), Vec::<String>::new());
    assert_eq!(
        unwanted_crates("[[package]]\nname = \"async-std\"\nversion = \"1\"\n").len(),
        1
    );
}

#[test]
fn just_ci_is_what_ci_runs_line_for_line() {
    let script = fs::read_to_string(root().join(".ci/run")).unwrap();
    let justfile = fs::read_to_string(root().join("justfile")).unwrap();
    let commands = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    };
    let (_, recipe) = justfile.split_once("\nci:\n").expect("the justfile has no recipe ci");
    let recipe = recipe.split("\n\n").next().unwrap();
    let (_, script) = script
        .split_once("# --- just ci\n")
        .expect(".ci/run has no line '# --- just ci'");
    assert_eq!(commands(recipe), commands(script));
}

#[test]
fn each_rule_can_fail() {
    let wrong = [
        ("src/sort/mod.rs", "//! x\nuse crate::store::Ledger;\n"),
        ("src/sort/mod.rs", "//! x\nuse crate::{sort::Rule, config::Config};\n"),
        (
            "src/sort/mod.rs",
            "//! x\nuse crate::{\n    sort::Rule,\n    daemon,\n};\n",
        ),
        ("src/imap/fetch.rs", "//! x\nuse crate::config::Account;\n"),
        ("src/store/mod.rs", "//! x\nlet uid = crate::imap::Uid(3);\n"),
        ("src/config/mod.rs", "//! x\nuse crate::imap::auth;\n"),
        ("src/daemon/mod.rs", "//! x\nuse crate::cli;\n"),
        ("src/sort/taught.rs", "//! x\nuse std::time::SystemTime;\n"),
        ("src/sort/taught.rs", "//! x\nuse std::{collections::BTreeMap, fs};\n"),
        ("src/sort/taught.rs", "//! x\nlet now = Instant::now();\n"),
        ("src/sort/taught.rs", "//! x\n#[cfg(test)]\nmod tests;\nuse std::fs;\n"),
        ("src/sort/taught.rs", "//! x\npub async fn learn() {}\n"),
        ("src/sort/taught.rs", "//! x\ntracing::info!(\"learnt\");\n"),
        ("src/sort/rules/mod.rs", "//! x\nlet text = std::fs::read(path);\n"),
        (
            "src/imap/fetch.rs",
            "//! x\nlet c = format!(\"UID STORE {set} +FLAGS\");\n",
        ),
        ("src/imap/folders.rs", "//! x\nlet c = format!(\"CREATE {name}\");\n"),
        ("src/imap/folders.rs", "//! x\nself.run(\"SUBSCRIBE \").await;\n"),
        ("src/daemon/mod.rs", "//! x\nsession.run(\"UID MOVE 1 x\");\n"),
        ("src/imap/mover.rs", "//! x\nself.run(\"EXPUNGE\").await;\n"),
        ("src/imap/watch.rs", "//! x\nself.run(\"CLOSE\").await;\n"),
        ("src/imap/mover.rs", "//! x\nlet c = format!(\"DELETE {name}\");\n"),
        (
            "src/imap/mover.rs",
            "//! x\nlet c = format!(\"MOVE {numbers} {name}\");\n",
        ),
        ("src/daemon/mod.rs", "//! x\nlet row = Committed::after_fsync(row);\n"),
        ("src/sort/utils.rs", "//! x\n"),
        ("src/common/mod.rs", "//! x\n"),
        ("src/sort/bucket.rs", "use std::fmt;\n\nstruct Bucket;\n"),
    ];
    for (path, text) in wrong {
        assert_eq!(complaints(&Source::new(path, text)).len(), 1, "{path}: {text}");
    }
    let long = "//! x\n".repeat(LONGEST + 1);
    assert_eq!(complaints(&Source::new("src/sort/mod.rs", &long)).len(), 1);
}

#[test]
fn what_is_allowed_passes() {
    let right = [
        (
            "src/sort/mod.rs",
            "//! no tokio here, and no std::fs\nuse super::bucket::Bucket; // not tracing::info\n",
        ),
        (
            "src/sort/mod.rs",
            "//! x\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n",
        ),
        ("src/sort/rules/tests.rs", "use std::fs;\n\nmod deep;\n"),
        (
            "src/sort/evidence.rs",
            "//! x\nconst ROLES: [&str; 2] = [\"notify\", \"https://example.org\"];\n",
        ),
        (
            "src/imap/mover.rs",
            "//! x\nlet c = format!(\"UID MOVE {set} {name}\");\n",
        ),
        (
            "src/imap/capability.rs",
            "//! x\nlet special = has(\"CREATE-SPECIAL-USE\") || has(\"MOVE_\");\n",
        ),
        (
            "src/store/schema.rs",
            "//! x\nconst V1: &str = \"CREATE TABLE ledger (id INTEGER)\";\n",
        ),
        ("src/store/ledger.rs", "//! x\nlet row = Committed::after_fsync(row);\n"),
        ("src/sort/ledger.rs", "//! x\npub fn after_fsync(value: T) -> Self {\n"),
        (
            "src/demo/server.rs",
            "//! x\nmatch verb { \"EXPUNGE\" => 1, \"UID MOVE\" => 2, _ => 3 }\n",
        ),
        ("src/daemon/mod.rs", "//! x\nuse crate::imap::mover;\n"),
    ];
    for (path, text) in right {
        assert_eq!(
            complaints(&Source::new(path, text)),
            Vec::<String>::new(),
            "{path}: {text}"
        );
    }
}
