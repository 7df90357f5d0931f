//! Reads the rules directory: every `*.toml` in name order and the files that these name, with a look at who may write
//! them. What the texts mean is `sort::rules`' business.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::Config;
use super::diagnostic::{self, Sources};
use crate::sort::rules::{Context, Finding, Includes, Outcome, RuleSet, Severity, SourceFile, named_files};

/// Largest rule file and largest file named by one, bytes.
pub const LARGEST_FILE: u64 = 1 << 20;

/// Rules that may be obeyed.
#[derive(Debug, Clone, Default)]
pub struct LoadedRules {
    /// The rules.
    pub set: RuleSet,
    /// What is probably not meant.
    pub warnings: Vec<Finding>,
    /// How each `[[test]]` went; all passed.
    pub outcomes: Vec<Outcome>,
    /// The texts, for quoting.
    pub sources: Sources,
}

/// Rules that may not be obeyed; whoever has an older set keeps it.
#[derive(Debug, Clone)]
pub struct RulesRefused {
    /// What is wrong, errors and warnings.
    pub findings: Vec<Finding>,
    /// How each `[[test]]` went, when it came to that.
    pub outcomes: Vec<Outcome>,
    /// The texts, for quoting.
    pub sources: Sources,
    /// True when a file could not be read at all, so that nothing is known about it.
    pub unreadable: bool,
}

impl RulesRefused {
    /// The findings for people.
    pub fn render(&self, colour: bool) -> String {
        diagnostic::render(&self.findings, &self.sources, colour)
    }
}

impl std::fmt::Display for RulesRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let errors = self
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error);
        let lines: Vec<_> = errors
            .map(|finding| diagnostic::one_line(finding, &self.sources))
            .collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for RulesRefused {}

/// What the rules must know of the configuration.
pub fn context(config: &Config) -> Context {
    let folders = config
        .accounts
        .iter()
        .map(|account| (account.name.clone(), account.folders.clone()));
    Context {
        folders: folders.collect(),
    }
}

/// Reads, checks and tests the rules in a directory. A directory that is not there is an empty set with a warning.
pub fn load(directory: &Path, context: &Context) -> Result<LoadedRules, RulesRefused> {
    let mut found = Found::default();
    if let Some(root) = found.root(directory) {
        match rule_files(&root) {
            Ok(names) => found.read(&root, names),
            Err(error) => found.refuse(&directory.display().to_string(), &Refusal::Unreadable(error)),
        }
    }
    found.check(context)
}

/// The same for a single file; what it names is looked for beside it.
pub fn load_file(file: &Path, context: &Context) -> Result<LoadedRules, RulesRefused> {
    let mut found = Found::default();
    found.read_file(file);
    found.check(context)
}

/// The rules of a directory and before them those of a file that is not in it. One of the same name as a file of the
/// directory stands in for that.
pub fn load_with(directory: &Path, trial: &Path, context: &Context) -> Result<LoadedRules, RulesRefused> {
    let mut found = Found::default();
    let name = found.read_file(trial);
    if let Some(root) = found.root(directory) {
        match rule_files(&root) {
            Ok(mut names) => {
                let (all, stands_in) = (names.len(), name.as_deref());
                names.retain(|name| Some(name.as_str()) != stands_in);
                let replaced = names.len() < all;
                found.read(&root, names);
                if replaced {
                    found.files.sort_by(|one, other| one.name.cmp(&other.name));
                }
            }
            Err(error) => found.refuse(&directory.display().to_string(), &Refusal::Unreadable(error)),
        }
    }
    found.check(context)
}

/// What lies in a rules directory.
#[derive(Debug, Default)]
struct Found {
    files: Vec<SourceFile>,
    includes: Includes,
    findings: Vec<Finding>,
    unreadable: bool,
}

fn sources(files: &[SourceFile]) -> Sources {
    files
        .iter()
        .map(|file| (file.name.clone(), file.text.clone()))
        .collect()
}

