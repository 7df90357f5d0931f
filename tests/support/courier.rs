//! Courier IMAP on loopback, from packages unpacked into a private tree. Its paths are compiled in, so it runs in a mount
//! namespace of its own that shows the tree where it looks for it: root only.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::certificates::{self, Certificate};
use super::packages;
use super::server::{Ground, PASSWORD, Server, USERS, skip};

const PACKAGES: [&str; 2] = ["courier-imap", "courier-authlib-userdb"];

/// How the server is to be.
#[derive(Debug, Clone)]
pub struct Courier {
    idle_seconds: u32,
}

impl Default for Courier {
    fn default() -> Self {
        Self { idle_seconds: 3 }
    }
}

impl Courier {
    /// Looks every 3 seconds for what a session in IDLE has to be told (its own default is 60).
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks every so many seconds.
    #[must_use]
    pub fn idle_seconds(mut self, seconds: u32) -> Self {
        self.idle_seconds = seconds;
        self
    }

    /// Starts it; `None` where its packages cannot be had or the tests do not run as root (see [`skip`]).
    pub fn start(self) -> Option<Server> {
        if !rustix::process::geteuid().is_root() {
            return skip("Courier", "needs root for a mount namespace");
        }
        let tree = match packages::tree("courier", &PACKAGES) {
            Ok(tree) => tree,
            Err(why) => return skip("Courier", &why),
        };
        let idle = self.idle_seconds.to_string();
        let here = tree.clone();
        let prepare = move |ground: &Ground| prepare(ground, &here);
        Some(Server::start("courier", true, prepare, move |ground| {
            let mut command = Command::new("unshare");
            // When unshare ends, everything in its process namespace does.
            command.args([
                "--mount",
                "--propagation",
                "private",
                "--pid",
                "--fork",
                "--kill-child=KILL",
                "/bin/sh",
            ]);
            command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/courier.sh"));
            command.arg(&tree).arg(ground.root.path());
            command.args([ground.port.to_string(), ground.tls_port.to_string(), idle.clone()]);
            command
        }))
    }
}

fn prepare(ground: &Ground, tree: &Path) {
    let (uid, gid) = ground.owner.expect("run by root");
    let etc = ground.directory("etc/courier");
    ground.directory("run/courier/authdaemon");
    let mail = ground.directory("mail");
    let mut users = String::new();
    for user in USERS {
        let home = mail.join(user);
        fs::create_dir(&home).unwrap();
        let maildir = home.join("Maildir");
        make_maildir(tree, &[], &maildir);
        for folder in ["Sent", "Drafts", "Trash"] {
            make_maildir(tree, &["-f", folder], &maildir);
        }
        let password = crypt(PASSWORD);
        let (home, maildir) = (home.display(), maildir.display());
        writeln!(
            users,
            "{user}\tuid={uid}|gid={gid}|home={home}|mail={maildir}|imappw={password}"
        )
        .unwrap();
    }
    fs::write(etc.join("userdb"), users).unwrap();
    fs::set_permissions(etc.join("userdb"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(
        etc.join("authdaemonrc"),
        "authmodulelist=\"authuserdb\"\nauthmodulelistorig=\"authuserdb\"\ndaemons=3\n\
         authdaemonvar=/run/courier/authdaemon\nDEBUG_LOGIN=0\nDEFAULTOPTIONS=\"\"\nLOGGEROPTS=\"\"\n",
    )
    .unwrap();
    // The programs look the user `courier` up.
    for (file, line) in [
        (
            "passwd",
            format!("courier:x:{uid}:{gid}::/nonexistent:/usr/sbin/nologin\n"),
        ),
        ("group", format!("courier:x:{gid}:\n")),
    ] {
        let system = fs::read_to_string(Path::new("/etc").join(file)).unwrap();
        fs::write(ground.path("etc").join(file), system + &line).unwrap();
    }
    let tls = ground.directory("tls");
    certificates::write(&tls, Certificate::Good);
    let both = fs::read_to_string(tls.join("key.pem")).unwrap() + &fs::read_to_string(tls.join("cert.pem")).unwrap();
    fs::write(tls.join("both.pem"), both).unwrap();
}

fn make_maildir(tree: &Path, arguments: &[&str], maildir: &Path) {
    let mut command = Command::new(tree.join("usr/bin/maildirmake.courier"));
    let status = command
        .env("LD_LIBRARY_PATH", packages::library_path(tree))
        .args(arguments)
        .arg(maildir)
        .status();
    assert!(status.unwrap().success(), "maildirmake {}", maildir.display());
}

/// The password as `crypt` writes it.
fn crypt(password: &str) -> String {
    let output = Command::new("openssl")
        .args(["passwd", "-1", password])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
