//! The one question before something happens that is not looked at again: asked of a person, never of a pipe.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context as _, bail};

/// Asks; true only for a clear yes.
///
/// # Errors
/// Nobody is there to answer; `otherwise` says what to do then.
pub fn agreed(question: &str, otherwise: &str, out: &mut dyn Write) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("{otherwise}");
    }
    write!(out, "{question} [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("no answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
