//! What the packages carry is there: a file that was renamed is found here and not by whoever builds a release.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn deb() -> toml::Value {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Value = toml::from_str(&manifest).unwrap();
    manifest["package"]["metadata"]["deb"].clone()
}

fn shipped_rules() -> Vec<String> {
    let names = fs::read_dir(root().join("rules")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut rules: Vec<String> = names
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "toml"))
        .collect();
    rules.sort();
    rules
}

#[test]
fn every_file_of_the_debian_package_is_there_or_made_by_its_script() {
    let deb = deb();
    let script = fs::read_to_string(root().join("systemd/packaging/deb")).unwrap();
    for asset in deb["assets"].as_array().unwrap() {
        let source = asset[0].as_str().unwrap();
        match source.strip_prefix("target/") {
            Some("release/postroom") => {}
            Some(made) => assert!(
                made.starts_with("packaging/") && script.contains("made=target/packaging"),
                "{source}"
            ),
            None if source == "rules/*.toml" => {}
            None => assert!(root().join(source).exists(), "{source} is gone"),
        }
    }
    let unit = fs::read_to_string(root().join("systemd/postroom-user.service")).unwrap();
    assert!(
        script.contains("ExecStart=%h/.local/bin/postroom") && unit.contains("\nExecStart=%h/.local/bin/postroom "),
        "the package's user unit would start a program in a home directory"
    );
    for name in ["postinst", "prerm"] {
        assert!(
            root()
                .join(deb["maintainer-scripts"].as_str().unwrap())
                .join(name)
                .exists()
        );
    }
}

#[test]
fn the_users_own_changes_to_shipped_rules_survive_an_upgrade() {
    let deb = deb();
    let kept = deb["conf-files"].as_array().unwrap();
    let kept: Vec<&str> = kept.iter().map(|file| file.as_str().unwrap()).collect();
    let rules: Vec<String> = shipped_rules()
        .iter()
        .map(|name| format!("/etc/postroom/rules/{name}"))
        .collect();
    assert_eq!(kept, rules);
}

#[test]
fn the_container_has_no_shell() {
    let text = fs::read_to_string(root().join("Containerfile")).unwrap();
    let (_, last) = text.rsplit_once("\nFROM ").unwrap();
    assert!(
        last.starts_with("scratch\n") && !last.contains("\nRUN ") && last.contains("\nUSER 65532"),
        "{last}"
    );
}
