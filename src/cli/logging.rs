//! The log goes to standard error. `RUST_LOG` widens it, but async-imap stays silent whatever is asked: its trace would
//! show the login line (stack.md T29).

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts the log at `default` level unless `RUST_LOG` says otherwise.
pub fn start(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let silenced = ["async_imap=off", "imap_proto=off", "rustls=warn"];
    let filter = silenced
        .into_iter()
        .filter_map(|rule| rule.parse().ok())
        .fold(filter, EnvFilter::add_directive);
    // The journal has its own clock.
    let under_systemd = std::env::var_os("JOURNAL_STREAM").is_some();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A second start (tests) keeps the first log.
    let _ = if under_systemd {
        log.without_time().try_init()
    } else {
        log.try_init()
    };
}
