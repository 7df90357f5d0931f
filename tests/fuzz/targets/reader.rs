#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| postroom::imap::hostile_bytes::reader(bytes));
