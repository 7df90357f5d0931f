//! The rule language as data: every file under `fixtures/rules`.
//!
//! - `good/**/*.toml` is a rule file with its own `[[test]]` tables; it must be accepted and every test pass. Where there
//!   is a `NAME.warnings` beside it, it lists the warnings; otherwise there are none.
//! - `bad/*.toml` must be refused, and `NAME.error` says how: one line `LINE:COLUMN check text` for each error.
//!
//! `UPDATE=1 cargo test --test rules` rewrites the `.error` and `.warnings` files; read the difference before keeping it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use postroom::config::diagnostic;
use postroom::sort::rules::source::position;
use postroom::sort::rules::{Context, Finding, Includes, Reading, RuleSet, Severity, SourceFile, named_files};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules")
}

fn toml_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(toml_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn read(path: &Path) -> (SourceFile, Reading) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let file = SourceFile {
        name,
        text: fs::read_to_string(path).unwrap(),
    };
    let directory = path.parent().unwrap();
    let include = |name: &String| fs::read(directory.join(name)).map_err(|error| error.kind().to_string());
    let includes: Includes = named_files(&file)
        .into_iter()
        .map(|name| (name.clone(), include(&name)))
        .collect();
    let reading = RuleSet::parse(std::slice::from_ref(&file), &includes, &Context::default());
    (file, reading)
}

fn lines(file: &SourceFile, findings: &[&Finding]) -> String {
    let line = |finding: &&Finding| {
        let (line, column) = position(&file.text, finding.span.start);
        format!("{line}:{column} {} {}\n", finding.check, finding.message)
    };
    findings.iter().map(line).collect()
}

/// Compares with the file of expectations, or writes it when asked to; says what differs.
fn compare(path: &Path, extension: &str, found: &str) -> Option<String> {
    let expected_path = path.with_extension(extension);
    if std::env::var_os("UPDATE").is_some() {
        if found.is_empty() {
            _ = fs::remove_file(&expected_path);
        } else {
            fs::write(&expected_path, found).unwrap();
        }
        return None;
    }
    let expected = fs::read_to_string(&expected_path).unwrap_or_default();
    (expected != found).then(|| format!("{}\nexpected:\n{expected}found:\n{found}", path.display()))
}

#[test]
fn good_files_are_accepted_and_their_tests_pass() {
    let mut failures = Vec::new();
    let mut cases = 0;
    for path in toml_files(&fixtures().join("good")) {
        let (file, reading) = read(&path);
        cases += reading.outcomes.len();
        let sources = BTreeMap::from([(file.name.clone(), file.text.clone())]);
        let errors: Vec<_> = reading
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .cloned()
            .collect();
        if !errors.is_empty() || reading.outcomes.is_empty() {
            failures.push(format!(
                "{}\n{}",
                path.display(),
                diagnostic::render(&errors, &sources, false)
            ));
        }
        let warnings: Vec<_> = reading
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Warning)
            .collect();
        failures.extend(compare(&path, "warnings", &lines(&file, &warnings)));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(cases >= 250, "only {cases} cases");
}

#[test]
fn bad_files_are_refused_with_line_and_reason() {
    let mut failures = Vec::new();
    let files = toml_files(&fixtures().join("bad"));
    assert!(!files.is_empty());
    for path in files {
        let (file, reading) = read(&path);
        if reading.set.is_some() {
            failures.push(format!("{} was accepted", path.display()));
        }
        let errors: Vec<_> = reading
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        failures.extend(
            errors
                .iter()
                .filter(|error| error.hint.is_none())
                .map(|error| format!("{}: `{}` has no hint", path.display(), error.message)),
        );
        failures.extend(compare(&path, "error", &lines(&file, &errors)));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_examples_of_the_manual_are_rules() {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/README.md");
    let text = fs::read_to_string(manual).unwrap();
    let examples: Vec<&str> = text
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect();
    assert_eq!(examples.len(), 13, "one example and twelve recipes");
    let all = SourceFile {
        name: "README.md".to_owned(),
        text: examples.concat(),
    };
    let findings = RuleSet::parse(std::slice::from_ref(&all), &Includes::new(), &Context::default()).findings;
    // Beside each other the recipes may contain one another; each by itself is without a flaw.
    let errors: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{}", lines(&all, &errors));
    for example in examples {
        let file = SourceFile {
            name: "README.md".to_owned(),
            text: example.to_owned(),
        };
        let findings = RuleSet::parse(std::slice::from_ref(&file), &Includes::new(), &Context::default()).findings;
        assert!(
            findings.is_empty(),
            "{}",
            lines(&file, &findings.iter().collect::<Vec<_>>())
        );
    }
}

/// Whoever copies the rule of README.md, or files all invoices elsewhere, takes mail that the pack's own tests speak of.
#[test]
fn a_rule_of_the_users_does_not_fail_the_tests_of_the_pack() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = fs::read_to_string(root.join("README.md")).unwrap();
    let example = manual
        .split("```toml\n")
        .find(|block| block.starts_with("[[rule]]"))
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let greedy = "[[rule]]\nname = \"greedy\"\nwhen = { subject = \"e\" }\nbucket = \"news\"\n";
    for own in [example, greedy] {
        let mut files: Vec<SourceFile> = toml_files(&root.join("rules"))
            .iter()
            .map(|path| read(path).0)
            .collect();
        files.push(SourceFile {
            name: "05-own.toml".to_owned(),
            text: own.to_owned(),
        });
        let reading = RuleSet::parse(&files, &Includes::new(), &Context::default());
        let failed: Vec<_> = reading.outcomes.iter().filter(|outcome| !outcome.passed()).collect();
        assert!(
            reading.set.is_some() && failed.is_empty(),
            "{failed:?}\n{:?}",
            reading.findings
        );
    }
    // A test beside rules of the user's own is still asked of all.
    let mut file = SourceFile {
        name: "05-own.toml".to_owned(),
        text: format!("{greedy}[[test]]\nmail = {{ subject = \"e\" }}\nexpect = {{ rule = false }}\n"),
    };
    let refused = RuleSet::parse(std::slice::from_ref(&file), &Includes::new(), &Context::default());
    assert!(refused.set.is_none(), "{:?}", refused.findings);
    file.text = file.text.replace("rule = false", "rule = \"greedy\"");
    let taken = RuleSet::parse(std::slice::from_ref(&file), &Includes::new(), &Context::default());
    assert!(taken.set.is_some(), "{:?}", taken.findings);
}
