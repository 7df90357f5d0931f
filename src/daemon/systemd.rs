//! What systemd is told (sd_notify(3)): READY, RELOADING, STATUS, WATCHDOG, STOPPING. Silent when not run by it.

use std::time::Duration;

use sd_notify::NotifyState;

fn send(states: &[NotifyState<'_>]) {
    // Not run by systemd, or it has gone away: nothing to be done about it, and nothing depends on it.
    let _ = sd_notify::notify(states);
}

/// The daemon is up.
pub fn ready(accounts: usize) {
    send(&[NotifyState::Ready]);
    looking_after(accounts);
}

/// All is well.
pub fn looking_after(accounts: usize) {
    let plural = if accounts == 1 { "" } else { "s" };
    status(&format!("Looking after {accounts} account{plural}"));
}

/// One line for `systemctl status`.
pub fn status(text: &str) {
    send(&[NotifyState::Status(text)]);
}

/// The daemon is alive.
pub fn watchdog() {
    send(&[NotifyState::Watchdog]);
}

/// The daemon is on its way out.
pub fn stopping() {
    send(&[NotifyState::Stopping]);
}

/// How often [`watchdog`] must be called: half of what systemd allows; `None` without a watchdog.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|allowed| allowed / 2)
}
