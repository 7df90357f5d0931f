use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::sort::rules::Stage;

const RULE: &str = "[[rule]]\nname = \"a\"\nwhen = { from = \"a@shop.example\" }\nbucket = \"bulk\"\n";

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("10-a.toml"), RULE).unwrap();
    directory
}

fn refusal(directory: &Path) -> Finding {
    let refused = load(directory, &Context::default()).unwrap_err();
    refused
        .findings
        .into_iter()
        .find(|finding| finding.severity == Severity::Error)
        .unwrap()
}

#[test]
fn a_rule_on_trial_comes_first_and_one_of_the_same_name_stands_in() {
    let (home, elsewhere) = (directory(), directory());
    fs::write(home.path().join("20-b.toml"), RULE.replace("\"a\"", "\"b\"")).unwrap();
    let trial = elsewhere.path().join("90-new.toml");
    fs::write(&trial, RULE.replace("\"a\"", "\"new\"")).unwrap();
    let names = |trial: &Path| -> Vec<String> {
        let loaded = load_with(home.path(), trial, &Context::default()).unwrap();
        loaded.set.rules().iter().map(|rule| rule.name.to_string()).collect()
    };
    assert_eq!(names(&trial), ["new", "a", "b"]);
    let same = elsewhere.path().join("20-b.toml");
    fs::write(&same, RULE.replace("\"a\"", "\"better b\"")).unwrap();
    assert_eq!(names(&same), ["a", "better b"]);
    assert!(load_with(home.path(), Path::new("/nonexistent/x.toml"), &Context::default()).is_err());
}

#[test]
fn the_shipped_rules_are_sound_and_all_fallbacks() {
    let shipped = shipped(&Context::default());
    assert_eq!(diagnostic::render(&shipped.warnings, &shipped.sources, false), "");
    assert!(!shipped.set.rules().is_empty());
    assert!(shipped.set.rules().iter().all(|rule| rule.stage == Stage::Fallback));
    assert!(shipped.outcomes.iter().all(Outcome::passed));
    let here = load(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/rules")),
        &Context::default(),
    )
    .unwrap();
    assert_eq!(here.set.digest(), shipped.set.digest(), "every file of rules/ ships");
}

#[test]
fn files_are_read_in_name_order_and_what_editors_leave_is_not() {
    let directory = directory();
    fs::write(directory.path().join("05-b.toml"), RULE.replace("\"a\"", "\"b\"")).unwrap();
    symlink("nobody@host.1", directory.path().join(".#10-a.toml")).unwrap();
    fs::write(directory.path().join("10-a.toml~"), "rubbish").unwrap();
    let loaded = load(directory.path(), &Context::default()).unwrap();
    assert_eq!(
        loaded.set.rules().iter().map(|rule| &*rule.name).collect::<Vec<_>>(),
        ["b", "a"]
    );
}

#[test]
fn no_directory_is_no_rules_and_a_word_about_it() {
    let loaded = load(Path::new("/no/such/directory"), &Context::default()).unwrap();
    assert!(loaded.set.rules().is_empty());
    assert_eq!(loaded.warnings[0].check, "no-rules");
}

#[test]
fn files_that_others_may_write_are_refused() {
    let directory = directory();
    let file = directory.path().join("10-a.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o646)).unwrap();
    assert_eq!(refusal(directory.path()).check, "others-may-write");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(refusal(directory.path()).check, "others-may-write");
}

#[test]
fn links_out_of_the_directory_pipes_and_giants_are_refused() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.toml"), RULE).unwrap();
    let linked = directory();
    symlink(outside.path().join("x.toml"), linked.path().join("20-x.toml")).unwrap();
    assert_eq!(refusal(linked.path()).check, "outside-directory");

    let piped = directory();
    let status = std::process::Command::new("mkfifo")
        .arg(piped.path().join("20-x.toml"))
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(refusal(piped.path()).check, "not-a-file");

    let large = directory();
    fs::write(large.path().join("20-x.toml"), "#".repeat(LARGEST_FILE as usize + 1)).unwrap();
    assert_eq!(refusal(large.path()).check, "too-large");

    let binary = directory();
    fs::write(binary.path().join("20-x.toml"), b"# one\n# tw\xfb\n").unwrap();
    let refused = load(binary.path(), &Context::default()).unwrap_err().render(false);
    assert!(
        refused.contains("is not UTF-8 text") && refused.contains("20-x.toml:2:5"),
        "{refused}"
    );
}

#[test]
fn named_files_are_read_from_the_same_directory_only() {
    let directory = directory();
    let rule = "[[rule]]\nname = \"v\"\nwhen = { from = { file = \"vip.txt\" } }\nbucket = \"top\"\n";
    fs::write(directory.path().join("20-v.toml"), rule).unwrap();
    assert_eq!(refusal(directory.path()).check, "missing-file");
    fs::write(
        directory.path().join("vip.txt"),
        "# friends\n\nanna@example.org\n@club.example\n",
    )
    .unwrap();
    assert!(load(directory.path(), &Context::default()).is_ok());
    fs::write(
        directory.path().join("vip.txt"),
        b"anna@example.org\n\xff@club.example\n",
    )
    .unwrap();
    assert_eq!(
        refusal(directory.path()).message,
        "line 2 of `vip.txt` is not UTF-8 text"
    );
    fs::write(
        directory.path().join("20-v.toml"),
        rule.replace("vip.txt", "../vip.txt"),
    )
    .unwrap();
    assert!(
        refusal(directory.path())
            .message
            .contains("outside the rules directory")
    );
}
