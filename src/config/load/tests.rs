use std::fs;

use super::*;
use crate::config::{Backlog, Mode, Secret, Tls};

const GOOD: &str = r#"
state = "state"
[[account]]
name = "home"
email = ["alice@example.org", "alice@work.example"]
mode = "preview"
[account.imap]
host = "imap.example.org"
user = "alice"
password_file = "secret"
[account.folders]
top = "INBOX"
blackhole = { folder = "Never", trash_after = "30d" }
"#;

fn load_from(text: &str) -> (tempfile::TempDir, Result<Config, ConfigError>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("postroom.toml");
    fs::write(&path, text).unwrap();
    let loaded = load(Some(&path), &Environment::default());
    (directory, loaded)
}

/// What is wrong with the good file once `from` is replaced by `to`.
fn complaint(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    let (_directory, loaded) = load_from(&GOOD.replace(from, to));
    loaded.unwrap_err().render(false)
}

#[test]
fn a_good_file_becomes_values_with_paths_relative_to_it() {
    let (directory, loaded) = load_from(GOOD);
    let config = loaded.unwrap();
    let base = directory.path().canonicalize().unwrap();
    assert_eq!((config.rules, config.state), (base.join("rules"), base.join("state")));
    let [account] = config.accounts.as_slice() else {
        panic!("one account")
    };
    assert_eq!((account.mode, account.backlog), (Mode::Preview, Backlog::Leave));
    assert_eq!((account.imap.port, account.imap.tls), (993, Tls::Implicit));
    assert_eq!(account.imap.secret, Secret::PasswordFile(base.join("secret")));
    assert!(account.folders.top.is_inbox());
    assert_eq!(account.folders.blackhole.as_str(), "Never");
    assert_eq!(
        account.folders.blackhole_trash_after,
        Some(std::time::Duration::from_hours(30 * 24))
    );
}

#[test]
fn slips_are_named_with_line_and_suggestion() {
    for (from, to, line, expected) in [
        ("user =", "usr =", 9, "did you mean `user`?"),
        ("\"preview\"", "\"previw\"", 6, "did you mean `preview`?"),
        ("host = \"imap.example.org\"\n", "", 7, "the key `host` is missing"),
        (
            "password_file = \"secret\"",
            "password = \"x\"",
            10,
            "does not belong into the configuration",
        ),
        ("password_file = \"secret\"\n", "", 7, "where its password is"),
        (
            "password_file = \"secret\"",
            "password_command = \"pass show\"",
            10,
            "write a list",
        ),
        (
            "user = \"alice\"",
            "user = \"alice\"\ntls = \"none\"",
            10,
            "without encryption",
        ),
        ("alice@work.example", "Alice <a@b>", 5, "is not an address"),
        ("\"30d\"", "\"30 days\"", 13, "no length of time"),
        ("\"Never\"", "\"News\"", 11, "news and blackhole both go to `News`"),
        ("name = \"home\"", "name = \"../x\"", 4, "cannot name an account"),
        ("[[account]]", "[[account]", 3, "not valid TOML"),
        ("state = \"state\"", "rulez = \"r\"", 2, "did you mean `rules`?"),
    ] {
        let text = complaint(from, to);
        assert!(
            text.contains(expected) && text.contains(&format!("postroom.toml:{line}:")),
            "{to}:\n{text}"
        );
    }
}

#[test]
fn unencrypted_login_is_for_this_machine_only() {
    for host in ["127.0.0.1", "::1", "localhost", "[::1]"] {
        let text = GOOD
            .replace("imap.example.org", host)
            .replace("user =", "tls = \"none\"\nuser =");
        let (_directory, loaded) = load_from(&text);
        assert_eq!(loaded.unwrap().accounts[0].imap.port, 143, "{host}");
    }
    for host in ["127.0.0.1.example.org", "localhost.example.org", "10.0.0.1"] {
        let text = GOOD
            .replace("imap.example.org", host)
            .replace("user =", "tls = \"none\"\nuser =");
        let (_directory, loaded) = load_from(&text);
        assert!(loaded.is_err(), "{host}");
    }
}

#[test]
fn every_wrong_account_is_reported_at_once() {
    let two = format!(
        "{GOOD}{}",
        GOOD.replace("state = \"state\"\n", "")
            .replace("[\"alice@example.org\",", "[\"x\",")
    );
    let (_directory, loaded) = load_from(&two);
    let ConfigError::Invalid { findings, .. } = loaded.unwrap_err() else {
        panic!("invalid")
    };
    let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, ["duplicate-name", "bad-address"]);
}