impl Found {
    fn refused(self) -> RulesRefused {
        RulesRefused {
            sources: sources(&self.files),
            findings: self.findings,
            outcomes: Vec::new(),
            unreadable: self.unreadable,
        }
    }

    fn check(mut self, context: &Context) -> Result<LoadedRules, RulesRefused> {
        if self.findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(self.refused());
        }
        let reading = RuleSet::parse(&self.files, &self.includes, context);
        self.findings.extend(reading.findings);
        match reading.set {
            Some(set) => Ok(LoadedRules {
                set,
                sources: sources(&self.files),
                warnings: self.findings,
                outcomes: reading.outcomes,
            }),
            None => Err(RulesRefused {
                outcomes: reading.outcomes,
                ..self.refused()
            }),
        }
    }

    /// The directory's real path, when it is there and only its owner may write it.
    fn root(&mut self, directory: &Path) -> Option<PathBuf> {
        let name = directory.display().to_string();
        let root = match directory.canonicalize() {
            Ok(root) => root,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = format!("there is no rules directory {name}");
                let finding = Finding::warning("no-rules", &name, 0..0, message);
                let hint = "create it, or set `rules` in postroom.toml; until then there are no rules";
                self.findings.push(finding.hint(hint));
                return None;
            }
            Err(error) => {
                self.refuse(&name, &Refusal::Unreadable(error));
                return None;
            }
        };
        if let Ok(metadata) = fs::metadata(&root)
            && others_may_write(&metadata)
        {
            self.refuse(&name, &Refusal::OthersMayWrite(metadata.mode() & 0o777));
            return None;
        }
        Some(root)
    }

    /// Reads one file; its name, where it has one.
    fn read_file(&mut self, file: &Path) -> Option<String> {
        if let Err(error) = fs::metadata(file) {
            // A directory that is not there is only warned of, and this file was asked for by name.
            self.refuse(&file.display().to_string(), &Refusal::Unreadable(error));
            return None;
        }
        let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let root = self.root(parent.unwrap_or(Path::new(".")))?;
        let name = file.file_name()?.to_string_lossy().into_owned();
        self.read(&root, vec![name.clone()]);
        Some(name)
    }

    fn read(&mut self, root: &Path, names: Vec<String>) {
        for name in names {
            match read_checked(root, Path::new(&name)).map(String::from_utf8) {
                Ok(Ok(text)) => self.files.push(SourceFile { name, text }),
                Ok(Err(error)) => {
                    // Readable for the person who is to find the place; it is refused all the same.
                    let start = error.utf8_error().valid_up_to();
                    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                    self.refuse_at(&name, start..start + '\u{fffd}'.len_utf8(), &Refusal::NotText);
                    self.files.push(SourceFile { name, text });
                }
                Err(refusal) => self.refuse(&name, &refusal),
            }
        }
        for name in self.files.iter().flat_map(named_files) {
            let read = |name: &String| {
                read_checked(root, Path::new(name)).map_err(|refusal| match refusal {
                    Refusal::Unreadable(error) => error.to_string(),
                    refusal => refusal.to_string(),
                })
            };
            self.includes.entry(name).or_insert_with_key(read);
        }
    }

    fn refuse(&mut self, file: &str, refusal: &Refusal) {
        self.refuse_at(file, 0..0, refusal);
    }

    fn refuse_at(&mut self, file: &str, place: std::ops::Range<usize>, refusal: &Refusal) {
        self.unreadable |= matches!(refusal, Refusal::Unreadable(_));
        let hint = refusal.hint();
        self.findings
            .push(Finding::error(refusal.check(), file, place, format!("`{file}` {refusal}")).hint(hint));
    }
}

