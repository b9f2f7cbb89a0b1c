//! Seeds of the fuzz targets: real values, so that a short run gets past the first check of each parser.
//!
//! They are made of the vector files and of constants, without randomness, and stand in `fuzz/corpus`. After a change of a
//! format: `ZHIXING_WRITE_SEEDS=1 cargo test -p zhixing-protocol --test fuzz_seeds`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zhixing_protocol::age::Header;
use zhixing_protocol::canonical::{self, to_value};
use zhixing_protocol::document::DocumentType;
use zhixing_protocol::event::{Event, EventBody, Visibility};
use zhixing_protocol::evidence::EvidenceDigests;
use zhixing_protocol::hash::{EventHash, RootHash, StatementHash, StoredDigest, from_hex};
use zhixing_protocol::ids::{CaseId, DeviceId, ItemId, KeyId, Nonce, NoteId, RealmId};
use zhixing_protocol::keys::{PublicKey, Signature};
use zhixing_protocol::receipt::{StorageReceipt, TimeAnchor, TimeMark};
use zhixing_protocol::statement::{
    Body, CaseNote, ChainHead, CopyPurged, EvidenceAssign, EvidenceCapture, EvidenceImport,
    ImportSource, KeyEnroll, KeyReader, MediaKind, Openings, Signed, Statement, TypedBody,
};
use zhixing_protocol::time::{Date, UtcMillis};
use zhixing_protocol::tlog::{Checkpoint, EntryBundle, Leaf, Note};
use zhixing_protocol::trust::{
    CourtRecipient, DevicePolicy, KeyPurpose, Succession, Trust, TrustedKey, TrustedLog,
};
use zhixing_protocol::wire::{
    AdmissionResult, CaseCursor, ChallengeRequest, EnrollRequest, EnrolmentTicket, Frame, Problem,
    PullRequest, SessionRequest, SessionResponse, StatementResult, StatementsRequest,
    StatementsResponse, WireStatement,
};

/// Makes the committed seeds anew where it is set.
const WRITE: &str = "ZHIXING_WRITE_SEEDS";
const NOW: UtcMillis = UtcMillis(1_790_000_000_000);

type Seeds = BTreeMap<String, Vec<u8>>;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The vectors of a file that are accepted.
fn accepted(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder("vectors").join(name)).expect("part of the crate");
    let file: Value = serde_json::from_str(&text).expect("a vector file");
    let vectors = file["vectors"].as_array().expect("a list").clone();
    vectors
        .into_iter()
        .filter(|vector| vector["expect"].is_object())
        .collect()
}

fn text(vector: &Value, name: &str) -> String {
    vector[name].as_str().expect("a text").to_owned()
}

fn bytes(vector: &Value, name: &str) -> Vec<u8> {
    from_hex(&text(vector, name)).expect("hexadecimal")
}

fn led_by(first: &[u8], rest: &[u8]) -> Vec<u8> {
    [first, rest].concat()
}

fn json_of<T: serde::Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("JSON")
}

fn signed(vector: &Value) -> Signed {
    Signed {
        bytes: text(vector, "statement").into_bytes(),
        signature: Signature::from_der(&bytes(vector, "signature_hex")).expect("DER"),
        openings: serde_json::from_value(vector["openings"].clone()).expect("openings"),
    }
}

fn all_signed() -> Vec<Signed> {
    accepted("statement-vectors.json")
        .iter()
        .map(signed)
        .collect()
}

/// The key of the statement vectors, which is also that of the fuzz targets.
fn key() -> PublicKey {
    let vectors = accepted("statement-vectors.json");
    let spki = bytes(vectors.first().expect("one"), "key_hex");
    PublicKey::from_spki(&spki).expect("a key")
}

fn digests() -> EvidenceDigests {
    EvidenceDigests::of(b"a photo")
}