#[test]
fn accounts_may_stand_in_files_of_their_own() {
    let (directory, _) = load_from(GOOD);
    let more = directory.path().join("accounts.d");
    fs::create_dir(&more).unwrap();
    let second = GOOD.replace("state = \"state\"\n", "").replace("\"home\"", "\"work\"");
    fs::write(more.join("work.toml"), &second).unwrap();
    fs::write(more.join(".work.toml.swp"), "rubbish").unwrap();
    let path = directory.path().join("postroom.toml");
    let config = load(Some(&path), &Environment::default()).unwrap();
    assert_eq!(
        config
            .accounts
            .iter()
            .map(|account| account.name.as_str())
            .collect::<Vec<_>>(),
        ["home", "work"]
    );
    let secret = more.canonicalize().unwrap().join("secret");
    assert_eq!(config.accounts[1].imap.secret, Secret::PasswordFile(secret));

    fs::write(more.join("work.toml"), format!("state = \"elsewhere\"\n{second}")).unwrap();
    let error = load(Some(&path), &Environment::default()).unwrap_err();
    assert!(error.to_string().contains("work.toml:1:"), "{error}");
}

#[test]
fn a_missing_file_says_where_it_was_looked_for() {
    let directory = tempfile::tempdir().unwrap();
    let environment = Environment {
        home: Some(directory.path().to_owned()),
        ..Environment::default()
    };
    let error = load(None, &environment).unwrap_err();
    assert!(
        matches!(&error, ConfigError::NotFound { looked } if looked.len() == 1),
        "{error}"
    );
    assert!(error.to_string().contains(".config/postroom/postroom.toml"));
}

#[test]
fn tokens_are_kept_beside_the_records_and_known_authorities_need_no_addresses() {
    let known = "oauth2 = { provider = \"microsoft\", client_id = \"mine\" }";
    let (directory, loaded) = load_from(&GOOD.replace("password_file = \"secret\"", known));
    let config = loaded.unwrap();
    let [account] = config.accounts.as_slice() else {
        panic!("one account")
    };
    let Secret::OAuth2(settings) = &account.imap.secret else {
        panic!("oauth2")
    };
    let base = directory.path().canonicalize().unwrap();
    assert_eq!(settings.token_file, base.join("state/home.token"));
    assert!(settings.device_url.is_some() && settings.token_url.starts_with("https://"));
}

#[test]
fn an_authority_is_named_in_full_and_reached_in_secret() {
    for (oauth2, expected) in [
        ("{ provider = \"gogle\", client_id = \"x\" }", "not known by name"),
        ("{ client_id = \"x\" }", "the authority is not named"),
        ("{ provider = \"google\", client_id = \"\" }", "client id is empty"),
        (
            "{ provider = \"google\", client_id = \"x\", client_secret = \"y\" }",
            "client_secret_file",
        ),
        (
            "{ client_id = \"x\", token_url = \"http://login.example/t\" }",
            "must be encrypted",
        ),
        (
            "{ client_id = \"x\", token_url = \"https://login.example/t\" }",
            "no page at which to log in",
        ),
        (
            "{ client_id = \"x\", tokenurl = \"https://login.example/t\" }",
            "did you mean `token_url`?",
        ),
    ] {
        let complaint = complaint("password_file = \"secret\"", &format!("oauth2 = {oauth2}"));
        assert!(complaint.contains(expected), "{oauth2}: {complaint}");
    }
    let both = complaint("user =", "token_command = [\"x\"]\nuser =");
    assert!(both.contains("keep one of"), "{both}");
}

#[test]
fn a_keyring_wants_a_program_that_knows_it() {
    let text = GOOD.replace(
        "password_file = \"secret\"",
        "password_keyring = { service = \"imap\", user = \"alice\" }",
    );
    assert_ne!(text, GOOD);
    let (_directory, loaded) = load_from(&text);
    if super::super::keyring::AVAILABLE {
        let expected =
            [("service", "imap"), ("user", "alice")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            loaded.unwrap().accounts[0].imap.secret,
            Secret::Keyring(expected.into())
        );
        return;
    }
    let ConfigError::Invalid { findings, .. } = loaded.unwrap_err() else {
        panic!("invalid")
    };
    assert_eq!(findings[0].check, "no-keyring");
}

#[test]
fn buckets_of_ones_own_have_a_plain_name_and_a_folder_to_themselves() {
    let own = |text: &str| format!("{GOOD}{text}");
    let (_directory, loaded) = load_from(&own("[account.bucket.receipts]\nfolder = \"Money/Receipts\"\n"));
    let folders = &loaded.unwrap().accounts[0].folders;
    let buckets: Vec<_> = folders.own_buckets().collect();
    assert_eq!(
        buckets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["receipts"]
    );
    assert_eq!(folders.of(buckets[0]).as_str(), "Money/Receipts");
    assert_eq!(folders.bucket_of(&"Money/Receipts".into()), Some(buckets[0]));
    for (text, says) in [
        (
            "[account.bucket.Receipts]\nfolder = \"R\"\n",
            "`Receipts` cannot name a bucket of your own",
        ),
        (
            "[account.bucket.news]\nfolder = \"R\"\n",
            "its folder is named in [account.folders]",
        ),
        (
            "[account.bucket.a]\nfolder = \"never\"\n",
            "blackhole and a both go to `never`",
        ),
        ("[account.bucket.a]\nfolder = \"inbox\"\n", "a cannot be INBOX"),
        ("[account.bucket.a]\nfoldr = \"R\"\n", "did you mean `folder`?"),
        (
            "[account.bucket.a]\nfolder = \"R\"\n[account.bucket.b]\nfolder = \"R\"\n",
            "a and b both go to `R`",
        ),
    ] {
        let (_directory, loaded) = load_from(&own(text));
        let said = loaded.unwrap_err().render(false);
        assert!(said.contains(says), "{text}\n{said}");
    }
}

