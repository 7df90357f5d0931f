//! The part of Markdown that our own pages use, as man(7) macros: headings, paragraphs, tables, lists, code. Foreign text
//! never comes here.

use std::fmt::Write as _;

/// A whole page from Markdown; its first heading is left out, since the page has a title of its own.
pub(super) fn page(name: &str, section: u8, about: &str, markdown: &str) -> String {
    let mut text = format!(".TH {name} {section} \"\" \"postroom {}\"\n", env!("CARGO_PKG_VERSION"));
    let _ = write!(text, ".SH NAME\n{name} \\- {}\n.SH DESCRIPTION\n", line(about));
    body(&mut text, markdown);
    text
}

/// One section of a page.
pub(super) fn section(heading: &str, markdown: &str) -> String {
    let mut text = format!(".SH {heading}\n");
    body(&mut text, markdown);
    text
}

fn body(text: &mut String, markdown: &str) {
    let (mut code, mut paragraph) = (false, true);
    for raw in markdown.lines() {
        if raw.starts_with("```") {
            code = !code;
            text.push_str(if code { ".PP\n.RS 4\n.nf\n" } else { ".fi\n.RE\n" });
        } else if code {
            let _ = writeln!(text, "{}", line(raw));
        } else if let Some(heading) = raw.strip_prefix("## ") {
            let _ = writeln!(text, ".SH {}", inline(heading).to_uppercase());
        } else if raw.starts_with("# ") || raw.starts_with("|--") {
            continue;
        } else if let Some(code) = raw.strip_prefix("    ") {
            let _ = writeln!(text, ".PP\n.RS 4\n.nf\n{}\n.fi\n.RE", line(code));
        } else if raw.starts_with('|') {
            row(text, raw);
        } else if let Some(item) = raw.strip_prefix("- ") {
            let _ = writeln!(text, ".IP \\(bu 2\n{}", inline(item));
        } else if raw.trim().is_empty() {
            paragraph = true;
            continue;
        } else {
            if paragraph {
                text.push_str(".PP\n");
            }
            let _ = writeln!(text, "{}", inline(raw.trim()));
        }
        paragraph = false;
    }
}

/// A table's row as a tagged paragraph: the first cell is the tag.
fn row(text: &mut String, raw: &str) {
    let cells: Vec<&str> = raw.trim_matches('|').split(" | ").map(str::trim).collect();
    if let Some((tag, rest)) = cells.split_first() {
        let _ = writeln!(text, ".TP\n{}\n{}", inline(tag), inline(&rest.join("; ")));
    }
}

/// Code in bold, emphasis in bold; the rest as it is.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            let _ = write!(out, "\\fB{}\\fR", line(part));
        } else {
            for (index, part) in part.split("**").enumerate() {
                let part = line(part);
                if index % 2 == 1 {
                    let _ = write!(out, "\\fB{part}\\fR");
                } else {
                    out.push_str(&part);
                }
            }
        }
    }
    // A line that begins with a dot or a quote would be a macro.
    if out.starts_with(['.', '\'']) {
        out.insert_str(0, "\\&");
    }
    out
}

/// Text with roff's own characters escaped, each line safe from being read as a macro.
pub(super) fn line(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    let safe = |line: &str| {
        if line.starts_with(['.', '\'']) {
            format!("\\&{line}")
        } else {
            line.to_owned()
        }
    };
    escaped.lines().map(safe).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_macros() {
        let text = page(
            "x",
            5,
            "about x",
            "# X\n\nOne `a-b` and **bold**\nmore\n\n## Keys\n\n| key | is |\n|---|---|\n| `a` | b |\n- item\n```toml\n.x = 'y'\n```\n",
        );
        for part in [
            ".TH x 5",
            ".PP\nOne \\fBa\\-b\\fR and \\fBbold\\fR\nmore\n",
            ".SH KEYS\n",
            ".TP\n\\fBa\\fR\nb\n",
            ".IP \\(bu 2\nitem\n",
            ".nf\n\\&.x = 'y'\n.fi\n",
        ] {
            assert!(text.contains(part), "{part}\nin\n{text}");
        }
    }
}
