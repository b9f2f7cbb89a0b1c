//! Norms on the device: the list that is believed, the documents it names, and the law computed from them.
//!
//! They lie in `queue.db`, since they are no secret and must arrive while the phone is locked. A newer list is worked by only when every document that
//! concerns this device's courts is here and believed; until then, and whenever something about it is wrong, the device goes on with what it has. With
//! nothing at all it works by the pack that its program carries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{OptionalExtension as _, params};
use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::rules::law::Law;
use zhixing_protocol::rules::norms::{
    MAX_NORM_BYTES, NormEntry, NormError, Norms, NormsHeld, NormsList, NormsRefusal,
};

use crate::error::Result;
use crate::queue::{Queue, put_setting};

/// The newest list that was believed.
const NEWEST: &str = "norms_newest";
/// The list whose norms are in use.
const IN_USE: &str = "norms_in_use";
/// Why the newest is not in use.
const REFUSED: &str = "norms_refused";
/// Why a list that came after it is not believed.
const LIST_REFUSED: &str = "norms_list_refused";
/// Bytes that are not what the list says.
const BYTES_DIFFER: &str = "norm_bytes_differ";

/// The norms in use, ready.
#[derive(Default)]
pub struct Ready {
    norms: Norms,
    bundled: bool,
    laws: Mutex<BTreeMap<String, Arc<Law>>>,
}

impl Ready {
    /// The law of a court.
    pub fn law(&self, court: &str) -> Arc<Law> {
        if self.bundled {
            return Law::shared_bundled();
        }
        let mut laws = self.laws.lock().unwrap_or_else(PoisonError::into_inner);
        let law = laws
            .entry(court.to_owned())
            .or_insert_with(|| Arc::new(self.norms.law(court)));
        Arc::clone(law)
    }
}

impl Queue {
    /// Believes a list that came with a pull. True if it is newer than the one held. What stands against it is counted and kept for the court to see.
    pub(crate) fn accept_norms(&self, document: &SignedDocument) -> Result<bool> {
        let Some(trust) = self.trust()? else {
            return Ok(false);
        };
        let held = self.norms_list(NEWEST)?.map_or(0, |list| list.version);
        let reading = self.clock_reading()?;
        let now = reading.estimate().unwrap_or(reading.wall_ms);
        match NormsList::verify(document, &trust, now, held) {
            Ok(list) if list.version > held => {
                let transaction = self.begin()?;
                put_setting(&transaction, NEWEST, document)?;
                for name in [REFUSED, LIST_REFUSED] {
                    transaction.execute("DELETE FROM setting WHERE name = ?1", [name])?;
                }
                transaction.commit()?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) => {
                let claimed = document.peek::<NormsList>();
                let version = claimed.map_or(0, |list| list.version);
                self.refuse_norm(LIST_REFUSED, version, error.code(), "")?;
                Ok(false)
            }
        }
    }

    /// By which norms this device works.
    pub fn norms_held(&self) -> Result<NormsHeld> {
        let version = |list: Option<NormsList>| list.map_or(0, |list| list.version);
        Ok(NormsHeld {
            newest: version(self.norms_list(NEWEST)?),
            in_use: version(self.norms_list(IN_USE)?),
            refused: match self.setting(REFUSED)? {
                None => self.setting(LIST_REFUSED)?,
                refused => refused,
            },
        })
    }

    /// The next document to fetch. Of a list that was refused nothing more is fetched.
    pub(crate) fn wanted_norm(&self) -> Result<Option<NormEntry>> {
        let refused = self.setting::<NormsRefusal>(REFUSED)?;
        let newest = self.norms_list(NEWEST)?;
        let newest =
            newest.filter(|newest| refused.is_none_or(|refused| refused.version != newest.version));
        for list in [newest, self.norms_list(IN_USE)?].into_iter().flatten() {
            for entry in self.concerning(&list)? {
                if !self.has_norm(entry.sha256)? {
                    return Ok(Some(entry));
                }
            }
        }
        Ok(None)
    }

    /// Keeps a document that was fetched. False, and the list is refused, if it is not what the list says.
    pub(crate) fn keep_norm(&self, entry: &NormEntry, bytes: &[u8]) -> Result<bool> {
        let fits = entry.size_bytes <= MAX_NORM_BYTES
            && bytes.len() as u64 == entry.size_bytes
            && Sha256Digest::of(bytes) == entry.sha256;
        if !fits {
            let version = self.norms_list(NEWEST)?.map_or(0, |list| list.version);
            self.refuse_norm(REFUSED, version, BYTES_DIFFER, &named(entry))?;
            return Ok(false);
        }
        self.db.execute(
            "INSERT INTO norm(sha256, bytes) VALUES(?1, ?2) ON CONFLICT(sha256) DO NOTHING",
            params![entry.sha256.0, bytes],
        )?;
        Ok(true)
    }

