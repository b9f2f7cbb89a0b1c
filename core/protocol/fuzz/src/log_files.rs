//! What the log publishes: notes, checkpoints, bundles of entries, leaves.

use std::sync::LazyLock;

use zhixing_protocol::tlog::{
    Checkpoint, EntryBundle, LEAF_LEN, Leaf, LogSigner, Note, NoteError, TILE_WIDTH,
    VerifiedCheckpoint,
};

use crate::choose;

static LOG: LazyLock<LogSigner> = LazyLock::new(|| {
    let pkcs8 = LogSigner::make_pkcs8().expect("the system has randomness");
    LogSigner::from_pkcs8("zhixing.test/fuzz", &pkcs8).expect("a key just made")
});

/// The first byte chooses the format.
pub fn check(bytes: &[u8]) {
    match choose(bytes, 5) {
        Some((0, rest)) => note(rest),
        Some((1, rest)) => checkpoint(rest),
        Some((2, rest)) => own_note(rest),
        Some((3, rest)) => bundle(rest),
        Some((_, rest)) => leaf(rest),
        None => {}
    }
}

/// Nothing this log did not sign is believed.
fn note(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert!(!note.signatures().is_empty());
        assert!(note.verify(LOG.verifier_key()).is_err());
    }
    assert!(VerifiedCheckpoint::verify(bytes, LOG.verifier_key()).is_err());
}

fn checkpoint(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        let printed = checkpoint.to_text();
        assert!(
            text.starts_with(&printed),
            "only extension lines may follow"
        );
        assert_eq!(Checkpoint::parse(&printed), Ok(checkpoint));
    }
}

/// What the log signed verifies, and with one changed byte it does not.
fn own_note(bytes: &[u8]) {
    let Some((place, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let Ok(signed) = LOG.sign(text) else { return };
    let Ok(note) = Note::parse(signed.as_bytes()) else {
        assert!(signed.len() > 128 * 1024, "our own note is refused");
        return;
    };
    assert_eq!(note.verify(LOG.verifier_key()), Ok(text));
    let mut changed = text.as_bytes().to_vec();
    let place = usize::from(u16::from_be_bytes(*place)) % changed.len();
    changed[place] ^= 1;
    let tail = &signed.as_bytes()[text.len()..];
    changed.extend_from_slice(tail);
    if let Ok(note) = Note::parse(&changed) {
        assert!(matches!(
            note.verify(LOG.verifier_key()),
            Err(NoteError::WrongSignature | NoteError::NotSigned)
        ));
    }
}

fn bundle(bytes: &[u8]) {
    if let Ok(bundle) = EntryBundle::parse(bytes) {
        assert!(bundle.0.len() <= usize::from(TILE_WIDTH));
        assert_eq!(bundle.to_bytes().as_deref(), Some(bytes));
    }
}

fn leaf(bytes: &[u8]) {
    if let Some(leaf) = Leaf::parse(bytes) {
        assert_eq!(bytes.len(), LEAF_LEN);
        assert_eq!(leaf.to_bytes(), bytes);
    }
}
