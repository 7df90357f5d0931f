//! The last words of `init`: what to do next, as commands to copy.

use super::entry::Entry;
use super::place::Place;
use super::write::SecretLine;

/// Prints them.
pub fn print(place: &Place, entry: &Entry) {
    let named = place.main.display();
    println!("\nWhat next:");
    println!("  postroom preview                 look again; nothing moves");
    println!("  postroom go                      begin to sort (changes mode to \"sort\")");
    println!("  postroom run                     the daemon, here in this terminal; or as a service:");
    if place.main.starts_with("/etc") {
        println!("  sudo install -m 644 systemd/postroom.service /etc/systemd/system/");
        println!("  sudo systemctl enable --now postroom");
    } else {
        println!("  install -D -m 644 systemd/postroom-user.service ~/.config/systemd/user/postroom.service");
        println!("  systemctl --user enable --now postroom && loginctl enable-linger");
    }
    if let SecretLine::Credential(name) = &entry.line {
        println!(
            "The service gets its password from /etc/credstore/postroom.{name} (one line, mode 600); it was not kept here."
        );
    }
    println!("Configuration: {named}. Everything it says is checked by `postroom check`.");
}
