//! The object store: what was uploaded, exactly as it came, named by the SHA-256 of its bytes.

use std::path::{Path, PathBuf};

use zhixing_protocol::hash::StoredDigest;

/// Where an object lies in the data folder.
pub fn path(data: &Path, stored: StoredDigest) -> PathBuf {
    let name = stored.to_string();
    let (first, rest) = name.split_at(2);
    let (second, _) = rest.split_at(2);
    data.join("objects").join(first).join(second).join(&name)
}

/// Moves a checked file into the store, durably. The same object twice is harmless.
///
/// *Errors*: those of the disk; the file then stays where it was.
pub fn adopt(data: &Path, file: &Path, stored: StoredDigest) -> std::io::Result<PathBuf> {
    let target = path(data, stored);
    let folder = target.parent().unwrap_or(data);
    std::fs::create_dir_all(folder)?;
    std::fs::File::open(file)?.sync_all()?;
    std::fs::rename(file, &target)?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(target)
}
