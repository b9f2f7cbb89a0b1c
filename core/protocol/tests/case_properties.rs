//! What holds for any case: the reducer is total (I5), projections never widen (I8), unknown things survive (I14).

use std::collections::BTreeMap;

use proptest::prelude::*;
use zhixing_protocol::canonical::{self, Object, Value};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{
    Audience, Event, EventBody, HiddenMember, Visibility, visible_event, visible_members,
};
use zhixing_protocol::hash::{EventHash, StatementHash};
use zhixing_protocol::ids::{CaseId, DeviceId, KeyId, Nonce, NoteId, RealmId};
use zhixing_protocol::statement::{
    ChainTip, ClockReading, Openings, Statement, StatementError, make_openings,
};
use zhixing_protocol::time::{Date, UtcMillis};

fn event(seq: u64, kind: &str, body: Value) -> Event {
    Event {
        at_ms: UtcMillis(i64::try_from(seq).unwrap_or(0)),
        body,
        case: CaseId([1; 16]),
        cause: StatementHash([2; 32]),
        corrects: None,
        hidden: BTreeMap::new(),
        kind: kind.to_owned(),
        occurred_on: Date::new(2026, 11, 23).expect("a date"),
        prev: EventHash::ZERO,
        seq,
        visibility: Visibility::Table,
        unknown: Object::new(),
    }
}

fn note(seq: u64, number: u8) -> Event {
    let id = NoteId([number; 16]).to_string();
    let body = Object::from([("note".to_owned(), Value::Text(id))]);
    event(seq, "note.added", Value::Object(body))
}

/// Member names that kinds know and others, with any small value.
fn any_body() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "note",
        "party",
        "role",
        "staff",
        "person_kind",
        "number",
        "court",
        "cause",
        "amount_fen",
        "village",
        "document",
        "statement",
        "item",
        "media_type",
        "zzz",
    ]);
    let values = prop_oneof![
        Just(Value::Null),
        (-9_i64..9).prop_map(Value::Integer),
        prop::sample::select(vec![
            "handler",
            "applicant",
            "person",
            "川0811",
            "（2020）川0811执123号",
            "0192f0c1-2345-7fff-bfff-ffffffffffff",
        ])
        .prop_map(Value::from),
    ];
    prop::collection::btree_map(names.prop_map(str::to_owned), values, 0..8).prop_map(Value::Object)
}

fn any_event() -> impl Strategy<Value = Event> {
    let kinds: Vec<&str> = EventBody::KINDS
        .iter()
        .copied()
        .chain(["later.kind"])
        .collect();
    (
        prop::sample::select(kinds),
        any_body(),
        any::<u64>().prop_map(|seq| seq % 12),
        prop::option::of(0_u64..12),
        any::<bool>(),
        any_unknown(),
    )
        .prop_map(|(kind, body, seq, corrects, court_only, unknown)| {
            let (hidden, _) = openings();
            Event {
                corrects,
                hidden,
                visibility: if court_only {
                    Visibility::Court
                } else {
                    Visibility::Table
                },
                unknown,
                ..event(seq, kind, body)
            }
        })
}

fn openings() -> (BTreeMap<String, HiddenMember>, Openings) {
    let members =
        ["name", "phone", "text", "title"].map(|name| (name.to_owned(), Value::from("何伟")));
    let (commitments, openings) = make_openings(Object::from(members), || [3; 32]);
    let hidden = commitments
        .into_iter()
        .map(|(member, commitment)| (member.clone(), HiddenMember { commitment, member }))
        .collect();
    (hidden, openings)
}

/// Members of a later version.
fn any_unknown() -> impl Strategy<Value = Object> {
    prop::collection::btree_map("x_[a-z]{1,6}", any_body(), 0..3)
}

