//! What a server offers, one bool per extension we use, each with its RFC. Nothing that was not offered is sent.

/// The capabilities of a server, as listed after login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Move and rename in one step: [RFC 6851](https://www.rfc-editor.org/rfc/rfc6851); part of IMAP4rev2.
    pub move_: bool,
    /// COPYUID and UID EXPUNGE: [RFC 4315](https://www.rfc-editor.org/rfc/rfc4315); part of IMAP4rev2.
    pub uidplus: bool,
    /// The server tells about news by itself: [RFC 2177](https://www.rfc-editor.org/rfc/rfc2177).
    pub idle: bool,
    /// ... about other folders too: [RFC 5465](https://www.rfc-editor.org/rfc/rfc5465).
    pub notify: bool,
    /// Modification sequences: [RFC 7162](https://www.rfc-editor.org/rfc/rfc7162).
    pub condstore: bool,
    /// Quick resynchronisation: [RFC 7162](https://www.rfc-editor.org/rfc/rfc7162).
    pub qresync: bool,
    /// LIST with several patterns and RETURN: [RFC 5258](https://www.rfc-editor.org/rfc/rfc5258).
    pub list_extended: bool,
    /// STATUS of many folders in one LIST: [RFC 5819](https://www.rfc-editor.org/rfc/rfc5819).
    pub list_status: bool,
    /// \Sent, \Trash and so on: [RFC 6154](https://www.rfc-editor.org/rfc/rfc6154).
    pub special_use: bool,
    /// Compact SEARCH results: [RFC 4731](https://www.rfc-editor.org/rfc/rfc4731).
    pub esearch: bool,
    /// EMAILID and MAILBOXID: [RFC 8474](https://www.rfc-editor.org/rfc/rfc8474).
    pub object_id: bool,
    /// Access control lists: [RFC 4314](https://www.rfc-editor.org/rfc/rfc4314).
    pub acl: bool,
    /// Our rights in a LIST: [RFC 8440](https://www.rfc-editor.org/rfc/rfc8440).
    pub list_myrights: bool,
    /// Gmail's message ids and labels: <https://developers.google.com/workspace/gmail/imap/imap-extensions>.
    pub gmail: bool,
    /// ENABLE: [RFC 5161](https://www.rfc-editor.org/rfc/rfc5161).
    pub enable: bool,
    /// NAMESPACE: [RFC 2342](https://www.rfc-editor.org/rfc/rfc2342).
    pub namespace: bool,
    /// UNSELECT: [RFC 3691](https://www.rfc-editor.org/rfc/rfc3691).
    pub unselect: bool,
    /// Literals without waiting: [RFC 7888](https://www.rfc-editor.org/rfc/rfc7888).
    pub literal_plus: bool,
    /// ID: [RFC 2971](https://www.rfc-editor.org/rfc/rfc2971).
    pub id: bool,
    /// Initial response of AUTHENTICATE: [RFC 4959](https://www.rfc-editor.org/rfc/rfc4959).
    pub sasl_ir: bool,
    /// STARTTLS: [RFC 9051 section 6.2.1](https://www.rfc-editor.org/rfc/rfc9051#section-6.2.1).
    pub starttls: bool,
    /// LOGIN is off until the connection is encrypted: RFC 9051 section 6.2.3. Means nothing after login.
    pub login_disabled: bool,
    /// IMAP4rev2 and nothing older: [RFC 9051](https://www.rfc-editor.org/rfc/rfc9051).
    pub rev2_only: bool,
    /// SASL mechanisms in capitals, in the server's order.
    pub mechanisms: Vec<String>,
    /// Every word in capitals, for `doctor` and bug reports.
    pub words: Vec<String>,
}

impl Capabilities {
    /// From the words of a CAPABILITY response.
    pub fn new<I: IntoIterator<Item: AsRef<str>>>(words: I) -> Self {
        let mut offered = Self::default();
        // A hostile list of a million words must not stay in memory.
        for word in words.into_iter().take(1_000) {
            let word = word.as_ref().to_ascii_uppercase();
            match word.as_str() {
                "IMAP4REV2" => {
                    offered.move_ = true;
                    offered.uidplus = true;
                    offered.idle = true;
                    offered.enable = true;
                    offered.namespace = true;
                    offered.unselect = true;
                }
                "MOVE" => offered.move_ = true,
                "UIDPLUS" => offered.uidplus = true,
                "IDLE" => offered.idle = true,
                "NOTIFY" => offered.notify = true,
                "CONDSTORE" => offered.condstore = true,
                "QRESYNC" => (offered.condstore, offered.qresync) = (true, true),
                "LIST-EXTENDED" => offered.list_extended = true,
                "LIST-STATUS" => offered.list_status = true,
                "SPECIAL-USE" => offered.special_use = true,
                "ESEARCH" => offered.esearch = true,
                "OBJECTID" => offered.object_id = true,
                "ACL" => offered.acl = true,
                "LIST-MYRIGHTS" => offered.list_myrights = true,
                "X-GM-EXT-1" => offered.gmail = true,
                "ENABLE" => offered.enable = true,
                "NAMESPACE" => offered.namespace = true,
                "UNSELECT" => offered.unselect = true,
                "LITERAL+" => offered.literal_plus = true,
                "ID" => offered.id = true,
                "SASL-IR" => offered.sasl_ir = true,
                "STARTTLS" => offered.starttls = true,
                "LOGINDISABLED" => offered.login_disabled = true,
                other => offered
                    .mechanisms
                    .extend(other.strip_prefix("AUTH=").map(str::to_owned)),
            }
            offered.words.push(word);
        }
        let lists = |name: &str| offered.words.iter().any(|word| word == name);
        offered.rev2_only = lists("IMAP4REV2") && !lists("IMAP4REV1");
        offered
    }

    /// From the line of a server that speaks IMAP4rev2 only, which the parser below does not read.
    pub(super) fn from_raw(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let mut words = text.strip_prefix("* ")?.split_ascii_whitespace();
        words.next().filter(|first| first.eq_ignore_ascii_case("CAPABILITY"))?;
        Some(Self::new(words))
    }

    /// True when this SASL mechanism is offered.
    pub fn offers(&self, mechanism: &str) -> bool {
        self.mechanisms.iter().any(|offered| offered == mechanism)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_case() {
        let offered = Capabilities::new(["imap4rev1", "Move", "AUTH=plain", "QRESYNC", "XYZZY"]);
        assert!(offered.move_ && offered.condstore && offered.qresync && !offered.uidplus);
        assert!(offered.offers("PLAIN") && !offered.offers("LOGIN"));
    }

    #[test]
    fn a_rev2_only_server_has_what_rev2_includes() {
        let offered = Capabilities::from_raw(b"* CAPABILITY IMAP4rev2 AUTH=PLAIN").unwrap();
        assert!(offered.move_ && offered.uidplus && offered.idle && offered.namespace);
        assert_eq!(Capabilities::from_raw(b"* SEARCH 1"), None);
    }
}
