use std::fs;

use super::*;
use crate::cli::sample;
use crate::sort::mailbox::Timestamp;

const RULES: &str = "[[rule]]\nname = \"a\"\nwhen = { from = \"@shop.example\" }\nbucket = \"bulk\"\n\
                     [[test]]\nmail = { from = \"x@shop.example\" }\nexpect = { rule = \"a\" }\n";

fn check(rules: &str, args: &CheckArgs) -> (u8, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("10-a.toml"), rules).unwrap();
    let args = CheckArgs {
        rules: Some(directory.path().to_owned()),
        ..args.clone()
    };
    let mut out = Vec::new();
    let code = run(&args, None, &Environment::default(), false, &mut out).unwrap();
    (code, String::from_utf8(out).unwrap())
}

#[test]
fn good_rules_are_fine_and_tests_are_shown_on_request() {
    let (code, text) = check(RULES, &CheckArgs::default());
    assert_eq!((code, text.as_str()), (0, "fine: 1 rule, 1 of 1 test passed\n"));
    let (_, text) = check(
        RULES,
        &CheckArgs {
            test: true,
            verbose: true,
            ..CheckArgs::default()
        },
    );
    assert!(text.contains("ok     10-a.toml:5"), "{text}");
}

#[test]
fn a_failing_test_refuses_the_set_and_points_at_the_expectation() {
    let (code, text) = check(&RULES.replace("x@shop", "x@shoe"), &CheckArgs::default());
    assert_eq!(code, 1);
    assert!(
        text.contains("10-a.toml:7:") && text.contains("no rule decided"),
        "{text}"
    );
}

#[test]
fn json_is_one_object_a_line() {
    let (code, text) = check(
        &RULES.replace("from = \"@", "form = \"@"),
        &CheckArgs {
            json: true,
            ..CheckArgs::default()
        },
    );
    assert_eq!(code, 1);
    let finding: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&finding["check"], &finding["line"], &finding["text"]),
        (&"unknown-key".into(), &3.into(), &"form".into())
    );
    assert_eq!(finding["hint"], "did you mean `from`?");
}

#[test]
fn one_file_can_be_checked_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("10-a.toml"), RULES).unwrap();
    fs::write(directory.path().join("20-b.toml"), "rubbish").unwrap();
    let args = CheckArgs {
        rules: Some(directory.path().join("10-a.toml")),
        ..CheckArgs::default()
    };
    assert_eq!(
        run(&args, None, &Environment::default(), false, &mut Vec::new()).unwrap(),
        0
    );
}

#[test]
fn the_configuration_its_rules_and_its_secrets_are_looked_at_together() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("postroom.toml");
    let text = "state = \"state\"\n[[account]]\nname = \"home\"\nemail = \"a@b.example\"\n[account.imap]\n\
                host = \"imap.b.example\"\nuser = \"a\"\npassword_file = \"secret\"\n";
    fs::write(&config, text).unwrap();
    fs::create_dir(directory.path().join("rules")).unwrap();
    fs::write(directory.path().join("rules/10-a.toml"), RULES).unwrap();
    let check = || {
        let mut out = Vec::new();
        let code = run(
            &CheckArgs::default(),
            Some(&config),
            &Environment::default(),
            false,
            &mut out,
        )
        .unwrap();
        (code, String::from_utf8(out).unwrap())
    };
    let (code, said) = check();
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("cannot read the password file") && said.contains("1 account, 1 rule"),
        "{said}"
    );
    fs::write(&config, text.replace("host", "hots")).unwrap();
    let (code, said) = check();
    assert_eq!(code, 1);
    assert!(
        said.contains("postroom.toml:6:1") && said.contains("did you mean `host`?"),
        "{said}"
    );
}

#[test]
fn a_rule_that_matched_nothing_for_half_a_year_is_told_of() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("postroom.toml");
    let text = "state = \"state\"\n[[account]]\nname = \"home\"\nemail = \"a@b.example\"\n[account.imap]\n\
                host = \"imap.b.example\"\nuser = \"a\"\npassword_command = [\"true\"]\n";
    fs::write(&config, text).unwrap();
    fs::create_dir(directory.path().join("rules")).unwrap();
    let three = ["used", "forgotten", "never"].map(|name| RULES.replace("\"a\"", &format!("\"{name}\"")));
    let three = three
        .map(|rule| rule.split("[[test]]").next().unwrap().to_owned())
        .concat();
    fs::write(directory.path().join("rules/10-a.toml"), three).unwrap();
    let said = || {
        let mut out = Vec::new();
        let args = CheckArgs::default();
        run(&args, Some(&config), &Environment::default(), false, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert!(!said().contains("180 days"), "nothing is known without records");
    let mut store = Store::open(&directory.path().join("state"), clock::now())
        .unwrap()
        .store;
    for (rule, days) in [("forgotten", 200), ("used", 200), ("used", 3)] {
        let mut entry = sample::entry(1);
        entry.reason.rule = Some(rule.into());
        let at = Timestamp(clock::now().0 - days * 86_400);
        let _ = store.plan("home", "run", at, &[entry]).unwrap();
    }
    drop(store);
    let said = said();
    assert!(
        said.contains("rule \"forgotten\" has matched nothing for 180 days"),
        "{said}"
    );
    assert!(
        said.contains("rule \"never\" has matched nothing for 180 days"),
        "{said}"
    );
    assert!(!said.contains("rule \"used\" has"), "{said}");
    assert!(said.contains("delete it if it is no longer needed"), "{said}");
}

#[test]
fn what_cannot_be_read_is_exit_code_2() {
    let mut out = Vec::new();
    let args = CheckArgs {
        rules: Some("/no/such".into()),
        ..CheckArgs::default()
    };
    assert_eq!(run(&args, None, &Environment::default(), false, &mut out).unwrap(), 2);
    assert_eq!(
        run(&CheckArgs::default(), None, &Environment::default(), false, &mut out).unwrap(),
        2
    );
}
