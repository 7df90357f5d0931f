//! Sieve scripts (RFC 5228): the part that files mail. Tests `header address envelope exists size allof anyof not true`,
//! actions `fileinto keep discard stop addflag setflag`, with `:copy`, `:flags`, `:create` and `:specialuse`.

use super::draft::{Draft, Match, When, address_pattern, pattern, string};
use super::sieve_script::{Argument, Command, Test};
use super::{Translation, line_of, sieve_script};

/// Translates a script.
pub fn translate(script: &str) -> Translation {
    let mut translation = Translation::default();
    match sieve_script::parse(script) {
        Ok(commands) => block(&mut translation, &commands, &[], script),
        Err((offset, why)) => {
            let rest = script.get(offset..).unwrap_or_default();
            translation.leave(line_of(script, offset), rest.lines().next().unwrap_or_default(), why);
        }
    }
    translation
}

/// Translates the commands of one block that runs when everything in `outer` holds.
fn block(translation: &mut Translation, commands: &[Command], outer: &[When], script: &str) {
    let mut before: Vec<When> = Vec::new();
    let mut plain: Vec<&Command> = Vec::new();
    for command in commands {
        if !matches!(command.name.as_str(), "if" | "elsif" | "else") {
            before.clear();
            plain.push(command);
            continue;
        }
        // What stands between two tests is done on its way.
        actions(translation, &std::mem::take(&mut plain), outer, script);
        if command.name == "if" {
            before.clear();
        }
        let mut conditions = outer.to_vec();
        conditions.extend(before.iter().cloned().map(When::negated));
        let text = source_line(script, command.line);
        if let Some(test) = &command.test {
            match when(test) {
                Ok(when) => {
                    conditions.push(when.clone());
                    before.push(when);
                }
                Err(why) => {
                    translation.leave(command.line, text, why);
                    // The branches behind it depend on what it would have said.
                    before.push(When::Key("from".to_owned(), string("*")));
                    continue;
                }
            }
        }
        block(translation, &command.block, &conditions, script);
    }
    actions(translation, &plain, outer, script);
}

fn source_line(script: &str, line: u32) -> &str {
    script.lines().nth(line as usize - 1).unwrap_or_default()
}

