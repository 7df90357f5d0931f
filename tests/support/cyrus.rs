//! Cyrus IMAP on loopback, from packages unpacked into a private tree.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::certificates::{self, Certificate};
use super::packages;
use super::server::{Ground, PASSWORD, Server, USERS, skip};

const PACKAGES: [&str; 4] = ["cyrus-imapd", "sasl2-bin", "libsasl2-modules-db", "libsasl2-modules"];

/// How the server is to be.
#[derive(Debug, Clone, Default)]
pub struct Cyrus {
    inbox_prefix: bool,
    hidden: Vec<&'static str>,
    scram: bool,
}

impl Cyrus {
    /// Separator `/`, folders beside INBOX.
    pub fn new() -> Self {
        Self::default()
    }

    /// The classic Cyrus: `INBOX.Name.Below`.
    #[must_use]
    pub fn inbox_prefix(mut self) -> Self {
        self.inbox_prefix = true;
        self
    }

    /// Offers SCRAM-SHA-256 too.
    #[must_use]
    pub fn scram(mut self) -> Self {
        self.scram = true;
        self
    }

    /// Does not announce these capabilities.
    #[must_use]
    pub fn without(mut self, capabilities: &[&'static str]) -> Self {
        self.hidden.extend(capabilities);
        self
    }

    /// Starts it; `None` where its packages cannot be had (see [`skip`]).
    pub fn start(self) -> Option<Server> {
        let tree = match packages::tree("cyrus", &PACKAGES) {
            Ok(tree) => tree,
            Err(why) => return skip("Cyrus", &why),
        };
        let here = tree.clone();
        let prepare = move |ground: &Ground| self.prepare(ground, &here);
        Some(Server::start("cyrus", false, prepare, move |ground| {
            let mut command = program(&tree, "usr/lib/cyrus/bin/master");
            command.env("CYRUS_USER", ground.user_and_group().0).arg("-D");
            command
                .arg("-C")
                .arg(ground.path("imapd.conf"))
                .arg("-M")
                .arg(ground.path("cyrus.conf"));
            command
                .arg("-p")
                .arg(ground.path("master.pid"))
                .arg("-L")
                .arg(ground.path("master.log"));
            if let Some((uid, gid)) = ground.owner {
                command.uid(uid).gid(gid);
            }
            command
        }))
    }

    fn prepare(&self, ground: &Ground, tree: &Path) {
        for name in ["socket", "db", "log", "msg", "proc", "ptclient", "lock"] {
            ground.directory(&format!("var/{name}"));
        }
        ground.directory("spool");
        certificates::write(&ground.directory("tls"), Certificate::Good);
        fs::write(ground.path("imapd.conf"), self.imapd_conf(ground)).unwrap();
        fs::write(ground.path("cyrus.conf"), cyrus_conf(ground, tree)).unwrap();
        for user in USERS {
            set_password(ground, tree, user);
        }
    }

    fn imapd_conf(&self, ground: &Ground) -> String {
        let scram = if self.scram { "SCRAM-SHA-256" } else { "" };
        let root = ground.root.path().display();
        let (user, _) = ground.user_and_group();
        let beside = u8::from(!self.inbox_prefix);
        let hidden = if self.hidden.is_empty() {
            String::new()
        } else {
            format!("suppress_capabilities: {}", self.hidden.join(" "))
        };
        format!(
            "configdirectory: {root}/var
defaultpartition: default
partition-default: {root}/spool
cyrus_user: {user}
servername: mail.example.org
admins: cyrus
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {root}/sasldb
sasl_mech_list: PLAIN LOGIN {scram}
altnamespace: {beside}
unixhierarchysep: {beside}
virtdomains: off
autocreate_quota: 0
autocreate_inbox_folders: Sent | Drafts | Junk | Trash
autocreate_subscribe_folders: Sent | Drafts | Junk | Trash
xlist-sent: Sent
xlist-drafts: Drafts
xlist-junk: Junk
xlist-trash: Trash
conversations: yes
expunge_mode: delayed
delete_mode: immediate
tls_server_cert: {root}/tls/cert.pem
tls_server_key: {root}/tls/key.pem
tls_session_timeout: 0
{hidden}
"
        )
    }
}

fn cyrus_conf(ground: &Ground, tree: &Path) -> String {
    let bin = tree.join("usr/lib/cyrus/bin");
    let (bin, conf) = (bin.display(), ground.path("imapd.conf"));
    let conf = conf.display();
    format!(
        "START {{
  recover cmd=\"{bin}/ctl_cyrusdb -C {conf} -r\"
  idled cmd=\"{bin}/idled -C {conf}\"
}}
SERVICES {{
  imap cmd=\"{bin}/imapd -C {conf} -U 50\" listen=\"127.0.0.1:{port}\" proto=\"tcp4\" prefork=1
  imaps cmd=\"{bin}/imapd -s -C {conf} -U 50\" listen=\"127.0.0.1:{tls_port}\" proto=\"tcp4\" prefork=0
}}
EVENTS {{
  checkpoint cmd=\"{bin}/ctl_cyrusdb -C {conf} -c\" period=30
}}
",
        port = ground.port,
        tls_port = ground.tls_port,
    )
}

/// A program of the tree, with the tree's libraries.
fn program(tree: &Path, path: &str) -> Command {
    let mut command = Command::new(tree.join(path));
    let plugins = PathBuf::from(format!("usr/lib/{}-linux-gnu/sasl2", std::env::consts::ARCH));
    command
        .env("LD_LIBRARY_PATH", packages::library_path(tree))
        .env("SASL_PATH", tree.join(plugins));
    command
}

fn set_password(ground: &Ground, tree: &Path, user: &str) {
    use std::io::Write as _;
    let mut command = program(tree, "usr/sbin/saslpasswd2");
    command
        .args(["-c", "-p", "-u", "mail.example.org", "-f"])
        .arg(ground.path("sasldb"))
        .arg(user);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "saslpasswd2 {user}");
}
