//! Mailing lists: does a list speak here, and is it one on which people talk (RFC 2369, RFC 2919)?

use crate::sort::message::Message;
use crate::sort::sender::{Address, organisational_domain};

/// What kind of list a message came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListKind {
    /// None.
    None,
    /// People write to it and read it.
    Discussion,
    /// One sender with a mailing tool.
    Broadcast,
    /// Sent on by what looks like a list, though no field says so: too little to move a person's letter.
    Unmarked,
}

/// Tells lists apart by what only list managers write. `List-Unsubscribe` alone is a mailing tool's.
pub(super) fn kind(message: &Message) -> ListKind {
    let precedence = precedence(message);
    let list_id = message.has("list-id");
    let says_list = precedence.as_deref() == Some("list");
    let closed = message
        .raw("list-post")
        .next()
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("no"));
    let manager = message.has("list-post") || message.has("list-archive") || message.has("list-subscribe");
    let old_manager = message.has("mailing-list");
    if closed || is_tool(message) {
        return ListKind::Broadcast;
    }
    if (list_id && (manager || says_list || old_manager))
        || (old_manager && (manager || precedence.is_some()))
        || (says_list && (manager || sent_by_list(message)))
        || (list_id && precedence.as_deref() == Some("bulk") && sent_by_list(message))
        || is_named_list(message)
    {
        return ListKind::Discussion;
    }
    if addressed_to_list(message) && (precedence.is_some() || manager) {
        return ListKind::Discussion;
    }
    if list_id || manager || says_list || old_manager || message.has("list-unsubscribe") {
        return ListKind::Broadcast;
    }
    if addressed_to_list(message) && sent_by_list(message) {
        return ListKind::Unmarked;
    }
    ListKind::None
}

/// Precedence in lower case: `list`, `bulk`, `junk`.
pub(super) fn precedence(message: &Message) -> Option<String> {
    message
        .raw("precedence")
        .next()
        .map(|value| value.trim().to_ascii_lowercase())
}

/// One-click unsubscription (RFC 8058), or Feedback-ID with a way to unsubscribe, is what mass hosts add for their bulk
/// senders; list managers write neither beside List-Post. Feedback-ID alone stands in persons' mail of some providers.
fn is_tool(message: &Message) -> bool {
    (message.has("list-unsubscribe-post") || (message.has("feedback-id") && message.has("list-unsubscribe")))
        && !message.has("list-post")
        && !message.has("list-subscribe")
        && !message.has("list-archive")
        && precedence(message).as_deref() != Some("list")
}

/// The envelope sender is the list's own bounce address, not the author.
fn sent_by_list(message: &Message) -> bool {
    let Some(from) = message.from() else { return false };
    let owner = |value: &str| {
        let value = value.trim().trim_matches(['<', '>']).to_ascii_lowercase();
        let Some((local, domain)) = value.rsplit_once('@') else {
            return false;
        };
        domain != from.domain()
            && (["owner-", "request-"].iter().any(|prefix| local.starts_with(prefix))
                || [
                    "-owner", "-admin", "-bounces", "-bounce", "-request", "-errors", "-return",
                ]
                .iter()
                .any(|suffix| local.ends_with(suffix))
                || local.contains("+bounces-")
                || local.contains("-bounces+")
                || local.contains("+owner-")
                || local.contains("-return-"))
    };
    message.raw("return-path").any(owner)
        || message
            .raw("sender")
            .any(|value| value.split('<').next_back().is_some_and(owner))
}

/// The list that List-Id names is among the recipients, or is what bounces go back to: a list manager's doing, since a
/// newsletter goes to its reader and gives a number for its name.
fn is_named_list(message: &Message) -> bool {
    let (Some(from), Some(id)) = (message.from(), message.list_id.as_deref()) else {
        return false;
    };
    let Some((name, host)) = id.split_once('.') else {
        return false;
    };
    let is_list = |address: &Address| {
        address.local_part() == name && organisational_domain(address.domain()) == organisational_domain(host)
    };
    let bounces = |value: &str| {
        let bare = value
            .rsplit_once('<')
            .map_or(value, |(_, rest)| rest)
            .trim_end_matches(['>', ' ']);
        Address::parse(bare).is_some_and(|address| {
            let rest = address.local_part().strip_prefix(name).unwrap_or_default();
            let owner = address.local_part().strip_prefix("owner-") == Some(name);
            let tail = [
                "-admin", "-bounces", "-bounce", "-owner", "-request", "+bounces", "+owner",
            ];
            owner || tail.iter().any(|tail| rest.starts_with(tail))
        })
    };
    message.recipients().any(|to| to != from && is_list(to))
        || message.raw("sender").chain(message.raw("return-path")).any(bounces)
}

/// To or Cc names an address that is the envelope sender itself, or whose bounce address is, while somebody else stands
/// in From: a list sends on what it was sent.
fn addressed_to_list(message: &Message) -> bool {
    let Some(from) = message.from() else { return false };
    message.raw("return-path").chain(message.raw("sender")).any(|value| {
        let bare = value
            .rsplit_once('<')
            .map_or(value, |(_, rest)| rest)
            .trim_end_matches(['>', ' ']);
        let Some(sender) = Address::parse(bare) else {
            return false;
        };
        message.recipients().any(|to| {
            to != from
                && to.organisational_domain() == sender.organisational_domain()
                && to.organisational_domain() != from.organisational_domain()
                && to.local_part().len() > 2
                && sender.local_part().contains(to.local_part())
        })
    })
}
