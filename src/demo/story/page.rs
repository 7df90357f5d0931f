//! How the story looks in a terminal: short lines in columns, colours only where they can be seen.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::sort::bucket::Bucket;
use crate::sort::sanitise;

/// How the story looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Letters only.
    Plain,
    /// With colours; for terminals.
    Coloured,
}

/// Sender and subject as they are shown.
pub(super) type Heading = (String, String);

/// How the story's lines look.
pub(super) struct Lines<'a, W> {
    pub(super) out: &'a mut W,
    pub(super) style: Style,
}

impl<W: Write> Lines<'_, W> {
    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        let text = self.painted(text, "1");
        writeln!(self.out, "\n{text}")
    }

    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// A letter on one line and the reason on the next.
    pub(super) fn letter(&mut self, bucket: Bucket, (sender, subject): &Heading, reason: &str) -> io::Result<()> {
        let colour = match bucket {
            Bucket::Top => "32",
            Bucket::Inbox => "0",
            Bucket::News => "36",
            Bucket::Bulk => "33",
            Bucket::Blackhole => "35",
            Bucket::Own(_) => "34",
        };
        let word = self.painted(&format!("{bucket:<10}"), colour);
        writeln!(self.out, "  {word}{}  {}", fit(sender, 24), fit(subject, 52).trim_end())?;
        for line in wrapped(&sanitise(reason), 88) {
            let line = self.painted(&line, "2");
            writeln!(self.out, "            {line}")?;
        }
        Ok(())
    }

    pub(super) fn learned(&mut self, lesson: &str) -> io::Result<()> {
        let word = self.painted("learned   ", "35");
        writeln!(self.out, "  {word}{}", sanitise(lesson))
    }

    fn painted(&self, text: &str, code: &str) -> String {
        match self.style {
            Style::Plain => text.to_owned(),
            Style::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// The text in lines of at most so many columns, where its words allow it.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => line.extend([" ", word]),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The text in exactly so many columns: filled up, or cut with an ellipsis.
fn fit(text: &str, columns: usize) -> String {
    let whole = text.width();
    if whole <= columns {
        return format!("{text}{}", " ".repeat(columns - whole));
    }
    let (mut cut, mut used) = (String::new(), 1);
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide > columns {
            break;
        }
        used += wide;
        cut.push(c);
    }
    format!("{cut}…{}", " ".repeat(columns.saturating_sub(used)))
}
