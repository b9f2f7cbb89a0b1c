//! Case files on the device: granted cases, their states, search, documents, leases and purging.

mod book;
mod schema;
mod tokens;
mod view;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use book::{CaseChange, Casebook, Hit, READING_KEY, TakenIn};
use book::{TRAY, truncate_wal};
use ring::digest;
use rusqlite::params;
pub use view::{CaseSummary, CaseView, PendingAct, TimelineEntry};
use zhixing_protocol::age::Identity;
use zhixing_protocol::canonical::Object;
use zhixing_protocol::ids::{CaseId, DocumentId};
use zhixing_protocol::statement::{CopyPurged, KeyReader};
use zhixing_protocol::wire::{CaseCursor, GrantFrame, RevokeFrame};

use crate::capture::{Holdings, decrypt, open_age};
use crate::database::to_sql;
use crate::error::{EngineError, Result};
use crate::sync::Download;

/// The casebook while it is unlocked, and nothing while it is not.
pub struct Shelf {
    holdings: Arc<Holdings>,
    folder: PathBuf,
    book: Mutex<Option<Casebook>>,
}

/// What is known of a document after it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentCopy {
    /// Media type that the court named.
    pub media_type: String,
    /// Plain length.
    pub size_bytes: u64,
}

impl Shelf {
    /// A locked shelf.
    pub fn new(holdings: Arc<Holdings>, folder: PathBuf) -> Self {
        Self {
            holdings,
            folder,
            book: Mutex::new(None),
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Casebook>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the casebook with the reading key, and finishes what a revocation left to do.
    pub fn unlock(&self) -> Result<()> {
        let mut slot = self.slot();
        if slot.is_none() {
            *slot = Some(Casebook::open(&self.folder, &self.holdings.ports)?);
        }
        drop(slot);
        self.make_tray()?;
        let known = self.holdings.queue().known_cases()?;
        self.forget_all_but(&known)?;
        let revoked: Vec<_> = known.into_iter().filter(|known| known.purging).collect();
        for known in revoked {
            self.purge(known.case, known.epoch)?;
        }
        Ok(())
    }

    /// Case files that the queue knows nothing of (it is a new one, or a kill came between the two) are begun anew: the
    /// court then grants them again and learns this device's key for them. Their keys stay.
    fn forget_all_but(&self, known: &[crate::queue::KnownCase]) -> Result<()> {
        self.with_book(|book| {
            for cursor in book.cursors()? {
                if !known.iter().any(|known| known.case == cursor.case) {
                    book.forget(cursor.case)?;
                }
            }
            Ok(())
        })
    }

    fn make_tray(&self) -> Result<()> {
        let random = self.holdings.ports.random()?;
        let tray = self.with_book(|book| book.secret_or_make(TRAY, random))?;
        self.holdings
            .queue()
            .put_setting("tray_recipient", &tray.recipient().to_string())
    }

    /// Drops the reading key. Captures, statements and uploads go on.
    pub fn lock(&self) {
        *self.slot() = None;
    }

    /// Whether the casebook is open.
    pub fn is_unlocked(&self) -> bool {
        self.slot().is_some()
    }

    fn with_book<R>(&self, act: impl FnOnce(&mut Casebook) -> Result<R>) -> Result<R> {
        match self.slot().as_mut() {
            Some(book) => act(book),
            None => Err(EngineError::locked("unlock the case files first")),
        }
    }

    /// As `with_book`, for reading: the lease must not have run out.
    fn with_lease<R>(&self, act: impl FnOnce(&mut Casebook) -> Result<R>) -> Result<R> {
        if !self.is_unlocked() {
            return Err(EngineError::locked("unlock the case files first"));
        }
        if self.lease_left_ms()? <= 0 {
            return Err(EngineError::locked(
                "lease_expired: the court was not heard of for too long; connect once to read case files again",
            ));
        }
        self.with_book(act)
    }

    /// How long case files may still be read without contact.
    pub fn lease_left_ms(&self) -> Result<i64> {
        let queue = self.holdings.queue();
        let allowed = queue.trust()?.map_or(0, |trust| trust.policy.lease_ms);
        let spent = queue
            .spend_lease()?
            .map_or(i64::MAX, |lease| lease.spent_ms);
        Ok(allowed.saturating_sub(spent))
    }

    /// Where each case stands whose key was told to the court; none while locked. A case that is not named is granted again by the court, which
    /// mends what a kill left half done.
    pub fn cursors(&self) -> Result<Option<Vec<CaseCursor>>> {
        let Some(mut cursors) = self.slot().as_ref().map(Casebook::cursors).transpose()? else {
            return Ok(None);
        };
        let told: std::collections::BTreeMap<CaseId, u64> = self
            .holdings
            .queue()
            .known_cases()?
            .into_iter()
            .filter(|known| !known.recipient.is_empty() && !known.purging)
            .map(|known| (known.case, known.epoch))
            .collect();
        cursors.retain(|cursor| told.get(&cursor.case) == Some(&cursor.epoch));
        Ok(Some(cursors))
    }

    /// Takes in grants and events in the order the court sent them. For each case granted a key of its own is made and its public half sent.
    /// Nothing happens while locked.
    pub fn take_in(&self, changes: &[CaseChange]) -> Result<TakenIn> {
        if changes.is_empty() || !self.is_unlocked() {
            return Ok(TakenIn::default());
        }
        let random = || self.holdings.ports.random();
        // The keys are durable before a statement names one.
        let taken = self.with_book(|book| book.take_in(changes, &random))?;
        if !taken.granted.is_empty() {
            self.publish_keys(&taken.granted)?;
        }
        Ok(taken)
    }

    fn publish_keys(&self, granted: &[(GrantFrame, String)]) -> Result<()> {
        let queue = self.holdings.queue();
        let identity = queue.enrolled()?;
        let transaction = queue.begin()?;
        for (frame, recipient) in granted {
            let known = queue.known_case(frame.case)?;
            transaction
                .prepare_cached(
                    "INSERT INTO known_case(case_id, epoch, court, number, recipient) VALUES(?1, ?2, ?3, ?4, '')
                     ON CONFLICT(case_id) DO UPDATE SET court = excluded.court, number = excluded.number",
                )?
                .execute(params![
                    frame.case.0,
                    to_sql(frame.epoch),
                    frame.court.as_str(),
                    frame.number.to_string()
                ])?;
            let told = known.is_some_and(|known| {
                known.recipient == *recipient && known.epoch == frame.epoch && !known.purging
            });
            if told {
                continue;
            }
            let body = KeyReader {
                recipient: recipient.clone(),
            };
            queue.append_statement(
                &transaction,
                &identity,
                &body,
                Some(frame.case),
                Object::new(),
                |db, _| {
                    Ok(db.execute(
                        "UPDATE known_case SET recipient = ?2, epoch = ?3, purging = 0 WHERE case_id = ?1",
                        params![frame.case.0, recipient, to_sql(frame.epoch)],
                    )?)
                },
            )?;
        }
        Ok(transaction.commit()?)
    }

    /// A grant was lost. While locked the copies of documents go at once and the rest at the next unlocking.
    pub fn revoke(&self, frame: &RevokeFrame) -> Result<()> {
        self.holdings.queue().db.execute(
            "INSERT INTO known_case(case_id, epoch, court, number, recipient, purging)
               VALUES(?1, ?2, (SELECT json_extract(value, '$.court') FROM setting WHERE name = 'identity'), '', '', 1)
             ON CONFLICT(case_id) DO UPDATE SET purging = 1, epoch = excluded.epoch",
            params![frame.case.0, to_sql(frame.epoch)],
        )?;
        self.holdings.vault.purge_cache(frame.case)?;
        if self.is_unlocked() {
            self.purge(frame.case, frame.epoch)?;
        }
        Ok(())
    }

    /// Erases a case and acknowledges it. Every part can be repeated after a kill; the acknowledgement is last (I7).
    fn purge(&self, case: CaseId, epoch: u64) -> Result<()> {
        // Captures made before the case was known are encrypted to the tray: its key goes with them.
        let from_tray = {
            let queue = self.holdings.queue();
            let items = queue.items_where(
                "case_id = ?1 AND statement IN (SELECT hash FROM statement WHERE case_id IS NULL)",
                [case.0],
            )?;
            !items.is_empty()
        };
        self.holdings.vault.purge_cache(case)?;
        self.with_book(|book| book.purge(case, from_tray))?;
        if from_tray {
            self.make_tray()?;
        }
        let mut queue = self.holdings.queue();
        queue.make_statement(&CopyPurged { epoch }, Some(case), Object::new(), |db, _| {
            db.execute("DELETE FROM known_case WHERE case_id = ?1", [case.0])?;
            db.execute("DELETE FROM act_draft WHERE case_id = ?1", [case.0])?;
            crate::queue::Queue::scrub(db)
        })?;
        truncate_wal(&queue.db)
    }

    /// Texts that hold what was typed. *Errors*: `Locked` without key or lease.
    pub fn search(&self, typed: &str) -> Result<Vec<Hit>> {
        self.with_lease(|book| book.search(typed))
    }

    /// What must be fetched before a document can be read; none if it is here.
    ///
    /// *Errors*: `Locked`; `NotFound`.
    pub fn missing_document(&self, case: CaseId, document: DocumentId) -> Result<Option<Download>> {
        let stored = self.with_lease(|book| {
            book.state(case)?
                .document(document)
                .map(|entry| entry.body.stored_sha256)
                .ok_or_else(|| EngineError::not_found("there is no such document in this case"))
        })?;
        let here = self.holdings.vault.cached(case, stored).exists();
        Ok((!here).then_some(Download { case, stored }))
    }

    /// Decrypts a document into `out`, checked against the digest of its event.
    ///
    /// *Errors*: `Locked`; `NotFound` if it was not fetched yet; `Damaged` if it is not what the event names: what was
    /// written must then be thrown away, and the copy is fetched again next time.
    pub fn open_document(
        &self,
        case: CaseId,
        document: DocumentId,
        out: &mut dyn std::io::Write,
    ) -> Result<DocumentCopy> {
        let (entry, secret) = self.with_lease(|book| {
            let entry = book
                .state(case)?
                .document(document)
                .map(|entry| entry.body.clone())
                .ok_or_else(|| EngineError::not_found("there is no such document in this case"))?;
            Ok((entry, book.secret(&case.to_string())?))
        })?;
        let secret = secret.ok_or_else(|| EngineError::locked("the key of this case is gone"))?;
        let path = self.holdings.vault.cached(case, entry.stored_sha256);
        if !path.exists() {
            return Err(EngineError::not_found(
                "the document is not on this device yet; fetch it while there is a connection",
            ));
        }
        let mut context = digest::Context::new(&digest::SHA256);
        // The reader's own trouble, such as a full disk, says nothing about the copy.
        let mut refused = None;
        let read = open_age(&path, &[&secret]).and_then(|opened| {
            decrypt(opened, |plain| {
                context.update(plain);
                out.write_all(plain).map_err(|error| {
                    let error = EngineError::from(error);
                    refused = Some(error.clone());
                    error
                })
            })
        });
        if let Some(error) = refused {
            return Err(error);
        }
        let sound = context.finish().as_ref() == entry.sha256.0;
        if read.is_err() || !sound {
            // A copy of what the court holds; the next fetch brings it again.
            std::fs::remove_file(&path)?;
            read?;
            return Err(EngineError::damaged(
                "the document is not the one that the case file names; fetch it again",
            ));
        }
        Ok(DocumentCopy {
            media_type: entry.media_type,
            size_bytes: entry.size_bytes,
        })
    }

    /// All keys of this device, to open files whose rows were lost. *Errors*: `Locked`.
    pub(crate) fn all_keys(&self) -> Result<Vec<Identity>> {
        self.with_lease(|book| book.secrets())
    }

    /// Keys that may open own originals: those of their case and of the tray. *Errors*: `Locked`.
    pub(crate) fn original_keys(&self, case: Option<CaseId>) -> Result<Vec<Identity>> {
        self.with_lease(|book| {
            let mut keys = Vec::new();
            if let Some(case) = case {
                keys.extend(book.secret(&case.to_string())?);
            }
            keys.extend(book.secret(TRAY)?);
            Ok(keys)
        })
    }
}

#[cfg(test)]
mod tests;
