use std::sync::Arc;

use serde_json::value::RawValue;
use zeroize::Zeroizing;
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::event::{Effect, Event, Head, Visibility};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{CaseId, ItemId};
use zhixing_protocol::keys::Signer;
use zhixing_protocol::statement::{ChainHead, MediaKind};
use zhixing_protocol::wire::{
    AdmissionResult, CaseCursor, ChallengeResponse, DeviceFrame, EventFrame, Frame, GrantFrame,
    PullRequest, ReceiptFrame, SessionResponse, StatementResult, StatementsRequest,
    StatementsResponse, digest_cursors,
};

use super::{Body, HttpRequest, HttpResponse, Machine, Step, TransportError, TransportKind};
use crate::capture::{CaptureRequest, Holdings, OpenCapture, SealedItem};
use crate::casebook::Shelf;
use crate::error::{EngineError, ErrorKind, Result};
use crate::ports::SecretStore;
use crate::queue::Upload;
use crate::testing::{COURT, TestClock, TestCourt, court_json, enrolled};

struct Bench {
    _folder: tempfile::TempDir,
    holdings: Arc<Holdings>,
    court: TestCourt,
    clock: Arc<TestClock>,
    machine: Machine,
    shelf: Arc<Shelf>,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, court, clock) = enrolled(folder.path(), 1).expect("enrols");
    let shelf = Arc::new(Shelf::new(holdings.clone(), folder.path().to_owned()));
    let machine = Machine::new(holdings.clone(), shelf.clone());
    Bench {
        _folder: folder,
        holdings,
        court,
        clock,
        machine,
        shelf,
    }
}

fn content<T: serde::de::DeserializeOwned>(request: &HttpRequest) -> T {
    let Body::Bytes(bytes) = &request.body else {
        panic!("no content");
    };
    serde_json::from_slice(bytes).expect("the shape of the endpoint")
}

fn feed(frames: &[Frame]) -> HttpResponse {
    let lines: Vec<String> = frames
        .iter()
        .map(|frame| serde_json::to_string(frame).expect("serialises"))
        .collect();
    HttpResponse {
        status: 200,
        headers: vec![("content-type".into(), "application/x-ndjson".into())],
        body: lines.join("\n").into_bytes(),
    }
}

impl Bench {
    fn now(&self) -> zhixing_protocol::time::UtcMillis {
        self.holdings.ports.clock.wall_ms()
    }

    fn step(&mut self) -> Step {
        let now = self.now();
        self.machine.next(now).expect("the store works")
    }

    fn request(&mut self) -> HttpRequest {
        match self.step() {
            Step::Request(request) => request,
            other => panic!("no request but {other:?}"),
        }
    }

    fn answer(&mut self, answer: HttpResponse) {
        let now = self.now();
        self.machine
            .answer(now, Ok(answer))
            .expect("the store works");
    }

    fn log_in(&mut self) {
        assert_eq!(self.request().path, "/device/v1/challenge");
        let challenge = ChallengeResponse {
            challenge: "c".into(),
        };
        self.answer(court_json(200, &challenge));
        assert_eq!(self.request().path, "/device/v1/session");
        let session = SessionResponse {
            token: "secret".into(),
            expires_in_ms: 3_600_000,
        };
        self.answer(court_json(200, &session));
    }

    /// Answers statements and pulls until something else is asked for.
    fn settle(&mut self) -> HttpRequest {
        loop {
            let request = self.request();
            match request.path.as_str() {
                "/device/v1/statements" => self.admit(&request),
                "/device/v1/pull" => self.answer(feed(&[])),
                _ => return request,
            }
        }
    }

    fn admit(&mut self, request: &HttpRequest) {
        let asked: StatementsRequest = content(request);
        let results = asked
            .statements
            .into_iter()
            .map(|one| {
                let signed = one.into_signed();
                let read =
                    zhixing_protocol::statement::Statement::parse(&signed.bytes).expect("ours");
                self.court.log_statement(&signed);
                TestCourt::result(signed.hash(), read.chain.expect("chained").seq)
            })
            .collect();
        self.answer(court_json(200, &StatementsResponse { results }));
    }

