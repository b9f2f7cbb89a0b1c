//! C2SP tlog-checkpoint: origin, size and root in a signed note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::note::{LogSigner, Note, NoteError, VerifierKey};
use super::tree::{ProofError, verify_consistency, verify_inclusion};
use crate::hash::RootHash;
use crate::tlog::Leaf;

/// State of a log at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Name of the log.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: RootHash,
}

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a note, or not signed by the log.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not the text of a checkpoint.
    #[error("malformed checkpoint")]
    Malformed,
    /// Of another log than the key that signed it.
    #[error("the checkpoint belongs to another log")]
    WrongOrigin,
    /// Not consistent with an older one.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// A checkpoint signed by its log. Only [`VerifiedCheckpoint::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCheckpoint(Checkpoint);

impl Checkpoint {
    /// Reads the text of a checkpoint; lines after the third are extensions and are passed over.
    ///
    /// Valid: `origin\n3\n<base64 of 32 bytes>\n` — invalid: a size with leading zero, a missing last newline, an
    /// empty extension line.
    /// *Errors*: [`CheckpointError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text
            .strip_suffix('\n')
            .ok_or(CheckpointError::Malformed)?
            .split('\n');
        let mut line = || {
            lines
                .next()
                .filter(|line| !line.is_empty())
                .ok_or(CheckpointError::Malformed)
        };
        let (origin, size_text, root) = (line()?, line()?, line()?);
        let size: u64 = size_text.parse().map_err(|_| CheckpointError::Malformed)?;
        let root = STANDARD
            .decode(root)
            .map_err(|_| CheckpointError::Malformed)?;
        let root = RootHash::from_slice(&root).ok_or(CheckpointError::Malformed)?;
        if size.to_string() != size_text || lines.any(str::is_empty) {
            return Err(CheckpointError::Malformed);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
        })
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root.0)
        )
    }

    /// Signs it. *Errors*: [`CheckpointError::WrongOrigin`] if the signer is another log's; `Note`.
    pub fn sign(&self, signer: &LogSigner) -> Result<String, CheckpointError> {
        if signer.verifier_key().name() != self.origin {
            return Err(CheckpointError::WrongOrigin);
        }
        Ok(signer.sign(&self.to_text())?)
    }
}

impl VerifiedCheckpoint {
    /// Believes a note signed by the log's key. *Errors*: [`CheckpointError`].
    pub fn verify(note: &[u8], key: &VerifierKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(note.verify(key)?)?;
        if checkpoint.origin != key.name() {
            return Err(CheckpointError::WrongOrigin);
        }
        Ok(Self(checkpoint))
    }

    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.0
    }

    /// Checks that it continues an `older` one of the same log (I12). *Errors*: [`CheckpointError`].
    pub fn verify_follows(
        &self,
        older: &Checkpoint,
        consistency: &[RootHash],
    ) -> Result<(), CheckpointError> {
        if older.origin != self.0.origin {
            return Err(CheckpointError::WrongOrigin);
        }
        verify_consistency(
            older.size,
            older.root,
            self.0.size,
            self.0.root,
            consistency,
        )?;
        Ok(())
    }

    /// Checks that `leaf` stands at `index`. *Errors*: [`ProofError`].
    pub fn verify_leaf(&self, leaf: Leaf, index: u64, path: &[RootHash]) -> Result<(), ProofError> {
        verify_inclusion(leaf.hash(), index, self.0.size, path, self.0.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_verifies_only_under_its_own_log_key() {
        let pkcs8 = LogSigner::make_pkcs8().expect("the system has randomness");
        let signer = LogSigner::from_pkcs8("zhixing.test/sichuan/2026", &pkcs8).expect("loads");
        let other = LogSigner::from_pkcs8("zhixing.test/sichuan/2027", &pkcs8).expect("loads");
        let checkpoint = Checkpoint {
            origin: "zhixing.test/sichuan/2026".into(),
            size: 3,
            root: RootHash([9; 32]),
        };
        let note = checkpoint.sign(&signer).expect("own origin");
        let verified =
            VerifiedCheckpoint::verify(note.as_bytes(), signer.verifier_key()).expect("signed");
        assert_eq!(verified.checkpoint(), &checkpoint);
        assert!(VerifiedCheckpoint::verify(note.as_bytes(), other.verifier_key()).is_err());
        assert_eq!(checkpoint.sign(&other), Err(CheckpointError::WrongOrigin));
        let foreign = other.sign(&checkpoint.to_text()).expect("any text");
        assert_eq!(
            VerifiedCheckpoint::verify(foreign.as_bytes(), other.verifier_key()),
            Err(CheckpointError::WrongOrigin)
        );
    }

    #[test]
    fn loose_checkpoint_texts_are_refused() {
        let root = STANDARD.encode([1; 32]);
        assert!(Checkpoint::parse(&format!("o\n3\n{root}\nextension\n")).is_ok());
        for bad in [
            format!("o\n03\n{root}\n"),
            format!("o\n3\n{root}"),
            format!("o\n3\n{root}\n\n"),
            format!("o\n3\n{root}\n\nextension\n"),
            "o\n3\nAAAA\n".into(),
            format!("\n3\n{root}\n"),
            format!("o\n-1\n{root}\n"),
            String::new(),
        ] {
            assert_eq!(
                Checkpoint::parse(&bad),
                Err(CheckpointError::Malformed),
                "{bad:?}"
            );
        }
    }
}
