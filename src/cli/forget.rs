//! `postroom forget`: takes back what was taught about a sender. The ledger keeps what was done with past mail.

use std::io::Write;

use clap::Args;

use super::identity;
use super::records::Records;

/// Take back what was taught about a sender
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Example: postroom forget offers@shop.example\n\nIts mail is then sorted by the rules, your correspondence and its headers, as before the lesson.\nEverything that is stored: postroom purge"
)]
pub struct ForgetArgs {
    /// Addresses, domains (@shop.example) or List-Ids
    #[arg(value_name = "ADDRESS|@DOMAIN|LIST", required = true)]
    pub senders: Vec<String>,
    /// For this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// Runs the command; 0 when all were forgotten, 1 when nothing was known about one of them.
pub fn run(args: &ForgetArgs, records: &Records, out: &mut dyn Write) -> anyhow::Result<u8> {
    let identities = args
        .senders
        .iter()
        .map(|text| identity::parse(text))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut store = records.write()?;
    let account = records.single(&store, args.account.as_deref())?;
    let mut code = 0;
    for identity in identities {
        if store.forget(&account, &identity)? {
            writeln!(out, "Forgotten: {identity}")?;
        } else {
            writeln!(out, "Nothing was taught about {identity}")?;
            code = 1;
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::sample;

    #[test]
    fn lessons_are_taken_back_and_the_unknown_is_told() {
        let (_dir, records) = sample::records();
        let args = ForgetArgs {
            senders: vec![
                "shop@shop.example".to_owned(),
                "@shop.example".to_owned(),
                "talk.example.org".to_owned(),
            ],
            account: None,
        };
        let mut out = Vec::new();
        assert_eq!(run(&args, &records, &mut out).unwrap(), 1);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "Forgotten: shop@shop.example\n\
             Nothing was taught about everybody at shop.example\n\
             Forgotten: the list talk.example.org\n"
        );
        assert!(records.read().unwrap().lessons("home").unwrap().is_empty());
    }
}
