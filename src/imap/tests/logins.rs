//! From the greeting to the session: what is sent, what is refused, and what a refusal means.

use secrecy::SecretString;
use tokio::io::duplex;

use super::script::follow;
use crate::imap::connect::{Greeted, Limits, greet, start_tls};
use crate::imap::{ImapError, Session, login, login_with_token};

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
