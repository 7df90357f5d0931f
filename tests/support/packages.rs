//! Debian packages unpacked into a private tree. The IMAP servers conflict with one another as installed packages; side by
//! side in directories of their own they do not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packages that a server's dependencies name and the tests do not use.
const UNUSED: [&str; 3] = ["exim4", "gnutls-bin", "gawk"];

/// The tree of these packages and of those they need that are not installed here; unpacked once and kept. `Err` says why
/// it cannot be had.
pub fn tree(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let cache = cache();
    fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let lock = fs::File::create(cache.join(format!("{name}.lock"))).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let (tree, done) = (cache.join(name), cache.join(name).join(".complete"));
    let wanted = packages.join(" ");
    if fs::read_to_string(&done).is_ok_and(|text| text == wanted) {
        return Ok(tree);
    }
    let _ = fs::remove_dir_all(&tree);
    fs::create_dir_all(tree.join("debs")).map_err(|error| error.to_string())?;
    let all = with_dependencies(packages)?;
    let mut download = Command::new("apt-get");
    succeed(download.arg("download").args(&all).current_dir(tree.join("debs")))?;
    for deb in fs::read_dir(tree.join("debs")).map_err(|error| error.to_string())? {
        let deb = deb.map_err(|error| error.to_string())?.path();
        succeed(Command::new("dpkg").arg("-x").arg(deb).arg(&tree))?;
    }
    fs::remove_dir_all(tree.join("debs")).map_err(|error| error.to_string())?;
    fs::write(done, wanted).map_err(|error| error.to_string())?;
    Ok(tree)
}

/// Where libraries of a tree lie, as LD_LIBRARY_PATH.
pub fn library_path(tree: &Path) -> String {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let places = [
        format!("usr/lib/{triplet}"),
        format!("lib/{triplet}"),
        "usr/lib".to_owned(),
    ];
    let places: Vec<String> = places
        .iter()
        .map(|place| tree.join(place).display().to_string())
        .collect();
    places.join(":")
}

/// Readable by the user that servers drop to, so not root's home.
fn cache() -> PathBuf {
    if let Some(chosen) = std::env::var_os("POSTROOM_TEST_CACHE") {
        return chosen.into();
    }
    if rustix::process::geteuid().is_root() {
        return "/var/cache/postroom-tests".into();
    }
    let home = std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into());
    PathBuf::from(home).join(".cache/postroom-tests")
}

/// What apt would install here for these packages, asked without installing anything.
fn with_dependencies(packages: &[&str]) -> Result<Vec<String>, String> {
    let mut simulation = Command::new("apt-get");
    let plan = succeed(
        simulation
            .args(["install", "-s", "--no-install-recommends"])
            .args(packages),
    )?;
    let names = plan
        .lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next());
    let wanted = names.filter(|name| !name.ends_with("-dev") && !UNUSED.iter().any(|unused| name.starts_with(unused)));
    Ok(wanted.map(str::to_owned).collect())
}

fn succeed(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!(
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}
