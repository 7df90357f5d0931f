//! What a tagged answer says (RFC 9051 section 7.1): the verdict, the response code, and where messages were copied to.

use std::ops::RangeInclusive;

use async_imap::imap_proto::rfc4315::UidSetMember;
use async_imap::imap_proto::{Capability, Outcome, Response, ResponseCode};

use super::error::ImapError;
use super::uid_set;
use crate::sort::mailbox::{Uid, UidValidity};
use crate::sort::sanitise;

/// The tagged answer to a command.
#[derive(Debug, Clone, Default)]
pub(super) struct Completion {
    pub(super) verdict: Verdict,
    /// The response code's name in capitals.
    pub(super) code: Option<String>,
    /// The human text, sanitised.
    pub(super) text: String,
    pub(super) copied: Option<CopyUid>,
    /// MODIFIED (RFC 7162 section 3.1.3): the UIDs a conditional STORE did not change; empty when they cannot be read.
    pub(super) modified: Option<Vec<RangeInclusive<u32>>>,
    pub(super) appended: Option<(UidValidity, Uid)>,
    pub(super) capabilities: Option<Vec<String>>,
}

/// The three tagged answers (RFC 9051 section 7.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Verdict {
    #[default]
    Ok,
    No,
    Bad,
}

/// COPYUID (RFC 4315 section 3): the n-th source is the n-th destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CopyUid {
    pub(super) validity: UidValidity,
    pub(super) source: Vec<RangeInclusive<u32>>,
    pub(super) destination: Vec<RangeInclusive<u32>>,
}

impl Completion {
    /// The completion when it is OK, else the refusal as an error.
    pub(super) fn ok(self, command: &'static str) -> Result<Self, ImapError> {
        match self.verdict {
            Verdict::Ok => Ok(self),
            verdict => Err(ImapError::Refused {
                command,
                bad: verdict == Verdict::Bad,
                code: self.code,
                text: self.text,
            }),
        }
    }
}

/// COPYUID in an untagged OK, where MOVE puts it (RFC 6851 section 4.3).
pub(super) fn copy_uid(response: &Response<'_>) -> Option<CopyUid> {
    match response {
        Response::Data { outcome, .. } => outcome.code.as_ref().and_then(copied),
        _ => None,
    }
}

/// The words of a CAPABILITY response.
pub(super) fn words(capabilities: &[Capability<'_>]) -> Vec<String> {
    capabilities
        .iter()
        .map(|capability| match capability {
            Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
            Capability::Auth(mechanism) => format!("AUTH={}", mechanism.to_ascii_uppercase()),
            Capability::Atom(atom) => atom.to_ascii_uppercase(),
        })
        .collect()
}

pub(super) fn completion(verdict: Verdict, outcome: &Outcome<'_>) -> Completion {
    let information = outcome.information.as_deref().unwrap_or_default();
    let mut completion = Completion {
        verdict,
        text: sanitise(information.trim()),
        ..Completion::default()
    };
    match &outcome.code {
        Some(ResponseCode::Capabilities(capabilities)) => completion.capabilities = Some(words(capabilities)),
        Some(ResponseCode::AppendUid(validity, uids)) => {
            let uid = uids.first().map(|member| *range(member).start());
            completion.appended = uid.map(|uid| (UidValidity(*validity), Uid(uid)));
        }
        Some(code @ ResponseCode::CopyUid(..)) => completion.copied = copied(code),
        Some(code) => completion.code = name(code).map(str::to_owned),
        None => {
            // Codes the parser does not know are left in the text.
            if let Some((code, rest)) = information.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                let (name, argument) = code.split_once(' ').unwrap_or((code, ""));
                if name.eq_ignore_ascii_case("MODIFIED") {
                    completion.modified = Some(uid_set::parse(argument.trim()).unwrap_or_default());
                }
                completion.code = Some(sanitise(&name.to_ascii_uppercase()));
                completion.text = sanitise(rest.trim());
            }
        }
    }
    completion
}

fn name(code: &ResponseCode<'_>) -> Option<&'static str> {
    Some(match code {
        ResponseCode::Alert => "ALERT",
        ResponseCode::BadCharset(_) => "BADCHARSET",
        ResponseCode::Parse => "PARSE",
        ResponseCode::ReadOnly => "READ-ONLY",
        ResponseCode::ReadWrite => "READ-WRITE",
        ResponseCode::TryCreate => "TRYCREATE",
        ResponseCode::UidNotSticky => "UIDNOTSTICKY",
        _ => return None,
    })
}

fn copied(code: &ResponseCode<'_>) -> Option<CopyUid> {
    match code {
        ResponseCode::CopyUid(validity, source, destination) => Some(CopyUid {
            validity: UidValidity(*validity),
            source: source.iter().map(range).collect(),
            destination: destination.iter().map(range).collect(),
        }),
        _ => None,
    }
}

fn range(member: &UidSetMember) -> RangeInclusive<u32> {
    match member {
        UidSetMember::UidRange(range) => range.clone(),
        UidSetMember::Uid(uid) => *uid..=*uid,
    }
}
