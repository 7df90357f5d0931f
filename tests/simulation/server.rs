//! One connection, byte for byte: lines in, answers out, and the weather in between.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf, split};
use tokio::time::sleep;

use super::command::Command;
use super::session::{Session, append};
use super::weather::{Arrival, Fault};
use super::world::Shared;

/// The connection has ended, in whatever way.
struct Ended;

struct Connection {
    world: Shared,
    number: u32,
    read: BufReader<ReadHalf<DuplexStream>>,
    write: WriteHalf<DuplexStream>,
    /// What has been read of the next line.
    line: Vec<u8>,
    session: Session,
    logged_in: bool,
    /// How often the server had been started, and the daemon's machine had slept, when this connection began.
    restarts: u32,
    breaks: u32,
}

/// Serves one connection until it ends.
pub async fn serve(world: Shared, stream: DuplexStream, number: u32, arrival: Arrival) {
    let (read, write) = split(stream);
    let (restarts, breaks) = {
        let world = world.lock();
        (world.restarts, world.slumber.breaks)
    };
    let mut connection = Connection {
        world: world.clone(),
        number,
        read: BufReader::new(read),
        write,
        line: Vec::new(),
        session: Session::default(),
        logged_in: false,
        restarts,
        breaks,
    };
    let _ = connection.talk(arrival).await;
    let mut world = world.lock();
    world.connections -= 1;
    world.note(&format!("{number} closed"));
}

impl Connection {
    async fn talk(&mut self, arrival: Arrival) -> Result<(), Ended> {
        match arrival {
            Arrival::Silent => return self.fall_silent().await,
            Arrival::Bye => return self.say(b"* BYE Too many connections.\r\n").await,
            _ => {}
        }
        let greeting = format!(
            "* OK [CAPABILITY {}] ready\r\n",
            self.world.lock().profile.capabilities()
        );
        self.say(greeting.as_bytes()).await?;
        loop {
            let line = self.next_line().await?;
            let Some((tag, body)) = line.split_once(' ') else {
                return Err(Ended);
            };
            let (tag, body) = (tag.to_owned(), body.to_owned());
            self.note(&format!("> {body}"));
            match Command::parse(&body) {
                Ok(command) => self.obey(&tag, &command).await?,
                Err(rule) => {
                    self.world.lock().breaks(rule);
                    self.say(format!("{tag} BAD Unknown command.\r\n").as_bytes()).await?;
                }
            }
        }
    }

    /// `Err` when the server has been started again since, or the link has not outlived the sleep of the daemon's machine.
    async fn still_up(&mut self) -> Result<(), Ended> {
        let (restarts, breaks, silent) = {
            let world = self.world.lock();
            (world.restarts, world.slumber.breaks, world.slumber.silent)
        };
        if breaks != self.breaks && silent {
            return self.fall_silent().await;
        }
        if (restarts, breaks) == (self.restarts, self.breaks) {
            Ok(())
        } else {
            Err(Ended)
        }
    }

    /// What takes long, be it that the connection is gone long before.
    async fn take_time(&mut self, fault: Fault, command: &Command) -> Result<(), Ended> {
        let (Fault::Slow(pause) | Fault::Outlives(pause)) = fault else {
            return Ok(());
        };
        if fault == Fault::Outlives(pause) {
            let _ = self.write.shutdown().await;
        }
        sleep(pause).await;
        self.still_up().await?;
        self.session.find(&self.world.lock(), command);
        Ok(())
    }

    async fn obey(&mut self, tag: &str, command: &Command) -> Result<(), Ended> {
        self.still_up().await?;
        let (fault, latency) = {
            let mut world = self.world.lock();
            let fault = world.weather.of(name(command));
            if fault != Fault::None {
                world.note(&format!("weather: {fault:?}"));
            }
            (fault, world.weather.latency())
        };
        match fault {
            Fault::CutBefore => return Err(Ended),
            Fault::SilentBefore => return self.fall_silent().await,
            Fault::Bye => {
                self.say(b"* BYE Server is shutting down.\r\n").await?;
                return Err(Ended);
            }
            Fault::Refused(text) => return self.answer(tag, Vec::new(), text).await,
            _ => {}
        }
        let (untagged, mut tagged) = match command {
            Command::Idle => {
                self.world.lock().idling += 1;
                let ended = self.idle(tag).await;
                self.world.lock().idling -= 1;
                return ended;
            }
            Command::Append {
                folder,
                flags,
                length,
                at_once,
            } => {
                if !at_once {
                    self.say(b"+ OK\r\n").await?;
                }
                let bytes = self.literal(*length).await?;
                append(&mut self.world.lock(), folder, flags, bytes)
            }
            Command::Login(password) => self.log_in(password),
            _ if !self.logged_in && *command != Command::Capability && *command != Command::Logout => {
                (Vec::new(), "BAD Log in first.".to_owned())
            }
            _ => {
                self.session.read(&mut self.world.lock(), command);
                if !latency.is_zero() {
                    sleep(latency).await;
                }
                self.take_time(fault, command).await?;
                let carried_out = self.session.carry_out(&mut self.world.lock(), command);
                match carried_out {
                    Ok(answer) => answer,
                    Err(words) => {
                        self.say(format!("* BYE {words}\r\n").as_bytes()).await?;
                        return Err(Ended);
                    }
                }
            }
        };
        let mut untagged = untagged;
        match fault {
            Fault::CutUnanswered | Fault::Outlives(_) => return Err(Ended),
            Fault::SilentAfter => return self.fall_silent().await,
            Fault::CutWithin => {
                let half = untagged.len().div_ceil(2);
                untagged.truncate(half);
                self.say(&untagged).await?;
                return Err(Ended);
            }
            Fault::Throttled if tagged.starts_with("OK") => tagged.push_str(" [THROTTLED]"),
            Fault::SaidTwice => {
                if let Some(count) = self.session.exists() {
                    untagged.extend(format!("* {count} EXISTS\r\n* {count} EXISTS\r\n").into_bytes());
                }
            }
            _ => {}
        }
        let untagged = String::from_utf8_lossy(&untagged).replace("(TAG \"$\")", &format!("(TAG \"{tag}\")"));
        self.answer(tag, untagged.into_bytes(), &tagged).await?;
        if fault == Fault::CutAfter || *command == Command::Logout {
            return Err(Ended);
        }
        Ok(())
    }