    fn capture(&self, size: usize) -> SealedItem {
        let request = CaptureRequest::new(MediaKind::Audio, None);
        let mut capture = OpenCapture::begin(self.holdings.clone(), request).expect("opens");
        for piece in vec![7; size].chunks(1 << 20) {
            capture.write(piece).expect("writes");
        }
        capture.finish().expect("seals")
    }

    fn created(&mut self, name: &str) {
        self.answer(HttpResponse {
            status: 201,
            headers: vec![("location".into(), format!("/device/v1/uploads/{name}"))],
            body: Vec::new(),
        });
    }

    fn took(&mut self, request: &HttpRequest) {
        let Body::FileSlice { offset, len, .. } = request.body else {
            panic!("no slice");
        };
        self.answer(HttpResponse {
            status: 204,
            headers: vec![("upload-offset".into(), (offset + len).to_string())],
            body: Vec::new(),
        });
    }

    fn upload(&self, item: ItemId) -> Upload {
        let item = self.holdings.queue().item(item).expect("reads");
        item.expect("is there").upload
    }
}

#[test]
fn i9_statements_go_before_bytes_and_small_files_before_large() {
    let mut bench = bench();
    let large = bench.capture(6 << 20);
    let small = bench.capture(1000);
    bench.log_in();
    let request = bench.request();
    assert_eq!(request.path, "/device/v1/statements");
    assert!(
        request
            .headers
            .contains(&("authorization".into(), "Bearer secret".into()))
    );
    let asked: StatementsRequest = content(&request);
    assert_eq!(asked.statements.len(), 2);
    bench.admit(&request);
    let create = bench.settle();
    assert_eq!(
        (create.method, create.path.as_str()),
        ("POST", "/device/v1/uploads")
    );
    bench.created("small");
    let slice = bench.settle();
    bench.took(&slice);
    assert_eq!(bench.upload(small.item), Upload::Sent);
    bench.settle();
    bench.created("large");
    let first = bench.settle();
    assert!(matches!(
        first.body,
        Body::FileSlice {
            offset: 0,
            len: 0x40_0000,
            ..
        }
    ));
    bench.took(&first);
    // A new statement goes before the rest of a large file.
    let body = ChainHead { pending_items: 1 };
    let made = bench
        .holdings
        .queue()
        .make_statement(&body, None, Object::new(), |_, _| Ok(()));
    made.expect("makes");
    let request = bench.request();
    assert_eq!(request.path, "/device/v1/statements");
    bench.admit(&request);
    let second = bench.settle();
    assert!(matches!(
        second.body,
        Body::FileSlice {
            offset: 0x40_0000,
            ..
        }
    ));
    bench.took(&second);
    assert_eq!(bench.upload(large.item), Upload::Sent);
}

