//! Where the configuration and the state are looked for. The process environment is read in one place, here, so that
//! tests can stand in for it.

use std::path::{Path, PathBuf};

/// The file's name in each directory that is searched.
pub const FILE_NAME: &str = "postroom.toml";

/// The variables that decide where files are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `$HOME`.
    pub home: Option<PathBuf>,
    /// `$POSTROOM_CONFIG`: the file itself.
    pub postroom_config: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// `$XDG_STATE_HOME`.
    pub state_home: Option<PathBuf>,
    /// `$STATE_DIRECTORY`, set by systemd for a unit with `StateDirectory=`.
    pub state_directory: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`, set by systemd for a unit with `LoadCredential=`.
    pub credentials_directory: Option<PathBuf>,
    /// The directory for the whole machine, `/etc/postroom`.
    pub system: Option<PathBuf>,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        let path = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        Self {
            home: path("HOME"),
            postroom_config: path("POSTROOM_CONFIG"),
            // The XDG specification says that a relative path is to be ignored.
            config_home: path("XDG_CONFIG_HOME").filter(|path| path.is_absolute()),
            state_home: path("XDG_STATE_HOME").filter(|path| path.is_absolute()),
            state_directory: path("STATE_DIRECTORY"),
            credentials_directory: path("CREDENTIALS_DIRECTORY"),
            system: Some(PathBuf::from("/etc/postroom")),
        }
    }

    /// The files that are tried, in order. One that the user names is the only one.
    pub fn candidates(&self, named: Option<&Path>) -> Vec<PathBuf> {
        if let Some(path) = named.or(self.postroom_config.as_deref()) {
            return vec![path.to_owned()];
        }
        let user = self
            .config_home
            .clone()
            .or_else(|| self.home.as_ref().map(|home| home.join(".config")));
        let directories = user
            .map(|directory| directory.join("postroom"))
            .into_iter()
            .chain(self.system.clone());
        directories.map(|directory| directory.join(FILE_NAME)).collect()
    }

    /// Where the state goes when the configuration does not say.
    pub fn default_state(&self) -> Option<PathBuf> {
        if let Some(directories) = &self.state_directory {
            // systemd joins several directories with colons; the first is ours.
            let first = directories.to_string_lossy().split(':').next().map(PathBuf::from);
            return first;
        }
        let base = self
            .state_home
            .clone()
            .or_else(|| self.home.as_ref().map(|home| home.join(".local/state")));
        base.map(|base| base.join("postroom"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_directory_comes_before_the_machines() {
        let environment = Environment {
            home: Some("/home/a".into()),
            system: Some("/etc/postroom".into()),
            ..Environment::default()
        };
        let expected: [&Path; 2] = [
            "/home/a/.config/postroom/postroom.toml".as_ref(),
            "/etc/postroom/postroom.toml".as_ref(),
        ];
        assert_eq!(environment.candidates(None), expected);
        assert_eq!(
            environment.candidates(Some("x.toml".as_ref())),
            [PathBuf::from("x.toml")]
        );
        assert_eq!(
            environment.default_state(),
            Some("/home/a/.local/state/postroom".into())
        );
        let unit = Environment {
            state_directory: Some("/var/lib/postroom:/var/lib/b".into()),
            ..environment
        };
        assert_eq!(unit.default_state(), Some("/var/lib/postroom".into()));
    }
}
