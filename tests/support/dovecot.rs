//! Dovecot on loopback, in its own directory; `/etc/dovecot` is never read.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use super::certificates::{self, Certificate};
use super::server::{Ground, PASSWORD, Server, USERS, skip};

const PROGRAM: &str = "/usr/sbin/dovecot";

/// What this configuration of Dovecot 2.3 offers after login, less what a test takes away.
const CAPABILITIES: &str = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ SORT MULTIAPPEND UNSELECT \
    CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED CONDSTORE QRESYNC ESEARCH SEARCHRES WITHIN LIST-STATUS BINARY MOVE \
    STATUS=SIZE NOTIFY SPECIAL-USE";

/// How the server is to be.
#[derive(Debug, Clone, Default)]
pub struct Dovecot {
    hidden: Vec<&'static str>,
    inbox_prefix: bool,
    quota: Option<u32>,
    connections: Option<u32>,
    certificate: Certificate,
    authority: Option<u16>,
    rights: bool,
    scheme: Option<&'static str>,
    extra: String,
}

impl Dovecot {
    /// Separator `/`, every capability, no quota, a good certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Does not announce these capabilities.
    #[must_use]
    pub fn without(mut self, capabilities: &[&'static str]) -> Self {
        self.hidden.extend(capabilities);
        self
    }

    /// Folders are `INBOX.Name.Below`, as on Courier and many hosters.
    #[must_use]
    pub fn inbox_prefix(mut self) -> Self {
        self.inbox_prefix = true;
        self
    }

    /// Messages a user may hold.
    #[must_use]
    pub fn quota(mut self, messages: u32) -> Self {
        self.quota = Some(messages);
        self
    }

    /// Connections a user may have at a time.
    #[must_use]
    pub fn connections(mut self, count: u32) -> Self {
        self.connections = Some(count);
        self
    }

    /// Which certificate it shows.
    #[must_use]
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = certificate;
        self
    }

    /// Takes tokens too, and asks the authority at that port about each.
    #[must_use]
    pub fn oauth(mut self, port: u16) -> Self {
        self.authority = Some(port);
        self
    }

    /// Keeps to the rights in a folder's `dovecot-acl` (see [`Server::rights`]), and announces ACL.
    #[must_use]
    pub fn acl(mut self) -> Self {
        self.rights = true;
        self
    }

    /// Offers SCRAM-SHA-256, and keeps passwords hashed as this scheme of `doveadm pw`.
    #[must_use]
    pub fn scram(mut self, scheme: &'static str) -> Self {
        self.scheme = Some(scheme);
        self
    }

    /// Lines at the end of its configuration.
    #[must_use]
    pub fn extra(mut self, lines: &str) -> Self {
        self.extra.push_str(lines);
        self
    }

    /// Starts it; `None` where Dovecot is not installed (see [`skip`]).
    pub fn start(self) -> Option<Server> {
        if !Path::new(PROGRAM).exists() {
            return skip("Dovecot", "install dovecot-imapd");
        }
        let prepare = move |ground: &Ground| self.prepare(ground);
        Some(Server::start("dovecot", true, prepare, |ground| {
            let mut command = Command::new(PROGRAM);
            command.arg("-F").arg("-c").arg(ground.path("dovecot.conf"));
            if let Some((uid, gid)) = ground.owner {
                command.uid(uid).gid(gid);
            }
            command
        }))
    }

    fn prepare(&self, ground: &Ground) {
        ground.directory("run");
        ground.directory("log");
        let mail = ground.directory("mail");
        let mut passwords = String::new();
        for user in USERS {
            fs::create_dir(mail.join(user)).unwrap();
            let password = match self.scheme {
                Some(scheme) => hashed(scheme),
                None => format!("{{PLAIN}}{PASSWORD}"),
            };
            writeln!(passwords, "{user}:{password}:::::").unwrap();
        }
        fs::write(ground.path("passwd"), passwords).unwrap();
        certificates::write(&ground.directory("tls"), self.certificate);
        if let Some(port) = self.authority {
            let settings = format!(
                "introspection_mode = post\nintrospection_url = http://127.0.0.1:{port}/introspect\n\
                 force_introspection = yes\nusername_attribute = username\nactive_attribute = active\n\
                 active_value = true\nscope = mail\n"
            );
            fs::write(ground.path("oauth2.conf"), settings).unwrap();
        }
        fs::write(ground.path("dovecot.conf"), self.configuration(ground)).unwrap();
    }

    fn configuration(&self, ground: &Ground) -> String {
        let root = ground.root.path().display();
        let (user, group) = ground.user_and_group();
        let capabilities: Vec<&str> = CAPABILITIES
            .split_whitespace()
            .filter(|word| !self.hidden.contains(word))
            .collect();
        let (rights, rights_imap, acl) = if self.rights {
            ("acl", "imap_acl", "acl = vfile")
        } else {
            ("", "", "")
        };
        let announced = if self.rights { "ACL RIGHTS=texk" } else { "" };
        let (separator, prefix) = if self.inbox_prefix { (".", "INBOX.") } else { ("/", "") };
        let (quota_plugin, quota_imap, quota_rule) = match self.quota {
            Some(messages) => (
                "quota",
                "imap_quota",
                format!(
                    "quota = count:User quota\n  quota_rule = *:messages={messages}\n  quota_vsizes = yes\n  quota_grace = 0"
                ),
            ),
            None => ("", "", String::new()),
        };
        let scram = self.scheme.map_or("", |_| "scram-sha-256");
        let (mechanisms, tokens) = match self.authority {
            Some(_) => (
                "xoauth2 oauthbearer",
                format!(
                    "passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {root}/oauth2.conf\n}}"
                ),
            ),
            None => ("", String::new()),
        };
        format!(
            r"base_dir = {root}/run
state_dir = {root}/run
instance_name = postroom-{port}
log_path = {root}/log/server.log
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
auth_mechanisms = plain login {scram} {mechanisms}
auth_failure_delay = 0
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
mail_uid = {user}
mail_gid = {group}
mail_fsync = never
mail_max_userip_connections = {connections}
mail_plugins = notify {quota_plugin} {rights}
mailbox_idle_check_interval = 5 secs
mailbox_list_index = yes
ssl = yes
ssl_cert = <{root}/tls/cert.pem
ssl_key = <{root}/tls/key.pem
protocol imap {{
  mail_plugins = $mail_plugins {quota_imap} {rights_imap}
  imap_capability = {capabilities} {announced}
}}
plugin {{
  {quota_rule}
  {acl}
}}
{tokens}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%n {root}/passwd
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={root}/mail/%n
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox Drafts {{
    special_use = \Drafts
    auto = create
  }}
  mailbox Sent {{
    special_use = \Sent
    auto = subscribe
  }}
  mailbox Junk {{
    special_use = \Junk
    auto = create
  }}
  mailbox Trash {{
    special_use = \Trash
    auto = subscribe
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
{extra}
",
            port = ground.port,
            tls_port = ground.tls_port,
            connections = self.connections.unwrap_or(50),
            capabilities = capabilities.join(" "),
            extra = self.extra,
        )
    }
}

/// The password as Dovecot keeps it under that scheme.
fn hashed(scheme: &str) -> String {
    let output = Command::new("doveadm")
        .args(["pw", "-s", scheme, "-p", PASSWORD])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
