use super::*;
use crate::ids::NoteId;
use crate::keys::SoftwareSigner;
use crate::time::{Date, UtcMillis};

fn signer() -> SoftwareSigner {
    let pkcs8 = SoftwareSigner::make_pkcs8().expect("the system has randomness");
    SoftwareSigner::from_pkcs8(&pkcs8).expect("a key just made loads")
}

fn realm() -> RealmId {
    RealmId::make(UtcMillis(1), [1; 10])
}

fn note(key: &SoftwareSigner, link: ChainLink) -> (Statement, Openings) {
    let members = Object::from([("text".to_owned(), Value::from("门口无人应答"))]);
    let mut salt = 0;
    let (hidden, openings) = make_openings(members, || {
        salt += 1;
        [salt; 32]
    });
    let body = CaseNote {
        note: NoteId::make(UtcMillis(5), [5; 10]),
        corrects: None,
        occurred_on: Date::new(2026, 11, 23).expect("a date"),
    };
    let statement = Statement {
        body: canonical::to_value(&body).expect("no floats"),
        case: Some(CaseId::make(UtcMillis(2), [2; 10])),
        chain: Some(link),
        clock: ClockReading {
            anchor: None,
            boot: "b1".into(),
            elapsed_ms: 12,
            gnss_ms: None,
            wall_ms: UtcMillis(1_763_900_000_000),
        },
        court: "川0811".parse().expect("a court word"),
        device: Some(DeviceId::make(UtcMillis(3), [3; 10])),
        hidden,
        key: key.public_key().key_id(),
        nonce: Nonce([4; 16]),
        realm: realm(),
        seen: None,
        r#type: CaseNote::TYPE.into(),
        unknown: Object::new(),
    };
    (statement, openings)
}

#[test]
fn a_signed_statement_verifies_and_reads_as_what_was_said() {
    let key = signer();
    let (statement, openings) = note(&key, ChainTip::EMPTY.next_link());
    let signed = statement.sign(&key, openings).expect("signs");
    let verified = signed.verify(realm(), key.public_key()).expect("verifies");
    assert_eq!(verified.statement(), &statement);
    assert!(matches!(verified.statement().body(), Ok(Body::CaseNote(_))));
}

#[test]
fn i3_a_changed_byte_another_realm_and_another_key_are_refused() {
    let (key, other) = (signer(), signer());
    let (statement, openings) = note(&key, ChainTip::EMPTY.next_link());
    let signed = statement.sign(&key, openings).expect("signs");
    let text = String::from_utf8(signed.bytes.clone()).expect("JSON is UTF-8");
    let changed = Signed {
        bytes: text.replace("2026-11-23", "2026-11-24").into_bytes(),
        ..signed.clone()
    };
    assert_eq!(
        changed.verify(realm(), key.public_key()),
        Err(StatementError::Signature(KeyError::WrongSignature))
    );
    let elsewhere = RealmId::make(UtcMillis(9), [9; 10]);
    assert_eq!(
        signed.clone().verify(elsewhere, key.public_key()),
        Err(StatementError::WrongRealm)
    );
    assert_eq!(
        signed.clone().verify(realm(), other.public_key()),
        Err(StatementError::WrongKey)
    );
    assert_eq!(
        statement.sign(&other, Openings::new()),
        Err(StatementError::WrongKey)
    );
}

#[test]
fn an_opening_may_be_missing_but_never_another_one() {
    let key = signer();
    let (statement, openings) = note(&key, ChainTip::EMPTY.next_link());
    let signed = statement.sign(&key, openings.clone()).expect("signs");
    let withheld = Signed {
        openings: Openings::new(),
        ..signed.clone()
    };
    assert!(withheld.verify(realm(), key.public_key()).is_ok());
    let mut forged = signed.clone();
    if let Some(opening) = forged.openings.get_mut("text") {
        opening.value = Value::from("门口有人应答");
    }
    assert_eq!(
        forged.verify(realm(), key.public_key()),
        Err(StatementError::Opening(OpeningError::Mismatch(
            "text".into()
        )))
    );
    let mut renamed = signed;
    if let Some(opening) = renamed.openings.remove("text") {
        renamed.openings.insert("place".into(), opening);
    }
    assert_eq!(
        renamed.verify(realm(), key.public_key()),
        Err(StatementError::Opening(OpeningError::NoSuchMember(
            "place".into()
        )))
    );
}

