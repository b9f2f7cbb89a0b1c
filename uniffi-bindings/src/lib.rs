#![doc = include_str!("../README.md")]
// The exported functions and their glue are `unsafe extern "C"`, all of it written by UniFFI's macros; no line of this crate is.
#![allow(unsafe_code)]

mod case_number;
mod digest;
mod error;
mod ticket;

pub use case_number::{CaseNumberParts, read_case_number};
pub use digest::{DigestObserver, DigestPass, DigestTask, FileDigests, digest_file};
pub use error::CoreError;
pub use ticket::{TicketParts, read_ticket};

uniffi::setup_scaffolding!("zhixing");

/// Version of the core, for the "about" page and for problem reports.
#[uniffi::export]
pub fn core_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
