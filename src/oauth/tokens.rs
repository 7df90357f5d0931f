//! The token file: JSON, mode 0600, always whole. A refresh token that is lost costs the user a login, so the new file is
//! on disk before the old one goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::TokenError;

/// What the authority has given.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Shown to the IMAP server.
    pub access: SecretString,
    /// When it ends, Unix seconds.
    pub expires: i64,
    /// Shown to the authority for the next; some give none.
    pub refresh: Option<SecretString>,
}

/// The file's form.
#[derive(Serialize, Deserialize)]
struct Written {
    access_token: String,
    expires_at: i64,
    refresh_token: Option<String>,
}

fn failed(path: &Path) -> impl Fn(io::Error) -> TokenError {
    let path = path.to_owned();
    move |error| TokenError::File {
        path: path.clone(),
        why: error.to_string(),
    }
}

/// Waits for this process's turn at the file; the turn ends when the answer is dropped.
pub fn turn(path: &Path) -> Result<File, TokenError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(failed(directory))?;
    let lock = beside(path, "lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&lock)
        .map_err(failed(&lock))?;
    file.lock().map_err(failed(&lock))?;
    Ok(file)
}

/// The tokens; `None` when there is no file.
pub fn read(path: &Path) -> Result<Option<Tokens>, TokenError> {
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed(path))?,
    };
    let mode = metadata.permissions().mode() & 0o777;
    let unusable = |why: String| TokenError::File {
        path: path.to_owned(),
        why,
    };
    if mode & 0o077 != 0 {
        return Err(unusable(format!(
            "may be read by others (mode {mode:03o}); run: chmod 600 {}",
            path.display()
        )));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed(path))?);
    let written: Written = serde_json::from_str(&text)
        .map_err(|_| unusable("cannot be understood; remove it and run `postroom login`".to_owned()))?;
    Ok(Some(Tokens {
        access: written.access_token.into(),
        expires: written.expires_at,
        refresh: written.refresh_token.map(SecretString::from),
    }))
}

/// Writes beside the file, waits for the disk, renames over it.
pub fn write(path: &Path, tokens: &Tokens) -> Result<(), TokenError> {
    let written = Written {
        access_token: tokens.access.expose_secret().to_owned(),
        expires_at: tokens.expires,
        refresh_token: tokens.refresh.as_ref().map(|token| token.expose_secret().to_owned()),
    };
    let text = Zeroizing::new(serde_json::to_string(&written).unwrap_or_default());
    let new = beside(path, "new");
    let all = || -> io::Result<()> {
        // A file left by a crash may have other permissions.
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    all().map_err(failed(path))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(end);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_as_written_and_nobody_else_may_read_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/home.token");
        let _turn = turn(&path).unwrap();
        assert!(read(&path).unwrap().is_none());
        let tokens = Tokens {
            access: "at".into(),
            expires: 7,
            refresh: Some("rt".into()),
        };
        write(&path, &tokens).unwrap();
        let back = read(&path).unwrap().unwrap();
        assert_eq!((back.access.expose_secret(), back.expires), ("at", 7));
        assert_eq!(back.refresh.unwrap().expose_secret(), "rt");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read(&path), Err(TokenError::File { .. })));
        assert!(!format!("{tokens:?}").contains("rt"));
    }
}
