//! The unit files: understood by systemd without a word of complaint, and as locked up as promised.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::server::skip;

const SYSTEM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/postroom.service");
const USER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/postroom-user.service");

fn analyze(arguments: &[&str]) -> Option<Output> {
    match Command::new("systemd-analyze").args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => skip("systemd-analyze", &error.to_string()),
    }
}

fn security(threshold: &str, unit: &str) -> Option<bool> {
    let limit = format!("--threshold={threshold}");
    Some(analyze(&["security", "--offline=true", &limit, unit])?.status.success())
}

#[test]
fn the_exposure_is_at_most_1_1() {
    let Some(passes) = security("11", SYSTEM) else { return };
    assert!(passes, "run: systemd-analyze security --offline=true {SYSTEM}");
    assert_eq!(security("10", SYSTEM), Some(false), "the gate must be able to fail");
}

#[test]
fn a_door_left_open_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let open = directory.path().join("postroom.service");
    let text = fs::read_to_string(SYSTEM).unwrap();
    assert!(text.contains("\nPrivateUsers=yes\n"));
    fs::write(&open, text.replace("PrivateUsers=yes\n", "")).unwrap();
    let Some(passes) = security("11", open.to_str().unwrap()) else {
        return;
    };
    assert!(!passes);
}

/// `systemd-analyze verify` warns of a key it does not know and goes on, so any word it says is a failure. The program and
/// the manual are not installed where tests run: true stands in for the one, the other is left out.
#[test]
fn systemd_understands_every_line() {
    for (unit, program) in [(SYSTEM, "/usr/bin/postroom"), (USER, "%h/.local/bin/postroom")] {
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join(Path::new(unit).file_name().unwrap());
        let text = fs::read_to_string(unit).unwrap();
        assert!(text.contains(&format!("ExecStart={program} run\n")), "{unit}");
        let text = text
            .replace(program, "/bin/true")
            .replace("Documentation=man:postroom(1)\n", "");
        fs::write(&copy, &text).unwrap();
        let Some(output) = analyze(&["verify", copy.to_str().unwrap()]) else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.trim().is_empty(), "{unit}: {said}");

        fs::write(&copy, text.replace("WatchdogSec=", "WatchdogSecs=")).unwrap();
        let output = analyze(&["verify", copy.to_str().unwrap()]).unwrap();
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("WatchdogSecs"),
            "a wrong key must be noticed"
        );
    }
}

#[test]
fn the_units_say_what_the_daemon_relies_on() {
    for unit in [SYSTEM, USER] {
        let text = fs::read_to_string(unit).unwrap();
        for line in [
            "Type=notify",
            "ExecReload=/bin/sh -c \"kill -HUP ${MAINPID}\"",
            "WatchdogSec=120",
            "UMask=0077",
            "RestartPreventExitStatus=2 77 78",
            "LimitCORE=0",
        ] {
            assert!(text.lines().any(|known| known == line), "{unit}: {line}");
        }
        assert!(text.contains("LoadCredential=home:"), "{unit}");
    }
    // A user's service would get another state directory by this than the commands in that user's terminal have.
    let says = |unit: &str, key: &str| {
        fs::read_to_string(unit)
            .unwrap()
            .lines()
            .any(|line| line.starts_with(key))
    };
    assert!(says(SYSTEM, "StateDirectory=postroom") && says(SYSTEM, "StateDirectoryMode=0700"));
    assert!(!says(USER, "StateDirectory"));
}
