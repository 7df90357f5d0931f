//! IDLE (RFC 2177): the one command that answers for as long as the client listens.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;

use super::answer::Answer;
use super::session::Session;
use super::wire::Reader;

impl Session {
    /// Tells changes as they come until the client sends DONE.
    pub(super) async fn idle(&mut self, reader: &mut Reader, writer: &mut OwnedWriteHalf) -> io::Result<Answer> {
        if !self.shared.options.capabilities.has("IDLE") {
            return Ok(Answer::bad("Unknown command IDLE"));
        }
        if self.user.is_none() {
            return Ok(Answer::bad("Log in first"));
        }
        let mut changed = self.shared.changed.subscribe();
        writer.write_all(b"+ idling\r\n").await?;
        loop {
            let mut out = Vec::new();
            let sound = self.report(true, &mut out);
            writer.write_all(&out).await?;
            if !sound {
                return Ok(Answer {
                    close: true,
                    ..Answer::no("The folder is gone")
                });
            }
            tokio::select! {
                _ = changed.changed() => {}
                line = reader.line() => {
                    let Some(line) = line? else {
                        return Ok(Answer { close: true, ..Answer::bad("The client has gone") });
                    };
                    self.shared.record(String::from_utf8_lossy(&line).into_owned());
                    return Ok(if line.eq_ignore_ascii_case(b"DONE") {
                        Answer::ok("Idle completed.")
                    } else {
                        Answer::bad("Expected DONE.")
                    });
                }
            }
        }
    }
}
