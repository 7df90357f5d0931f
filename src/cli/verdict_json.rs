//! The JSON object of one message, the same for every command that prints one (design section 7).

use serde_json::{Map, Value, json};

use crate::sort::bucket::Bucket;
use crate::sort::mailbox::Mailbox;
use crate::sort::sanitise;
use crate::sort::verdict::Reason;

/// How the object names its message.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A file, as found.
    Path(&'a str),
    /// A UID in INBOX or in the folder the row speaks of.
    Uid(u32),
}

/// `{"path"|"uid","message_id","from","bucket","folder","reason":{"kind","text","rule","file","line"}}`.
pub fn object(
    subject: Subject<'_>,
    message_id: Option<&str>,
    from: Option<&str>,
    bucket: Bucket,
    folder: &Mailbox,
    reason: &Reason,
) -> Map<String, Value> {
    let mut object = Map::new();
    match subject {
        Subject::Path(path) => object.insert("path".to_owned(), json!(path)),
        Subject::Uid(uid) => object.insert("uid".to_owned(), json!(uid)),
    };
    object.insert("message_id".to_owned(), json!(message_id.map(sanitise)));
    object.insert("from".to_owned(), json!(from.map(sanitise)));
    object.insert("bucket".to_owned(), json!(bucket));
    object.insert("folder".to_owned(), json!(sanitise(folder.as_str())));
    object.insert("reason".to_owned(), reason_object(reason));
    object
}

/// `{"kind","text","rule","file","line"}`.
pub fn reason_object(reason: &Reason) -> Value {
    json!({
        "kind": reason.kind,
        "text": sanitise(&reason.text),
        "rule": reason.rule.as_deref().map(sanitise),
        "file": reason.file.as_deref().map(sanitise),
        "line": reason.line,
    })
}
