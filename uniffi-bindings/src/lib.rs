#![doc = include_str!("../README.md")]
// The exported functions and their glue are `unsafe extern "C"`, all of it written by UniFFI's macros; no line of this crate is.
#![allow(unsafe_code)]

mod capture;
mod case;
mod case_number;
mod digest;
mod duty;
mod engine;
mod error;
mod item;
mod live;
mod observer;
mod ports;
mod proof;
mod status;
mod sync;
mod ticket;

pub use capture::{Capture, CaptureRequest, ImportSource, MediaKind, SealedItem};
pub use case::{
    CaseDocument, CaseEvidence, CaseNote, CaseParty, CaseSummary, CaseText, CaseView,
    DocumentBytes, PendingAct, SearchHit, TimelineEntry,
};
pub use case_number::{CaseNumberParts, read_case_number};
pub use digest::{DigestObserver, DigestPass, DigestTask, FileDigests, digest_file};
pub use duty::{
    CaseDuties, DaySpan, DutyCount, DutyPrompt, DutyStanding, LawInForce, LawRefusal, LegalBasis,
    RuleVerdict,
};
pub use engine::Engine;
pub use error::CoreError;
pub use item::{EvidenceItem, ItemProof, UploadState};
#[cfg(feature = "testing")]
pub use live::{LiveObjects, live_objects};
pub use observer::{StatusObserver, StatusSubscription};
#[cfg(feature = "testing")]
pub use ports::SoftwareKey;
pub use ports::{DeviceClock, KeyStorage, KeyStore};
pub use proof::{
    CheckVerdict, FolderCheck, FolderReport, FreeReport, HealthReport, KeptOriginal, verify_folder,
};
pub use status::{EngineStatus, OfficerInfo, Refusal, SetAsideItem};
pub use sync::{SyncOutcome, SyncTask};
pub use ticket::{TicketParts, read_ticket};

uniffi::setup_scaffolding!("zhixing");

/// Version of the core, for the "about" page and for problem reports.
#[uniffi::export]
pub fn core_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Reads an id that a shell hands back.
fn read_id<T>(text: &str, what: &str) -> Result<T, CoreError>
where
    T: std::str::FromStr,
{
    text.parse().map_err(|_| {
        CoreError::invalid_input(format!(
            "this is no id of {what}; hand back the one that was given"
        ))
    })
}

/// The word that a value has on the wire, such as `third_party`.
fn word_of<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
