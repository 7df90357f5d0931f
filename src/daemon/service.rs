//! Who keeps a running Postroom: systemd for the whole machine, a user's own systemd, or nobody, in a terminal. Read from the
//! process's control group (cgroups(7)), so that what a person is told to type is the command that works here.

use std::fs;

/// What a process of ours runs under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// A unit of the machine's service manager.
    Machine(String),
    /// A unit of a user's own service manager.
    User(String),
    /// No unit of ours: a terminal, a container, a cron job.
    None(u32),
}

impl Service {
    /// That of the process with this number, as far as the system tells.
    pub fn of(pid: u32) -> Self {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        Self::read(&groups, pid)
    }

    fn read(groups: &str, pid: u32) -> Self {
        let paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
        for path in paths {
            let unit = path.rsplit('/').next().and_then(|name| name.strip_suffix(".service"));
            // A unit of another name, cron's for example, has more in it than us.
            if let Some(unit) = unit.filter(|unit| unit.contains("postroom")) {
                let is_user = path.split('/').any(|part| part.starts_with("user@"));
                return if is_user {
                    Self::User(unit.to_owned())
                } else {
                    Self::Machine(unit.to_owned())
                };
            }
        }
        Self::None(pid)
    }

    /// How to stop it, and to start it again afterwards.
    pub fn stop(&self) -> String {
        match self {
            Self::Machine(unit) => {
                format!("Stop it with `sudo systemctl stop {unit}`, and afterwards: sudo systemctl start {unit}")
            }
            Self::User(unit) => {
                format!("Stop it with `systemctl --user stop {unit}`, and afterwards: systemctl --user start {unit}")
            }
            Self::None(pid) => format!("Stop it with ^C in the terminal where it runs, or with `kill {pid}`"),
        }
    }

    /// The command that makes it read postroom.toml again.
    pub fn reload(&self) -> String {
        match self {
            Self::Machine(unit) => format!("sudo systemctl reload {unit}"),
            Self::User(unit) => format!("systemctl --user reload {unit}"),
            Self::None(pid) => format!("kill -HUP {pid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_read_from_the_control_group() {
        for (groups, stop) in [
            ("0::/system.slice/postroom.service\n", "`sudo systemctl stop postroom`"),
            (
                "1:name=systemd:/system.slice/postroom.service\n0::/\n",
                "`sudo systemctl stop postroom`",
            ),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/postroom.service\n",
                "`systemctl --user stop postroom`",
            ),
            ("0::/user.slice/user-1000.slice/session-3.scope\n", "`kill 7`"),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/kitty.scope\n",
                "`kill 7`",
            ),
            ("0::/system.slice/cron.service\n", "`kill 7`"),
            ("", "`kill 7`"),
        ] {
            let said = Service::read(groups, 7).stop();
            assert!(said.contains(stop), "{groups}: {said}");
        }
    }
}