#[test]
fn snooze_folders_are_a_switch_a_folder_or_a_table() {
    let snooze = |line: &str| {
        let (_directory, loaded) = load_from(&GOOD.replace("mode = \"preview\"", line));
        loaded
            .map(|config| config.accounts[0].folders.snooze.clone())
            .map_err(|error| error.render(false))
    };
    assert_eq!(snooze("mode = \"sort\""), Ok(None));
    assert_eq!(snooze("snooze = false"), Ok(None));
    assert_eq!(snooze("snooze = true").unwrap().unwrap().folder.as_str(), "Snooze");
    let table = snooze("snooze = { folder = \"Later\", times = [\"2 weeks\"], morning = \"06:30\" }");
    let table = table.unwrap().unwrap();
    assert_eq!(
        (table.folder.as_str(), table.times.as_slice()),
        ("Later", &["2 weeks".to_owned()][..])
    );
    assert_eq!(table.morning.to_string(), "06:30:00");
    for (line, says) in [
        ("snooze = \"Bulk\"", "`Bulk` cannot be the folder of snoozed mail"),
        ("snooze = { times = [\"Soon\"] }", "`Soon` says no time"),
        ("snooze = { morning = \"eight\" }", "`eight` is no time of the day"),
        ("snooze = { time = [] }", "did you mean `times`?"),
        ("snooze = 3", "wrong type"),
    ] {
        let said = snooze(line).unwrap_err();
        assert!(said.contains(says) || says == "wrong type", "{line}\n{said}");
    }
}

#[test]
fn connections_of_their_own_are_for_four_folders_at_most() {
    let with = |folders: &str| GOOD.replace("user =", &format!("idle = [{folders}]\nuser ="));
    let (_directory, loaded) = load_from(&with("\"Never\", \"News\""));
    let idle = &loaded.unwrap().accounts[0].imap.idle;
    assert_eq!(
        idle.iter()
            .map(crate::sort::mailbox::Mailbox::as_str)
            .collect::<Vec<_>>(),
        ["Never", "News"]
    );
    for (folders, says) in [
        ("\"A\", \"B\", \"C\", \"D\", \"E\"", "idle takes at most four folders"),
        ("\"/News\"", "cannot name a folder"),
    ] {
        let (_directory, loaded) = load_from(&with(folders));
        let said = loaded.unwrap_err().render(false);
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn hashed_names_have_a_key_beside_the_records_or_where_it_is_said() {
    let key = |lines: &str| {
        let (directory, loaded) = load_from(&format!("{lines}{GOOD}"));
        let base = directory.path().canonicalize().unwrap();
        let key = loaded.unwrap().privacy_key?;
        Some(key.strip_prefix(base).unwrap_or(&key).to_string_lossy().into_owned())
    };
    assert_eq!((key(""), key("privacy = \"clear\"\n")), (None, None));
    let hashed = "privacy = \"hashed\"\n";
    for (more, expected) in [
        ("", "state/privacy.key"),
        ("privacy_key_file = \"elsewhere\"\n", "elsewhere"),
        ("privacy_key_credential = \"names\"\n", "$CREDENTIALS_DIRECTORY/names"),
    ] {
        assert_eq!(key(&format!("{hashed}{more}")).as_deref(), Some(expected));
    }
    for (lines, expected) in [
        ("privacy = \"hased\"\n", "did you mean `hashed`?"),
        (
            "privacy = \"hashed\"\nprivacy_keyfile = \"a\"\n",
            "did you mean `privacy_key_file`?",
        ),
        ("privacy_key_file = \"a\"\n", "names are kept in clear"),
        (
            "privacy = \"hashed\"\nprivacy_key_credential = \"../a\"\n",
            "cannot name a credential",
        ),
        (
            "privacy = \"hashed\"\nprivacy_key_file = \"a\"\nprivacy_key_credential = \"b\"\n",
            "said in two ways",
        ),
    ] {
        let (_directory, loaded) = load_from(&format!("{lines}{GOOD}"));
        let said = loaded.unwrap_err().render(false);
        assert!(said.contains(expected), "{said}");
    }
}
