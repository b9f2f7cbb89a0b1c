#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zhixing_protocol_fuzz::documents::check(bytes));