#[test]
fn i14_unknown_types_and_members_survive() {
    let key = signer();
    let (mut statement, _) = note(&key, ChainTip::EMPTY.next_link());
    statement.r#type = "mission.open/7".into();
    statement.hidden.clear();
    statement
        .unknown
        .insert("zone".into(), Value::from("later"));
    let signed = statement.sign(&key, Openings::new()).expect("signs");
    let verified = signed
        .clone()
        .verify(realm(), key.public_key())
        .expect("verifies");
    assert_eq!(verified.statement().body(), Ok(Body::Unknown));
    assert_eq!(canonical::to_bytes(verified.statement()), Ok(signed.bytes));
}

#[test]
fn a_malformed_body_of_a_known_type_is_named() {
    let key = signer();
    let (mut statement, openings) = note(&key, ChainTip::EMPTY.next_link());
    statement.body = Value::Object(Object::new());
    let signed = statement
        .sign(&key, openings)
        .expect("signs: admission does not need the body");
    let verified = signed.verify(realm(), key.public_key()).expect("verifies");
    assert!(matches!(
        verified.statement().body(),
        Err(CanonicalError::Shape(_))
    ));
}

#[test]
fn chains_start_at_one_and_belong_to_devices() {
    let key = signer();
    let mut cases = Vec::new();
    for (link, device) in [
        (
            Some(ChainLink {
                prev: StatementHash::ZERO,
                seq: 0,
            }),
            true,
        ),
        (
            Some(ChainLink {
                prev: StatementHash::ZERO,
                seq: 2,
            }),
            true,
        ),
        (
            Some(ChainLink {
                prev: StatementHash([1; 32]),
                seq: 1,
            }),
            true,
        ),
        (Some(ChainTip::EMPTY.next_link()), false),
        (None, true),
    ] {
        let (mut statement, openings) = note(&key, ChainTip::EMPTY.next_link());
        statement.chain = link;
        if !device {
            statement.device = None;
        }
        cases.push(statement.sign(&key, openings));
    }
    assert!(
        cases
            .iter()
            .all(|result| *result == Err(StatementError::BadChain)),
        "{cases:?}"
    );
}

#[test]
fn i4_gaps_forks_and_repetitions_are_told_apart() {
    let hash = |byte| StatementHash([byte; 32]);
    let tip = ChainTip {
        seq: 4,
        hash: hash(4),
    };
    assert_eq!(
        admit(tip, tip.next_link(), hash(5), None),
        Admission::Extends
    );
    assert_eq!(
        admit(
            tip,
            ChainLink {
                prev: hash(5),
                seq: 6
            },
            hash(6),
            None
        ),
        Admission::Gap { expected_seq: 5 }
    );
    assert_eq!(
        admit(
            tip,
            ChainLink {
                prev: hash(9),
                seq: 5
            },
            hash(5),
            None
        ),
        Admission::Fork
    );
    let old = ChainLink {
        prev: hash(2),
        seq: 3,
    };
    assert_eq!(
        admit(tip, old, hash(3), Some(hash(3))),
        Admission::Duplicate
    );
    assert_eq!(admit(tip, old, hash(33), Some(hash(3))), Admission::Fork);
}

#[test]
fn a_statement_larger_than_its_limit_is_refused_before_it_is_read() {
    let bytes = vec![b' '; MAX_STATEMENT_BYTES + 1];
    assert_eq!(Statement::parse(&bytes), Err(StatementError::TooLarge));
}

/// NFC is made where text enters a statement, at every depth, and not demanded by who reads one.
#[test]
fn what_people_type_is_committed_to_in_nfc_and_other_forms_still_verify() {
    let inner = Object::from([("make".to_owned(), Value::from("Mu\u{308}ller"))]);
    let members = Object::from([
        (
            "claims".to_owned(),
            Value::Array(vec![Value::Object(inner)]),
        ),
        ("name".to_owned(), Value::from("\u{f955}\u{f92d}")),
        ("text".to_owned(), Value::from("\u{1100}\u{1161}\u{11a8}")),
    ]);
    let (hidden, openings) = make_openings(members, || [1; 32]);
    let text = |name: &str| openings[name].value.to_bytes();
    assert_eq!(text("claims"), "[{\"make\":\"Müller\"}]".as_bytes());
    assert_eq!(text("name"), "\"凌來\"".as_bytes());
    assert_eq!(text("text"), "\"각\"".as_bytes());
    assert_eq!(verify_openings(&hidden, &openings), Ok(()));
    let loose = Opening {
        salt: [1; 32],
        value: Value::from("Mu\u{308}ller"),
    };
    let hidden = [("name".to_owned(), loose.derive_commitment("name"))].into();
    let openings = Openings::from([("name".to_owned(), loose)]);
    assert_eq!(verify_openings(&hidden, &openings), Ok(()));
}