fn canonical_json() -> Seeds {
    let vectors = accepted("canonical-vectors.json");
    let seed = |vector: &Value| (text(vector, "id"), text(vector, "input").into_bytes());
    vectors.iter().map(seed).collect()
}

fn statements() -> Seeds {
    let mut seeds = Seeds::new();
    for (number, signed) in all_signed().iter().enumerate() {
        seeds.insert(format!("exact-{number}"), led_by(&[0], &signed.bytes));
        seeds.insert(
            format!("signed-{number}"),
            led_by(&[1, 0, 7], &signed.bytes),
        );
        let openings = json_of(&signed.openings);
        seeds.insert(format!("openings-{number}"), led_by(&[2], &openings));
    }
    seeds
}

/// A body of a type as a seed of `content`.
fn body<B: TypedBody>(seeds: &mut Seeds, body: &B) {
    let place = Body::TYPES.iter().position(|name| *name == B::TYPE);
    let place = u8::try_from(place.expect("a listed type")).expect("fewer than 256");
    let value = to_value(body).expect("canonical");
    seeds.insert(
        B::TYPE.replace('/', "-"),
        led_by(&[place], &value.to_bytes()),
    );
}

fn content() -> Seeds {
    let mut seeds = Seeds::new();
    let statement = StatementHash([3; 32]);
    let item = ItemId::make(NOW, [1; 10]);
    body(&mut seeds, &ChainHead { pending_items: 3 });
    body(&mut seeds, &CopyPurged { epoch: 2 });
    body(
        &mut seeds,
        &EvidenceAssign {
            statements: vec![statement],
        },
    );
    body(
        &mut seeds,
        &KeyReader {
            recipient: "age1x".into(),
        },
    );
    body(
        &mut seeds,
        &CaseNote {
            note: NoteId::make(NOW, [2; 10]),
            corrects: Some(1),
            occurred_on: Date::new(2026, 11, 23).expect("a date"),
        },
    );
    body(
        &mut seeds,
        &EvidenceCapture {
            digests: digests(),
            item,
            kind: MediaKind::Photo,
            media_type: "image/jpeg".into(),
            recovered: false,
        },
    );
    body(
        &mut seeds,
        &EvidenceImport {
            digests: digests(),
            file_modified_ms: Some(NOW),
            item,
            kind: MediaKind::Video,
            media_type: "video/mp4".into(),
            source: ImportSource::Recorder,
        },
    );
    body(
        &mut seeds,
        &KeyEnroll {
            storage: "software".into(),
            platform: "test".into(),
            previous: None,
            public_key: key(),
            ticket: zhixing_protocol::hash::Sha256Digest([5; 32]),
        },
    );
    seeds
}

fn events() -> Seeds {
    let mut lines = Vec::new();
    let mut prev = EventHash::ZERO;
    for (seq, kind) in (1..).zip(EventBody::KINDS) {
        let event = Event {
            at_ms: NOW,
            body: canonical::parse(b"{}").expect("canonical"),
            case: CaseId::make(NOW, [1; 10]),
            cause: StatementHash([4; 32]),
            corrects: None,
            hidden: BTreeMap::new(),
            kind: (*kind).to_owned(),
            occurred_on: Date::new(2026, 11, 23).expect("a date"),
            prev,
            seq,
            visibility: Visibility::Table,
            unknown: canonical::Object::new(),
        };
        let bytes = event.to_bytes().expect("small numbers");
        prev = Event::hash_of(&bytes);
        lines.push(bytes);
    }
    let one = lines.first().expect("a kind").clone();
    Seeds::from([
        ("one".to_owned(), one),
        ("chain".to_owned(), lines.join(&b'\n')),
    ])
}

