//! What must hold for whatever bytes come: one module for each fuzz target, each with one function `check`.
//!
//! A target that covers several parsers takes its first byte as the choice between them, so that a corpus keeps to one
//! of them and few targets cover many. A property that does not hold is a panic, which the fuzzer reports with the bytes.

pub mod age_header;
pub mod age_payload;
pub mod canonical;
pub mod case_state;
pub mod content;
pub mod documents;
pub mod events;
pub mod log_files;
pub mod log_proofs;
pub mod source;
pub mod statement;
pub mod texts;
pub mod vectors;
pub mod wire;

use std::sync::LazyLock;

use zhixing_protocol::keys::SoftwareSigner;

/// The key that signs what has to be signed; of no use anywhere else.
const PKCS8: &str = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420437ce398b3472815c61e9d2e26dd50bb890fd6deda8ea09de929ae00d2f29f23a14403420004d758844b44ef6cb07402663602a1458edb380396a8a9db1a7ed3b27b419870697aadbbdbe68ec6fd8d659e5c6880b1753dde6a57cb37ee2a29c6bb96ec8c2f82";

/// A signer made once.
pub static SIGNER: LazyLock<SoftwareSigner> = LazyLock::new(|| {
    let pkcs8 = zhixing_protocol::hash::from_hex(PKCS8).expect("hexadecimal");
    SoftwareSigner::from_pkcs8(&pkcs8).expect("a P-256 key")
});

/// The first byte as a choice below `count`, and the rest.
pub fn choose(bytes: &[u8], count: u8) -> Option<(u8, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((first % count, rest))
}
