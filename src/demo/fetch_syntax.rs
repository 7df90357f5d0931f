//! What a FETCH asks for (RFC 9051 section 6.4.5).

use super::command::{FetchItem, Section, SectionText};
use super::scanner::{Scan, Scanner};

/// One item or a list of them; a UID FETCH always answers with the UID.
pub(super) fn fetch_items(scanner: &mut Scanner<'_>, uid: bool) -> Scan<Vec<FetchItem>> {
    let mut items = if scanner.peek() == Some(b'(') {
        scanner.list(fetch_item)?.into_iter().flatten().collect()
    } else {
        fetch_item(scanner)?
    };
    if uid && !items.contains(&FetchItem::Uid) {
        items.insert(0, FetchItem::Uid);
    }
    Ok(items)
}

/// One item, or the several of a macro.
fn fetch_item(scanner: &mut Scanner<'_>) -> Scan<Vec<FetchItem>> {
    use FetchItem::{Envelope, Flags, InternalDate, Size, Structure, Uid};
    let word = scanner.fetch_word()?;
    if scanner.peek() == Some(b'[') {
        return section(scanner, &word).map(|section| vec![FetchItem::Section(section)]);
    }
    let old = |label: &str, text, peek| {
        vec![FetchItem::Section(Section {
            label: label.to_owned(),
            part: Vec::new(),
            text,
            partial: None,
            peek,
        })]
    };
    Ok(match word.as_str() {
        "UID" => vec![Uid],
        "FLAGS" => vec![Flags],
        "INTERNALDATE" => vec![InternalDate],
        "RFC822.SIZE" => vec![Size],
        "ENVELOPE" => vec![Envelope],
        "BODYSTRUCTURE" => vec![Structure { extended: true }],
        "BODY" => vec![Structure { extended: false }],
        "FAST" => vec![Flags, InternalDate, Size],
        "ALL" => vec![Flags, InternalDate, Size, Envelope],
        "FULL" => vec![Flags, InternalDate, Size, Envelope, Structure { extended: false }],
        "RFC822" => old("RFC822", SectionText::All, false),
        "RFC822.HEADER" => old("RFC822.HEADER", SectionText::Header, true),
        "RFC822.TEXT" => old("RFC822.TEXT", SectionText::Text, false),
        _ => return Err(format!("Unknown parameter {word}")),
    })
}

/// `BODY[1.2.HEADER.FIELDS (From To)]<0.100>`, from the opening bracket on.
fn section(scanner: &mut Scanner<'_>, word: &str) -> Scan<Section> {
    let peek = match word {
        "BODY" => false,
        "BODY.PEEK" => true,
        _ => return Err(format!("{word} takes no section")),
    };
    scanner.expect(b'[')?;
    let mut part = Vec::new();
    while scanner.peek().is_some_and(|octet| octet.is_ascii_digit()) {
        part.push(scanner.number()?);
        if !scanner.skip(b'.') {
            break;
        }
    }
    let mut label: String = part.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
    let mut text = SectionText::All;
    if scanner.peek() != Some(b']') {
        let name = scanner.fetch_word()?;
        text = match name.as_str() {
            "HEADER" => SectionText::Header,
            "TEXT" => SectionText::Text,
            "MIME" if !part.is_empty() => SectionText::Mime,
            "HEADER.FIELDS" | "HEADER.FIELDS.NOT" => {
                scanner.space()?;
                let names = scanner.list(|scanner| Ok(scanner.string()?.to_ascii_uppercase()))?;
                SectionText::Fields {
                    names,
                    except: name == "HEADER.FIELDS.NOT",
                }
            }
            _ => return Err(format!("Unknown section {name}")),
        };
        if !label.is_empty() {
            label.push('.');
        }
        label.push_str(&name);
        if let SectionText::Fields { names, .. } = &text {
            label = format!("{label} ({})", names.join(" "));
        }
    }
    scanner.expect(b']')?;
    let mut label = format!("BODY[{label}]");
    let mut partial = None;
    if scanner.skip(b'<') {
        let from = scanner.number()?;
        scanner.expect(b'.')?;
        partial = Some((from, scanner.number()?));
        scanner.expect(b'>')?;
        label = format!("{label}<{from}>");
    }
    Ok(Section {
        label,
        part,
        text,
        partial,
        peek,
    })
}
