//! Looking whether the originals on this device are what was sealed.

use std::io::Read as _;

use zhixing_protocol::hash::StoredDigest;

use crate::capture::Holdings;
use crate::error::Result;

/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examination {
    /// Originals looked at.
    pub files: u64,
    /// What is wrong, in words that name the item.
    pub problems: Vec<String>,
}

/// Reads every original on this device and compares it with what was sealed. The databases were checked at opening.
///
/// *Errors*: those of the queue; a missing or changed original is a problem in the result, not an error.
pub fn examine(holdings: &Holdings) -> Result<Examination> {
    let items = holdings
        .queue()
        .items_where("freed = 0 ORDER BY item", [])?;
    let mut found = Examination::default();
    for item in items {
        found.files = found.files.saturating_add(1);
        match digest(&holdings.vault.path(&item.file)) {
            Err(error) => found.problems.push(format!(
                "{}: the original cannot be read ({error})",
                item.item
            )),
            Ok(stored) if stored != item.stored_sha256 => {
                found.problems.push(format!(
                    "{}: the original was changed after it was sealed",
                    item.item
                ));
            }
            Ok(_) => {}
        }
    }
    Ok(found)
}

fn digest(path: &std::path::Path) -> std::io::Result<StoredDigest> {
    let mut file = std::fs::File::open(path)?;
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(buffer.get(..read).unwrap_or_default());
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    Ok(StoredDigest(out))
}
