//! The daemon's way to the model server: a pipe in memory instead of TCP and TLS, then the program's own greeting and login.

use futures_util::future::BoxFuture;
use postroom::config::Imap;
use postroom::daemon::DaemonError;
use postroom::daemon::access::Gate;
use postroom::imap::{Access, ImapError, Limits, Session, greet, login};
use secrecy::SecretString;
use tokio::io::duplex;

use super::server::serve;
use super::weather::Arrival;
use super::world::Shared;

/// Bytes on their way in one direction.
const PIPE: usize = 64 << 10;

/// The way to the model server.
#[derive(Debug)]
pub struct Pipe {
    pub world: Shared,
    /// The password the daemon is given.
    pub password: String,
}

impl Gate for Pipe {
    fn kept<'a>(&'a self, _imap: &'a Imap) -> BoxFuture<'a, Result<SecretString, DaemonError>> {
        Box::pin(async { Ok(SecretString::from(self.password.clone())) })
    }

    fn open<'a>(&'a self, imap: &'a Imap, inbox: Option<Access>) -> BoxFuture<'a, Result<Session, DaemonError>> {
        Box::pin(async move {
            let (arrival, number) = {
                let mut world = self.world.lock();
                let arrival = world.weather.arrival();
                let now = world.now();
                world.dials.push(now);
                let number = world.dials.len() as u32;
                world.note(&format!("{number} connects: {arrival:?}"));
                if arrival != Arrival::Unreachable {
                    world.connections += 1;
                }
                (arrival, number)
            };
            if arrival == Arrival::Unreachable {
                return Err(ImapError::Unreachable {
                    what: imap.host.clone(),
                    why: "connection refused".to_owned(),
                }
                .into());
            }
            let (near, far) = duplex(PIPE);
            tokio::spawn(serve(self.world.clone(), far, number, arrival));
            let limits = Limits {
                poll: imap.poll,
                ..Limits::default()
            };
            let greeted = greet(Box::new(near), &imap.host, limits, true).await?;
            let password = SecretString::from(self.password.clone());
            Ok(login(greeted.expecting(inbox), &imap.user, &password).await?)
        })
    }
}
