//! Loading what was learned from the store into a sorter.

use std::sync::Arc;

use super::layout::Layout;
use crate::config::{Account, Mode};
use crate::sort::authenticity::Provider;
use crate::sort::rules::RuleSet;
use crate::sort::sender::Address;
use crate::sort::{Settings, Sorter};
use crate::store::{PROVIDER_NOTE, Store, StoreError};

/// Key of the note that keeps whose mail lay in the inbox before strangers had to wait.
pub const MET_BEFORE: &str = "met-before";

/// The fixed settings of an account's sorter.
pub fn settings(account: &Account, layout: &Layout) -> Settings {
    Settings {
        account: account.name.clone(),
        owner: account.owner.clone(),
        folders: account.folders.clone(),
        learning: account.learning.clone(),
        authserv_id: account.authserv_id.clone(),
        moves: account.mode == Mode::Sort,
        special_use: layout.special_use.clone(),
    }
}

/// A sorter that knows everything the store does.
pub fn load(store: &Store, settings: Settings, rules: Arc<RuleSet>) -> Result<Sorter, StoreError> {
    let account = settings.account.clone();
    let configured = settings.authserv_id.is_some();
    let mut sorter = Sorter::new(settings, rules).under(store.names());
    sorter.taught.load(store.lessons(&account)?);
    sorter.correspondence.load(store.tallies(&account)?);
    sorter.sent_index.load(store.sent_ids(&account)?);
    if sorter.settings.folders.screener.is_some() {
        let met = store.get_note(&account, MET_BEFORE)?;
        let met: Vec<Address> = met
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        sorter.acquainted = met.into_iter().chain(store.acquaintances(&account)?).collect();
    }
    if let Some(provider) = store.get_note(&account, PROVIDER_NOTE)?.filter(|_| !configured) {
        // What cannot be read back is learned again.
        let provider: Provider = serde_json::from_str(&provider).unwrap_or_default();
        sorter.provider = provider.under(store.names());
    }
    Ok(sorter)
}

/// What was learned about the provider, as a note for the store.
pub fn provider_note(provider: &Provider) -> (String, Option<String>) {
    (PROVIDER_NOTE.to_owned(), serde_json::to_string(provider).ok())
}
