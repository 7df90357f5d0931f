//! A server with habits: standard enough, and yet unlike Dovecot, Cyrus and Courier in whatever a test chooses. It stands
//! in for servers that cannot be had here: Gmail, iCloud, Yahoo, Outlook, Proton Bridge, and those nobody has heard of.
//!
//! One user, mail in memory, loopback without TLS. The test is the user's hand: it delivers, drags and looks directly.

mod conversation;
mod fetch;
mod mail;

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

pub use mail::{Mail, Message};

use super::wait::eventually;

/// How folder names stand in LIST and STATUS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `"News"`.
    Quoted,
    /// `News`, where the name allows it.
    Atom,
    /// `{4}` and the name on the next line.
    Literal,
}

/// What becomes of a UID MOVE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moving {
    /// The message moves; COPYUID stands in an untagged OK.
    Honest,
    /// The message moves, and nothing says so but EXPUNGE.
    WithoutCopyUid,
    /// OK, and nothing has happened.
    Pretended,
}

/// The server's habits. The default is a plain IMAP4rev1 server with MOVE, UIDPLUS and IDLE.
#[derive(Debug, Clone)]
pub struct Ways {
    /// The greeting after `* `.
    pub greeting: &'static str,
    /// Capabilities before login.
    pub before_login: &'static str,
    /// Capabilities after login.
    pub after_login: &'static str,
    /// Between levels of folders; `None` is NIL: a server without levels.
    pub separator: Option<char>,
    /// Before every folder but INBOX.
    pub prefix: &'static str,
    /// Folder names in answers.
    pub spelling: Spelling,
    /// How INBOX is spelled in answers.
    pub inbox: &'static str,
    /// Everything the server says is in small letters, mail and names excepted.
    pub small_letters: bool,
    /// What stands between tag and status of a tagged answer.
    pub space: &'static str,
    /// What becomes of a MOVE.
    pub moving: Moving,
    /// COPY is answered with COPYUID.
    pub copy_uid: bool,
    /// PERMANENTFLAGS has `\*`; without it a STORE of a keyword is BAD, as at Outlook.
    pub keywords: bool,
    /// SELECT tells UIDNEXT.
    pub uid_next: bool,
    /// SELECT tells RECENT, which IMAP4rev2 has not.
    pub recent: bool,
    /// Unasked flags and codes nobody knows between the answers.
    pub chatty: bool,
    /// An untagged FETCH comes before the `+` of IDLE, as at iCloud.
    pub fetch_before_plus: bool,
    /// `* OK Still here` in IDLE.
    pub still_here: bool,
    /// UID and flags stand behind the header in FETCH.
    pub uid_last: bool,
    /// Messages that are gone are made up, as Courier does.
    pub made_up: bool,
    /// Labels instead of folders (X-GM-EXT-1): everything is in All Mail, a MOVE takes one label off and puts one on.
    pub gmail: bool,
    /// SEARCH is answered by ESEARCH, and names are UTF-8.
    pub rev2: bool,
    /// Reading a body or header without PEEK sets \Seen after EXAMINE too.
    pub examine_protects: bool,
}

impl Default for Ways {
    fn default() -> Self {
        Self {
            greeting: "OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready",
            before_login: "IMAP4rev1 AUTH=PLAIN SASL-IR",
            after_login: "IMAP4rev1 IDLE MOVE UIDPLUS NAMESPACE ID UNSELECT",
            separator: Some('/'),
            prefix: "",
            spelling: Spelling::Quoted,
            inbox: "INBOX",
            small_letters: false,
            space: " ",
            moving: Moving::Honest,
            copy_uid: true,
            keywords: true,
            uid_next: true,
            recent: true,
            chatty: false,
            fetch_before_plus: false,
            still_here: false,
            uid_last: false,
            made_up: false,
            gmail: false,
            rev2: false,
            examine_protects: false,
        }
    }
}

impl Ways {
    /// Opens a port and serves, with INBOX and a folder for sent mail.
    pub fn start(self) -> Odd {
        let mut mail = Mail::default();
        mail.add("INBOX", "");
        let sent = format!("{}Sent", self.prefix);
        mail.add(&sent, "\\Sent");
        self.start_with(mail)
    }

