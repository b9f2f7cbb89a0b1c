//! The reducer over sequences of arbitrary events.

use std::collections::BTreeMap;

use zhixing_protocol::canonical::{self, Object, Value};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{
    Audience, Event, EventBody, HiddenMember, Visibility, visible_event,
};
use zhixing_protocol::hash::{EventHash, StatementHash, to_hex};
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::statement::{Opening, Openings};
use zhixing_protocol::time::{Date, UtcMillis};

use crate::source::Source;

/// Most events of one case; more find nothing new.
const MAX_EVENTS: u64 = 64;

/// Total for whatever order, kinds and bodies; the same events give the same state; a projection knows no more.
pub fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let (mut state, mut again) = (CaseState::default(), CaseState::default());
    let mut shown = CaseState::default();
    let mut seq = 0;
    while !source.is_empty() && seq < MAX_EVENTS {
        seq += 1;
        let (event, openings) = make_event(&mut source, seq);
        state.apply(&event, &openings);
        again.apply(&event, &openings);
        assert_eq!(state.newest_seq(), event.seq);
        if let Some(corrected) = event.corrects {
            assert!(state.is_corrected(corrected));
            assert!(!state.can_correct(corrected, &event.kind));
            let stays = corrected == event.seq;
            assert!(stays || state.notes().all(|(_, note)| note.seq != corrected));
        }
        if let Some(event) = visible_event(&event, Audience::Applicant) {
            shown.apply(&event, &openings);
        }
    }
    assert_eq!(state, again);
    let handlers = state
        .staff()
        .values()
        .filter(|member| member.role == zhixing_protocol::statement::CaseRole::Handler);
    assert!(handlers.count() <= 1, "a case has one handler");
    assert!(serde_json::to_string(&state).is_ok());
    assert_eq!(shown.notes().count(), 0, "notes are for the court (I8)");
    assert!(shown.parties().count() <= state_parties_ever(bytes));
}

/// Every event can add one party at most.
fn state_parties_ever(bytes: &[u8]) -> usize {
    bytes.len()
}

fn id(source: &mut Source<'_>) -> Value {
    Value::Text(format!(
        "0192f0c1-2345-7fff-bfff-0000000000{:02x}",
        source.below(6)
    ))
}

fn hash(source: &mut Source<'_>) -> Value {
    Value::Text(to_hex(&[source.below(6); 32]))
}

fn pick(source: &mut Source<'_>, words: &[&str]) -> Value {
    let place = usize::from(source.byte()) % words.len();
    Value::from(words[place])
}

fn number(source: &mut Source<'_>) -> Value {
    Value::Integer(i64::try_from(source.long() & 0xffff_ffff).expect("32 bits"))
}

/// Names and values that fit every kind, and sometimes do not.
fn body(source: &mut Source<'_>, kind: &str) -> Value {
    if source.below(16) == 0 {
        return canonical::parse(source.take(24)).unwrap_or(Value::Null);
    }
    let digests = |source: &mut Source<'_>| {
        Value::Object(Object::from([
            ("chunk_bytes".into(), Value::Integer(1 << 20)),
            ("chunk_root".into(), hash(source)),
            ("sha256".into(), hash(source)),
            ("size_bytes".into(), number(source)),
            ("sm3".into(), hash(source)),
        ]))
    };
    let mut members = Object::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    match kind {
        "case.filed" => {
            put("amount_fen", number(source));
            put("cause", Value::from("loan"));
            put("court", pick(source, &["川0811", "川08", "x"]));
            put(
                "number",
                pick(
                    source,
                    &["（2020）川0811执123号", "（2021）川0811执恢1号", "x"],
                ),
            );
        }
        "case.assigned" | "case.released" => {
            put("role", pick(source, &["handler", "assistant", "x"]));
            put("staff", id(source));
        }
        "party.added" => {
            put("party", id(source));
            put("person_kind", Value::from("person"));
            put(
                "role",
                pick(source, &["applicant", "respondent", "third_party"]),
            );
            put("village", Value::Null);
        }
        "document.added" => {
            put("document", id(source));
            put("document_kind", Value::from("title"));
            put("media_type", Value::from("application/pdf"));
            put("sha256", hash(source));
            put("size_bytes", number(source));
            put("stored_sha256", hash(source));
            put("volume", Value::from("main"));
        }
        "note.added" => {
            put("note", id(source));
        }
        "evidence.sealed" => {
            put("device", id(source));
            put("digests", digests(source));
            put("item", id(source));
            put("media_kind", pick(source, &["photo", "video", "x"]));
            put("media_type", Value::from("image/jpeg"));
            let mut origin = Object::from([("how".to_owned(), Value::from("captured"))]);
            origin.insert("recovered".into(), Value::Bool(source.byte() % 2 == 0));
            put("origin", Value::Object(origin));
            put("statement", hash(source));
        }
        "evidence.received" => {
            put("item", id(source));
            put(
                "outcome",
                pick(source, &["verified", "mismatch", "unreadable"]),
            );
            put("statement", hash(source));
            put("stored_bytes", number(source));
            put("stored_sha256", hash(source));
        }
        "recording.closed" => {
            put("ended", pick(source, &["stopped", "interrupted"]));
            put("recording", id(source));
            put("segments", Value::Array(Vec::new()));
        }
        _ => {
            put("x", id(source));
        }
    }
    Value::Object(members)
}

fn make_event(source: &mut Source<'_>, place: u64) -> (Event, Openings) {
    let kinds = EventBody::KINDS;
    let kind = kinds
        .get(usize::from(source.below(12)))
        .copied()
        .unwrap_or("later.kind");
    let opening = Opening {
        salt: [source.below(4); 32],
        value: Value::from("何伟"),
    };
    let mut commitment = opening.derive_commitment("name");
    if source.below(8) == 0 {
        commitment.0[0] ^= 1;
    }
    let event = Event {
        at_ms: UtcMillis(i64::from(source.short())),
        body: body(source, kind),
        case: CaseId([1; 16]),
        cause: StatementHash([source.below(6); 32]),
        corrects: (source.below(3) == 0).then(|| source.long()),
        hidden: BTreeMap::from([(
            "name".to_owned(),
            HiddenMember {
                commitment,
                member: "name".into(),
            },
        )]),
        kind: kind.to_owned(),
        occurred_on: Date::from_days(i64::from(source.short())),
        prev: EventHash::ZERO,
        // Usually the next; the reducer must bear any.
        seq: if source.below(8) == 0 {
            source.long()
        } else {
            place
        },
        visibility: if source.below(4) == 0 {
            Visibility::Court
        } else {
            Visibility::Table
        },
        unknown: Object::new(),
    };
    (event, Openings::from([("name".to_owned(), opening)]))
}
