//! The age v1 file format: how media lie on the device, travel, and lie at the court. The stock `age` tool opens it.
//!
//! Own code on `ring`, because two things are needed that the `age` crate does not offer: to wrap the same file key
//! again for another reader without touching the payload, and to save and recover the prefix of a file that is still
//! being written. *Source*: C2SP age.md v1. Only X25519 recipients are made; other stanzas are passed over.

mod chunk;
mod header;
mod keys;
mod opener;
mod sealer;
#[cfg(test)]
mod tests;

pub use chunk::{
    CHUNK_PLAIN, CHUNK_SEALED, ChunkOpener, ChunkPlace, NONCE_LEN, chunk_of, plain_size,
    sealed_size,
};
pub use header::{Header, MAX_HEADER_BYTES};
pub use keys::{FileKey, Identity, Recipient};
pub use opener::{RecoveredPrefix, StreamOpener, recover_prefix};
pub use sealer::StreamSealer;

/// Why an age file, key or chunk is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgeError {
    /// Not an age v1 header, or one in a loose spelling.
    #[error("not an age v1 file, or its header is damaged")]
    BadHeader,
    /// Larger than [`MAX_HEADER_BYTES`].
    #[error("the age header is too large")]
    HeaderTooLarge,
    /// A header needs somebody who can open it.
    #[error("no recipient given: an age file needs at least one")]
    NoRecipient,
    /// Not `age1…`, or not the public key of any identity.
    #[error("not an age X25519 recipient (age1…)")]
    BadRecipient,
    /// Not `AGE-SECRET-KEY-1…`.
    #[error("not an age X25519 identity (AGE-SECRET-KEY-1…)")]
    BadIdentity,
    /// None of the identities can open it.
    #[error("none of the keys can open this file")]
    NoMatch,
    /// The header was changed after it was made.
    #[error("the age header was changed")]
    BadMac,
    /// A chunk was changed, displaced or cut.
    #[error("the encrypted content is damaged or cut off")]
    BadChunk,
}
