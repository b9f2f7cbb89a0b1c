//! Export: a folder of exact bytes that stock tools can check.

use std::fs;
use std::path::{Path, PathBuf};

use zhixing_protocol::ids::CaseId;

use crate::capture::{Holdings, decrypt, open_age};
use crate::casebook::Shelf;
use crate::error::{EngineError, Result};
use crate::queue::Item;

/// Explains the folder to whoever gets it.
const README: &str = "\
Zhixing evidence export
=======================

N-statement.json   what was signed, exact bytes
N-signature.der    the device's signature over them (ECDSA P-256, SHA-256)
N-openings.json    values of the hidden members of statement N, with their salts
N-media.*          the plain bytes that statement N names by digest (or N-media.age: encrypted)
N-receipt.json     the court's receipt that it holds these bytes; N-receipt.der is its signature
N-proof.json       place of statement N in the court's public log
N-checkpoint.txt   the signed state of the log under which the proof stands
key.pem            public key of the device
trust.json         keys of the court, signed by its root key; trust.der is the signature
root.pem           the root key as trust.json names it: compare its fingerprint with the one the court published
root-N.json        an earlier root key (from) names the one that followed it (to); root-N.der is its signature, root-N.pem the
                   earlier key. Whoever knows an earlier root only goes from it to root.pem by these

Check with stock tools:

  openssl dgst -sha256 -verify key.pem -signature N-signature.der N-statement.json
  sha256sum N-media.*                        (compare with body.digests.sha256 of the statement)
  openssl dgst -sm3 N-media.*                (compare with body.digests.sm3)
  openssl dgst -sha256 -verify root.pem -signature trust.der trust.json
  openssl dgst -sha256 -verify root-N.pem -signature root-N.der root-N.json
  openssl pkey -pubin -in root.pem -outform DER | sha256sum

The statement's name is the SHA-256 of N-statement.json.
";

/// Writes everything this device holds about its own statements of a case into a new folder.
///
/// Media are plain where the case files are unlocked and the original is still here, otherwise as age files.
/// *Errors*: `InvalidInput` if the folder exists and is not empty; `NotFound` if there is nothing of the case.
pub fn export(holdings: &Holdings, shelf: &Shelf, case: CaseId, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    if fs::read_dir(folder)?.next().is_some() {
        return Err(EngineError::invalid("choose an empty folder"));
    }
    let (identity, items, mut own) = {
        let queue = holdings.queue();
        let items = queue.items_where("case_id = ?1 ORDER BY item", [case.0])?;
        let mut own = queue.statements_of(case)?;
        for item in &items {
            if !own.iter().any(|known| known.hash == item.statement) {
                own.extend(queue.statement(item.statement)?);
            }
        }
        (queue.enrolled()?, items, own)
    };
    own.retain(|own| !own.signed.bytes.is_empty());
    own.sort_by_key(|own| own.seq);
    if own.is_empty() {
        return Err(EngineError::not_found(
            "this device has said nothing about this case",
        ));
    }
    write_trust(holdings, folder)?;
    {
        let queue = holdings.queue();
        let signer = queue.signer(&identity)?;
        fs::write(folder.join("key.pem"), signer.public_key().to_pem())?;
    }
    fs::write(folder.join("README.txt"), README)?;
    for own in own {
        let at = |name: &str| folder.join(format!("{}-{name}", own.seq));
        fs::write(at("statement.json"), &own.signed.bytes)?;
        fs::write(at("signature.der"), own.signed.signature.as_der())?;
        if !own.signed.openings.is_empty() {
            fs::write(
                at("openings.json"),
                serde_json::to_vec_pretty(&own.signed.openings)?,
            )?;
        }
        let queue = holdings.queue();
        if let Some(proof) = queue.proof(own.hash)? {
            fs::write(at("proof.json"), serde_json::to_vec_pretty(&proof)?)?;
            if let Some(note) = queue.checkpoint_note(&proof.origin, proof.size)? {
                fs::write(at("checkpoint.txt"), note)?;
            }
        }
        let item = items.iter().find(|item| item.statement == own.hash);
        if let Some(item) = item
            && let Some((_, document, _)) = queue.receipt(item.item)?
        {
            fs::write(at("receipt.json"), document.bytes())?;
            fs::write(at("receipt.der"), document.signature().as_der())?;
        }
        drop(queue);
        if let Some(item) = item.filter(|item| !item.freed) {
            write_media(holdings, shelf, case, item, &at("media"))?;
        }
    }
    Ok(folder.to_owned())
}

fn write_trust(holdings: &Holdings, folder: &Path) -> Result<()> {
    let queue = holdings.queue();
    if let (Some(document), Some(trust)) = (queue.trust_document()?, queue.trust()?) {
        fs::write(folder.join("trust.json"), document.bytes())?;
        fs::write(folder.join("trust.der"), document.signature().as_der())?;
        fs::write(folder.join("root.pem"), trust.root.to_pem())?;
        for (number, step) in (1..).zip(&trust.succession) {
            let at = |ending: &str| folder.join(format!("root-{number}.{ending}"));
            let signed = step
                .document(trust.realm)
                .map_err(|error| EngineError::damaged(error.to_string()))?;
            fs::write(at("json"), signed.bytes())?;
            fs::write(at("der"), signed.signature().as_der())?;
            fs::write(at("pem"), step.from.to_pem())?;
        }
    }
    Ok(())
}

/// Ending of a file name by media type.
fn ending(media_type: &str) -> &str {
    match media_type {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "video/mp4" => "mp4",
        "application/pdf" => "pdf",
        _ => "bin",
    }
}

fn write_media(
    holdings: &Holdings,
    shelf: &Shelf,
    case: CaseId,
    item: &Item,
    to: &Path,
) -> Result<()> {
    use std::io::Write as _;
    let source = holdings.vault.path(&item.file);
    let keys = shelf.original_keys(Some(case)).unwrap_or_default();
    let keys: Vec<_> = keys.iter().collect();
    match open_age(&source, &keys) {
        Ok(opened) => {
            let mut out = fs::File::create(to.with_extension(ending(&item.media_type)))?;
            decrypt(opened, |plain| Ok(out.write_all(plain)?))?;
            Ok(out.sync_all()?)
        }
        Err(_) => {
            // Locked, or encrypted to the court alone: the court's key opens it.
            fs::copy(&source, to.with_extension("age"))?;
            Ok(())
        }
    }
}
