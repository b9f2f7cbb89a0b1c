//! Files from elsewhere: gallery, body-worn recorder, scanner.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::Path;
use std::time::UNIX_EPOCH;

use zhixing_protocol::age::Identity;
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::statement::{EvidenceImport, ImportSource};
use zhixing_protocol::time::UtcMillis;

use super::{
    Holdings, MAX_WRITE_BYTES, SealedFile, SealedItem, SealedWriter, check_hidden, claims, decrypt,
    open_age,
};
use crate::error::{EngineError, ErrorKind, Result};
use crate::queue::{Item, Queue};
use crate::vault::Vault;

fn modified_ms(metadata: &Metadata) -> Option<UtcMillis> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok().map(UtcMillis)
}

impl Holdings {
    /// Takes a file in as evidence labelled as imported. The file itself is only read.
    ///
    /// *Errors*: `InvalidInput` if it is no plain file, is empty or changed while it was read; nothing is kept then.
    pub fn import(
        &self,
        path: &Path,
        source: ImportSource,
        case: Option<CaseId>,
        mut hidden: Object,
    ) -> Result<SealedItem> {
        check_hidden(&hidden)?;
        // Opening a pipe would wait for ever.
        if !std::fs::metadata(path)?.is_file() {
            return Err(EngineError::invalid("choose a plain file"));
        }
        let mut file = File::open(path)?;
        let before = file.metadata()?;
        if !before.is_file() || before.len() == 0 {
            return Err(EngineError::invalid("choose a file that is not empty"));
        }
        let recipients = self.recipients(case, None)?;
        let item = self.make_item()?;
        let part = Vault::part_name(item);
        let writer = SealedWriter::create(&self.vault.path(&part), &recipients, &self.ports)?;
        let sealed = match copy(&mut file, &before, writer) {
            Ok(sealed) => sealed,
            Err(error) => {
                // Only a copy goes; the person's file is untouched.
                std::fs::remove_file(self.vault.path(&part))?;
                return Err(error);
            }
        };
        let published = Vault::file_name(item);
        self.vault.publish(&part, &published)?;
        let media_type = claims::media_type(&sealed.head).to_owned();
        if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            hidden
                .entry("name".to_owned())
                .or_insert_with(|| Value::Text(name.to_owned()));
        }
        let read = claims::read_claims(&sealed.head);
        if !read.is_empty() {
            hidden.insert("claims".to_owned(), Value::Object(read));
        }
        let body = EvidenceImport {
            digests: sealed.digests.clone(),
            file_modified_ms: modified_ms(&before),
            item,
            kind: claims::media_kind(&media_type),
            media_type: media_type.clone(),
            source,
        };
        let (made, ()) = self
            .queue()
            .make_statement(&body, case, hidden, |db, made| {
                Queue::insert_item(db, &Item::sealed(item, case, &sealed, &media_type, made))
            })?;
        Ok(SealedItem {
            item,
            statement: made.hash,
            digests: sealed.digests,
            media_type,
        })
    }
}

impl Holdings {
    /// Takes an age file that was put aside in as evidence again, labelled as imported and without a case, where one of
    /// `keys` opens it; none where none does, or where it is torn. The file stays, marked as adopted.
    ///
    /// *Errors*: those of the store and the disk.
    pub(crate) fn adopt(&self, name: &str, keys: &[Identity]) -> Result<Option<SealedItem>> {
        let path = self.vault.put_aside_path(name);
        let keys: Vec<&Identity> = keys.iter().collect();
        let opened = match open_age(&path, &keys) {
            Ok(opened) => opened,
            Err(error) if matches!(error.kind, ErrorKind::Locked | ErrorKind::Damaged) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let recipients = self.recipients(None, None)?;
        let item = self.make_item()?;
        let part = Vault::part_name(item);
        let mut writer = SealedWriter::create(&self.vault.path(&part), &recipients, &self.ports)?;
        if let Err(error) = decrypt(opened, |plain| writer.push(plain)) {
            std::fs::remove_file(self.vault.path(&part))?;
            return match error.kind {
                ErrorKind::Damaged => Ok(None),
                _ => Err(error),
            };
        }
        let sealed = writer.finish()?;
        self.vault.publish(&part, &Vault::file_name(item))?;
        let media_type = claims::media_type(&sealed.head).to_owned();
        let body = EvidenceImport {
            digests: sealed.digests.clone(),
            file_modified_ms: None,
            item,
            kind: claims::media_kind(&media_type),
            media_type: media_type.clone(),
            source: ImportSource::File,
        };
        let mut hidden = Object::from([("name".to_owned(), Value::from(name))]);
        let read = claims::read_claims(&sealed.head);
        if !read.is_empty() {
            hidden.insert("claims".to_owned(), Value::Object(read));
        }
        let (made, ()) = self
            .queue()
            .make_statement(&body, None, hidden, |db, made| {
                Queue::insert_item(db, &Item::sealed(item, None, &sealed, &media_type, made))
            })?;
        self.vault.mark_adopted(name)?;
        Ok(Some(SealedItem {
            item,
            statement: made.hash,
            digests: sealed.digests,
            media_type,
        }))
    }
}

fn copy(file: &mut File, before: &Metadata, mut writer: SealedWriter) -> Result<SealedFile> {
    let mut piece = vec![0; MAX_WRITE_BYTES];
    let mut size = 0_u64;
    loop {
        let read = file.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        writer.push(bytes)?;
        size = size.saturating_add(bytes.len() as u64);
    }
    let after = file.metadata()?;
    let same = size == before.len()
        && after.len() == before.len()
        && after.modified().ok() == before.modified().ok();
    if !same {
        return Err(EngineError::invalid(
            "the file changed while it was read; wait until it is complete and import it again",
        ));
    }
    writer.finish()
}
