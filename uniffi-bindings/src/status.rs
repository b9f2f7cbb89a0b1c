//! What a status display shows.

use zhixing_engine::{SetAside, Status};
use zhixing_protocol::wire::Officer;

/// Whose device it is.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct OfficerInfo {
    /// Name.
    pub name: String,
    /// Court word.
    pub court: String,
    /// Badge number.
    pub badge: String,
}

impl From<Officer> for OfficerInfo {
    fn from(officer: Officer) -> Self {
        Self {
            name: officer.name,
            court: officer.court.to_string(),
            badge: officer.badge,
        }
    }
}

/// An item that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SetAsideItem {
    /// The item.
    pub item: String,
    /// Its case.
    pub case_id: Option<String>,
    /// Stable code of what went wrong.
    pub reason: String,
}

/// Something that did not verify and was kept out.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Refusal {
    /// Stable code.
    pub code: String,
    /// How often.
    pub count: u64,
}

/// What a status display shows.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct EngineStatus {
    /// Whose device it is; none before enrolment.
    pub officer: Option<OfficerInfo>,
    /// Whether the case files are open.
    pub unlocked: bool,
    /// The court revoked this device; pending evidence still goes out.
    pub revoked: bool,
    /// Statements without an answer.
    pub pending_statements: u64,
    /// Statements that the court refused or keeps apart: a person of the court must look.
    pub troubled_statements: u64,
    /// Items on this device that were not freed.
    pub items: u64,
    /// Items whose bytes are still to be sent.
    pub waiting_items: u64,
    /// Their bytes that the court does not have yet.
    pub waiting_bytes: u64,
    /// Items that the court has and did not confirm yet.
    pub unconfirmed_items: u64,
    /// Items with verified receipt and proof.
    pub held_items: u64,
    /// Items that wait for a person.
    pub set_aside: Vec<SetAsideItem>,
    /// What did not verify and was kept out.
    pub refusals: Vec<Refusal>,
    /// Wall clock at the newest verified contact. *Units*: milliseconds UTC.
    pub last_contact_ms: Option<i64>,
    /// How long case files may still be read without contact.
    pub lease_left_ms: i64,
    /// Why there is no connection, a stable code; none while it works.
    pub trouble: Option<String>,
}

impl From<Status> for EngineStatus {
    fn from(status: Status) -> Self {
        Self {
            officer: status.officer.map(OfficerInfo::from),
            unlocked: status.unlocked,
            revoked: status.revoked,
            pending_statements: status.pending_statements,
            troubled_statements: status.troubled_statements,
            items: status.items,
            waiting_items: status.waiting_items,
            waiting_bytes: status.waiting_bytes,
            unconfirmed_items: status.unconfirmed_items,
            held_items: status.held_items,
            set_aside: status
                .set_aside
                .into_iter()
                .map(|SetAside { item, case, reason }| SetAsideItem {
                    item: item.to_string(),
                    case_id: case.map(|case| case.to_string()),
                    reason,
                })
                .collect(),
            refusals: status
                .refusals
                .into_iter()
                .map(|(code, count)| Refusal { code, count })
                .collect(),
            last_contact_ms: status.last_contact_ms,
            lease_left_ms: status.lease_left_ms,
            trouble: status.trouble,
        }
    }
}
