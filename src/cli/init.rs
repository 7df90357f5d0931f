//! `postroom init`: from an address to a written configuration and a look at what would happen. Every question is also a
//! flag, so that it works through a pipe; nothing that is there is written over, nothing is moved.
//!
//! The order: find the server, greet it (TLS), log in, list folders, agree on the mapping, make what is missing, write the
//! files, preview. Nothing is written before the login has worked.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::context::{Context, block_on};
use super::exit::Advised;
use super::{exit, logging, preview, since};
use crate::config::Tls;
use crate::daemon::DaemonError;
use crate::daemon::access;
use crate::imap::{Folder, Session, mover};
use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Mailbox;
use crate::sort::sender::Address;

pub mod ask;
pub mod autoconfig;
pub mod discover;
pub mod dns;
pub mod entry;
pub mod farewell;
pub mod mapping;
pub mod permission;
pub mod place;
pub mod providers;
pub mod write;

use ask::Asker;
use discover::{Found, Origin, Sources};
use entry::Entry;
use mapping::Choice;
use place::Place;
use providers::Login;
use write::Draft;

/// Options of `postroom init`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(
    after_help = "Examples:\n  postroom init\n  postroom init --add --email alice@work.example\n  postroom init --email alice@example.org --yes < password.txt\n  \
                        postroom init --email alice@example.org --password-command 'pass show mail' --yes"
)]
pub struct Args {
    /// Your address
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Take every proposal without asking
    #[arg(long, short)]
    pub yes: bool,
    /// A name for the account [default: home]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// A further account: written into accounts.d beside the configuration that is there
    #[arg(long)]
    pub add: bool,
    /// IMAP server, instead of looking for it
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Port
    #[arg(long, requires = "host", value_name = "PORT")]
    pub port: Option<u16>,
    /// Encryption: implicit, starttls, or none (this machine only)
    #[arg(long, requires = "host", value_name = "KIND", value_parser = tls)]
    pub tls: Option<Tls>,
    /// Login name [default: as the provider wants it]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Certificate authority of a server of your own, PEM
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The password is in this file (mode 600)
    #[arg(long, value_name = "FILE", group = "secret")]
    pub password_file: Option<PathBuf>,
    /// The password is the first line that this command prints; run without a shell
    #[arg(long, value_name = "COMMAND", group = "secret")]
    pub password_command: Option<String>,
    /// The service gets the password as this systemd credential; it is asked for once here and not kept
    #[arg(long, value_name = "NAME", group = "secret")]
    pub credential: Option<String>,
    /// Log in by tokens of this authority: google or microsoft
    #[arg(long, value_name = "NAME", group = "secret")]
    pub oauth: Option<String>,
    /// The client id that you have registered there
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// The client's secret is in this file (mode 600), where the authority wants one
    #[arg(long, value_name = "FILE")]
    pub client_secret_file: Option<PathBuf>,
    /// Folder for people
    #[arg(long, value_name = "FOLDER")]
    pub top: Option<String>,
    /// Folder for newsletters and lists
    #[arg(long, value_name = "FOLDER")]
    pub news: Option<String>,
    /// Folder for machines' mail
    #[arg(long, value_name = "FOLDER")]
    pub bulk: Option<String>,
    /// Folder for what you never want again
    #[arg(long, value_name = "FOLDER")]
    pub blackhole: Option<String>,
    /// Folder of sent mail, where the server does not mark it
    #[arg(long, value_name = "FOLDER")]
    pub sent: Option<String>,
    /// Where the records are kept [default: ~/.local/state/postroom]
    #[arg(long, value_name = "DIRECTORY")]
    pub state: Option<PathBuf>,
    /// Base of the autoconfig page; `off` asks none
    #[arg(long, hide = true, value_name = "URL")]
    pub autoconfig_url: Option<String>,
    /// Base of the authority's addresses
    #[arg(long, hide = true, value_name = "URL")]
    pub oauth_base: Option<String>,
    /// Name server for SRV and MX
    #[arg(long, hide = true, value_name = "ADDRESS:PORT")]
    pub resolver: Option<std::net::SocketAddr>,
}