fn trust() -> Trust {
    Trust {
        realm: RealmId::make(NOW, [1; 10]),
        version: 3,
        issued_ms: NOW,
        keys: vec![TrustedKey {
            id: key().key_id(),
            public_key: key(),
            purpose: KeyPurpose::Receipt,
            from_ms: UtcMillis(0),
            until_ms: Some(NOW),
        }],
        recipients: vec![CourtRecipient {
            court: "川0811".parse().expect("a court word"),
            recipient: "age1x".into(),
            retired: true,
        }],
        logs: vec![TrustedLog {
            verifier_key: "court.example/log+00000000+AAAA".into(),
            closed: true,
        }],
        policy: DevicePolicy {
            lease_ms: 1,
            retention_ms: 2,
            witness_quorum: 0,
        },
        root: key(),
        succession: vec![Succession {
            at_ms: NOW,
            from: key(),
            signature: all_signed().remove(0).signature,
            to: key(),
        }],
    }
}

/// The exact bytes of a document of one type.
fn document<T: DocumentType>(content: &T) -> Vec<u8> {
    let mut value = serde_json::to_value(content).expect("JSON");
    value["type"] = json!(T::TYPE);
    canonical::to_bytes(&value).expect("canonical")
}

fn documents() -> Seeds {
    let realm = RealmId::make(NOW, [1; 10]);
    let id = key().key_id();
    let receipt = StorageReceipt {
        at_ms: NOW,
        digests: digests(),
        item: ItemId::make(NOW, [1; 10]),
        key: id,
        realm,
        statement: StatementHash([3; 32]),
        stored_bytes: 700,
        stored_sha256: StoredDigest([6; 32]),
        r#where: "disk".into(),
    };
    let anchor = TimeAnchor {
        key: id,
        nonce: "00".into(),
        realm,
        server_ms: NOW,
    };
    let mark = TimeMark {
        at_ms: NOW,
        key: id,
        origin: "court.example/log".into(),
        realm,
        root: RootHash([7; 32]),
        size: 13,
    };
    Seeds::from([
        ("trust".to_owned(), led_by(&[1], &document(&trust()))),
        ("receipt".to_owned(), led_by(&[2], &document(&receipt))),
        ("anchor".to_owned(), led_by(&[3], &document(&anchor))),
        ("mark".to_owned(), led_by(&[4], &document(&mark))),
    ])
}

fn log_files() -> Seeds {
    let mut seeds = Seeds::new();
    let checked = |vector: &&Value| vector["check"] == "checkpoint";
    for vector in accepted("tlog-vectors.json").iter().filter(checked) {
        let (id, note) = (text(vector, "id"), text(vector, "note"));
        let (signed, _) = note.split_once("\n\n").expect("a note");
        let signed = format!("{signed}\n");
        seeds.insert(format!("note-{id}"), led_by(&[0], note.as_bytes()));
        seeds.insert(format!("checkpoint-{id}"), led_by(&[1], signed.as_bytes()));
        seeds.insert(format!("own-{id}"), led_by(&[2, 0, 3], signed.as_bytes()));
    }
    let mut bundle = EntryBundle::default();
    for (number, vector) in accepted("statement-vectors.json").iter().enumerate() {
        let leaf = bytes(&vector["expect"], "leaf_hex");
        seeds.insert(format!("leaf-{number}"), led_by(&[4], &leaf));
        bundle.0.push(leaf);
    }
    let bundle = bundle.to_bytes().expect("short leaves");
    seeds.insert("bundle".to_owned(), led_by(&[3], &bundle));
    seeds
}

fn age_headers() -> Seeds {
    let mut seeds = Seeds::from([("changed".to_owned(), vec![1, 0, 9, 4, 4, 4])]);
    for vector in accepted("age-files-vectors.json") {
        let file = bytes(&vector, "file_hex");
        seeds.insert(text(&vector, "id"), led_by(&[0], &file));
    }
    seeds
}