/// Turns the actions of a block into one rule.
fn actions(translation: &mut Translation, commands: &[&Command], conditions: &[When], script: &str) {
    let mut place: Option<(&'static str, String)> = None;
    let (mut copies, mut flags) = (Vec::new(), Vec::new());
    let mut name = String::new();
    let mut stops = false;
    for command in commands {
        let text = source_line(script, command.line);
        let has = |tag: &str| command.arguments.contains(&Argument::Tag(tag.to_owned()));
        let texts: Vec<&Vec<String>> = command
            .arguments
            .iter()
            .filter_map(|argument| {
                if let Argument::Texts(texts) = argument {
                    Some(texts)
                } else {
                    None
                }
            })
            .collect();
        match command.name.as_str() {
            "require" => {}
            "stop" => stops = true,
            "keep" => place = place.or_else(|| Some(("keep", "true".to_owned()))),
            "discard" => place = Some(("bucket", string("blackhole"))),
            "fileinto" => {
                let Some(folder) = texts.last().and_then(|texts| texts.first()) else {
                    continue;
                };
                let special = has("specialuse")
                    .then(|| texts.first().and_then(|texts| texts.first()))
                    .flatten();
                let target = string(special.unwrap_or(folder));
                if folder.contains("${") {
                    translation.leave(command.line, text, "the folder is computed");
                } else if has("copy") {
                    copies.push(target);
                } else if let Some(("move", _)) = place {
                    translation.leave(
                        command.line,
                        text,
                        "a message goes to one place; `copy` puts a further copy elsewhere",
                    );
                } else {
                    name.clone_from(folder);
                    place = Some(("move", target));
                }
            }
            "addflag" | "setflag" => {
                for flag in texts.last().into_iter().flat_map(|texts| texts.iter()) {
                    let plain = flag.trim_start_matches('\\');
                    if plain.eq_ignore_ascii_case("seen") || plain.eq_ignore_ascii_case("deleted") {
                        translation.leave(command.line, text, format!("Postroom never sets {flag}"));
                    } else {
                        flags.push(string(&format!(
                            "+{}",
                            if plain.len() < flag.len() {
                                plain.to_lowercase()
                            } else {
                                plain.to_owned()
                            }
                        )));
                    }
                }
            }
            "redirect" | "reject" | "ereject" | "vacation" | "notify" => {
                translation.leave(command.line, text, "Postroom never sends mail");
            }
            _ => translation.leave(command.line, text, "this command has no counterpart"),
        }
    }
    if place.is_none() && copies.is_empty() && flags.is_empty() {
        if !stops || conditions.is_empty() {
            return;
        }
        place = Some(("keep", "true".to_owned()));
    }
    let line = commands.first().map_or(1, |command| command.line);
    let placed = place.is_some();
    let mut list: Vec<(&'static str, String)> = place.into_iter().collect();
    if !copies.is_empty() {
        list.push(("copy", format!("[{}]", copies.join(", "))));
    }
    if !flags.is_empty() {
        list.push(("flags", format!("[{}]", flags.join(", "))));
    }
    if !placed {
        list.push(if stops {
            ("keep", "true".to_owned())
        } else {
            ("continue", "true".to_owned())
        });
    }
    let when = match conditions {
        [] => When::Key("from".to_owned(), string("*")),
        [one] => one.clone(),
        several => When::All(several.to_vec()),
    };
    let notes = if placed && !stops {
        vec!["Sieve would go on behind this; here the first rule that matches ends the search".to_owned()]
    } else {
        Vec::new()
    };
    let name = if name.is_empty() { format!("line {line}") } else { name };
    translation.rules.push(Draft {
        name,
        notes,
        when,
        actions: list,
    });
}

fn when(test: &Test) -> Result<When, &'static str> {
    let inner = || test.inner.iter().map(when).collect::<Result<Vec<_>, _>>();
    match test.name.as_str() {
        "allof" => Ok(When::All(inner()?)),
        "anyof" => Ok(When::Any(inner()?)),
        "not" => inner()?.pop().map(When::negated).ok_or("`not` has no test"),
        "true" => Ok(When::Key("from".to_owned(), string("*"))),
        "header" | "address" | "envelope" => compared(test),
        "exists" => {
            let names = texts(test).first().cloned().unwrap_or_default();
            Ok(together(
                names
                    .iter()
                    .map(|name| When::Key(format!("header.{}", string(name)), "true".to_owned()))
                    .collect(),
                false,
            ))
        }
        "size" => match (tags(test).as_slice(), test.arguments.last()) {
            (["over"], Some(Argument::Number(octets))) => Ok(When::Key("larger".to_owned(), octets.to_string())),
            (["under"], Some(Argument::Number(octets))) => Ok(When::Key("smaller".to_owned(), octets.to_string())),
            _ => Err("`size` wants :over or :under"),
        },
        "body" => Err("Postroom reads headers only"),
        _ => Err("this test has no counterpart"),
    }
}

fn tags(test: &Test) -> Vec<&str> {
    test.arguments
        .iter()
        .filter_map(|argument| {
            if let Argument::Tag(name) = argument {
                Some(name.as_str())
            } else {
                None
            }
        })
        .collect()
}

fn texts(test: &Test) -> Vec<Vec<String>> {
    test.arguments
        .iter()
        .filter_map(|argument| {
            if let Argument::Texts(texts) = argument {
                Some(texts.clone())
            } else {
                None
            }
        })
        .collect()
}

fn together(mut parts: Vec<When>, any: bool) -> When {
    match (parts.len(), any) {
        (1, _) => parts.remove(0),
        (_, true) => When::Any(parts),
        (_, false) => When::All(parts),
    }
}

fn compared(test: &Test) -> Result<When, &'static str> {
    let mut tags = tags(test);
    let mut texts = texts(test);
    if tags
        .iter()
        .any(|tag| ["count", "value", "index", "last", "mime", "anychild"].contains(tag))
    {
        return Err("this comparison has no counterpart");
    }
    // `:comparator "name"` takes the string behind it.
    if let Some(at) = tags.iter().position(|tag| *tag == "comparator") {
        tags.remove(at);
        let name = texts.first().and_then(|texts| texts.first()).map(String::as_str);
        if name == Some("i;octet") {
            return Err("the comparator minds case, and rules do not");
        }
        if texts.len() > 2 {
            texts.remove(0);
        }
    }
    let [fields, keys] = texts.as_slice() else {
        return Err("fields and keys are expected");
    };
    let how = match tags
        .iter()
        .find(|tag| ["is", "contains", "matches", "regex"].contains(tag))
    {
        Some(&"contains") => Match::Contains,
        Some(&"matches") => Match::Matches,
        Some(&"regex") => Match::Regex,
        _ => Match::Is,
    };
    let part = tags
        .iter()
        .find(|tag| ["domain", "localpart", "user", "detail", "all"].contains(tag))
        .copied()
        .unwrap_or("all");
    if keys.iter().any(|key| key.trim().is_empty()) {
        return Err("an empty key would match every message");
    }
    let address_test = test.name != "header";
    let parts = fields
        .iter()
        .map(|field| of_field(field, keys, how, part, address_test))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(together(parts, true))
}

fn of_field(field: &str, keys: &[String], how: Match, part: &str, address_test: bool) -> Result<When, &'static str> {
    let lower = field.to_ascii_lowercase();
    let known = ["from", "to", "cc", "bcc", "reply-to"].contains(&lower.as_str());
    let one = |key: &String| -> Result<String, &'static str> {
        Ok(match (part, how) {
            ("domain", Match::Is) => string(&format!("@{key}")),
            ("domain", Match::Contains) => string(&format!("*@*{key}*")),
            ("domain", Match::Matches) => string(&format!("*@{key}")),
            ("localpart" | "user", Match::Is | Match::Matches) => string(&format!("{key}@*")),
            ("localpart" | "user", Match::Contains) => string(&format!("*{key}*@*")),
            ("all", how) if address_test => address_pattern(key, how),
            ("all", how) => pattern(key, how),
            _ => return Err("this comparison has no counterpart"),
        })
    };
    if part == "detail" {
        let patterns = keys.iter().map(|key| pattern(key, how)).collect();
        return if lower == "to" {
            Ok(When::patterns("to_detail", patterns))
        } else {
            Err("details are known of recipients only")
        };
    }
    let patterns = keys.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    if lower == "subject" {
        return Ok(When::patterns("subject", patterns));
    }
    if address_test && known {
        return Ok(When::patterns(&lower.replace('-', "_"), patterns));
    }
    // A `header` test on From sees the display name too, so it stays one on the header field.
    Ok(When::patterns(&format!("header.{}", string(field)), patterns))
}
