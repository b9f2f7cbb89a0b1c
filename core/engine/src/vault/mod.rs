//! The folder of age files: originals of this device, put aside files, and copies of case documents.
//!
//! A file is published in a fixed order: part file → sync → rename → sync of the folder → row in `queue.db`. Nothing
//! here deletes an original but `erase_freed`, which `free` calls after its proofs.

use std::fs::File;
use std::path::{Path, PathBuf};

use ring::digest;
use zhixing_protocol::hash::StoredDigest;
use zhixing_protocol::ids::{CaseId, ItemId};

use crate::error::Result;

/// The three folders.
#[derive(Debug, Clone)]
pub struct Vault {
    originals: PathBuf,
    quarantine: PathBuf,
    cache: PathBuf,
}

impl Vault {
    /// Opens or makes the folders below `folder`.
    pub fn open(folder: &Path) -> Result<Self> {
        let vault = Self {
            originals: folder.join("vault"),
            quarantine: folder.join("quarantine"),
            cache: folder.join("cache"),
        };
        for path in [&vault.originals, &vault.quarantine, &vault.cache] {
            std::fs::create_dir_all(path)?;
        }
        Ok(vault)
    }

    /// Name of an item's part file while it is written.
    pub fn part_name(item: ItemId) -> String {
        format!("{item}.part")
    }

    /// Name of an item's finished file.
    pub fn file_name(item: ItemId) -> String {
        format!("{item}.age")
    }

    /// Where a file of this vault lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.originals.join(name)
    }

    /// Renames a synced part file to its final name and makes the name durable.
    pub fn publish(&self, part: &str, name: &str) -> Result<()> {
        std::fs::rename(self.path(part), self.path(name))?;
        self.sync_folder()
    }

    /// Makes names durable.
    pub fn sync_folder(&self) -> Result<()> {
        File::open(&self.originals)?.sync_all()?;
        Ok(())
    }

    /// Names in the folder of originals.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.originals)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    }

    /// Puts a file aside under its own name; one that is already there is never replaced.
    pub fn put_aside(&self, name: &str) -> Result<()> {
        let mut to = self.quarantine.join(name);
        let mut number = 1_u32;
        while to.exists() {
            to = self.quarantine.join(format!("{name}.{number}"));
            number = number.saturating_add(1);
        }
        std::fs::rename(self.path(name), to)?;
        File::open(&self.quarantine)?.sync_all()?;
        self.sync_folder()
    }

    /// Names of the files put aside.
    pub fn put_aside_names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.quarantine)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    }

    /// Where a file that was put aside lies.
    pub(crate) fn put_aside_path(&self, name: &str) -> PathBuf {
        self.quarantine.join(name)
    }

    /// Marks a file that was put aside as taken in again.
    pub(crate) fn mark_adopted(&self, name: &str) -> Result<()> {
        let to = self.quarantine.join(format!("{name}.adopted"));
        std::fs::rename(self.quarantine.join(name), to)?;
        File::open(&self.quarantine)?.sync_all()?;
        Ok(())
    }

    /// Deletes an original whose row says that it was freed under I2.
    pub(crate) fn erase_freed(&self, name: &str) -> Result<()> {
        match std::fs::remove_file(self.path(name)) {
            Ok(()) => self.sync_folder(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Where the copy of a case document lies.
    pub fn cached(&self, case: CaseId, stored: StoredDigest) -> PathBuf {
        self.cache
            .join(case.to_string())
            .join(format!("{stored}.age"))
    }

    /// Where a norm lies while it is fetched.
    pub fn norm_part(&self, sha256: zhixing_protocol::hash::Sha256Digest) -> PathBuf {
        self.cache.join("norms").join(format!("{sha256}.part"))
    }

    /// The copies of all documents of a case go; the court holds them.
    pub fn purge_cache(&self, case: CaseId) -> Result<()> {
        match std::fs::remove_dir_all(self.cache.join(case.to_string())) {
            Ok(()) => Ok(File::open(&self.cache)?.sync_all()?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Length and SHA-256 of a file, read in pieces.
pub fn digest_file(path: &Path) -> Result<(u64, StoredDigest)> {
    use std::io::Read as _;
    let mut file = File::open(path)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut piece = vec![0; 256 * 1024];
    let mut size = 0_u64;
    loop {
        let read = file.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        context.update(bytes);
        size = size.saturating_add(bytes.len() as u64);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    Ok((size, StoredDigest(out)))
}
