//! `statement`: exact bytes, signature and openings under a realm and a key.

use serde::Deserialize;
use serde_json::{Value, json};

use super::file::Vector;
use super::{MALFORMED, Refused, canonical};
use crate::hash::from_hex;
use crate::ids::RealmId;
use crate::keys::{PublicKey, Signature};
use crate::statement::{OpeningError, Openings, Signed, StatementError};
use crate::tlog::Leaf;

#[derive(Deserialize)]
struct StatementVector {
    statement: Option<String>,
    statement_hex: Option<String>,
    signature_hex: String,
    key_hex: String,
    realm: RealmId,
    #[serde(default)]
    openings: Openings,
}

fn refuse(error: &StatementError) -> Refused {
    let code = match error {
        StatementError::TooLarge => "too-large",
        StatementError::Form(error) => canonical::code(error),
        StatementError::WrongRealm => "another-realm",
        StatementError::WrongKey => "another-key",
        StatementError::Signature(_) => "signature",
        StatementError::BadChain => "chain",
        StatementError::Opening(OpeningError::NoSuchMember(_)) => "no-such-member",
        StatementError::Opening(OpeningError::Mismatch(_)) => "opening",
    };
    Refused::new(code, error)
}

/// Name, type, place in the chain and leaf of a statement that verifies.
pub(super) fn answer(vector: &Vector<'_>) -> Result<Value, Refused> {
    let given: StatementVector = vector.read()?;
    let hex = |text: &str| from_hex(text).map_err(|error| Refused::new(MALFORMED, &error));
    let key = PublicKey::from_spki(&hex(&given.key_hex)?)
        .map_err(|error| Refused::new(MALFORMED, &error))?;
    let signature = Signature::from_der(&hex(&given.signature_hex)?)
        .map_err(|error| Refused::new("signature", &error))?;
    let signed = Signed {
        bytes: canonical::bytes(given.statement, given.statement_hex)?,
        signature,
        openings: given.openings,
    };
    let leaf = Leaf::of(signed.hash(), &signed.signature);
    let verified = signed
        .verify(given.realm, &key)
        .map_err(|error| refuse(&error))?;
    let statement = verified.statement();
    Ok(json!({
        "hash": verified.hash(),
        "type": statement.r#type,
        "seq": statement.chain.map(|link| link.seq),
        "opened": verified.signed().openings.keys().collect::<Vec<_>>(),
        "leaf_hex": crate::hash::to_hex(&leaf.to_bytes()),
        "leaf_hash": leaf.hash(),
    }))
}