    /// Opens a port and serves this mail.
    pub fn start_with(self, mail: Mail) -> Odd {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            ways: self,
            mail: Mutex::new(mail),
            heard: Mutex::default(),
            sockets: Mutex::default(),
            moods: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.ended.load(Ordering::SeqCst) {
                    return;
                }
                let shared = accepting.clone();
                shared.sockets.lock().unwrap().push(stream.try_clone().unwrap());
                thread::spawn(move || {
                    let _ = conversation::serve(&shared, &stream);
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        Odd { port, shared }
    }
}

/// What all connections share.
struct Shared {
    ways: Ways,
    mail: Mutex<Mail>,
    heard: Mutex<Vec<String>>,
    sockets: Mutex<Vec<TcpStream>>,
    /// Commands by their beginning, the answer they get instead of the usual one, and how often.
    moods: Mutex<Vec<(String, String, usize)>>,
    ended: AtomicBool,
}

impl Shared {
    /// The mood this command meets, which is used up by it.
    fn mood(&self, command: &str) -> Option<String> {
        let mut moods = self.moods.lock().unwrap();
        let (_, answer, times) = moods
            .iter_mut()
            .find(|(start, _, times)| *times > 0 && command.starts_with(start))?;
        *times -= 1;
        Some(answer.clone())
    }
}

/// A running server.
pub struct Odd {
    /// Its loopback port.
    pub port: u16,
    shared: Arc<Shared>,
}

impl Odd {
    /// The mail, to look at and to change; whoever watches is told.
    pub fn mail(&self) -> MutexGuard<'_, Mail> {
        self.shared.mail.lock().unwrap()
    }

    /// Puts a message into a folder (the server's spelling); its UID.
    pub fn deliver(&self, folder: &str, bytes: &[u8]) -> u32 {
        let mut mail = self.mail();
        let number = mail.next_number();
        mail.put(folder, bytes, &[], number)
    }

    /// The user's hand, on another device.
    pub fn drag(&self, message_id: &str, from: &str, to: &str) {
        let mut mail = self.mail();
        let uid = mail.find(from, message_id).first().copied().expect("no such message");
        mail.transfer(from, uid, to, self.shared.ways.gmail);
    }

    /// Waits until the message lies in a folder, once, and in none of `others`: between COPY and EXPUNGE it lies in two.
    #[track_caller]
    pub fn arrives(&self, message_id: &str, folder: &str, others: &[&str]) {
        let what = format!("{message_id} in {folder}, and in none of {others:?}");
        eventually(&what, || {
            let mail = self.mail();
            let elsewhere = others.iter().any(|other| !mail.find(other, message_id).is_empty());
            (mail.find(folder, message_id).len() == 1 && !elsewhere).then_some(())
        });
    }

    /// Every command so far, without its tag; no password.
    pub fn heard(&self) -> Vec<String> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// How many commands so far begin so.
    pub fn count(&self, start: &str) -> usize {
        self.heard().iter().filter(|command| command.starts_with(start)).count()
    }

    /// Waits until that many commands begin so.
    #[track_caller]
    pub fn wait_for(&self, start: &str, count: usize) {
        eventually(&format!("{count} x {start}"), || {
            (self.count(start) >= count).then_some(())
        });
    }

    /// Answers the next commands that begin so in another way. An OK is carried out all the same, a NO or BAD is not.
    pub fn answer(&self, start: &str, answer: &str, times: usize) {
        let mood = (start.to_owned(), answer.to_owned(), times);
        self.shared.moods.lock().unwrap().push(mood);
    }

    /// Says BYE on every connection and closes it.
    pub fn bye(&self) {
        for mut socket in self.shared.sockets.lock().unwrap().drain(..) {
            let _ = io::Write::write_all(&mut socket, b"* BYE Shutting down for a cup of tea\r\n");
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.bye();
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if thread::panicking() {
            eprintln!("--- the odd server has heard\n{}", self.heard().join("\n"));
        }
    }
}
