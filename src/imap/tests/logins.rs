//! From the greeting to the session: what is sent, what is refused, and what a refusal means.

use secrecy::SecretString;
use tokio::io::duplex;

use super::script::follow;
use crate::imap::connect::{Greeted, Limits, greet, start_tls};
use crate::imap::{Access, ImapError, Session, login, login_with_token};
use crate::sort::mailbox::{Mailbox, Uid};

/// Plays `script` from the greeting on.
async fn play<T>(private: bool, script: &str, client: impl AsyncFnOnce(Result<Greeted, ImapError>) -> T) -> T {
    let (near, far) = duplex(1 << 16);
    let client = async {
        let greeted = greet(Box::new(near), "imap.example.org", Limits::default(), private).await;
        client(greeted).await
    };
    tokio::join!(client, follow(far, script)).0
}

async fn logged_in(script: &str) -> Result<Session, ImapError> {
    play(true, script, async |greeted| {
        login(greeted.unwrap(), "alice", &SecretString::from("s\"e\\c")).await
    })
    .await
}

/// `\0alice\0s"e\c` in base64.
const SECRET: &str = "AGFsaWNlAHMiZVxj";

#[tokio::test(start_paused = true)]
async fn authenticate_is_preferred_and_capabilities_are_read_anew() {
    let script = format!(
        "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN NAMESPACE] hello
        C: AUTHENTICATE PLAIN {SECRET}
        S: * CAPABILITY IMAP4rev1 XLIST
        S: $ OK done
        C: CAPABILITY
        S: * CAPABILITY IMAP4rev1 MOVE ID NAMESPACE
        S: $ OK
        C: ID (\"name\" \"postroom\" \"version\" \"{}\")
        C: NAMESPACE
        S: * ID NIL
        S: $ OK
        S: * NAMESPACE ((\"INBOX.\" \".\")) ((\"#shared.\" \".\")) NIL
        S: $ OK",
        env!("CARGO_PKG_VERSION")
    );
    let session = logged_in(&script).await.unwrap();
    assert!(session.capabilities().move_ && !session.capabilities().sasl_ir);
    assert_eq!(session.names().to_wire(&"Top".into()).unwrap(), "INBOX.Top");
}

#[tokio::test(start_paused = true)]
async fn without_sasl_ir_the_secret_waits_for_its_turn() {
    // An untagged line before the `+` made async-imap wait for ever.
    let script = format!(
        "S: * OK hello
        C: CAPABILITY
        S: * CAPABILITY IMAP4rev1 AUTH=PLAIN
        S: $ OK
        C: AUTHENTICATE PLAIN
        S: * OK working on it
        S: + go ahead
        C> {SECRET}
        S: $ OK [CAPABILITY IMAP4rev1 IDLE] done
        C: LIST \"\" \"\"
        S: * LIST (\\Noselect) \".\" \"\"
        S: $ OK"
    );
    assert!(logged_in(&script).await.unwrap().capabilities().idle);
}

#[tokio::test(start_paused = true)]
async fn login_is_the_fallback_and_quotes() {
    let script = "S: * OK [CAPABILITY IMAP4rev1] hello
        C: LOGIN \"alice\" \"s\\\"e\\\\c\"
        S: $ OK [CAPABILITY IMAP4rev1 IDLE] done
        C: LIST \"\" \"\"
        S: * LIST (\\Noselect) \".\" \"\"
        S: $ OK";
    let session = logged_in(script).await.unwrap();
    assert!(session.capabilities().idle);
    assert_eq!(session.names().to_wire(&"a/b".into()).unwrap(), "a.b");
    let script = "S: * OK [CAPABILITY IMAP4rev1] hello
        C: LOGIN {5}
        S: + go
        C> alice {5}
        S: + go
        C> grün
        S: $ OK [CAPABILITY IMAP4rev1 IDLE] done
        C: LIST \"\" \"\"
        S: * LIST (\\Noselect) \".\" \"\"
        S: $ OK";
    let session = play(true, script, async |greeted| {
        login(greeted.unwrap(), "alice", &SecretString::from("grün")).await
    })
    .await;
    assert!(session.unwrap().capabilities().idle);
    let disabled = "S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2] hello";
    assert!(matches!(logged_in(disabled).await, Err(ImapError::Unsupported { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_from_an_outage() {
    for (answer, transient) in [
        ("NO [AUTHENTICATIONFAILED] Authentication failed.", false),
        ("NO [EXPIRED] change your password", false),
        ("NO [AUTHENTICATIONFAILED] too many wrong passwords", false),
        ("NO Login failed.", false),
        ("NO [UNAVAILABLE] Temporary authentication failure.", true),
        ("NO [LIMIT] Maximum number of connections from user+IP exceeded", true),
        ("NO [INUSE] locked", true),
        ("NO [ALERT] Too many simultaneous connections. (Failure)", true),
        ("BAD User is authenticated but not connected.", true),
        (
            "NO Request is throttled. Suggested Backoff Time: 299961 milliseconds",
            true,
        ),
    ] {
        let script = format!("S: * OK [CAPABILITY IMAP4rev1] hello\nC: LOGIN \"alice\" \"s\\\"e\\\\c\"\nS: $ {answer}");
        let error = logged_in(&script).await.unwrap_err();
        assert_eq!(error.is_transient(), transient, "{answer}: {error}");
        assert_eq!(
            matches!(error, ImapError::LoginUnavailable { .. }),
            transient,
            "{answer}: {error}"
        );
    }
    let error = logged_in("S: * OK [CAPABILITY IMAP4rev1] hello\nC: LOGIN \"alice\" \"s\\\"e\\\\c\"\nEOF")
        .await
        .unwrap_err();
    assert!(matches!(error, ImapError::Lost { .. }));
}

#[tokio::test(start_paused = true)]
async fn tokens_and_the_challenge_that_explains_a_refusal() {
    let token = SecretString::from("t");
    // user=alice^Aauth=Bearer t^A^A
    let xoauth2 = "S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hello
        C: AUTHENTICATE XOAUTH2 dXNlcj1hbGljZQFhdXRoPUJlYXJlciB0AQE=
        S: + eyJzdGF0dXMiOiI0MDEifQ==
        C>
        S: $ NO [AUTHENTICATIONFAILED] no";
    let error = play(true, xoauth2, async |greeted| {
        login_with_token(greeted.unwrap(), "alice", &token).await
    })
    .await;
    assert!(matches!(error.unwrap_err(), ImapError::LoginRefused { .. }));
    // n,a=alice,^Aauth=Bearer t^A^A
    let bearer = "S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 AUTH=OAUTHBEARER] hello
        C: AUTHENTICATE OAUTHBEARER
        S: +
        C> bixhPWFsaWNlLAFhdXRoPUJlYXJlciB0AQE=
        S: + eyJzdGF0dXMiOiI0MDEifQ==
        C> AQ==
        S: $ NO [UNAVAILABLE] authority down";
    let error = play(true, bearer, async |greeted| {
        login_with_token(greeted.unwrap(), "alice", &token).await
    })
    .await;
    assert!(matches!(error.unwrap_err(), ImapError::LoginUnavailable { .. }));
}

#[tokio::test(start_paused = true)]
async fn greetings_that_are_refused() {
    let refused = async |script: &str| play(true, script, async |greeted| greeted.map(drop).unwrap_err()).await;
    assert!(matches!(
        refused("S: * PREAUTH welcome").await,
        ImapError::PreAuthenticated { .. }
    ));
    assert!(matches!(
        refused("S: * BYE too many connections").await,
        ImapError::Lost { .. }
    ));
    assert!(matches!(
        refused("S: * CAPABILITY IMAP4rev1").await,
        ImapError::Hostile { .. }
    ));
    assert!(matches!(refused("S: P1 OK hello").await, ImapError::Hostile { .. }));
    assert!(matches!(refused("EOF").await, ImapError::Lost { .. }));
    assert!(matches!(refused("").await, ImapError::TimedOut { .. }));
    assert!(matches!(
        refused("S: SSH-2.0-OpenSSH").await,
        ImapError::TimedOut { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn no_password_without_encryption() {
    let script = "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello";
    let result = play(false, script, async |greeted| {
        login(greeted.unwrap(), "alice", &SecretString::from("x")).await
    })
    .await;
    assert!(matches!(result, Err(ImapError::StartTlsMissing { .. })));
}

#[tokio::test(start_paused = true)]
async fn starttls_is_mandatory_and_nothing_said_in_clear_survives() {
    let upgrade = async |script: &str| {
        play(false, script, async |greeted| {
            start_tls(greeted.unwrap()).await.map(drop)
        })
        .await
    };
    upgrade("S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\nC: STARTTLS\nS: $ OK go")
        .await
        .unwrap();
    upgrade("S: * OK hello\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1 STARTTLS\nS: $ OK\nC: STARTTLS\nS: $ OK go")
        .await
        .unwrap();
    for script in [
        "S: * OK [CAPABILITY IMAP4rev1] hello",
        "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\nC: STARTTLS\nS: $ NO not now",
        "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\nC: STARTTLS\nS: $ BAD what",
    ] {
        assert!(
            matches!(upgrade(script).await, Err(ImapError::StartTlsMissing { .. })),
            "{script}"
        );
    }
    // Response injection (CVE-2011-0411 and its many cousins): bytes in the same segment as the OK.
    let injected = "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\nC: STARTTLS\nS> P1 OK go\\r\\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\\r\\n";
    assert!(matches!(upgrade(injected).await, Err(ImapError::Hostile { .. })));
}

/// A login after which the folders and INBOX are wanted, on a server that offers `capabilities`.
async fn expecting(capabilities: &str, script: &str, client: impl AsyncFnOnce(Session)) {
    let script = format!(
        "S: * OK [CAPABILITY IMAP4rev1] hello
        C: LOGIN \"alice\" \"s\"
        S: $ OK [CAPABILITY IMAP4rev1 {capabilities}] done
        {script}"
    );
    play(true, &script, async |greeted| {
        let greeted = greeted.unwrap().expecting(Some(Access::ReadWrite));
        client(login(greeted, "alice", &SecretString::from("s")).await.unwrap()).await;
    })
    .await;
}

const SANE: &str = "NAMESPACE LIST-EXTENDED";

const ASKED: &str = "C: NAMESPACE
        C: LIST \"\" \"*\" RETURN (SUBSCRIBED)
        C: SELECT \"INBOX\"
        S: * NAMESPACE ((\"INBOX.\" \".\")) NIL NIL
        S: $ OK namespace\n";

const LISTED: &str = "S: * LIST (\\Subscribed) \".\" INBOX
        S: * LIST () \".\" INBOX.Top
        S: $ OK list\n";

const OPENED: &str = "S: * 9 EXISTS
        S: * OK [UIDVALIDITY 7] ok
        S: * OK [UIDNEXT 100] ok
        S: $ OK [READ-WRITE] selected\n";

#[tokio::test(start_paused = true)]
async fn folders_and_inbox_come_with_the_introduction() {
    let script = format!("{ASKED}{LISTED}{OPENED}C: SELECT \"INBOX\"\n{OPENED}");
    expecting(SANE, &script, async |mut session| {
        let inbox = Mailbox::inbox();
        let folders = session.list().await.unwrap();
        let names: Vec<&str> = folders.iter().map(|folder| folder.mailbox.as_str()).collect();
        assert_eq!(names, ["INBOX", "Top"]);
        assert_eq!(
            folders.iter().map(|f| f.subscribed).collect::<Vec<_>>(),
            [Some(true), Some(false)]
        );
        let selected = session.select(&inbox, Access::ReadWrite).await.unwrap();
        assert_eq!(
            (selected.exists, selected.uid_next, selected.read_only),
            (9, Uid(100), false)
        );
        assert!(!session.announces(&inbox), "nobody has looked through it");
        // Only once: what is asked for later is asked of the server.
        session.select(&inbox, Access::ReadWrite).await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn inbox_is_opened_again_when_it_is_not_as_it_was() {
    // Opened for writing is not what a look wants.
    let script = format!("{ASKED}{LISTED}{OPENED}C: EXAMINE \"INBOX\"\n{OPENED}");
    expecting(SANE, &script, async |mut session| {
        session.select(&Mailbox::inbox(), Access::ReadOnly).await.unwrap();
    })
    .await;
    // Something has arrived since: UIDNEXT is another.
    let script = format!(
        "{ASKED}{LISTED}{OPENED}C: NOOP
        S: * 10 EXISTS
        S: $ OK
        C: SELECT \"INBOX\"\n{OPENED}"
    );
    expecting(SANE, &script, async |mut session| {
        session.noop().await.unwrap();
        session.select(&Mailbox::inbox(), Access::ReadWrite).await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_the_introduction_is_its_own_commands() {
    // The LIST is refused, INBOX is open all the same.
    let again = "C: LIST \"\" \"*\" RETURN (SUBSCRIBED)
        S: $ BAD no
        C: LIST \"\" \"*\"
        S: * LIST () \".\" INBOX.Top
        S: $ OK\n";
    let script = format!("{ASKED}S: $ BAD what is RETURN?\n{OPENED}{again}");
    expecting(SANE, &script, async |mut session| {
        session.select(&Mailbox::inbox(), Access::ReadWrite).await.unwrap();
        assert_eq!(session.list().await.unwrap().len(), 1);
    })
    .await;
    // INBOX is refused, the folders are there.
    let script = format!("{ASKED}{LISTED}S: $ NO [INUSE] later\nC: SELECT \"INBOX\"\nS: $ NO [INUSE] later");
    expecting(SANE, &script, async |mut session| {
        assert_eq!(session.list().await.unwrap().len(), 2);
        let refused = session.select(&Mailbox::inbox(), Access::ReadWrite).await;
        assert!(matches!(refused, Err(ImapError::Refused { command: "SELECT", .. })));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_out_of_its_turn_is_not_believed() {
    // The state of INBOX stands before the answer to LIST: it may be news of any other command.
    let script = "C: NAMESPACE
        C: LIST \"\" \"*\" RETURN (SUBSCRIBED)
        C: SELECT \"INBOX\"
        S: * NAMESPACE ((\"INBOX.\" \".\")) NIL NIL
        S: $ OK namespace
        S: * 9 EXISTS
        S: * LIST () \".\" INBOX
        S: $ OK list
        S: * OK [UIDVALIDITY 7] ok
        S: * OK [UIDNEXT 100] ok
        S: $ OK [READ-WRITE] selected\n";
    let script = format!("{script}C: SELECT \"INBOX\"\n{OPENED}");
    expecting(SANE, &script, async |mut session| {
        assert!(session.selected().is_none());
        assert_eq!(session.list().await.unwrap().len(), 1);
        let selected = session.select(&Mailbox::inbox(), Access::ReadWrite).await;
        assert_eq!(selected.unwrap().exists, 9);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_old_server_is_asked_one_thing_at_a_time() {
    let script = format!(
        "C: NAMESPACE
        S: * NAMESPACE ((\"\" \"/\")) NIL NIL
        S: $ OK
        C: LIST \"\" \"*\"
        S: * LIST () \"/\" INBOX
        S: $ OK
        C: SELECT \"INBOX\"\n{OPENED}"
    );
    expecting("NAMESPACE", &script, async |mut session| {
        assert_eq!(session.list().await.unwrap().len(), 1);
        session.select(&Mailbox::inbox(), Access::ReadWrite).await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_link_that_breaks_in_the_introduction_is_no_session() {
    let script = format!(
        "S: * OK [CAPABILITY IMAP4rev1] hello
        C: LOGIN \"alice\" \"s\"
        S: $ OK [CAPABILITY IMAP4rev1 {SANE}] done
        {ASKED}S: * LIST () \".\" INBOX
        EOF"
    );
    let session = play(true, &script, async |greeted| {
        let greeted = greeted.unwrap().expecting(Some(Access::ReadWrite));
        login(greeted, "alice", &SecretString::from("s")).await
    })
    .await;
    assert!(matches!(session.unwrap_err(), ImapError::Lost { .. }));
}
