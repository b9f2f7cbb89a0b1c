//! Documents that come with records: encrypted to the court and kept under the name of their content.

use std::io::Read as _;
use std::path::{Component, Path};

use zhixing_protocol::age::{FileKey, Header, NONCE_LEN, StreamSealer};
use zhixing_protocol::hash::{Sha256Digest, StoredDigest};

use super::records::{LineFailure, Source};
use crate::court::Court;

/// Largest document taken: 64 MiB.
const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

pub(super) struct Kept {
    pub sha256: Sha256Digest,
    pub size_bytes: u64,
    pub stored_sha256: StoredDigest,
}

/// Encrypts a document to the court and puts it into the object store. The file key is derived from content and court,
/// so that a batch imported twice stores it once; nobody without the court's identity can derive it.
pub(super) async fn keep(
    court: &Court,
    source: &Source<'_>,
    court_word: &str,
    file: &str,
) -> Result<Kept, LineFailure> {
    let relative = Path::new(file);
    if !relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return Err(LineFailure::bad(format!(
            "document {file:?}: name a file inside the batch folder"
        )));
    }
    let expected = source.expected_digest(file)?;
    let mut plain = Vec::new();
    std::fs::File::open(source.folder.join(relative))
        .and_then(|file| file.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut plain))
        .map_err(|error| LineFailure::bad(format!("document {file}: {error}")))?;
    if plain.len() as u64 > MAX_DOCUMENT_BYTES {
        return Err(LineFailure::bad(format!(
            "document {file}: larger than 64 MiB"
        )));
    }
    let identity = court
        .keys
        .identity(court_word)
        .map_err(LineFailure::fault)?;
    let sha256 = Sha256Digest::of(&plain);
    if expected.is_some_and(|expected| expected != sha256) {
        return Err(LineFailure::fault(format!(
            "document {file} was changed while the batch was taken"
        )));
    }
    let draw = |label: &str| {
        let key = ring::hmac::Key::new(
            ring::hmac::HMAC_SHA256,
            identity.to_secret_text().as_bytes(),
        );
        let tag = ring::hmac::sign(&key, format!("zx-document/1\n{label}\n{sha256}").as_bytes());
        let mut out = [0_u8; 32];
        out.copy_from_slice(tag.as_ref());
        out
    };
    let mut file_key = [0; 16];
    for (to, from) in file_key.iter_mut().zip(draw("file key")) {
        *to = from;
    }
    let mut nonce = [0; NONCE_LEN];
    for (to, from) in nonce.iter_mut().zip(draw("nonce")) {
        *to = from;
    }
    let file_key = FileKey::make(file_key);
    let header = Header::seal(&file_key, &[identity.recipient()], || draw("ephemeral"))
        .map_err(LineFailure::fault)?;
    let mut stored = header.to_bytes();
    stored.extend_from_slice(&nonce);
    let mut sealer = StreamSealer::new(&file_key, &nonce);
    sealer.push(&plain, &mut stored);
    sealer.finish(&mut stored);
    let size_bytes = plain.len() as u64;
    drop(plain);
    let stored_sha256 = court
        .objects
        .keep_bytes(stored.into())
        .await
        .map_err(|error| LineFailure::fault(format!("document {file}: {error}")))?;
    Ok(Kept {
        sha256,
        size_bytes,
        stored_sha256,
    })
}