fn wire() -> Seeds {
    let all = all_signed();
    let first = all.first().expect("one");
    let message = || WireStatement::from_signed(first).expect("JSON");
    let result = StatementResult {
        hash: first.hash(),
        seq: 1,
        admission: AdmissionResult::Admitted,
        effect: zhixing_protocol::event::Effect::held("fork"),
    };
    let case = CaseId::make(NOW, [1; 10]);
    let cursor = CaseCursor {
        case,
        epoch: 1,
        head: zhixing_protocol::event::Head::EMPTY,
    };
    let pull = PullRequest {
        anchor_nonce: Some("00".into()),
        cases: vec![cursor],
        cases_sha256: None,
        device_only: false,
        device_cursor: 4,
        log_size: 13,
        max_events: Some(1000),
        norms: None,
        trust_version: 3,
    };
    let frames = [
        json_of(&Frame::More {}),
        json_of(&Frame::DeviceRevoked {}),
        json_of(&Frame::DeviceCheckpoint { cursor: 9 }),
        json_of(&Frame::CaseCheckpoint(cursor)),
    ];
    let device = DeviceId::make(NOW, [2; 10]);
    let problem = json!({"kind": "chain_gap", "status": 409, "title": "x", "expected_seq": 2});
    let problem: Problem = serde_json::from_value(problem).expect("a problem");
    Seeds::from([
        ("frames".to_owned(), led_by(&[0], &frames.join(&b'\n'))),
        ("pull".to_owned(), led_by(&[1], &json_of(&pull))),
        (
            "statements".to_owned(),
            led_by(
                &[2],
                &json_of(&StatementsRequest {
                    statements: vec![message()],
                }),
            ),
        ),
        (
            "results".to_owned(),
            led_by(
                &[3],
                &json_of(&StatementsResponse {
                    results: vec![result],
                }),
            ),
        ),
        (
            "enroll".to_owned(),
            led_by(
                &[4],
                &json_of(&EnrollRequest {
                    secret: Nonce([7; 16]),
                    enroll: message(),
                }),
            ),
        ),
        ("problem".to_owned(), led_by(&[6], &json_of(&problem))),
        (
            "session".to_owned(),
            led_by(
                &[7],
                &json_of(&SessionRequest {
                    challenge: "00".into(),
                    device,
                    key: key().key_id(),
                    signature: first.signature.clone(),
                }),
            ),
        ),
        (
            "token".to_owned(),
            led_by(
                &[8],
                &json_of(&SessionResponse {
                    token: "t".into(),
                    expires_in_ms: 1,
                }),
            ),
        ),
        (
            "challenge".to_owned(),
            led_by(&[9], &json_of(&ChallengeRequest { device })),
        ),
        ("verbatim".to_owned(), led_by(&[12], &json_of(&message()))),
        // A member that nobody knows is passed over unread, so it may hold what is no text.
        (
            "verbatim-beside-bytes".to_owned(),
            led_by(
                &[12],
                &[
                    b"{\"later\":\"\xff\",".as_slice(),
                    json_of(&message()).get(1..).unwrap_or_default(),
                ]
                .concat(),
            ),
        ),
    ])
}

fn texts() -> Seeds {
    let ticket = EnrolmentTicket {
        court: "川0811".parse().expect("a court word"),
        expires_ms: NOW,
        realm: RealmId::make(NOW, [1; 10]),
        root: key().fingerprint(),
        secret: Nonce([7; 16]),
        url: "http://127.0.0.1/".into(),
    };
    let age = accepted("age-files-vectors.json");
    let age = age.first().expect("one");
    let log = accepted("tlog-vectors.json");
    let log = log
        .iter()
        .find(|vector| vector["key"].is_string())
        .expect("a checkpoint");
    let of = |choice: u8, text: String| led_by(&[choice], text.as_bytes());
    let first = all_signed();
    let signature = first.first().expect("one").signature.as_der().to_vec();
    Seeds::from([
        (
            "case".to_owned(),
            of(0, CaseId::make(NOW, [1; 10]).to_string()),
        ),
        ("key-id".to_owned(), of(1, key().key_id().to_string())),
        ("digest".to_owned(), of(2, key().fingerprint().to_string())),
        (
            "case-number".to_owned(),
            of(3, "（2020）川0811执123号".to_owned()),
        ),
        ("court".to_owned(), of(4, "川0811".to_owned())),
        ("date".to_owned(), of(5, "2026-11-23".to_owned())),
        ("tile".to_owned(), of(6, "tile/1/x001/234.p/5".to_owned())),
        ("verifier".to_owned(), of(7, text(log, "key"))),
        (
            "recipient".to_owned(),
            of(8, text(&age["expect"], "recipient")),
        ),
        ("identity".to_owned(), of(9, text(age, "identity"))),
        ("ticket".to_owned(), of(10, ticket.to_string())),
        ("public-key".to_owned(), of(11, key().to_string())),
        ("signature".to_owned(), led_by(&[12], &signature)),
    ])
}