fn tls(word: &str) -> Result<Tls, String> {
    match word {
        "implicit" => Ok(Tls::Implicit),
        "starttls" => Ok(Tls::StartTls),
        "none" => Ok(Tls::None),
        _ => Err("say implicit, starttls or none".to_owned()),
    }
}

/// Asks, tests, writes, previews.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<u8> {
    logging::start("warn");
    let place = Place::choose(args, context)?;
    let asker = Asker { yes: args.yes };
    let email = match &args.email {
        Some(text) => text.clone(),
        None => asker.required("Your e-mail address", "--email")?,
    };
    let email = Address::parse(&email).with_context(|| format!("`{email}` is not an address; write name@domain"))?;
    let (found, entry, folders, sent) = block_on(on_the_server(args, asker, &email, &place))??;
    let draft = Draft {
        name: &place.name,
        email: &email,
        imap: &found.imap,
        secret: &entry.line,
        folders: &folders,
        sent: sent.as_ref(),
    };
    place.write(&draft, &entry)?;
    println!("\nWhat would happen to the mail of the last 30 days (nothing is moved):\n");
    let look = preview::Args {
        subjects: false,
        since: since::argument("30d").ok(),
        replay: None,
        rules: None,
        account: Some(place.name.clone()),
        json: false,
    };
    let configured = Context {
        config: Some(place.main.clone()),
    };
    let shown = if entry.is_kept {
        preview::run(&look, &configured)
    } else {
        Ok(exit::OK)
    };
    if let Err(error) = &shown {
        eprintln!("postroom: the preview did not work: {error:#}");
    }
    farewell::print(&place, &entry);
    Ok(shown.unwrap_or(exit::OK))
}

/// Everything that needs the network: server, login, folders.
async fn on_the_server(
    args: &Args,
    asker: Asker,
    email: &Address,
    place: &Place,
) -> anyhow::Result<(Found, Entry, Vec<Choice>, Option<Mailbox>)> {
    let mut found = find(args, asker, email).await?;
    let advice = discover::advice(&found);
    if found.login == Login::Impossible {
        bail!("{advice}");
    }
    if !advice.is_empty() {
        println!("{advice}");
    }
    // TLS before the password: who it is comes before what is told to it.
    let greeted = access::greet(&found.imap).await;
    drop(greeted.map_err(|error| anyhow::Error::from(error).context(Advised(unusable(&found))))?);
    println!(
        "The server answers{}.",
        if found.imap.tls == Tls::None {
            ""
        } else {
            ", its certificate is good"
        }
    );
    let (mut session, entry) = entry::log_in(args, asker, &mut found, place).await?;
    let listed = session.list().await.map_err(DaemonError::from)?;
    println!("Logged in; {} folders.", listed.len());
    let folders = agree(args, asker, &listed)?;
    make_missing(asker, &mut session, &folders).await?;
    session.logout().await;
    let sent = args.sent.as_deref().map(Mailbox::new);
    match mapping::sent(&listed).or(sent.as_ref()) {
        Some(sent) => println!("Sent mail is in {sent}: whom you write to decides what is important."),
        None => println!("The server marks no folder of sent mail; its usual names are looked for (--sent names one)."),
    }
    Ok((found, entry, folders, sent))
}

