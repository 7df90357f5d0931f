//! What a test or the demo can choose about the embedded server: users, capabilities, how names look on the wire.

/// Everything the server can do, in the order in which it is announced after login.
const ALL: [&str; 16] = [
    "IMAP4rev1",
    "LITERAL+",
    "SASL-IR",
    "AUTH=PLAIN",
    "ID",
    "ENABLE",
    "NAMESPACE",
    "CHILDREN",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "SPECIAL-USE",
    "UIDPLUS",
    "MOVE",
    "IDLE",
    "UNSELECT",
    "NOTIFY",
];

/// The set of capabilities that is announced and obeyed (RFC 9051 section 6.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities(Vec<&'static str>);

impl Default for Capabilities {
    fn default() -> Self {
        Self(ALL.to_vec())
    }
}

impl Capabilities {
    /// The same set without `name`; a command of a capability that is switched off is answered `BAD`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|known| !known.eq_ignore_ascii_case(name));
        self
    }

    /// True when `name` is announced.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The words of a CAPABILITY response. Mechanisms are of no use after login and left out then.
    pub(super) fn announced(&self, logged_in: bool) -> String {
        let words = self
            .0
            .iter()
            .filter(|word| !(logged_in && (word.starts_with("AUTH=") || **word == "SASL-IR")));
        words.copied().collect::<Vec<_>>().join(" ")
    }
}

/// One user of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Password, in clear: it protects nothing but sample mail on loopback.
    pub password: String,
}

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// TCP port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// Who may log in.
    pub users: Vec<User>,
    /// What is announced and obeyed.
    pub capabilities: Capabilities,
    /// False: the answer to a login names no capabilities, as Courier's does not.
    pub capabilities_at_login: bool,
    /// Hierarchy separator on the wire, `/` or `.`.
    pub separator: char,
    /// Prefix of every folder but INBOX on the wire: empty, or `INBOX.` as on Courier.
    pub prefix: String,
    /// Folders every user has from the start besides INBOX, with their special use (RFC 6154).
    pub folders: Vec<(String, Option<&'static str>)>,
    /// UIDVALIDITY of the first folder; every further folder takes the next number.
    pub first_uid_validity: u32,
}

impl Default for ServerOptions {
    /// `alice` with the password `secret`, every capability, `/` and no prefix, and the folders a provider makes.
    fn default() -> Self {
        let folder = |name: &str, special_use| (name.to_owned(), Some(special_use));
        Self {
            port: 0,
            users: vec![User {
                name: "alice".to_owned(),
                password: "secret".to_owned(),
            }],
            capabilities: Capabilities::default(),
            capabilities_at_login: true,
            separator: '/',
            prefix: String::new(),
            folders: vec![
                folder("Archive", "\\Archive"),
                folder("Drafts", "\\Drafts"),
                folder("Junk", "\\Junk"),
                folder("Sent", "\\Sent"),
                folder("Trash", "\\Trash"),
            ],
            first_uid_validity: 1_700_000_001,
        }
    }
}
