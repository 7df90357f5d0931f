//! `postroom man`: the manual pages, made from what `--help`, `rules/README.md` and `man/config.md` say, so that there is one
//! text of each.

mod roff;

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use clap::{Args, CommandFactory, ValueEnum};
use clap_mangen::Man;

use super::Cli;

const RULES: &str = include_str!("../../rules/README.md");
const CONFIG: &str = include_str!("man/config.md");

/// Print a manual page
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  how to write a rule       postroom man rules\n  every setting             postroom man config\n  for a package             postroom man --dir /usr/share/man"
)]
pub struct ManArgs {
    /// Which page: postroom, config or rules
    #[arg(value_enum, default_value_t = Page::Postroom, hide_possible_values = true)]
    pub page: Page,
    /// Write every page below this directory instead, in man1 and man5
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// The manual pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// postroom(1): the commands
    Postroom,
    /// postroom.toml(5): the configuration
    Config,
    /// postroom-rules(5): the rule language
    Rules,
}

impl Page {
    fn text(self) -> anyhow::Result<Vec<u8>> {
        Ok(match self {
            Page::Postroom => commands()?,
            Page::Config => roff::page("postroom.toml", 5, "the configuration of postroom", CONFIG).into_bytes(),
            Page::Rules => roff::page("postroom-rules", 5, "the rule language of postroom", RULES).into_bytes(),
        })
    }

    /// The page for people without `man`: as it was written.
    fn plain(self) -> Option<&'static str> {
        match self {
            Page::Postroom => None,
            Page::Config => Some(CONFIG),
            Page::Rules => Some(RULES),
        }
    }

    fn path(self) -> &'static str {
        match self {
            Page::Postroom => "man1/postroom.1",
            Page::Config => "man5/postroom.toml.5",
            Page::Rules => "man5/postroom-rules.5",
        }
    }
}

/// Prints a page, to a person on a terminal by `man` where there is one, or writes them all.
pub fn run(args: &ManArgs, on_terminal: bool, out: &mut dyn Write) -> anyhow::Result<u8> {
    match &args.dir {
        None if on_terminal => {
            let text = args.page.text()?;
            if !shown_by_man(&text) {
                out.write_all(args.page.plain().map_or(text.as_slice(), str::as_bytes))?;
            }
        }
        None => out.write_all(&args.page.text()?)?,
        Some(dir) => {
            for page in Page::value_variants() {
                write(&dir.join(page.path()), &page.text()?)?;
            }
        }
    }
    Ok(0)
}

/// Whether `man` could show the page; some cannot read one from their input.
fn shown_by_man(page: &[u8]) -> bool {
    let started = Command::new("man").args(["-l", "-"]).stdin(Stdio::piped()).spawn();
    let Ok(mut man) = started else { return false };
    // A reader who leaves early closes the pipe.
    if let Some(mut input) = man.stdin.take() {
        let _ = input.write_all(page);
    }
    man.wait().is_ok_and(|status| status.success())
}

fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let name = || format!("cannot write {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(name)?;
    }
    fs::write(path, text).with_context(name)
}

/// postroom(1): the summary, then a section a command with its options and examples.
fn commands() -> anyhow::Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let mut text = Vec::new();
    let man = Man::new(command.clone());
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    text.extend_from_slice(b".SH COMMANDS\n");
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let usage = sub.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ");
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        let mut part = format!(
            ".SS {}\n{}.\n.PP\n\\fB{}\\fR\n",
            sub.get_name(),
            roff::line(&about),
            roff::line(usage)
        );
        for argument in sub
            .get_arguments()
            .filter(|argument| !argument.is_global_set() && !argument.is_hide_set())
        {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            if matches!(argument.get_id().as_str(), "help" | "version") {
                continue;
            }
            let (name, help) = (roff::line(&argument.to_string()), roff::line(&help));
            let _ = write!(part, ".TP\n\\fB{name}\\fR\n{help}\n");
        }
        if let Some(examples) = sub.get_after_help() {
            let _ = write!(part, ".PP\n.nf\n{}\n.fi\n", roff::line(&examples.to_string()));
        }
        text.extend_from_slice(part.as_bytes());
    }
    text.extend_from_slice(roff::section("EXIT STATUS", EXIT_STATUS).as_bytes());
    text.extend_from_slice(b".SH SEE ALSO\npostroom.toml(5), postroom-rules(5)\n");
    Ok(text)
}

const EXIT_STATUS: &str = "\
| code | meaning |
|---|---|
| 0 | all went well |
| 1 | `check` found something wrong, or `undo` could not take something back |
| 2 | the command line, or a file that it names, makes no sense |
| 69 | the server cannot be reached or used |
| 74 | the records, or another local file, cannot be used |
| 77 | the server refused the login |
| 78 | the configuration or a rule file is wrong |
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_option_is_in_the_page() {
        let text = String::from_utf8(Page::Postroom.text().unwrap()).unwrap();
        for sub in Cli::command().get_subcommands() {
            assert!(
                text.contains(&format!(".SS {}\n", sub.get_name())),
                "{}",
                sub.get_name()
            );
        }
        assert!(
            text.contains("\\-\\-subjects") && text.contains("EXIT STATUS"),
            "{text}"
        );
    }

    #[test]
    fn the_configuration_page_names_every_key() {
        for key in [
            "rules",
            "state",
            "metrics_file",
            "privacy",
            "privacy_key_file",
            "privacy_key_credential",
            "name",
            "email",
            "mode",
            "backlog",
            "allow_unsafe_move",
            "claim",
            "authserv_id",
            "host",
            "port",
            "tls",
            "ca_file",
            "user",
            "password_file",
            "password_command",
            "password_keyring",
            "credential",
            "poll",
            "settle",
            "idle",
            "top",
            "news",
            "bulk",
            "blackhole",
            "trash_after",
            "sent",
            "half_life",
            "threshold",
            "digest",
            "snooze",
            "hold",
            "unknown",
            "contacts",
            "no_reply",
        ] {
            assert!(CONFIG.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn pages_are_written_where_man_looks() {
        let dir = tempfile::tempdir().unwrap();
        let args = ManArgs {
            page: Page::Postroom,
            dir: Some(dir.path().to_owned()),
        };
        run(&args, false, &mut Vec::new()).unwrap();
        for page in Page::value_variants() {
            let text = fs::read_to_string(dir.path().join(page.path())).unwrap();
            assert!(text.contains(".TH "), "{}", page.path());
        }
    }
}