async fn find(args: &Args, asker: Asker, email: &Address) -> anyhow::Result<Found> {
    let user = || args.user.clone().unwrap_or_else(|| email.as_str().to_owned());
    let found = if let Some(host) = &args.host {
        Some(Found::new(
            Origin::Told,
            host,
            args.port,
            args.tls.unwrap_or(Tls::Implicit),
            user(),
        ))
    } else {
        println!("Looking for the server of {} ...", email.domain());
        let sources = Sources {
            autoconfig: args.autoconfig_url.clone(),
            resolver: args.resolver.map(dns::Resolver::at),
        };
        discover::discover(email, &sources).await
    };
    let mut found = match found {
        Some(found) => found,
        None if asker.is_person() => {
            let host = asker.required("No server was found. Its name", "--host")?;
            Found::new(Origin::Told, &host, None, Tls::Implicit, user())
        }
        None => bail!(
            "no server was found for {}: no autoconfig page, no SRV record, nothing at imap.{0} and mail.{0}; say --host",
            email.domain()
        ),
    };
    if let Some(user) = &args.user {
        found.imap.user.clone_from(user);
    }
    // Absolute, since what it is relative to changes when it is written down.
    found.imap.ca_file = args.ca_file.as_deref().map(std::path::absolute).transpose()?;
    println!("Found: {}.", found.sentence());
    let host = &found.imap.host;
    if !found.vouched && asker.yes {
        bail!(
            "only an unsigned DNS record names {host}, which is not below {}; say --host {host} if that is right",
            email.domain()
        );
    }
    if found.origin != Origin::Told && !asker.agreed("Is that right?")? {
        found.imap.host = asker.required("The server's name", "--host")?;
        found.imap.port = asker
            .proposed("Port", "993", "--port")?
            .parse()
            .context("that is no port")?;
        found.imap.tls = if found.imap.port == 143 {
            Tls::StartTls
        } else {
            Tls::Implicit
        };
        found.imap.user = asker.proposed("Login name", &found.imap.user, "--user")?;
        found.origin = Origin::Told;
    }
    Ok(found)
}

/// What can be said about a server that cannot be used: nothing is written yet that could be corrected.
fn unusable(found: &Found) -> String {
    let Found { imap, .. } = found;
    let told = format!("--host {} --port {}", imap.host, imap.port);
    format!(
        "{} cannot be used, and nothing was written; correct {told} (--tls, --ca-file) or mend what follows",
        imap.host
    )
}

fn agree(args: &Args, asker: Asker, listed: &[Folder]) -> anyhow::Result<Vec<Choice>> {
    let mut told = [
        (Bucket::Top, args.top.clone()),
        (Bucket::News, args.news.clone()),
        (Bucket::Bulk, args.bulk.clone()),
        (Bucket::Blackhole, args.blackhole.clone()),
    ];
    let mut choices = mapping::propose(listed, &told);
    println!("\nWhere mail will go:");
    for Choice { bucket, folder, exists } in &choices {
        println!(
            "  {:<10} {folder}{}",
            bucket.to_string(),
            if *exists { "" } else { "   (new)" }
        );
    }
    if !asker.agreed("Is that right?")? {
        for ((_, name), choice) in told.iter_mut().zip(&choices) {
            let flag = format!("--{}", choice.bucket);
            let question = format!("Folder for {}", choice.bucket);
            *name = Some(asker.proposed(&question, choice.folder.as_str(), &flag)?);
        }
        choices = mapping::propose(listed, &told);
    }
    Ok(choices)
}

async fn make_missing(asker: Asker, session: &mut Session, choices: &[Choice]) -> anyhow::Result<()> {
    let missing: Vec<&Mailbox> = choices
        .iter()
        .filter(|choice| !choice.exists)
        .map(|choice| &choice.folder)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    if !asker.agreed(&format!("Make the folders {} now?", names.join(", ")))? {
        println!("They are made when sorting begins.");
        return Ok(());
    }
    for mailbox in missing {
        let made = mover::create(session, mailbox).await.map_err(DaemonError::from);
        made.with_context(|| {
            format!("the folder {mailbox} cannot be made; say another name with --top, --news, --bulk or --blackhole")
        })?;
    }
    println!("Made: {}.", names.join(", "));
    Ok(())
}