proptest! {
    /// I5: the same events give the same state, whatever they are and in whatever order they are numbered.
    #[test]
    fn i5_the_reducer_bears_any_events_and_gives_one_state(events in prop::collection::vec(any_event(), 0..24)) {
        let (_, openings) = openings();
        let (mut one, mut other) = (CaseState::default(), CaseState::default());
        for event in &events {
            one.apply(event, &openings);
            other.apply(event, &openings);
            prop_assert_eq!(one.newest_seq(), event.seq);
            if let Some(seq) = event.corrects {
                prop_assert!(one.is_corrected(seq));
            }
        }
        prop_assert_eq!(one, other);
    }

    /// Corrections of different notes do not depend on each other's order.
    #[test]
    fn independent_corrections_leave_the_same_notes_in_either_order(
        notes in 2_u8..9, first in 0_u8..9, second in 0_u8..9,
    ) {
        let (first, second) = (first % notes, second % notes);
        prop_assume!(first != second);
        let correct = |seq, replaced: u8, by| Event {
            corrects: Some(u64::from(replaced) + 1),
            ..note(seq, by)
        };
        let last = u64::from(notes);
        let mut left = Vec::new();
        for order in [[(first, 100), (second, 101)], [(second, 101), (first, 100)]] {
            let mut state = CaseState::default();
            for number in 0..notes {
                state.apply(&note(u64::from(number) + 1, number + 1), &Openings::new());
            }
            for (seq, (replaced, by)) in (last + 1..).zip(order) {
                state.apply(&correct(seq, replaced, by), &Openings::new());
            }
            left.push(state.notes().map(|(id, _)| id).collect::<Vec<_>>());
        }
        prop_assert_eq!(&left[0], &left[1]);
        prop_assert_eq!(left[0].len(), usize::from(notes));
        prop_assert!(!left[0].contains(&NoteId([first + 1; 16])));
    }

    /// I8: a projection holds nothing that the table does not name, and nothing at all of what is for the court only.
    #[test]
    fn i8_a_projection_never_widens(event in any_event()) {
        for audience in [Audience::Applicant, Audience::Respondent, Audience::Grid] {
            let Some(seen) = visible_event(&event, audience) else { continue };
            prop_assert_eq!(event.visibility, Visibility::Table);
            let allowed = visible_members(audience, &event.kind).expect("it was shown");
            let (Value::Object(seen_body), Value::Object(body)) = (&seen.body, &event.body) else {
                return Err(TestCaseError::fail("a body without members"));
            };
            for (name, value) in seen_body {
                prop_assert!(allowed.contains(&name.as_str()));
                prop_assert_eq!(body.get(name), Some(value));
            }
            prop_assert!(seen.hidden.keys().all(|name| allowed.contains(&name.as_str())));
            prop_assert!(seen.unknown.is_empty());
            // Filtering twice shows no more than filtering once.
            prop_assert_eq!(visible_event(&seen, audience), Some(seen));
        }
    }

    /// I14: kinds and members of a later version come back byte for byte.
    #[test]
    fn i14_unknown_members_and_kinds_of_events_survive(event in any_event()) {
        let bytes = event.to_bytes().expect("canonical");
        let read = Event::parse(&bytes).expect("our own bytes");
        prop_assert_eq!(read.to_bytes().expect("canonical"), bytes);
        prop_assert_eq!(read, event);
    }

    /// I14, for statements; and what may be null may not be missing, so that one statement has one spelling.
    #[test]
    fn i14_unknown_members_and_types_of_statements_survive(body in any_body(), unknown in any_unknown()) {
        let statement = Statement {
            body,
            case: None,
            chain: Some(ChainTip::EMPTY.next_link()),
            clock: ClockReading {
                anchor: None,
                boot: "b".into(),
                elapsed_ms: 1,
                gnss_ms: None,
                wall_ms: UtcMillis(1),
            },
            court: "川0811".parse().expect("a court word"),
            device: Some(DeviceId([1; 16])),
            hidden: BTreeMap::new(),
            key: KeyId([2; 16]),
            nonce: Nonce([3; 16]),
            realm: RealmId([4; 16]),
            seen: None,
            r#type: "later.type/9".into(),
            unknown,
        };
        let bytes = canonical::to_bytes(&statement).expect("canonical");
        let read = Statement::parse(&bytes).expect("our own bytes");
        prop_assert_eq!(&read, &statement);
        prop_assert_eq!(canonical::to_bytes(&read).expect("canonical"), bytes.clone());
        let Ok(Value::Object(members)) = canonical::parse(&bytes) else {
            return Err(TestCaseError::fail("an object"));
        };
        for name in ["body", "case", "chain", "clock", "court", "device", "hidden", "key", "nonce", "realm", "seen", "type"] {
            let mut fewer = members.clone();
            fewer.remove(name);
            let refused = Statement::parse(&Value::Object(fewer).to_bytes());
            prop_assert!(matches!(refused, Err(StatementError::Form(_))), "without {}", name);
        }
    }
}