    /// Goes over to the newest list if all of it is here and believed. True if it did.
    pub(crate) fn use_newest_norms(&self) -> Result<bool> {
        let Some(document) = self.setting::<SignedDocument>(NEWEST)? else {
            return Ok(false);
        };
        let Some(list) = self.norms_list(NEWEST)? else {
            return Ok(false);
        };
        if self
            .norms_list(IN_USE)?
            .is_some_and(|used| used.version == list.version)
        {
            return Ok(false);
        }
        for entry in self.concerning(&list)? {
            if !self.has_norm(entry.sha256)? {
                return Ok(false);
            }
        }
        if let Err((entry, code)) = self.read_norms(&list)? {
            self.refuse_norm(REFUSED, list.version, code, &named(&entry))?;
            return Ok(false);
        }
        let kept: BTreeSet<Sha256Digest> = list.entries.iter().map(|entry| entry.sha256).collect();
        let transaction = self.begin()?;
        put_setting(&transaction, IN_USE, &document)?;
        transaction.execute("DELETE FROM setting WHERE name = ?1", [REFUSED])?;
        let mut query = transaction.prepare("SELECT sha256 FROM norm")?;
        let held: Vec<Vec<u8>> = query
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        drop(query);
        for digest in held {
            if Sha256Digest::from_slice(&digest).is_none_or(|digest| !kept.contains(&digest)) {
                transaction.execute("DELETE FROM norm WHERE sha256 = ?1", [digest])?;
            }
        }
        transaction.commit()?;
        Ok(true)
    }

    /// The norms in use, believed again. If they cannot be, the pack that the program carries is used, which is counted.
    pub(crate) fn ready_norms(&self) -> Result<Ready> {
        let bundled = Ready {
            bundled: true,
            ..Ready::default()
        };
        let Some(list) = self.norms_list(IN_USE)? else {
            return Ok(bundled);
        };
        match self.read_norms(&list)? {
            Ok(norms) => Ok(Ready {
                norms,
                ..Ready::default()
            }),
            Err((_, code)) => {
                self.count_refusal(code)?;
                Ok(bundled)
            }
        }
    }

    /// A list held, believed again; none if there is none, or none that is still believed.
    fn norms_list(&self, name: &str) -> Result<Option<NormsList>> {
        let Some(document) = self.setting::<SignedDocument>(name)? else {
            return Ok(None);
        };
        let Some(trust) = self.trust()? else {
            return Ok(None);
        };
        Ok(NormsList::verify_held(&document, &trust).ok())
    }

    /// The norms of a list that this device needs: of its officer's court and of those whose cases it may hold.
    fn concerning(&self, list: &NormsList) -> Result<Vec<NormEntry>> {
        let mut courts: BTreeSet<String> = BTreeSet::new();
        courts.extend(self.identity()?.map(|identity| identity.court.to_string()));
        courts.extend(
            self.known_cases()?
                .iter()
                .map(|known| known.court.to_string()),
        );
        let entries = list.entries.iter();
        Ok(entries
            .filter(|entry| entry.concerns(courts.iter()))
            .cloned()
            .collect())
    }

    fn has_norm(&self, sha256: Sha256Digest) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached("SELECT 1 FROM norm WHERE sha256 = ?1")?
            .exists([sha256.0])?)
    }

    /// Believes what is here of a list; or names the first norm that is not believed, and why.
    fn read_norms(
        &self,
        list: &NormsList,
    ) -> Result<core::result::Result<Norms, (NormEntry, &'static str)>> {
        let mut norms = Norms::default();
        let Some(trust) = self.trust()? else {
            return Ok(Ok(norms));
        };
        for entry in self.concerning(list)? {
            let bytes: Option<Vec<u8>> = self
                .db
                .query_row(
                    "SELECT bytes FROM norm WHERE sha256 = ?1",
                    [entry.sha256.0],
                    |row| row.get(0),
                )
                .optional()?;
            let Some(bytes) = bytes else { continue };
            let taken = serde_json::from_slice::<SignedDocument>(&bytes)
                .map_err(|_| "norm_malformed")
                .and_then(|document| {
                    let taken = norms.take_in(&document, &trust);
                    taken.map_err(|error| error.code())
                });
            match taken {
                Ok(taken) if taken == entry => {}
                Ok(_) => {
                    let code = NormError::Contradiction("entry").code();
                    return Ok(Err((entry, code)));
                }
                Err(code) => return Ok(Err((entry, code))),
            }
        }
        Ok(Ok(norms))
    }

    fn refuse_norm(&self, name: &str, version: u64, code: &str, norm: &str) -> Result<()> {
        let refused = NormsRefusal {
            version,
            code: code.to_owned(),
            norm: norm.to_owned(),
        };
        if self.setting::<NormsRefusal>(name)?.as_ref() != Some(&refused) {
            self.count_refusal(code)?;
            self.put_setting(name, &refused)?;
        }
        Ok(())
    }
}

fn named(entry: &NormEntry) -> String {
    let NormEntry {
        kind,
        scope,
        version,
        ..
    } = entry;
    match scope.as_str() {
        "" => format!("{kind} {version}"),
        scope => format!("{kind} {scope} {version}"),
    }
}

#[cfg(test)]
mod tests;
