//! Reads the password from where the configuration says it is. It is never an argument, never in the environment, and
//! never in a `Debug` output.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::AsyncReadExt;

use super::{Secret, keyring};

/// How long a password command may take.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// Where systemd looks for a credential that a unit names without a path; readable by root only.
pub const CREDENTIAL_STORE: &str = "/etc/credstore";

/// Longest secret, bytes. A token of an identity provider may take a few kilobytes.
const LONGEST: u64 = 64 * 1024;

/// Why there is no password. All are for the user to mend.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read the password file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Others may read or write the file.
    #[error("the password file {path} may be read by others (mode {mode:03o}); run: chmod 600 {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not a regular file.
    #[error("the password file {0} is not a regular file")]
    NotAFile(PathBuf),
    /// The command cannot be started.
    #[error(
        "cannot run the password command `{program}`: {source}; it is run without a shell, one list member an argument"
    )]
    Command {
        /// The program.
        program: String,
        /// The reason.
        source: io::Error,
    },
    /// The command failed.
    #[error("the password command `{program}` failed ({status}){}", .stderr.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    CommandFailed {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
        /// The first line it printed as an error, safe to print.
        stderr: Option<String>,
    },
    /// The command took too long.
    #[error("the password command `{program}` gave no answer within {} seconds", COMMAND_LIMIT.as_secs())]
    CommandSlow {
        /// The program.
        program: String,
    },
    /// A systemd credential was named and there is none.
    #[error(
        "the password \"{0}\" is handed out by systemd, to the service alone, and {CREDENTIAL_STORE}/postroom.{0} cannot be \
         read here ({1}); by hand, run this command with sudo; for the service, add LoadCredential={0}:postroom.{0} to its unit"
    )]
    NoCredentials(String, io::Error),
    /// The keyring gave nothing.
    #[error("no password from the keyring: {0}")]
    Keyring(String),
    /// A token is no password.
    #[error("tokens are not kept where passwords are")]
    NotHere,
    /// What was read is no password.
    #[error("the password from {from} {what}")]
    Unusable {
        /// Where it came from.
        from: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Reads the secret: the first line, without its line break. Read anew for every login, so that a changed password is
/// found.
pub async fn read(secret: &Secret, credentials_directory: Option<&Path>) -> Result<SecretString, SecretError> {
    match secret {
        Secret::PasswordFile(path) => from_file(path, true).await,
        Secret::PasswordCommand(argv) | Secret::TokenCommand(argv) => from_command(argv).await,
        Secret::Keyring(attributes) => keyring::read(attributes).await,
        // These live in a file that is rewritten all the time; `oauth` keeps it.
        Secret::OAuth2(_) => Err(SecretError::NotHere),
        Secret::Credential(name) => {
            if let Some(directory) = credentials_directory {
                // systemd made this directory for this service alone; its modes are its own business.
                return from_file(&directory.join(name), false).await;
            }
            // A command by hand: root reads what systemd would hand to the service.
            let stored = Path::new(CREDENTIAL_STORE).join(format!("postroom.{name}"));
            from_file(&stored, true).await.map_err(|error| match error {
                SecretError::File { source, .. } => SecretError::NoCredentials(name.clone(), source),
                other => other,
            })
        }
    }
}

/// What can be told about the secret without reading it: whether its file is there and closed to others.
pub fn check(secret: &Secret) -> Result<(), SecretError> {
    match secret {
        Secret::PasswordFile(path) => check_file(path, true),
        Secret::PasswordCommand(_)
        | Secret::Credential(_)
        | Secret::Keyring(_)
        | Secret::TokenCommand(_)
        | Secret::OAuth2(_) => Ok(()),
    }
}

/// Asked before opening: opening a FIFO would wait for a writer.
fn check_file(path: &Path, check_mode: bool) -> Result<(), SecretError> {
    let metadata = std::fs::metadata(path).map_err(|source| SecretError::File {
        path: path.to_owned(),
        source,
    })?;
    if !metadata.is_file() {
        return Err(SecretError::NotAFile(path.to_owned()));
    }
    let mode = metadata.mode() & 0o777;
    if check_mode && mode & 0o077 != 0 {
        return Err(SecretError::Open {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

async fn from_file(path: &Path, check_mode: bool) -> Result<SecretString, SecretError> {
    let failed = |source| SecretError::File {
        path: path.to_owned(),
        source,
    };
    check_file(path, check_mode)?;
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    first_line(bytes, &path.display().to_string())
}

async fn from_command(argv: &[String]) -> Result<SecretString, SecretError> {
    let program = argv.first().cloned().unwrap_or_default();
    let failed = |source| SecretError::Command {
        program: program.clone(),
        source,
    };
    let mut child = tokio::process::Command::new(&program)
        .args(argv.get(1..).unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let conversation = async {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let read_out = async {
            match stdout {
                Some(stdout) => stdout.take(LONGEST + 1).read_to_end(&mut out).await,
                None => Ok(0),
            }
        };
        let read_err = async {
            match stderr {
                Some(stderr) => stderr.take(4_096).read_to_end(&mut err).await,
                None => Ok(0),
            }
        };
        let (read, _, status) = tokio::join!(read_out, read_err, child.wait());
        read?;
        Ok::<_, io::Error>((out, err, status?))
    };
    let slow = |_| SecretError::CommandSlow {
        program: program.clone(),
    };
    let (out, err, status) = tokio::time::timeout(COMMAND_LIMIT, conversation)
        .await
        .map_err(slow)?
        .map_err(failed)?;
    if !status.success() {
        let text = String::from_utf8_lossy(&err);
        let stderr = text
            .lines()
            .find(|line| !line.trim().is_empty())
            .map(crate::sort::sanitise);
        return Err(SecretError::CommandFailed {
            program,
            status: status.to_string(),
            stderr,
        });
    }
    first_line(out, &format!("`{program}`"))
}

fn first_line(bytes: Vec<u8>, from: &str) -> Result<SecretString, SecretError> {
    let unusable = |what| SecretError::Unusable {
        from: from.to_owned(),
        what,
    };
    if bytes.len() as u64 > LONGEST {
        return Err(unusable("is longer than 64 KiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| unusable("is not UTF-8 text"))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(unusable("is empty"));
    }
    if line.contains(['\0', '\r']) {
        return Err(unusable("holds a control character that no login can carry"));
    }
    Ok(SecretString::from(line))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn file(mode: u32, content: &[u8]) -> (tempfile::TempDir, Secret) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (directory, Secret::PasswordFile(path))
    }

    fn command(argv: &[&str]) -> Secret {
        Secret::PasswordCommand(argv.iter().map(|&arg| arg.to_owned()).collect())
    }

    #[tokio::test]
    async fn a_trailing_newline_is_no_part_of_a_password() {
        for content in [
            "s3cret word",
            "s3cret word\n",
            "s3cret word\r\n",
            "s3cret word\nuser: a\n",
        ] {
            let (_directory, secret) = file(0o600, content.as_bytes());
            assert_eq!(
                read(&secret, None).await.unwrap().expose_secret(),
                "s3cret word",
                "{content:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_file_that_others_may_read_is_refused() {
        for mode in [0o640, 0o604, 0o660, 0o620] {
            let (_directory, secret) = file(mode, b"x");
            assert!(check(&secret).is_err());
            assert!(
                matches!(read(&secret, None).await, Err(SecretError::Open { .. })),
                "{mode:o}"
            );
        }
        let (_directory, secret) = file(0o400, b"x");
        assert!(read(&secret, None).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_no_password_is_refused() {
        for content in [&b""[..], b"\nx", b"\xff\xfe", b"a\0b"] {
            let (_directory, secret) = file(0o600, content);
            assert!(
                matches!(read(&secret, None).await, Err(SecretError::Unusable { .. })),
                "{content:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_command_is_run_without_a_shell_and_its_failure_is_told() {
        assert_eq!(
            read(&command(&["echo", "$HOME; x"]), None)
                .await
                .unwrap()
                .expose_secret(),
            "$HOME; x"
        );
        let failure = read(&command(&["sh", "-c", "echo locked >&2; exit 3"]), None)
            .await
            .unwrap_err()
            .to_string();
        assert!(failure.contains("locked") && failure.contains('3'), "{failure}");
        assert!(matches!(
            read(&command(&["/no/such/program"]), None).await,
            Err(SecretError::Command { .. })
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_hangs_is_given_up() {
        let hanging = command(&["sleep", "1000"]);
        assert!(matches!(
            read(&hanging, None).await,
            Err(SecretError::CommandSlow { .. })
        ));
    }

    #[tokio::test]
    async fn a_credential_is_read_from_the_directory_of_the_service() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("home"), "pass\n").unwrap();
        let secret = Secret::Credential("home".to_owned());
        assert_eq!(
            read(&secret, Some(directory.path())).await.unwrap().expose_secret(),
            "pass"
        );
        assert!(matches!(read(&secret, None).await, Err(SecretError::NoCredentials(..))));
    }
}
