//! Fuzzing without a fuzzer, for CI: every named file of `fixtures/hostile`, bent in thousands of ways, always the same
//! ones. The targets of `tests/fuzz` look further, by hand, with the same properties, seeds and dictionaries.
//!
//!     POSTROOM_MUTATIONS=100000 cargo nextest run --release --test bad_input mutated    # more of them
//!     POSTROOM_MUTATION_SEED=7 ...                                                    # others

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

/// Longest input, bytes; as for the fuzz targets.
const LONGEST: usize = 16_384;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn asked_for(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The words of a dictionary in libFuzzer's format: a line each, in quotes, `\xNN` for an octet.
fn words(dictionary: &str) -> Vec<Vec<u8>> {
    let path = root().join("tests/fuzz/dictionaries").join(dictionary);
    let text = fs::read_to_string(&path).unwrap();
    let words = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix('"'));
    words.map(unescaped).collect()
}

fn unescaped(word: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), word.bytes());
    while let Some(byte) = rest.next() {
        match (byte, rest.clone().next()) {
            (b'\\', Some(b'x')) => {
                let digits: Vec<u8> = rest.by_ref().skip(1).take(2).collect();
                let digits = String::from_utf8(digits).unwrap();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            (b'\\', Some(_)) => bytes.extend(rest.next()),
            _ => bytes.push(byte),
        }
    }
    bytes
}

/// Bends an input once.
fn bend(random: &mut fastrand::Rng, input: &mut Vec<u8>, seeds: &[(PathBuf, Vec<u8>)], words: &[Vec<u8>]) {
    let from = random.usize(..=input.len());
    let to = (from + random.usize(1..=16)).min(input.len());
    let numbers: [u8; 10] = [0, 9, 10, 13, b' ', b'"', b'(', b'{', 0x7f, 0xff];
    match random.u8(..9) {
        0 if from < input.len() => input[from] ^= 1 << random.u8(..8),
        1 if from < input.len() => input[from] = numbers[random.usize(..numbers.len())],
        2 if from < input.len() => input[from] = random.u8(..),
        3 => drop(input.drain(from..to)),
        4 => {
            let again = input[from..to].repeat(random.usize(1..20));
            input.splice(to..to, again);
        }
        5 | 6 if !words.is_empty() => {
            let word = words[random.usize(..words.len())].iter().copied();
            let to = if random.bool() { from } else { to };
            input.splice(from..to, word);
        }
        7 => {
            // The head of this, the tail of another.
            let (_, other) = &seeds[random.usize(..seeds.len())];
            input.truncate(from);
            input.extend_from_slice(&other[random.usize(..=other.len())..]);
        }
        _ => {
            // A run of digits becomes another number.
            let digits = input[from..].iter().position(u8::is_ascii_digit).map(|at| at + from);
            if let Some(start) = digits {
                let length = input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                let number = ["0", "1", "-1", "255", "65536", "4294967295", "18446744073709551616"][random.usize(..7)];
                input.splice(start..start + length, number.bytes());
            }
        }
    }
    input.truncate(LONGEST);
}

/// Holds the property against `count` bent inputs, or as many as `POSTROOM_MUTATIONS` says.
pub fn mutated(kind: &str, count: u64, holds: impl Fn(&[u8])) {
    let mut names: Vec<PathBuf> = fs::read_dir(root().join("fixtures/hostile").join(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let seeds: Vec<(PathBuf, Vec<u8>)> = names
        .into_iter()
        .map(|name| {
            let bytes = fs::read(&name).unwrap();
            (name, bytes)
        })
        .collect();
    let words = words(kind);
    let mut random = fastrand::Rng::with_seed(asked_for("POSTROOM_MUTATION_SEED").unwrap_or(1));
    for number in 0..asked_for("POSTROOM_MUTATIONS").unwrap_or(count) {
        let (name, seed) = &seeds[random.usize(..seeds.len())];
        let mut input = seed.clone();
        for _ in 0..random.u8(1..8) {
            bend(&mut random, &mut input, &seeds, &words);
        }
        if panic::catch_unwind(AssertUnwindSafe(|| holds(&input))).is_err() {
            let kept = std::env::temp_dir().join(format!("postroom-{kind}-{number}"));
            fs::write(&kept, &input).unwrap();
            panic!(
                "input {number}, bent from {}, is kept in {}: it belongs into fixtures/hostile/{kind} under a name that says what it is",
                name.display(),
                kept.display()
            );
        }
    }
}