#[test]
fn i9_a_refused_file_is_set_aside_with_a_reason_and_blocks_no_other() {
    let mut bench = bench();
    let (first, second) = (bench.capture(100), bench.capture(200));
    bench.log_in();
    bench.settle();
    bench.answer(HttpResponse {
        status: 403,
        ..HttpResponse::default()
    });
    assert_eq!(bench.upload(first.item), Upload::SetAside);
    let item = bench
        .holdings
        .queue()
        .item(first.item)
        .expect("reads")
        .expect("is there");
    assert_eq!(item.reason, "refused_forbidden");
    assert_eq!(bench.settle().path, "/device/v1/uploads");
    bench.answer(HttpResponse {
        status: 503,
        headers: vec![("retry-after".into(), "30".into())],
        body: Vec::new(),
    });
    assert_eq!(bench.upload(second.item), Upload::Waiting);
    loop {
        match bench.step() {
            Step::Request(request) if request.path == "/device/v1/pull" => bench.answer(feed(&[])),
            Step::WaitUntil(at) => {
                assert_eq!(at, bench.now().plus_ms(30_000));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    bench.clock.advance(30_000);
    assert_eq!(bench.settle().path, "/device/v1/uploads");
}

#[test]
fn i3_an_item_that_the_court_already_holds_waits_for_its_receipt() {
    let mut bench = bench();
    let item = bench.capture(100);
    bench.log_in();
    bench.settle();
    let held = serde_json::json!({"kind": "conflict", "status": 409, "title": ""});
    bench.answer(court_json(409, &held));
    assert_eq!(bench.upload(item.item), Upload::Sent);
    let receipt = bench.holdings.queue().receipt(item.item).expect("reads");
    assert_eq!(receipt, None, "nothing is freed on the word of a refusal");
}

#[test]
fn after_a_broken_connection_the_offset_is_asked_for() {
    let mut bench = bench();
    bench.capture(1000);
    bench.log_in();
    bench.settle();
    bench.created("x");
    assert_eq!(bench.settle().method, "PATCH");
    let now = bench.now();
    let broken = TransportError {
        kind: TransportKind::Unreachable,
    };
    let breaks = |bench: &mut Bench| {
        let broken = Err(broken.clone());
        bench.machine.answer(now, broken).expect("the store works");
    };
    breaks(&mut bench);
    // A kept connection may have died unseen: once, the next request goes out at once.
    assert_eq!(bench.machine.trouble(), None);
    assert_eq!(bench.request().method, "HEAD");
    breaks(&mut bench);
    assert_eq!(bench.step(), Step::WaitUntil(now.plus_ms(1_000)));
    assert_eq!(bench.machine.trouble(), Some("unreachable"));
    bench.clock.advance(1_000);
    let ask = bench.settle();
    assert_eq!(
        (ask.method, ask.path.as_str()),
        ("HEAD", "/device/v1/uploads/x")
    );
    bench.answer(HttpResponse {
        status: 200,
        headers: vec![("upload-offset".into(), "400".into())],
        body: Vec::new(),
    });
    let slice = bench.settle();
    assert!(matches!(slice.body, Body::FileSlice { offset: 400, .. }));
    // The upload expired at the court: it is created anew.
    bench.answer(HttpResponse {
        status: 404,
        ..HttpResponse::default()
    });
    bench.clock.advance(60_000);
    assert_eq!(bench.settle().method, "POST");
}

#[test]
fn a_file_that_came_damaged_is_sent_again_in_slices_with_checksums() {
    let mut bench = bench();
    bench.capture(10_000_000);
    bench.log_in();
    bench.settle();
    bench.created("x");
    let checksum = |request: &HttpRequest| {
        let mut headers = request.headers.iter();
        headers.any(|(name, _)| name == "upload-checksum")
    };
    for _ in 0..2 {
        let slice = bench.settle();
        assert!(!checksum(&slice));
        if matches!(slice.body, Body::FileSlice { offset: 0, .. }) {
            bench.took(&slice);
        } else {
            // The court compares the whole file with its digest at the end.
            bench.answer(HttpResponse {
                status: 460,
                ..HttpResponse::default()
            });
        }
    }
    bench.clock.advance(60_000);
    assert_eq!(bench.settle().method, "HEAD");
    bench.answer(HttpResponse {
        status: 200,
        headers: vec![("upload-offset".into(), "0".into())],
        body: Vec::new(),
    });
    for begin in [0, 4 << 20, 8 << 20] {
        let slice = bench.settle();
        assert!(checksum(&slice));
        assert!(matches!(slice.body, Body::FileSlice { offset, .. } if offset == begin));
        bench.took(&slice);
    }
}

#[test]
fn i3_i4_a_gap_makes_it_resend_from_the_number_asked_for() {
    let mut bench = bench();
    bench.capture(10);
    bench.log_in();
    let request = bench.request();
    bench.admit(&request);
    bench.capture(20);
    let request = loop {
        let request = bench.request();
        if request.path == "/device/v1/statements" {
            break request;
        }
        bench.answer(feed(&[]));
    };
    assert_eq!(content::<StatementsRequest>(&request).statements.len(), 1);
    let gap =
        serde_json::json!({"kind": "chain_gap", "status": 409, "title": "", "expected_seq": 1});
    bench.answer(court_json(409, &gap));
    let again: StatementsRequest = content(&bench.request());
    assert_eq!(again.statements.len(), 3);
}

#[test]
fn i4_a_statement_the_court_does_not_take_is_shown_and_stops_neither_news_nor_the_connection() {
    let mut bench = bench();
    bench.capture(10);
    bench.log_in();
    let request = bench.request();
    bench.admit(&request);
    let item = bench.capture(20).item;
    let follows = bench.capture(30).item;
    let gap =
        serde_json::json!({"kind": "chain_gap", "status": 409, "title": "", "expected_seq": 3});
    let (mut sent, mut pulled, mut uploads) = (0, 0, 0);
    // More steps than any honest exchange of three statements and one file takes.
    for _ in 0..60 {
        let request = match bench.step() {
            Step::Request(request) => request,
            _ => break,
        };
        match request.path.as_str() {
            "/device/v1/statements" => {
                sent += 1;
                let asked: StatementsRequest = content(&request);
                let first = asked.statements.into_iter().next().expect("one");
                let signed = first.into_signed();
                let read =
                    zhixing_protocol::statement::Statement::parse(&signed.bytes).expect("ours");
                if read.chain.map(|link| link.seq) == Some(3) {
                    let results = vec![StatementResult {
                        hash: signed.hash(),
                        seq: 0,
                        admission: AdmissionResult::Refused,
                        effect: Effect::rejected("signature"),
                    }];
                    bench.answer(court_json(200, &StatementsResponse { results }));
                } else {
                    bench.answer(court_json(409, &gap));
                }
            }
            "/device/v1/pull" => {
                pulled += 1;
                bench.answer(feed(&[]));
            }
            "/device/v1/uploads" => {
                uploads += 1;
                bench.created("u1");
            }
            _ => bench.took(&request),
        }
    }
    assert!(sent <= 8, "sent {sent} times: it would go on for ever");
    assert!(
        pulled > 0 && uploads == 1,
        "{pulled} pulls, {uploads} uploads"
    );
    assert_eq!(bench.machine.trouble(), Some("statements_not_taken"));
    assert!(!bench.machine.is_cut_off());
    let queue = bench.holdings.queue();
    let troubled = queue.troubled().expect("reads");
    assert_eq!(troubled.len(), 1);
    assert_eq!(
        (troubled[0].seq, troubled[0].reason.as_str()),
        (3, "signature")
    );
    assert_eq!(queue.pending_count(), Ok(1), "what follows is kept");
    for item in [item, follows] {
        let kept = queue.item(item).expect("reads").expect("is there");
        assert_eq!(kept.upload, Upload::Waiting, "no file is dropped");
    }
    drop(queue);
    // Once somebody has mended it at the court, everything goes out.
    bench.machine.wake();
    let mut request = bench.request();
    while request.path != "/device/v1/statements" {
        bench.answer(feed(&[]));
        request = bench.request();
    }
    bench.answer(court_json(409, &gap));
    let request = bench.request();
    assert_eq!(content::<StatementsRequest>(&request).statements.len(), 2);
    bench.admit(&request);
    assert_eq!(bench.machine.trouble(), None);
    assert_eq!(
        bench.holdings.queue().troubled().map(|list| list.len()),
        Ok(0)
    );
}

#[test]
fn a_login_page_of_the_network_is_no_answer() {
    let mut bench = bench();
    bench.capture(10);
    bench.log_in();
    bench.request();
    bench.answer(HttpResponse {
        status: 200,
        headers: vec![("content-type".into(), "text/html; charset=utf-8".into())],
        body: b"<html>".to_vec(),
    });
    assert_eq!(bench.machine.trouble(), Some("captive_portal"));
    assert_eq!(bench.holdings.queue().pending_count(), Ok(1));
}

#[test]
fn an_expired_session_is_renewed() {
    let mut bench = bench();
    bench.log_in();
    bench.request();
    bench.answer(HttpResponse {
        status: 401,
        ..HttpResponse::default()
    });
    assert_eq!(bench.request().path, "/device/v1/challenge");
}

#[test]
fn i2_i6_receipts_and_proofs_are_verified_and_committed_with_their_cursor() {
    let mut bench = bench();
    let done = bench.capture(10);
    bench.log_in();
    let request = bench.request();
    bench.admit(&request);
    let item = bench
        .holdings
        .queue()
        .item(done.item)
        .expect("reads")
        .expect("is there");
    let stored = (item.stored_sha256, item.stored_bytes);
    let good = bench
        .court
        .receipt(item.statement, item.item, item.digests.clone(), stored);
    let wrong = bench.court.receipt(
        item.statement,
        item.item,
        item.digests.clone(),
        (stored.0, 1),
    );
    let foreign = TestCourt::new(bench.now()).receipt(
        item.statement,
        item.item,
        item.digests.clone(),
        stored,
    );
    let frame = |cursor, receipt| {
        Frame::Receipt(DeviceFrame {
            cursor,
            content: ReceiptFrame {
                item: item.item,
                receipt,
                statement: item.statement,
            },
        })
    };
    let proof = |bench: &Bench, cursor, index| {
        Frame::Proof(DeviceFrame {
            cursor,
            content: bench.court.proof(item.statement, index),
        })
    };
    let pulled = bench.request();
    assert_eq!(content::<PullRequest>(&pulled).device_cursor, 0);
    // Nothing after the last checkpoint of the scope counts.
    bench.answer(feed(&[frame(1, good.clone()), Frame::More {}]));
    assert!(
        bench
            .holdings
            .queue()
            .receipt(item.item)
            .expect("reads")
            .is_none()
    );
    bench.machine.wake();
    bench.request();
    let frames = [
        Frame::Log(bench.court.log_frame(0)),
        frame(1, wrong),
        frame(2, foreign),
        frame(3, good),
        proof(&bench, 4, 0),
        Frame::DeviceCheckpoint { cursor: 4 },
    ];
    let mut answer = feed(&frames);
    answer
        .body
        .extend_from_slice(b"\n{\"tomorrow\":{\"x\":1}}\n");
    bench.answer(answer);
    let queue = bench.holdings.queue();
    assert!(queue.receipt(item.item).expect("reads").is_some());
    assert!(queue.proof(item.statement).expect("reads").is_some());
    let refusals = queue.refusals().expect("reads");
    let expected = [("receipt_for_other_bytes", 1), ("receipt_refused", 1)];
    assert_eq!(
        refusals,
        expected.map(|(code, count)| (code.to_owned(), count))
    );
    assert_eq!(queue.setting::<u64>("device_cursor"), Ok(Some(4)));
    drop(queue);
    // The newest checkpoint is what the next statement says it has seen.
    let seen = bench.holdings.queue().seen().expect("reads").expect("seen");
    assert_eq!(seen.size, 1);
    // A log that was begun anew with other leaves is not believed.
    let mut other = TestCourt::new(bench.now());
    std::mem::swap(&mut other, &mut bench.court);
    bench.machine.wake();
    bench.request();
    let forged = bench.court.log_frame(0);
    bench.answer(feed(&[Frame::Log(forged)]));
    let refusals = bench.holdings.queue().refusals().expect("reads");
    assert!(
        refusals
            .iter()
            .any(|(code, _)| code == "checkpoint_not_signed_by_the_log")
    );
}

#[test]
fn a_court_that_does_not_honour_its_sessions_is_not_asked_in_a_tight_loop() {
    let mut bench = bench();
    for _ in 0..2 {
        bench.log_in();
        bench.request();
        bench.answer(HttpResponse {
            status: 401,
            ..HttpResponse::default()
        });
    }
    assert!(matches!(bench.step(), Step::WaitUntil(_)));
    assert_eq!(bench.machine.trouble(), Some("not_accepted_by_the_court"));
}

fn grant(case: u8) -> GrantFrame {
    GrantFrame {
        case: CaseId([case; 16]),
        court: COURT.parse().expect("a court word"),
        epoch: 1,
        number: format!("（2020）川0811执{case}号")
            .parse()
            .expect("a case number"),
    }
}

/// A device with one case, logged in, its statements sent; the pull is next.
fn with_a_case() -> Bench {
    let mut bench = bench();
    bench.shelf.unlock().expect("the key is here");
    bench.log_in();
    assert_eq!(bench.request().path, "/device/v1/pull");
    bench.answer(feed(&[Frame::Grant(grant(1))]));
    let keys = bench.request();
    bench.admit(&keys);
    bench
}

#[test]
fn cases_are_pulled_by_one_digest_and_named_once_when_the_court_asks() {
    let mut bench = with_a_case();
    let held = bench.shelf.cursors().expect("reads").expect("unlocked");
    assert_eq!(held.len(), 1);
    for round in 0..2 {
        let asked: PullRequest = content(&bench.request());
        assert_eq!(asked.cases, []);
        assert_eq!(asked.cases_sha256, Some(digest_cursors(&held)), "{round}");
        bench.answer(feed(&[Frame::CasesWanted {}]));
        let asked: PullRequest = content(&bench.request());
        assert_eq!((asked.cases, asked.cases_sha256), (held.clone(), None));
        bench.answer(feed(&[]));
        bench.machine.wake();
    }
    // A court that asks again although they were named is not asked for ever.
    bench.request();
    bench.answer(feed(&[Frame::CasesWanted {}]));
    bench.request();
    bench.answer(feed(&[Frame::CasesWanted {}]));
    assert_eq!(bench.step(), Step::Idle);
}

#[test]
fn in_the_middle_of_a_long_answer_own_statements_wait_together_yet_not_for_ever() {
    let mut bench = with_a_case();
    for (pulls, case) in (2..60).enumerate() {
        let request = bench.request();
        if request.path == "/device/v1/statements" {
            let asked: StatementsRequest = content(&request);
            assert!(asked.statements.len() > 8, "{}", asked.statements.len());
            assert!(pulls > 8, "after {pulls} pulls");
            return;
        }
        let (mut head, bytes) = (Head::EMPTY, first_event(case));
        head.follow(CaseId([case; 16]), &bytes).expect("follows");
        let event = EventFrame {
            event: RawValue::from_string(String::from_utf8(bytes).expect("UTF-8")).expect("JSON"),
            openings: std::collections::BTreeMap::new(),
        };
        let cursor = CaseCursor {
            case: CaseId([case; 16]),
            epoch: 1,
            head,
        };
        bench.answer(feed(&[
            Frame::Grant(grant(case)),
            Frame::Event(event),
            Frame::CaseCheckpoint(cursor),
            Frame::More {},
        ]));
    }
    panic!("statements were never sent");
}

/// The first event of a case, of a kind that this version does not know.
fn first_event(case: u8) -> Vec<u8> {
    let event = Event {
        at_ms: zhixing_protocol::time::UtcMillis(1),
        body: Value::Object(Object::new()),
        case: CaseId([case; 16]),
        cause: StatementHash([case; 32]),
        corrects: None,
        hidden: std::collections::BTreeMap::new(),
        kind: "later.kind".to_owned(),
        occurred_on: "2026-01-05".parse().expect("a date"),
        prev: Head::EMPTY.hash,
        seq: 1,
        visibility: Visibility::Table,
        unknown: Object::new(),
    };
    event.to_bytes().expect("canonical")
}

/// A store whose signing key wants the person first.
struct LockedSigner(Arc<dyn SecretStore>);

impl SecretStore for LockedSigner {
    fn secret(&self, name: &str) -> Result<Option<Zeroizing<[u8; 32]>>> {
        self.0.secret(name)
    }
    fn put_secret(&self, name: &str, secret: &[u8; 32]) -> Result<()> {
        self.0.put_secret(name, secret)
    }
    fn signer(&self) -> Result<Option<Arc<dyn Signer>>> {
        Err(EngineError::locked("the person is not here"))
    }
    fn make_signer(&self) -> Result<Arc<dyn Signer>> {
        Err(EngineError::locked("the person is not here"))
    }
    fn storage(&self) -> &str {
        self.0.storage()
    }
}

impl Bench {
    /// Creates the upload of a new item of 10 MB with a token of its own, and answers the first slice.
    fn begin_upload_with_token(&mut self) -> ItemId {
        let item = self.capture(10_000_000).item;
        self.log_in();
        assert_eq!(self.settle().path, "/device/v1/uploads");
        self.answer(HttpResponse {
            status: 201,
            headers: vec![
                ("location".into(), "/device/v1/uploads/x".into()),
                ("upload-token".into(), "u.12".into()),
            ],
            body: Vec::new(),
        });
        let first = self.settle();
        assert_eq!(bearer(&first), ["Bearer u.12"]);
        self.took(&first);
        item
    }
}

fn bearer(request: &HttpRequest) -> Vec<&str> {
    let headers = request.headers.iter();
    headers
        .filter(|(name, _)| name == "authorization")
        .map(|(_, value)| value.as_str())
        .collect()
}

#[test]
fn an_upload_goes_on_by_its_own_token_when_the_session_is_over() {
    let mut bench = bench();
    let item = bench.begin_upload_with_token();
    bench.clock.advance(3_600_000);
    let slice = bench.request();
    assert_eq!(
        (slice.method, bearer(&slice)),
        ("PATCH", vec!["Bearer u.12"])
    );
    bench.took(&slice);
    assert_eq!(bench.upload(item), Upload::Sent);
    // For everything else a session is opened, and its token goes with that alone.
    bench.log_in();
    assert_eq!(bearer(&bench.request()), ["Bearer secret"]);
}

#[test]
fn statements_wait_for_no_bytes_when_the_session_is_over() {
    let mut bench = bench();
    bench.begin_upload_with_token();
    bench.clock.advance(3_600_000);
    bench.capture(10);
    bench.log_in();
    assert_eq!(bench.request().path, "/device/v1/statements", "I9");
}

#[test]
fn an_upload_goes_on_while_the_signing_key_wants_the_person() {
    let mut bench = bench();
    let item = bench.begin_upload_with_token();
    // A new process on the same folder, locked: it has no session, wants news, and cannot sign for either.
    let mut ports = bench.holdings.ports.clone();
    ports.secrets = Arc::new(LockedSigner(ports.secrets));
    let folder = bench._folder.path();
    bench.holdings = crate::testing::holdings(folder, ports).expect("opens");
    bench.machine = Machine::new(bench.holdings.clone(), bench.shelf.clone());
    assert_eq!(bench.request().path, "/device/v1/challenge");
    let challenge = ChallengeResponse {
        challenge: "c".into(),
    };
    bench.answer(court_json(200, &challenge));
    for _ in 0..2 {
        let slice = bench.request();
        assert_eq!(bearer(&slice), ["Bearer u.12"]);
        bench.took(&slice);
    }
    assert_eq!(bench.upload(item), Upload::Sent);
    let now = bench.now();
    let error = bench
        .machine
        .next(now)
        .expect_err("nothing is left that can go");
    assert_eq!(error.kind, ErrorKind::Locked);
}

#[test]
fn a_token_that_the_court_does_not_know_is_forgotten_and_the_session_used() {
    let mut bench = bench();
    bench.begin_upload_with_token();
    let slice = bench.request();
    assert_eq!(bearer(&slice), ["Bearer u.12"]);
    bench.answer(HttpResponse {
        status: 401,
        ..HttpResponse::default()
    });
    let again = bench.request();
    assert_eq!(
        (&again.path, bearer(&again)),
        (&slice.path, vec!["Bearer secret"])
    );
    bench.took(&again);
    assert_eq!(bearer(&bench.request()), ["Bearer secret"]);
}
