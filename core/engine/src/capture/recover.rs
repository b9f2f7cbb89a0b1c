//! After a kill: open captures are sealed with what was saved, orphans are put aside. Nothing is deleted.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;
use zhixing_protocol::age::{
    CHUNK_SEALED, FileKey, Header, Identity, MAX_HEADER_BYTES, NONCE_LEN, StreamOpener,
};
use zhixing_protocol::evidence::DigestPass;

use super::{CaptureRequest, HEAD_BYTES, Holdings, SealedFile, SealedWriter};
use crate::error::{EngineError, Result};
use crate::queue::OpenRow;
use crate::vault::{Vault, digest_file};

/// What a start found and did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Captures sealed with what was saved of them.
    pub recovered: u32,
    /// Captures of which no byte had been saved.
    pub empty: u32,
    /// Captures that could not be recovered now and are kept for the next start.
    pub failed: u32,
    /// Files put aside because no row names them.
    pub put_aside: u32,
}

/// An age file opened for reading: the key, and the file behind header and nonce.
pub(crate) struct OpenedFile {
    pub(crate) key: FileKey,
    pub(crate) nonce: [u8; NONCE_LEN],
    pub(crate) payload: File,
}

/// Reads header and nonce of an age file. *Errors*: `Locked` if none of the identities fits; `Damaged`.
pub(crate) fn open_age(path: &Path, identities: &[&Identity]) -> Result<OpenedFile> {
    use std::io::{Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    let window = (MAX_HEADER_BYTES + NONCE_LEN) as u64;
    Read::by_ref(&mut file)
        .take(window)
        .read_to_end(&mut head)?;
    let (header, length) = Header::parse(&head)?;
    let key = header.open(identities)?;
    let nonce = head
        .get(length..)
        .and_then(|rest| rest.first_chunk::<NONCE_LEN>())
        .ok_or_else(|| EngineError::damaged("an age file ends within its header"))?;
    file.seek(SeekFrom::Start((length + NONCE_LEN) as u64))?;
    Ok(OpenedFile {
        key,
        nonce: *nonce,
        payload: file,
    })
}

/// Decrypts a whole file piece by piece. What was given before an error is authentic, but not all of the file.
pub(crate) fn decrypt(opened: OpenedFile, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut opener = StreamOpener::new(opened.key);
    let mut plain = Zeroizing::new(Vec::new());
    opener.push(&opened.nonce, &mut plain)?;
    let mut payload = opened.payload;
    let mut piece = vec![0; 4 * CHUNK_SEALED];
    loop {
        let read = payload.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        opener.push(bytes, &mut plain)?;
        each(&plain)?;
        plain.clear();
    }
    opener.finish(&mut plain)?;
    each(&plain)
}

impl Holdings {
    /// Brings vault and queue into one state after a start. Run once before anything else.
    pub fn recover(&self) -> Result<Recovery> {
        let mut done = Recovery::default();
        let open = self.queue().open_captures()?;
        let mut unsealed = Vec::new();
        for row in open {
            match self.recover_capture(&row) {
                Ok(true) => done.recovered += 1,
                Ok(false) => done.empty += 1,
                Err(error) => {
                    // It stays as it is for the next start; one bad capture must not close the device.
                    tracing::warn!(kind = ?error.kind, "a capture was not recovered yet");
                    self.queue().count_refusal("capture_not_recovered")?;
                    unsealed.push(row.item.to_string());
                    done.failed += 1;
                }
            }
        }
        for name in self.vault.names()? {
            let waits = unsealed.iter().any(|item| name.starts_with(item));
            if !waits && !self.queue().has_file(&name)? {
                self.vault.put_aside(&name)?;
                done.put_aside += 1;
            }
        }
        if self
            .queue()
            .identity()?
            .is_some_and(|identity| identity.officer.is_some())
        {
            self.close_interrupted()?;
        }
        // A kill between "freed" and the deletion: the proofs were checked before the row said so.
        for item in self.queue().items_where("freed = 1", [])? {
            self.vault.erase_freed(&item.file)?;
        }
        Ok(done)
    }

    fn recover_capture(&self, row: &OpenRow) -> Result<bool> {
        let request: CaptureRequest = serde_json::from_str(&row.meta)?;
        let own: Identity = row.secret.parse()?;
        let name = Vault::file_name(row.item);
        let part_left = self.vault.path(&row.file).exists();
        if self.vault.path(&name).exists() {
            // Killed between rename and row: the file is whole.
            let sealed = adopt(&self.vault.path(&name), &own)?;
            self.seal(row.item, &request, sealed, part_left)?;
            return Ok(true);
        }
        let salvage = format!("{}.salvage.part", row.item);
        let recipients = self.recipients(request.case, Some(&own));
        // A case may have been revoked since; the evidence still goes to the court.
        let recipients = match recipients {
            Ok(recipients) => recipients,
            Err(_) => self.recipients(None, Some(&own))?,
        };
        let mut writer =
            SealedWriter::create(&self.vault.path(&salvage), &recipients, &self.ports)?;
        let size = self.read_saved(row, &own, &mut writer)?;
        if size == 0 {
            drop(writer);
            std::fs::remove_file(self.vault.path(&salvage))?;
            self.queue().remove_open(row.item)?;
            return Ok(false);
        }
        let sealed = writer.finish()?;
        self.vault.publish(&salvage, &name)?;
        self.seal(row.item, &request, sealed, true)?;
        Ok(true)
    }

    /// Gives the synced prefix and the saved tail to `writer`; says how many bytes that was.
    fn read_saved(&self, row: &OpenRow, own: &Identity, writer: &mut SealedWriter) -> Result<u64> {
        let (mut size, mut whole) = (0_u64, 0_u64);
        let path = self.vault.path(&row.file);
        if path.exists() && !(row.chunks == 0 && row.tail.is_empty() && lost_its_beginning(&path)?)
        {
            let mut opened = open_age(&path, &[own])?;
            let mut opener = StreamOpener::new(opened.key);
            let mut plain = Zeroizing::new(Vec::new());
            opener.push(&opened.nonce, &mut plain)?;
            let mut piece = vec![0; 4 * CHUNK_SEALED];
            loop {
                let read = opened.payload.read(&mut piece)?;
                let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
                    break;
                };
                // What does not fit is where the saved part ends.
                let pushed = opener.push(bytes, &mut plain);
                writer.push(&plain)?;
                plain.clear();
                if pushed.is_err() {
                    break;
                }
            }
            let found = opener.recover(&mut plain);
            writer.push(&plain)?;
            if found.closed {
                // Killed after the last chunk and before the rename: the file is whole, and no tail is missing.
                return Ok(found.plain_bytes);
            }
            (size, whole) = (found.plain_bytes, found.whole_chunks);
        }
        // With more chunks on disk than at the newest sync, the tail is the beginning of one of them.
        if whole == row.chunks {
            writer.push(&row.tail)?;
            size = size.saturating_add(row.tail.len() as u64);
        } else if whole < row.chunks {
            self.queue().count_refusal("synced_chunks_missing")?;
        }
        Ok(size)
    }
}

/// Whether a power cut came before the first sync of a file: there is a name and no whole header, or zeros in its place.
fn lost_its_beginning(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    File::open(path)?
        .take((MAX_HEADER_BYTES + NONCE_LEN) as u64)
        .read_to_end(&mut head)?;
    Ok(match Header::parse(&head) {
        Ok((_, length)) => head.len() < length + NONCE_LEN,
        Err(_) => true,
    })
}

/// Digests of a published file that has no row yet.
fn adopt(path: &Path, own: &Identity) -> Result<SealedFile> {
    let mut pass = DigestPass::default();
    let mut head = Vec::new();
    decrypt(open_age(path, &[own])?, |plain| {
        pass.update(plain);
        let room = HEAD_BYTES.saturating_sub(head.len()).min(plain.len());
        head.extend_from_slice(plain.get(..room).unwrap_or_default());
        Ok(())
    })?;
    let (stored_bytes, stored_sha256) = digest_file(path)?;
    Ok(SealedFile {
        digests: pass.finish(),
        stored_sha256,
        stored_bytes,
        head,
    })
}
