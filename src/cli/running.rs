//! The daemon that may be at work while a command changes something it goes by.

use rustix::process::{Pid, Signal, kill_process};

use super::context::{block_on, store_to_read};
use crate::config::Config;
use crate::daemon::status::{AccountStatus, NOTE};

/// Sends the daemon a SIGHUP, and says what the user has to do where that is not enough; `absent` where none runs.
pub fn tell(config: &Config, account: &str, absent: &str) -> anyhow::Result<()> {
    match find(config, account)? {
        Some(pid) if kill_process(pid, Signal::HUP).is_ok() => println!("The running daemon has been told."),
        Some(_) => println!("Tell the running daemon: sudo systemctl reload postroom"),
        None => println!("{absent}"),
    }
    Ok(())
}

fn find(config: &Config, account: &str) -> anyhow::Result<Option<Pid>> {
    let (store, account) = (store_to_read(config)?, account.to_owned());
    let note = block_on(async { store.run(move |store| store.get_note(&account, NOTE)).await })??;
    let status = note.and_then(|text| serde_json::from_str::<AccountStatus>(&text).ok());
    let pid = status.filter(AccountStatus::is_running).map(|status| status.pid);
    Ok(pid.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw))
}
