//! Who sees what: a versioned table of audience × kind × member. An event may only narrow it.

use serde::{Deserialize, Serialize};

use super::Event;

/// Version of the table below; goes up with every change of a cell.
pub const VISIBILITY_VERSION: u32 = 5;

/// Who looks at a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The court's own staff with a grant: everything.
    Court,
    /// 申请执行人 and agents.
    Applicant,
    /// 被执行人
    Respondent,
    /// A grid worker with one task.
    Grid,
}

impl Audience {
    /// All audiences, for tests that assert each cell.
    pub const ALL: [Self; 4] = [Self::Court, Self::Applicant, Self::Respondent, Self::Grid];
}

/// What an event says of its own visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// As the table says.
    Table,
    /// The court only, whatever the table says (internal volume, embargo).
    Court,
}

/// One row: a kind and, for each audience but the court, the members of `body` and `hidden` it sees.
/// `None` means the audience does not learn that such an event exists.
struct Row {
    kind: &'static str,
    applicant: Option<&'static [&'static str]>,
    respondent: Option<&'static [&'static str]>,
}

/// Grid workers get task cards, never case events: their column is empty throughout.
/// A kind that is not listed is for the court only (fail closed).
const TABLE: &[Row] = &[
    Row {
        kind: "case.filed",
        applicant: Some(&["amount_fen", "cause", "court", "number", "title"]),
        respondent: Some(&["amount_fen", "cause", "court", "number", "title"]),
    },
    Row {
        kind: "case.assigned",
        applicant: Some(&["role", "name"]),
        respondent: Some(&["role", "name"]),
    },
    Row {
        kind: "case.released",
        applicant: Some(&[]),
        respondent: None,
    },
    Row {
        kind: "party.added",
        applicant: Some(&["role", "person_kind", "name"]),
        respondent: Some(&["role", "person_kind", "name"]),
    },
    Row {
        kind: "document.added",
        applicant: Some(&["document", "document_kind", "media_type", "title"]),
        respondent: None,
    },
    Row {
        kind: "note.added",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "evidence.sealed",
        applicant: Some(&["media_kind", "media_type"]),
        respondent: None,
    },
    Row {
        kind: "evidence.received",
        applicant: Some(&["outcome"]),
        respondent: None,
    },
    Row {
        kind: "recording.closed",
        applicant: None,
        respondent: None,
    },
    // Control measures and nodes are under embargo until a table by node says otherwise: a freeze that is told is no freeze.
    Row {
        kind: "node.recorded",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "measure.taken",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "measure.renewed",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "measure.released",
        applicant: None,
        respondent: None,
    },
    // A party gets a paper by its service. A search warrant or freezing order that is told before is none; and 副卷 never goes out.
    Row {
        kind: "paper.made",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "pause.begun",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "pause.ended",
        applicant: None,
        respondent: None,
    },
    // Of money parties learn what came and what became of it; who paid and to which account stays with the court.
    Row {
        kind: "funds.received",
        applicant: Some(&["amount_fen", "at"]),
        respondent: Some(&["amount_fen", "at"]),
    },
    Row {
        kind: "funds.confirmed",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "funds.claimed",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "funds.returned",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "funds.requested",
        applicant: Some(&["amount_fen", "at", "payee", "purpose", "request"]),
        respondent: None,
    },
    Row {
        kind: "funds.decided",
        applicant: Some(&["at", "decision", "request"]),
        respondent: None,
    },
    Row {
        kind: "funds.paid",
        applicant: Some(&["at", "request"]),
        respondent: None,
    },
    Row {
        kind: "funds.failed",
        applicant: Some(&["at", "request"]),
        respondent: None,
    },
    // Of an act on site parties learn nothing before it is closed; then, by its kind, what was done and the inventory.
    Row {
        kind: "act.started",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "act.step_recorded",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "act.line_recorded",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "act.signed",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "act.refused",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "act.closed",
        applicant: Some(&["act", "at", "inventory", "kind"]),
        respondent: Some(&["act", "at", "inventory", "kind", "record"]),
    },
    Row {
        kind: "act.corrected",
        applicant: None,
        respondent: None,
    },
    Row {
        kind: "act.countersigned",
        applicant: None,
        respondent: None,
    },
];

/// The members of body and hidden part that `audience` sees of events of `kind`.
/// `None`: the audience does not see such events at all. The court sees everything and is not asked for here.
pub fn visible_members(audience: Audience, kind: &str) -> Option<&'static [&'static str]> {
    let row = TABLE.iter().find(|row| row.kind == kind)?;
    match audience {
        Audience::Court | Audience::Grid => None,
        Audience::Applicant => row.applicant,
        Audience::Respondent => row.respondent,
    }
}

/// The event as `audience` may see it: other members of body and hidden part removed; `None` if it may not see it.
///
/// The result is input for a projection, never sent itself: number, head and cause are still in it (I8).
pub fn visible_event(event: &Event, audience: Audience) -> Option<Event> {
    if audience == Audience::Court {
        return Some(event.clone());
    }
    if event.visibility == Visibility::Court {
        return None;
    }
    let members = visible_members(audience, &event.kind)?;
    let keep = |name: &String| members.contains(&name.as_str());
    let mut event = event.clone();
    if let crate::canonical::Value::Object(body) = &mut event.body {
        body.retain(|name, _| keep(name));
    }
    event.hidden.retain(|name, _| keep(name));
    event.unknown.clear();
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventBody;

    #[test]
    fn i8_every_known_kind_has_a_row_and_unknown_kinds_are_for_the_court_only() {
        for kind in EventBody::KINDS {
            assert!(
                TABLE.iter().any(|row| row.kind == *kind),
                "{kind} has no row"
            );
        }
        for audience in Audience::ALL {
            assert_eq!(visible_members(audience, "search.planned"), None);
        }
    }

    #[test]
    fn i8_no_party_ever_sees_another_partys_numbers_or_places() {
        for row in TABLE {
            for members in [row.applicant, row.respondent].into_iter().flatten() {
                for secret in [
                    "id_number",
                    "phone",
                    "address",
                    "place",
                    "person",
                    "claims",
                    "village",
                    "staff",
                    "device",
                ] {
                    assert!(!members.contains(&secret), "{} shows {secret}", row.kind);
                }
            }
        }
    }
}
