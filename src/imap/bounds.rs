//! What a server may cost us in memory beyond the single response, which `guard` measures: how much of what it tells is
//! kept. An honest server stays far below each of these; one that talks without end finds that nothing more is kept.

use std::borrow::Cow;

use super::fetch::Fetched;
use crate::sort::message::LONGEST_HEADER;

/// What one LIST may take in octets: some 20,000 folders, or fewer with long names.
pub(super) const LISTED: usize = 4 << 20;

/// What a folder takes beside its name, about.
pub(super) const FOLDER: usize = 200;

/// Folders of which a server may tell unasked.
pub(super) const FOLDERS_TOLD: usize = 10_000;

/// Longest name, in octets, of a folder of which it tells unasked.
pub(super) const NAME_TOLD: usize = 1_000;

/// Messages with \Deleted that are kept in mind.
pub(super) const DELETED: usize = 1_000_000;

/// Flags and keywords of one message that are looked at.
const FLAGS: usize = 200;

/// Octets of header in one window before the rest is cut short: four times what 500 ordinary messages have.
const GENEROUS: usize = 8 << 20;

/// What is kept of a header then.
const SHORT_HEADER: usize = 8 << 10;

/// The flags of a message, as many as any honest server sets.
pub(super) fn flags(flags: &[Cow<'_, str>]) -> Vec<String> {
    let kept = flags.iter().take(FLAGS);
    kept.map(|flag| flag.clone().into_owned()).collect()
}

/// Cuts a header to what a window may still take, and counts it. A server may send more than it was asked for, and
/// strangers may write headers of 64 KiB each; a cut one is judged by what is left of it.
pub(super) fn shorten(message: &mut Fetched, octets: &mut usize) {
    let longest = if *octets > GENEROUS {
        SHORT_HEADER
    } else {
        LONGEST_HEADER
    };
    message.header.truncate(longest);
    message.header.shrink_to_fit();
    *octets += message.header.len();
}
