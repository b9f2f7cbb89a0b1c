//! Statements: parsing, signing and verifying, hidden members and their openings.

use zhixing_protocol::canonical::{self, Value};
use zhixing_protocol::keys::Signer;
use zhixing_protocol::statement::{
    MAX_STATEMENT_BYTES, Opening, OpeningError, Openings, Signed, Statement, StatementError,
    verify_openings,
};

use crate::{SIGNER, choose};

/// 0: exact bytes. 1: the same, signed here. 2: openings.
pub fn check(bytes: &[u8]) {
    match choose(bytes, 3) {
        Some((0, rest)) => exact_bytes(rest),
        Some((1, rest)) => signed(rest),
        Some((_, rest)) => openings(rest),
        None => {}
    }
}

/// Nothing of a statement is lost by reading it, members this version does not know included (I14).
fn exact_bytes(bytes: &[u8]) {
    let Ok(statement) = Statement::parse(bytes) else {
        return;
    };
    assert!(bytes.len() <= MAX_STATEMENT_BYTES);
    assert_eq!(canonical::to_bytes(&statement).as_deref(), Ok(bytes));
    let _ = statement.body();
    let _ = statement.clock.estimate();
}

/// A statement verifies with its own key, and with no bit of it changed.
fn signed(bytes: &[u8]) {
    let Some((place, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let Ok(mut statement) = Statement::parse(rest) else {
        return;
    };
    let key = SIGNER.public_key();
    statement.key = key.key_id();
    let realm = statement.realm;
    let signed = match statement.sign(&*SIGNER, Openings::new()) {
        Ok(signed) => signed,
        Err(error) => {
            // The key's name is as long as any other, so only that of the bytes can have changed.
            panic!("a statement that parsed is not signed: {error}");
        }
    };
    let verified = signed.clone().verify(realm, key).expect("just signed");
    assert_eq!(verified.hash(), signed.hash());
    let mut changed: Signed = signed;
    let place = usize::from(u16::from_be_bytes(*place));
    if place % 2 == 0 {
        let length = changed.bytes.len();
        changed.bytes[(place / 2) % length] ^= 1 << (place % 7);
    } else {
        changed.bytes.truncate(place / 2);
        if changed.bytes == verified.signed().bytes {
            return;
        }
    }
    assert!(changed.verify(realm, key).is_err());
    assert_eq!(
        verified
            .signed()
            .clone()
            .verify(other_realm(&statement), key),
        Err(StatementError::WrongRealm)
    );
}

fn other_realm(statement: &Statement) -> zhixing_protocol::ids::RealmId {
    let mut realm = statement.realm;
    realm.0[0] ^= 1;
    realm
}

/// An opening fits its own commitment under its own name and no other value, salt or name.
fn openings(bytes: &[u8]) {
    let Ok(openings) = serde_json::from_slice::<Openings>(bytes) else {
        return;
    };
    let text = serde_json::to_vec(&openings).expect("text and JSON only");
    assert_eq!(
        serde_json::from_slice::<Openings>(&text).ok().as_ref(),
        Some(&openings)
    );
    let hidden = openings
        .iter()
        .map(|(member, opening)| (member.clone(), opening.derive_commitment(member)))
        .collect();
    assert_eq!(verify_openings(&hidden, &openings), Ok(()));
    for (member, opening) in &openings {
        let mut salted = opening.clone();
        salted.salt[31] ^= 1;
        let changed = Opening {
            salt: opening.salt,
            value: Value::Array(vec![opening.value.clone()]),
        };
        for other in [salted, changed] {
            let alone = Openings::from([(member.clone(), other)]);
            assert_eq!(
                verify_openings(&hidden, &alone),
                Err(OpeningError::Mismatch(member.clone()))
            );
        }
        assert_ne!(
            opening.derive_commitment(&format!("{member}2")),
            opening.derive_commitment(member)
        );
    }
}
