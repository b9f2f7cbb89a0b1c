//! Events: what the server makes of statements, numbered and hash-chained per case.

mod act;
mod draft;
mod funds;
mod kind;
mod law;
mod paper;
mod visibility;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use act::ByDevice;
pub use draft::{Effect, EventDraft, draft};
pub use funds::preview_funds;
pub use kind::*;
pub use law::preview_record;
pub use paper::preview_paper;
pub use visibility::{Audience, VISIBILITY_VERSION, Visibility, visible_event, visible_members};

use crate::canonical::{self, CanonicalError, Object, Value};
use crate::hash::{Commitment, EventHash, StatementHash, sha256};
use crate::ids::CaseId;
use crate::time::{Date, UtcMillis};

/// One event of a case. Its hash covers `prev`, so the newest hash (the *head*) stands for the whole history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When the server numbered it.
    pub at_ms: UtcMillis,
    /// Content by `kind`; see [`EventBody`].
    pub body: Value,
    /// The case.
    pub case: CaseId,
    /// The statement that caused it.
    pub cause: StatementHash,
    /// Number of an earlier event of the case that this one replaces.
    #[serde(deserialize_with = "crate::canonical::nullable")]
    pub corrects: Option<u64>,
    /// Commitments to hidden members, by the name they have in this event.
    pub hidden: BTreeMap<String, HiddenMember>,
    /// What happened, such as `evidence.sealed`.
    pub kind: String,
    /// Legal date.
    pub occurred_on: Date,
    /// Hash of the event before it; [`EventHash::ZERO`] at `seq` 1.
    pub prev: EventHash,
    /// Number in the case, from 1, without gaps.
    pub seq: u64,
    /// Narrows what the visibility table allows.
    pub visibility: Visibility,
    /// Members this version does not know; kept.
    #[serde(flatten)]
    pub unknown: Object,
}

/// A hidden member of an event: where it stands in the statement, and the commitment there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenMember {
    /// The statement's commitment.
    pub commitment: Commitment,
    /// The member's name in the statement.
    pub member: String,
}

impl Event {
    /// The exact bytes that are stored, hashed and sent.
    ///
    /// *Errors*: [`CanonicalError`] for a number of 2^53 or more.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::to_bytes(self)
    }

    /// Reads exact bytes. *Errors*: [`CanonicalError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CanonicalError> {
        canonical::parse_as(bytes)
    }

    /// The hash of exact bytes.
    pub fn hash_of(bytes: &[u8]) -> EventHash {
        EventHash(sha256(bytes))
    }

    /// The typed content; [`EventBody::Unknown`] for a kind this version does not know.
    ///
    /// *Errors*: [`CanonicalError::Shape`].
    pub fn body(&self) -> Result<EventBody, CanonicalError> {
        EventBody::read(&self.kind, &self.body)
    }
}

/// Where the event chain of a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the newest event; 0 before the first.
    pub seq: u64,
    /// Its hash; [`EventHash::ZERO`] before the first.
    pub hash: EventHash,
}

/// An event that does not continue the history it is added to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not canonical, or not an event.
    #[error(transparent)]
    Form(#[from] CanonicalError),
    /// Another case, number or predecessor than expected.
    #[error("event {found_seq} does not follow event {expected_after} of its case")]
    DoesNotFollow {
        /// Number the event bears.
        found_seq: u64,
        /// Number of the newest event known.
        expected_after: u64,
    },
}

impl Head {
    /// Before the first event.
    pub const EMPTY: Self = Self {
        seq: 0,
        hash: EventHash::ZERO,
    };

    /// Checks that `bytes` are the next event of `case` and moves on to it.
    ///
    /// *Errors*: [`HeadError`]; the head is then unchanged.
    pub fn follow(&mut self, case: CaseId, bytes: &[u8]) -> Result<Event, HeadError> {
        let event = Event::parse(bytes)?;
        let follows = event.case == case
            && Some(event.seq) == self.seq.checked_add(1)
            && event.prev == self.hash;
        if !follows {
            return Err(HeadError::DoesNotFollow {
                found_seq: event.seq,
                expected_after: self.seq,
            });
        }
        *self = Self {
            seq: event.seq,
            hash: Event::hash_of(bytes),
        };
        Ok(event)
    }
}
