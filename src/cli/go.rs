//! `postroom go`: from looking on to sorting. Shows the plan once more, then changes `mode` in the file that holds the
//! account, and tells a running daemon. Every other byte of the file stays, comments too.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use toml_edit::{DocumentMut, Item, Table, value};

use super::confirm;
use super::context::{Context, account};
use super::{exit, logging, preview, running, since};
use crate::config::{Config, Mode};

/// Options of `postroom go`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: postroom go home")]
pub struct Args {
    /// The account, when there are several
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// Shows, asks, changes one word.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    logging::start("warn");
    let config = context.config()?;
    let account = account(&config, args.account.as_deref())?;
    let name = &account.name;
    if account.mode == Mode::Sort {
        println!("{name} is being sorted already.");
        return Ok(exit::OK);
    }
    let look = preview::Args {
        subjects: false,
        since: since::argument("30d").ok(),
        replay: None,
        rules: None,
        account: Some(name.clone()),
        json: false,
    };
    preview::run(&look, context)?;
    println!("\nNew mail will be sorted like this. What is in the inbox now stays there (`postroom sort` moves it).");
    let unasked = "say --yes to begin without being asked";
    if !args.yes && !confirm::agreed("Begin?", unasked, &mut io::stdout())? {
        println!("Nothing was changed.");
        return Ok(exit::OK);
    }
    let file = change(&config, name)?;
    println!("{name}: mode = \"sort\" in {}", file.display());
    running::tell(
        &config,
        name,
        "Start the daemon: postroom run, or the service (systemd/README.md).",
    )?;
    Ok(exit::OK)
}

/// Finds the file that holds the account, and changes its mode there.
fn change(config: &Config, name: &str) -> anyhow::Result<PathBuf> {
    for path in files(&config.path) {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if let Some(changed) = sorting(&text, name)? {
            replace(&path, &changed)?;
            return Ok(path);
        }
    }
    bail!("no file holds account {name} any more; nothing was changed")
}

/// `postroom.toml` and the files of `accounts.d` beside it, in name order.
fn files(main: &Path) -> Vec<PathBuf> {
    let beside = main.parent().unwrap_or(Path::new(".")).join("accounts.d");
    let entries = fs::read_dir(beside).into_iter().flatten().flatten();
    let mut more: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    more.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    more.sort();
    std::iter::once(main.to_owned()).chain(more).collect()
}

/// The text with that account's mode changed; `None` when it does not hold the account.
fn sorting(text: &str, name: &str) -> anyhow::Result<Option<String>> {
    let mut document: DocumentMut = text.parse().context("this is no TOML")?;
    let accounts = document.get_mut("account").and_then(Item::as_array_of_tables_mut);
    let named = |table: &&mut Table| table.get("name").and_then(Item::as_str) == Some(name);
    let Some(account) = accounts.and_then(|accounts| accounts.iter_mut().find(named)) else {
        return Ok(None);
    };
    match account.get_mut("mode").and_then(Item::as_value_mut) {
        Some(mode) => {
            let decor = mode.decor().clone();
            *mode = "sort".into();
            *mode.decor_mut() = decor;
        }
        None => {
            account.insert("mode", value("sort"));
        }
    }
    Ok(Some(document.to_string()))
}

/// Writes beside the file, then renames over it: it is whole at every instant, and its permissions stay.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    // A link is followed, so that what it points to is changed and the link stays.
    let path = path.canonicalize()?;
    let mode = fs::metadata(&path)?.permissions().mode() & 0o777;
    let beside = path.with_extension("toml.new");
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    let done = written();
    if done.is_err() {
        let _ = fs::remove_file(&beside);
    }
    done.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_changes_and_nothing_else() {
        let text = "# mine\nrules = 'rules'\n\n[[account]] # first\nname = \"a\"\nmode = \"preview\"   # for now\n\n\
                    [account.imap]\nhost = \"h\" # here\n\n[[account]]\nname = \"b\"\nmode = 'preview'\n";
        let expected = text.replace("mode = \"preview\"   # for now", "mode = \"sort\"   # for now");
        assert_eq!(sorting(text, "a").unwrap().unwrap(), expected);
        assert_eq!(sorting(text, "c").unwrap(), None);
    }
}