/// One short vector of each kind, as a file of its own.
fn vectors() -> Seeds {
    let mut seeds = Seeds::new();
    for entry in std::fs::read_dir(folder("vectors")).expect("part of the crate") {
        let path = entry.expect("a file").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        let Some(subject) = name.strip_suffix("-vectors.json") else {
            continue;
        };
        let file: Value =
            serde_json::from_slice(&std::fs::read(&path).expect("reads")).expect("JSON");
        let list = file.get("vectors").or_else(|| file.get("valid"));
        let shortest = list
            .and_then(Value::as_array)
            .and_then(|list| list.iter().min_by_key(|vector| vector.to_string().len()));
        let mut alone = json!({"vectors": [shortest.expect("a vector")]});
        if let Some(kind) = file.get("kind") {
            alone["kind"] = kind.clone();
        }
        seeds.insert(subject.to_owned(), alone.to_string().into_bytes());
    }
    seeds
}

/// Steering bytes: a few that lead to different parts.
fn steering() -> Seeds {
    let all: [&[u8]; 6] = [
        &[0, 5, 9, 1, 2, 3, 4, 5, 6, 7, 8],
        &[1, 200, 0xfe, 1, 44, 9, 9, 9],
        &[2, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 7, 7],
        &[3, 128, 2, 130, 0, 64, 2, 1, 0, 3, 1, 0, 99],
        &[9, 1, 1, 140, 1, 0, 1, 0, 200, 0, 32],
        &[7, 1, 3, 127, 4, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    ];
    let seed = |(number, bytes): (usize, &&[u8])| (format!("steer-{number}"), bytes.to_vec());
    all.iter().enumerate().map(seed).collect()
}

fn all() -> BTreeMap<&'static str, Seeds> {
    BTreeMap::from([
        ("protocol_age_header", age_headers()),
        ("protocol_age_payload", steering()),
        ("protocol_canonical", canonical_json()),
        ("protocol_case_state", steering()),
        ("protocol_content", content()),
        ("protocol_documents", documents()),
        ("protocol_events", events()),
        ("protocol_log_files", log_files()),
        ("protocol_log_proofs", steering()),
        ("protocol_statement", statements()),
        ("protocol_texts", texts()),
        ("protocol_vectors", vectors()),
        ("protocol_wire", wire()),
    ])
}

#[test]
fn every_fuzz_target_has_the_seeds_that_are_made_of_the_vectors() {
    let corpus = folder("fuzz/corpus");
    let write = std::env::var_os(WRITE).is_some();
    let manifest = std::fs::read_to_string(folder("fuzz/Cargo.toml")).expect("the fuzz crate");
    let targets: Vec<&str> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"protocol_"))
        .filter_map(|rest| rest.strip_suffix('"'))
        .collect();
    let all = all();
    let named: Vec<&str> = all
        .keys()
        .filter_map(|name| name.strip_prefix("protocol_"))
        .collect();
    let mut sorted = targets.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted, named,
        "a target without seeds finds little in a short run"
    );
    for (target, seeds) in &all {
        let place = corpus.join(target);
        if write {
            let _ = std::fs::remove_dir_all(&place);
            std::fs::create_dir_all(&place).expect("a folder");
            for (name, bytes) in seeds {
                std::fs::write(place.join(name), bytes).expect("writes");
            }
        }
        let mut held = Seeds::new();
        for entry in std::fs::read_dir(&place).expect("seeds are committed") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .expect("a name");
            held.insert(name.to_owned(), std::fs::read(&path).expect("reads"));
        }
        assert!(
            held == *seeds,
            "{target}: the seeds are of an older format; set {WRITE}=1"
        );
    }
}

