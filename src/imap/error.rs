//! What can go wrong between us and a server, typed by what the caller must do next.
//!
//! [`ImapError::ends_connection`] says whether the session is still usable, [`ImapError::is_transient`] whether trying
//! again later can help. Texts that a server wrote are sanitised before they get in here.

use std::time::Duration;

use crate::sort::sanitise;

/// How a [`ImapError::Lost`] begins that the server has announced.
const SAID_BYE: &str = "the server said BYE";

/// A fault of the conversation with a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImapError {
    /// The server could not be reached: name lookup, TCP, or TLS for another reason than the certificate. Back off.
    #[error("cannot reach {what}: {why}")]
    Unreachable {
        /// Host and port.
        what: String,
        /// The system's words.
        why: String,
    },
    /// The certificate is not to be trusted. Never connect; report, and try again after a long pause.
    #[error("the certificate of {host} is not to be trusted: {why}")]
    Certificate {
        /// The name the certificate had to be valid for.
        host: String,
        /// What is wrong with it, and what the operator can do.
        why: String,
    },
    /// STARTTLS was asked for and the server does not offer it (or somebody removed the offer). Never go on in clear.
    #[error("{host} offers no STARTTLS; refusing to log in without encryption")]
    StartTlsMissing {
        /// The server.
        host: String,
    },
    /// The greeting says that somebody is logged in already; there is no honest reason for it (RFC 9051 section 11.3).
    #[error("{host} greets as already logged in (PREAUTH); refusing to use it")]
    PreAuthenticated {
        /// The server.
        host: String,
    },
    /// The login was refused for good: trying again is pointless until the secret changes (RFC 5530).
    #[error("login refused{}: {}", in_brackets(.code.as_deref()), text.trim_end_matches('.'))]
    LoginRefused {
        /// Response code, such as `AUTHENTICATIONFAILED`.
        code: Option<String>,
        /// The server's words.
        text: String,
    },
    /// The login failed for a reason that passes: too many connections, authentication service down.
    #[error("login is not possible now{}: {text}", in_brackets(.code.as_deref()))]
    LoginUnavailable {
        /// Response code, such as `UNAVAILABLE`.
        code: Option<String>,
        /// The server's words.
        text: String,
    },
    /// A command was answered NO or BAD. The connection is fine.
    #[error("the server refused {command}{}: {text}", in_brackets(.code.as_deref()))]
    Refused {
        /// The command's name.
        command: &'static str,
        /// True for BAD: we are at fault, or the server does not know the command.
        bad: bool,
        /// Response code, such as `TRYCREATE`.
        code: Option<String>,
        /// The server's words.
        text: String,
    },
    /// The connection ended; what became of the command is unknown.
    #[error("the connection was lost during {during}: {why}")]
    Lost {
        /// The command's name.
        during: &'static str,
        /// What was seen.
        why: String,
    },
    /// No answer in time; the connection is given up, what became of the command is unknown.
    #[error("no answer to {during} within {} s", .after.as_secs())]
    TimedOut {
        /// The command's name.
        during: &'static str,
        /// How long we waited.
        after: Duration,
    },
    /// The server broke the protocol or a limit of the guard; the connection is given up.
    #[error("the server broke the rules: {why}")]
    Hostile {
        /// Which rule.
        why: String,
    },
    /// The server lacks, or the configuration excludes, what is needed.
    #[error("{what}")]
    Unsupported {
        /// One sentence that says what is missing and what to do.
        what: String,
    },
}

impl ImapError {
    /// True when the session must be thrown away.
    pub fn ends_connection(&self) -> bool {
        !matches!(self, Self::Refused { .. } | Self::Unsupported { .. })
    }

    /// True when the same thing may work later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::LoginUnavailable { .. }
            | Self::Lost { .. }
            | Self::TimedOut { .. }
            | Self::Hostile { .. } => true,
            Self::Refused { bad, code, text, .. } => !bad && passes(code.as_deref(), text),
            Self::Certificate { .. }
            | Self::StartTlsMissing { .. }
            | Self::PreAuthenticated { .. }
            | Self::LoginRefused { .. }
            | Self::Unsupported { .. } => false,
        }
    }

    /// The fault without the server's own words: what was said before encryption may be anybody's (RFC 9051 section
    /// 11.1 on ALERT), and must not be put before the user.
    #[must_use]
    pub(super) fn without_words(self) -> Self {
        const UNHEARD: &str = "its words came without encryption and are not shown";
        match self {
            Self::Refused { command, bad, .. } => Self::Refused {
                command,
                bad,
                code: None,
                text: UNHEARD.to_owned(),
            },
            Self::Lost { during, why } if why.starts_with(SAID_BYE) => Self::Lost {
                during,
                why: format!("{SAID_BYE}; {UNHEARD}"),
            },
            other => other,
        }
    }

    /// The server has said BYE, with these (sanitised) words.
    pub(super) fn said_bye(during: &'static str, text: &str) -> Self {
        Self::lost(during, format!("{SAID_BYE}: {text}"))
    }

    pub(super) fn hostile(why: impl Into<String>) -> Self {
        Self::Hostile { why: why.into() }
    }

    pub(super) fn lost(during: &'static str, why: impl AsRef<str>) -> Self {
        Self::Lost {
            during,
            why: sanitise(why.as_ref()),
        }
    }
}

/// True when a NO with this code or text speaks of a condition that goes away by itself (RFC 5530 section 3, and the
/// words of Gmail, Exchange and Yahoo, which use no code).
pub(super) fn passes(code: Option<&str>, text: &str) -> bool {
    const CODES: [&str; 6] = [
        "UNAVAILABLE",
        "LIMIT",
        "INUSE",
        "SERVERBUG",
        "THROTTLED",
        "EXPUNGEISSUED",
    ];
    const WORDS: [&str; 7] = [
        "too many",
        "try again",
        "temporar",
        "throttl",
        "backoff",
        "not connected",
        "rate limit",
    ];
    let text = text.to_ascii_lowercase();
    code.is_some_and(|code| CODES.contains(&code)) || WORDS.iter().any(|word| text.contains(word))
}

fn in_brackets(code: Option<&str>) -> String {
    code.map(|code| format!(" [{code}]")).unwrap_or_default()
}