/// Names of the rule files in order; what editors leave beside them (`.#a.toml`, `.a.toml.swp`) is not one.
fn rule_files(root: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.')
            && Path::new(&*name)
                .extension()
                .is_some_and(|extension| extension == "toml")
        {
            names.push(name.into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("may be written by others (mode {0:03o}), who could then move your mail")]
    OthersMayWrite(u32),
    #[error("lies outside the rules directory")]
    Outside,
    #[error("is not a regular file")]
    NotAFile,
    #[error("has {0} bytes, and the most is {LARGEST_FILE}")]
    TooLarge(u64),
    #[error("is not UTF-8 text")]
    NotText,
}

impl Refusal {
    fn check(&self) -> &'static str {
        match self {
            Refusal::Unreadable(_) => "unreadable",
            Refusal::OthersMayWrite(_) => "others-may-write",
            Refusal::Outside => "outside-directory",
            Refusal::NotAFile => "not-a-file",
            Refusal::TooLarge(_) => "too-large",
            Refusal::NotText => "not-text",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Refusal::Unreadable(_) => "check its owner and mode",
            Refusal::OthersMayWrite(_) => "run: chmod go-w on it",
            Refusal::Outside => "put the file itself there; links may only lead to files in the same directory",
            Refusal::NotAFile => "a rule file is a plain file, no pipe, device or directory",
            Refusal::TooLarge(_) => "put addresses into a text file: from = { file = \"senders.txt\" }",
            Refusal::NotText => "save it as UTF-8",
        }
    }
}

/// Reads a file below `root`, after looking at what it is and who may write it.
fn read_checked(root: &Path, name: &Path) -> Result<Vec<u8>, Refusal> {
    let inside = name
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside {
        return Err(Refusal::Outside);
    }
    let path: PathBuf = root.join(name);
    let real = path.canonicalize().map_err(Refusal::Unreadable)?;
    if !real.starts_with(root) {
        return Err(Refusal::Outside);
    }
    // Asked before opening: opening a FIFO would wait for a writer.
    let metadata = fs::metadata(&real).map_err(Refusal::Unreadable)?;
    if !metadata.is_file() {
        return Err(Refusal::NotAFile);
    }
    if others_may_write(&metadata) {
        return Err(Refusal::OthersMayWrite(metadata.mode() & 0o777));
    }
    if metadata.len() > LARGEST_FILE {
        return Err(Refusal::TooLarge(metadata.len()));
    }
    let bytes = fs::read(&real).map_err(Refusal::Unreadable)?;
    // It may have grown since it was asked.
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(Refusal::TooLarge(bytes.len() as u64));
    }
    Ok(bytes)
}

/// True when somebody else may change it. The group of a user's own name (same number) counts as the user, since many
/// systems create files writable for it.
fn others_may_write(metadata: &fs::Metadata) -> bool {
    metadata.mode() & 0o002 != 0 || (metadata.mode() & 0o020 != 0 && metadata.gid() != metadata.uid())
}

/// The rules that ship with the program, for when there are no files: `demo`, `replay`, `init`.
pub const SHIPPED: [(&str, &str); 5] = [
    ("10-codes.toml", include_str!("../../rules/10-codes.toml")),
    ("20-invitations.toml", include_str!("../../rules/20-invitations.toml")),
    ("30-receipts.toml", include_str!("../../rules/30-receipts.toml")),
    ("40-social.toml", include_str!("../../rules/40-social.toml")),
    ("50-newsletters.toml", include_str!("../../rules/50-newsletters.toml")),
];

/// The shipped rules, checked.
pub fn shipped(context: &Context) -> LoadedRules {
    let files = SHIPPED.map(|(name, text)| SourceFile {
        name: name.to_owned(),
        text: text.to_owned(),
    });
    let reading = RuleSet::parse(&files, &BTreeMap::new(), context);
    LoadedRules {
        set: reading.set.unwrap_or_default(),
        warnings: reading.findings,
        outcomes: reading.outcomes,
        sources: sources(&files),
    }
}

#[cfg(test)]
mod tests;
