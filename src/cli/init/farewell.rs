//! The last words of `init`: what to do next, as commands to copy.

use super::entry::Entry;
use super::place::Place;
use super::write::SecretLine;
use crate::config::secret::CREDENTIAL_STORE;

/// Prints them.
pub fn print(place: &Place, entry: &Entry) {
    let sudo = if place.is_whole_machine() { "sudo " } else { "" };
    let command = |command: &str, does: &str| println!("  {:<33}{does}", format!("{sudo}postroom {command}"));
    println!("\nWhat next:");
    command("preview", "look again; nothing moves");
    command("go", "begin to sort (changes mode to \"sort\")");
    if place.is_whole_machine() {
        println!(
            "Then start the service; systemd/README.md says where its unit goes, the Debian package has put it there:"
        );
        println!("  sudo systemctl enable --now postroom");
    } else {
        command("run", "the daemon, here in this terminal; or as a service:");
        println!("  install -D -m 644 systemd/postroom-user.service ~/.config/systemd/user/postroom.service");
        println!("  systemctl --user enable --now postroom");
        println!(
            "  loginctl enable-linger           it runs on while you are logged out; \"Access denied\": with sudo and your name"
        );
    }
    if let SecretLine::Credential(name) = &entry.line {
        password(place, entry, name);
    }
    println!(
        "Configuration: {}. Everything it says is checked by `{sudo}postroom check`.",
        place.main.display()
    );
}

/// Where the service gets its password from.
fn password(place: &Place, entry: &Entry, name: &str) {
    if entry.to_keep.is_some() {
        println!(
            "The password is in {}, which only root can read.",
            place.password_path().display()
        );
    } else {
        println!(
            "The service gets its password from {CREDENTIAL_STORE}/postroom.{name} (one line, mode 600); it was not kept here."
        );
    }
    if name != "home" {
        println!(
            "The unit hands out the password \"home\" alone; for this one: sudo systemctl edit postroom, and write"
        );
        println!("  [Service]\n  LoadCredential={name}:postroom.{name}");
    }
}
