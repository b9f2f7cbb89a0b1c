//! Documents signed by keys of the court.

use zhixing_protocol::canonical;
use zhixing_protocol::document::{DocumentType, SignedDocument};
use zhixing_protocol::keys::{Signature, Signer};
use zhixing_protocol::receipt::{StorageReceipt, TimeAnchor, TimeMark};
use zhixing_protocol::trust::{KeyPurpose, Trust};

use crate::{SIGNER, choose};

/// 0: document and signature as they travel. Others: the bytes of a document of one type, signed here.
pub fn check(bytes: &[u8]) {
    match choose(bytes, 5) {
        Some((0, rest)) => travelling(rest),
        Some((1, rest)) => trust(rest),
        Some((2, rest)) => signed::<StorageReceipt>(rest),
        Some((3, rest)) => signed::<TimeAnchor>(rest),
        Some((_, rest)) => signed::<TimeMark>(rest),
        None => {}
    }
}

fn travelling(bytes: &[u8]) {
    let Ok(document) = serde_json::from_slice::<SignedDocument>(bytes) else {
        return;
    };
    let text = serde_json::to_vec(&document).expect("JSON inside JSON");
    assert!(serde_json::from_slice::<SignedDocument>(&text).ok() == Some(document.clone()));
    if let Ok(claimed) = document.peek::<Trust>() {
        assert_eq!(
            canonical::parse(document.bytes())
                .map(|value| value.to_bytes())
                .as_deref(),
            Ok(document.bytes())
        );
        let believed = Trust::verify(&document, claimed.root.fingerprint(), None).is_ok();
        let proper = claimed
            .root
            .verify(document.bytes(), document.signature())
            .is_ok();
        assert!(!believed || proper, "believed without a fitting signature");
    }
}

fn sign(bytes: &[u8]) -> Option<SignedDocument> {
    let signature: Signature = SIGNER.sign(bytes).expect("a software key signs");
    SignedDocument::from_parts(bytes, signature).ok()
}

/// Content is given up only with the right type and the right key.
fn signed<T: DocumentType + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let Some(document) = sign(bytes) else { return };
    assert_eq!(document.bytes(), bytes);
    let Ok(content) = document.verify::<T>(SIGNER.public_key()) else {
        return;
    };
    assert_eq!(document.peek::<T>().as_ref(), Ok(&content));
    let other = SIGNER.sign(b"other bytes").expect("a software key signs");
    let forged = SignedDocument::from_parts(bytes, other).expect("canonical");
    assert!(forged.verify::<T>(SIGNER.public_key()).is_err());
    // What is said again and signed again reads the same.
    let again = SignedDocument::sign(&content, &*SIGNER).expect("read from canonical JSON");
    assert_eq!(again.verify::<T>(SIGNER.public_key()), Ok(content));
}

fn trust(bytes: &[u8]) {
    signed::<Trust>(bytes);
    let Some(document) = sign(bytes) else { return };
    let root = SIGNER.public_key().fingerprint();
    let Ok(trust) = Trust::verify(&document, root, None) else {
        return;
    };
    assert_eq!(trust.root.fingerprint(), root);
    for key in &trust.keys {
        assert_eq!(key.id, key.public_key.key_id());
        let found = trust.key(key.id, KeyPurpose::Receipt, key.from_ms);
        assert!(found.is_none_or(|found| found.key_id() == key.id));
    }
    if let Some(newer) = trust.version.checked_add(1) {
        assert!(Trust::verify(&document, root, Some((trust.realm, newer))).is_err());
    }
}