    fn log_in(&mut self, password: &str) -> (Vec<u8>, String) {
        let mut world = self.world.lock();
        let now = world.now();
        world.logins.push(now);
        if world.password != password {
            return (
                Vec::new(),
                "NO [AUTHENTICATIONFAILED] Authentication failed.".to_owned(),
            );
        }
        self.logged_in = true;
        let capabilities = world.profile.capabilities();
        (Vec::new(), format!("OK [CAPABILITY {capabilities}] Logged in"))
    }

    /// RFC 2177: tells of changes until the client says DONE.
    async fn idle(&mut self, tag: &str) -> Result<(), Ended> {
        self.say(b"+ idling\r\n").await?;
        let (changed, still_here) = {
            let world = self.world.lock();
            (world.post.changed.clone(), world.profile.still_here)
        };
        loop {
            let change = changed.notified();
            self.still_up().await?;
            let news = {
                let world = self.world.lock();
                let synced = self.session.sync(&world);
                synced.map(|news| [news, self.session.news_of_others(&world)].concat())
            };
            match news {
                Ok(news) if !news.is_empty() => self.say(&news).await?,
                Ok(_) => {}
                Err(words) => {
                    self.say(format!("* BYE {words}\r\n").as_bytes()).await?;
                    return Err(Ended);
                }
            }
            tokio::select! {
                biased;
                line = self.next_line() => {
                    let line = line?;
                    if line != "DONE" {
                        self.world.lock().breaks(format!("{line:?} in the middle of IDLE"));
                    }
                    return self.answer(tag, Vec::new(), "OK Idle completed.").await;
                }
                () = change => {}
                () = sleep(Duration::from_mins(2)), if still_here => self.say(b"* OK Still here\r\n").await?,
            }
        }
    }

    async fn answer(&mut self, tag: &str, untagged: Vec<u8>, tagged: &str) -> Result<(), Ended> {
        self.note(&format!("< {tagged}"));
        let mut bytes = untagged;
        bytes.extend(format!("{tag} {tagged}\r\n").into_bytes());
        self.say(&bytes).await
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Ended> {
        self.write.write_all(bytes).await.map_err(|_| Ended)
    }

    /// Nothing more is said, and nothing more is heard, until the other side gives up.
    async fn fall_silent(&mut self) -> Result<(), Ended> {
        let mut ignored = Vec::new();
        let _ = self.read.read_to_end(&mut ignored).await;
        Err(Ended)
    }

    /// May be dropped and called again: what has been read of a line stays.
    async fn next_line(&mut self) -> Result<String, Ended> {
        let read = self.read.read_until(b'\n', &mut self.line).await;
        let line = String::from_utf8_lossy(&self.line).into_owned();
        let Some(whole) = line.strip_suffix("\r\n") else {
            let _ = read;
            return Err(Ended);
        };
        self.line.clear();
        Ok(whole.to_owned())
    }

    async fn literal(&mut self, length: usize) -> Result<Vec<u8>, Ended> {
        let mut bytes = vec![0; length + 2];
        self.read.read_exact(&mut bytes).await.map_err(|_| Ended)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    fn note(&self, what: &str) {
        self.world.lock().note(&format!("{} {what}", self.number));
    }
}

/// The name by which the weather knows a command.
fn name(command: &Command) -> &'static str {
    match command {
        Command::Login(_) => "LOGIN",
        Command::Move { .. } => "UID MOVE",
        Command::Copy { .. } => "UID COPY",
        Command::Store { .. } => "UID STORE",
        Command::Expunge(_) => "UID EXPUNGE",
        Command::Idle => "IDLE",
        _ => "other",
    }
}
