//! Resumable uploads: the spool holds the bytes, the ledger what they are meant to be.
//!
//! The offset of an upload is the length of its file, so bytes and state cannot part. One request at a time claims an
//! upload; a newer request calls an older one off, so that a half-dead connection never keeps anybody waiting.

pub mod ledger;
mod spool;

pub use spool::{Claim, Patch, Uploads};