#[test]
fn every_seed_gets_past_the_first_check_of_its_parser() {
    for (name, seed) in canonical_json() {
        assert!(canonical::parse(&seed).is_ok(), "{name}");
    }
    for (name, seed) in statements() {
        let rest = if name.starts_with("signed") {
            &seed[3..]
        } else {
            &seed[1..]
        };
        if name.starts_with("openings") {
            assert!(serde_json::from_slice::<Openings>(rest).is_ok(), "{name}");
        } else {
            assert!(Statement::parse(rest).is_ok(), "{name}");
        }
    }
    for (name, seed) in content() {
        let value = canonical::parse(&seed[1..]).expect("canonical");
        let kind = Body::TYPES[usize::from(seed[0])];
        assert!(
            Body::read(kind, &value).is_ok_and(|body| body != Body::Unknown),
            "{name}"
        );
    }
    for line in events()["chain"].split(|byte| *byte == b'\n') {
        assert!(Event::parse(line).is_ok());
    }
    for (name, seed) in documents() {
        assert!(canonical::parse(&seed[1..]).is_ok(), "{name}");
    }
    let peeked = zhixing_protocol::document::SignedDocument::from_parts(
        &documents()["trust"][1..],
        all_signed().remove(0).signature,
    );
    let peeked = peeked.expect("canonical").peek::<Trust>();
    assert_eq!(peeked.map(|trust| trust.version), Ok(3));
    for (name, seed) in log_files() {
        let rest = &seed[1..];
        let read = match seed[0] {
            0 => Note::parse(rest).is_ok(),
            1 => Checkpoint::parse(std::str::from_utf8(rest).expect("text")).is_ok(),
            3 => EntryBundle::parse(rest).is_ok(),
            4 => Leaf::parse(rest).is_some(),
            _ => true,
        };
        assert!(read, "{name}");
    }
    for (name, seed) in age_headers() {
        assert!(seed[0] == 1 || Header::parse(&seed[1..]).is_ok(), "{name}");
    }
    for (name, seed) in wire() {
        for line in seed[1..].split(|byte| *byte == b'\n') {
            let read = match seed[0] {
                0 => serde_json::from_slice::<Frame>(line).is_ok(),
                1 => serde_json::from_slice::<PullRequest>(line).is_ok(),
                2 => serde_json::from_slice::<StatementsRequest>(line).is_ok(),
                4 => serde_json::from_slice::<EnrollRequest>(line).is_ok(),
                7 => serde_json::from_slice::<SessionRequest>(line).is_ok(),
                12 => serde_json::from_slice::<WireStatement>(line).is_ok(),
                _ => serde_json::from_slice::<Value>(line).is_ok(),
            };
            assert!(read, "{name}");
        }
    }
    let texts = texts();
    let text = |name: &str| String::from_utf8(texts[name][1..].to_vec()).expect("text");
    assert!(text("ticket").parse::<EnrolmentTicket>().is_ok());
    assert!(text("key-id").parse::<KeyId>().is_ok());
    assert!(
        text("tile")
            .parse::<zhixing_protocol::tlog::TileCoordinate>()
            .is_ok()
    );
    for (name, seed) in vectors() {
        let report = zhixing_protocol::vectors::run(std::str::from_utf8(&seed).expect("text"));
        assert!(report.is_ok_and(|report| report.passed == 1), "{name}");
        assert!(seed.len() <= 4096, "{name}: longer than the target reads");
    }
}
