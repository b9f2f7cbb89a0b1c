//! The gate to a court's inner system, seen from a sample inner system that speaks nothing but files.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use zhixing_protocol::statement::PartyRole;
use zhixing_server::gate::{self, Peer, PeerState};
use zhixing_tests::{
    GATE_PEER as PEER, InnerSystem, TestCourt, TestDevice, court_with_gate, jsonl, run_gate as run,
};

async fn stand(court: &TestCourt) -> PeerState {
    let mut tx = court.court.db.begin_read().await.expect("the store works");
    gate::list(&mut tx)
        .await
        .expect("the store works")
        .remove(0)
}

fn peer(court: &TestCourt) -> Peer {
    Peer::all(&court.court.config)
        .expect("configured")
        .remove(0)
}

fn case_line(number: u32) -> Value {
    json!({
        "external_id": format!("inner-{number}"), "number": format!("（2026）川0811执{number}号"), "court": "川0811",
        "cause": "loan", "amount_fen": 2_000_000, "filed_on": "2026-03-10", "title": "民事判决书",
        "handler": "judge", "assigned_on": "2026-03-12",
        "parties": [{"external_id": "r", "role": "respondent", "kind": "person", "name": "彭乙", "id_number": "510811190001010000"}],
    })
}

fn cases(numbers: impl IntoIterator<Item = u32>) -> (&'static str, Vec<u8>) {
    let lines: Vec<Value> = numbers.into_iter().map(case_line).collect();
    ("cases.jsonl", jsonl(&lines))
}

async fn case_count(court: &TestCourt) -> u64 {
    court
        .count("SELECT COUNT(*) FROM cases WHERE external_id LIKE 'inner-%'")
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_types_what_the_inner_system_knows_and_what_the_judge_did_comes_back() {
    let (court, mut inner) = court_with_gate(60).await;
    let paper = "民事判决书".as_bytes().to_vec();
    let mut case = case_line(501);
    case["documents"] = json!([{"external_id": "d", "kind": "enforcement_title", "volume": "main", "title": "判决书", "media_type": "text/plain", "file": "documents/d.txt"}]);
    inner.send(&[
        ("cases.jsonl", jsonl(&[case])),
        ("documents/d.txt", paper),
        (
            "nodes.jsonl",
            jsonl(&[json!({"external_id": "n1", "case": "inner-501", "node": "notice.sent", "at": "2026-03-13", "subject": "r"})]),
        ),
        (
            "parties.jsonl",
            jsonl(&[json!({"external_id": "t", "case": "inner-501", "on": "2026-03-14", "role": "third_party", "kind": "person", "name": "案外人"})]),
        ),
        (
            "staff.jsonl",
            jsonl(&[json!({"login": "third", "name": "李法官", "role": "judge", "court": "川0811", "badge": "511003"})]),
        ),
    ]);
    let report = run(&court).await;
    assert_eq!(
        (report.taken, report.made, report.sent),
        (1, 1, 1),
        "{report:?}"
    );
    let answer = inner.receive().remove(0);
    let said = &answer.lines["acknowledgements.jsonl"][0];
    assert_eq!(
        (
            &said["seq"],
            &said["outcome"],
            &said["added"],
            &said["failed"]
        ),
        (&json!(1), &json!("taken"), &json!(4), &json!(0)),
    );

    // The judge opens it in the field, and what the inner system recorded counts there.
    let device = TestDevice::enrolled(&court.ticket("judge").await).await;
    device.sync_until_done().await;
    let id = court.case("（2026）川0811执501号").await;
    let view = device.engine().case_view(id).expect("on the device");
    assert_eq!(view.state.parties().count(), 2);
    assert_eq!(view.state.documents().count(), 1);
    let respondent = view
        .state
        .parties()
        .find(|party| party.body.role == PartyRole::Respondent)
        .expect("one")
        .body
        .party;
    let notice = view
        .state
        .facts()
        .of("notice.sent")
        .next()
        .expect("the node");
    assert_eq!(notice.subject, Some(respondent.to_string()));
    let assigned = view
        .state
        .facts()
        .of("case.assigned")
        .next()
        .expect("assigned");
    assert_eq!(assigned.at.to_string(), "2026-03-12");

    device
        .engine()
        .note(id, "被执行人不在家", None, None)
        .expect("noted");
    device.record_sound(Some(id), b"what was said at the door");
    device.sync_until_held(20).await;
    let report = run(&court).await;
    assert_eq!((report.made, report.sent), (1, 1), "{report:?}");
    let results = inner.receive().remove(0);
    let events = &results.lines["events.jsonl"];
    let note = events
        .iter()
        .find(|event| event["kind"] == "note.added")
        .expect("the note");
    assert_eq!(note["case"], "inner-501");
    assert_eq!(note["hidden"]["text"], "被执行人不在家");
    assert!(
        events.iter().all(|event| event["kind"] != "case.filed"),
        "what came through the gate does not go back"
    );
    let evidence = &results.lines["evidence.jsonl"][0];
    assert_eq!(evidence["outcome"], "verified");
    assert_eq!(
        evidence["digests"]["sha256"],
        zhixing_protocol::hash::Sha256Digest::of(b"what was said at the door").to_string()
    );
    assert!(evidence["receipt"]["signature"].is_string(), "{evidence}");
    assert!(evidence["log"]["index"].is_u64());

    // Acknowledged late: until then nothing is forgotten, after it nothing is sent.
    assert_eq!(stand(&court).await.unacknowledged, 2);
    inner.acknowledge(&[answer, results]);
    let report = run(&court).await;
    assert_eq!(
        (report.taken, report.made, report.sent),
        (1, 0, 0),
        "answers to answers would never end"
    );
    run(&court).await;
    let stand = stand(&court).await;
    assert_eq!(
        (stand.unacknowledged, stand.in_seq, stand.out_seq),
        (0, 2, 2)
    );
    assert!(inner.names("kept").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_a_batch_sent_twice_changes_nothing_and_brings_the_lost_answer_again() {
    let (court, mut inner) = court_with_gate(60).await;
    let batch = inner.make(&[cases([501, 502])]);
    inner.carry(&batch);
    run(&court).await;
    let lost = inner.names("out");
    fs::remove_dir_all(inner.place("out").join(&lost[0])).expect("the answer is lost on its way");
    let head = court.head(court.case("（2026）川0811执501号").await).await;
    let statements = court.count("SELECT COUNT(*) FROM statements").await;

    inner.carry(&batch);
    let report = run(&court).await;
    assert_eq!((report.repeated, report.taken, report.sent), (1, 0, 1));
    assert_eq!(inner.names("out"), lost);
    assert_eq!(
        head,
        court.head(court.case("（2026）川0811执501号").await).await
    );
    assert_eq!(
        statements,
        court.count("SELECT COUNT(*) FROM statements").await
    );

    // The same records in a new batch: known, nothing added.
    inner.send(&[cases([501, 502])]);
    run(&court).await;
    let answers = inner.receive();
    let said = &answers.last().expect("answered").lines["acknowledgements.jsonl"][0];
    assert_eq!((&said["added"], &said["unchanged"]), (&json!(0), &json!(2)));
    assert_eq!(
        statements,
        court.count("SELECT COUNT(*) FROM statements").await
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_out_of_order_wait_for_the_gap_and_a_half_one_says_what_is_missing() {
    let (court, mut inner) = court_with_gate(60).await;
    let first = inner.make(&[cases([501]), ("documents/x.pdf", vec![7; 1000])]);
    let second = inner.make(&[cases([502])]);
    let second = inner.carry(&second);
    assert_eq!(run(&court).await.waiting, 1);
    assert_eq!(stand(&court).await.waiting[0].reason, "batch 1 is missing");

    // Half of the first: cut in the middle of a file, another not there at all.
    let half = inner.place("in").join(first.file_name().expect("a name"));
    fs::create_dir(&half).expect("a folder");
    for name in ["manifest.json", "manifest.sig"] {
        fs::copy(first.join(name), half.join(name)).expect("copies");
    }
    let lines = fs::read(first.join("cases.jsonl")).expect("reads");
    fs::write(half.join("cases.jsonl"), &lines[..20]).expect("writes");
    assert_eq!(run(&court).await.waiting, 2);
    let waiting = stand(&court).await.waiting;
    let reason = &waiting[0].reason;
    assert!(
        reason.contains(&format!("cases.jsonl has 20 of {} bytes", lines.len()))
            && reason.contains("documents/x.pdf is missing"),
        "{reason}"
    );
    assert_eq!(
        case_count(&court).await,
        0,
        "nothing of half a batch is taken"
    );

    // The rest arrives; the second waits no longer.
    fs::write(half.join("cases.jsonl"), &lines).expect("writes");
    fs::create_dir(half.join("documents")).expect("a folder");
    fs::write(half.join("documents/x.pdf"), [7; 1000]).expect("writes");
    let report = run(&court).await;
    assert_eq!((report.taken, report.waiting), (2, 0), "{second}");
    assert_eq!(case_count(&court).await, 2);
    assert!(stand(&court).await.waiting.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_arrives_ends_in_quarantine_and_a_person_lets_the_order_go_on() {
    let (court, mut inner) = court_with_gate(0).await;
    inner.make(&[cases([501])]);
    let second = inner.send(&[cases([502])]);
    assert_eq!(run(&court).await.quarantined, 1);
    let state = stand(&court).await;
    assert_eq!(state.quarantined[0].name, second);
    assert!(state.quarantined[0].reason.contains("batch 1 is missing"));
    let answer = inner.receive().remove(0);
    let said = &answer.lines["acknowledgements.jsonl"][0];
    assert_eq!(
        (&said["seq"], &said["outcome"]),
        (&json!(2), &json!("quarantined"))
    );

    gate::retry(&court.court, &peer(&court), &second)
        .await
        .expect("is there");
    assert_eq!(run(&court).await.quarantined, 1, "nothing has changed");
    gate::release(&court.court, &peer(&court), &second)
        .await
        .expect("signed and in order");
    assert_eq!(run(&court).await.taken, 1);
    assert_eq!(case_count(&court).await, 1);
    // The one that was given up comes after all: refused, and told.
    let first = inner.place("made").join(format!("{PEER}-000001"));
    inner.carry(&first);
    assert_eq!(run(&court).await.quarantined, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_batch_is_put_aside_whole_with_its_reason_and_the_good_one_is_taken() {
    let (court, inner) = court_with_gate(60).await;
    let good = cases([501]);
    let files = [good.clone()];
    let stranger = InnerSystem::new(&court.court.config.gate_folder, PEER, "川0811");
    let tampered = inner.make_as(1, &files, |_| {});
    let mut text = fs::read(tampered.join("cases.jsonl")).expect("reads");
    let place = text.iter().position(|byte| *byte == b'2').expect("a digit");
    text[place] = b'3';
    let wrong: Vec<(&str, std::path::PathBuf)> = vec![
        (
            "court",
            inner.make_as(11, &files, |manifest| manifest["court"] = json!("川0812")),
        ),
        (
            "format",
            inner.make_as(12, &files, |manifest| {
                manifest["format"] = json!("zhixing-gate/9")
            }),
        ),
        (
            "receiver",
            inner.make_as(13, &files, |manifest| {
                manifest["receiver"] = json!("another")
            }),
        ),
        (
            "sender",
            inner.make_as(14, &files, |manifest| manifest["sender"] = json!("another")),
        ),
        ("signature", stranger.make_as(15, &files, |_| {})),
        ("follows", {
            let batch = inner.make_as(1, &files, |manifest| {
                manifest["prev"] = json!("11".repeat(32))
            });
            let renamed = batch.with_file_name("another-history");
            fs::rename(&batch, &renamed).expect("renames");
            renamed
        }),
        (
            "inside",
            inner.make_as(16, &files, |manifest| {
                manifest["files"]["../../../escape.jsonl"] =
                    json!({"sha256": "00".repeat(32), "size_bytes": 1, "records": null});
            }),
        ),
        ("SHA-256", {
            let batch = inner.make_as(1, &files, |_| {});
            fs::write(batch.join("cases.jsonl"), &text).expect("writes");
            let renamed = batch.with_file_name("changed");
            fs::rename(&batch, &renamed).expect("renames");
            renamed
        }),
        ("instead of", {
            let batch = inner.make_as(1, &files, |_| {});
            text.push(b'\n');
            fs::write(batch.join("cases.jsonl"), &text).expect("writes");
            let renamed = batch.with_file_name("longer");
            fs::rename(&batch, &renamed).expect("renames");
            renamed
        }),
    ];
    for (_, batch) in &wrong {
        inner.carry(batch);
    }
    let report = run(&court).await;
    assert_eq!(
        (report.quarantined, report.taken),
        (wrong.len() as u64, 0),
        "{report:?}"
    );
    assert_eq!(case_count(&court).await, 0);
    let put_aside = stand(&court).await.quarantined;
    for (word, batch) in &wrong {
        let name = batch.file_name().expect("a name").to_string_lossy();
        let one = put_aside
            .iter()
            .find(|one| one.name == name)
            .expect("listed");
        assert!(one.reason.contains(word), "{name}: {}", one.reason);
        assert!(
            inner
                .place("quarantine")
                .join(name.as_ref())
                .join("manifest.json")
                .exists()
        );
    }

    inner.carry(&inner.make_as(1, &files, |_| {}));
    assert_eq!(run(&court).await.taken, 1);
    // A number is given once.
    inner.carry(&inner.make_as(1, &[cases([502])], |_| {}));
    assert_eq!(run(&court).await.quarantined, 1);
    assert_eq!(case_count(&court).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_line_costs_no_good_one_and_is_told_with_its_place() {
    let (court, mut inner) = court_with_gate(60).await;
    let mut lines: Vec<Value> = (501..=509).map(case_line).collect();
    lines[1]["number"] = json!("（2026）川9999执1号");
    lines[2]["amount_fen"] = json!(9_007_199_254_740_992_u64);
    lines[3]["court"] = json!("川08");
    lines[4]["handler"] = json!("nobody");
    lines[5]["number"] = json!("（2026）川0811执1号");
    lines[6]
        .as_object_mut()
        .expect("a line")
        .remove("assigned_on");
    lines[6]["handler"] = json!(null);
    lines[7]["documents"] = json!([{"external_id": "d", "kind": "x", "volume": "main", "title": "t", "media_type": "text/plain", "file": "documents/not-named.txt"}]);
    let mut bytes = jsonl(&lines);
    bytes.extend_from_slice(
        br#"{"external_id":"inner-510","number":"","amount_fen":99999999999999999999}"#,
    );
    bytes.extend_from_slice(b"\n{\"external_id\":\"cut");
    inner.send(&[
        ("cases.jsonl", bytes),
        (
            "nodes.jsonl",
            jsonl(&[
                json!({"external_id": "1", "case": "inner-501", "node": "no.such_node", "at": "2026-03-13"}),
                json!({"external_id": "2", "case": "inner-999", "node": "notice.sent", "at": "2026-03-13"}),
                json!({"external_id": "3", "case": "inner-501", "node": "notice.sent", "at": "2026-02-30"}),
            ]),
        ),
        ("later.jsonl", b"{}\n".to_vec()),
    ]);
    run(&court).await;
    assert_eq!(case_count(&court).await, 3, "501, 507 and 509");
    let answer = inner.receive().remove(0);
    let said = &answer.lines["acknowledgements.jsonl"][0];
    assert_eq!((&said["added"], &said["failed"]), (&json!(3), &json!(12)));
    let errors = &answer.lines["errors.jsonl"];
    let reason = |file: &str, line: u64| -> String {
        errors
            .iter()
            .find(|error| error["file"] == file && error["line"] == line)
            .unwrap_or_else(|| panic!("{file}:{line} is told: {errors:?}"))["reason"]
            .to_string()
    };
    for (line, word) in [
        (2, "川9999"),
        (3, "amount_fen"),
        (4, "does not speak"),
        (5, "nobody"),
        (6, "belongs to the case test-1"),
        (8, "manifest does not name"),
        (10, "1e+20"),
        (11, "EOF"),
    ] {
        let told = reason("cases.jsonl", line);
        assert!(told.contains(word), "{line}: {told}");
    }
    assert!(reason("nodes.jsonl", 1).contains("no.such_node"));
    assert!(reason("nodes.jsonl", 2).contains("inner-999"));
    assert!(reason("nodes.jsonl", 3).contains("date"));
    assert!(reason("later.jsonl", 0).contains("does not know"));

    // A case without assignment: filed, and the law asks for somebody.
    let device = TestDevice::enrolled(&court.ticket("judge").await).await;
    device.sync_until_done().await;
    let unassigned = court.case("（2026）川0811执507号").await;
    let mut tx = court.court.db.begin_read().await.expect("the store works");
    let state = zhixing_server::cases::opened_state(&mut tx, unassigned)
        .await
        .expect("the store works");
    assert!(state.filed().is_some() && state.handler().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_killed_anywhere_a_batch_is_taken_once_and_counted_exactly() {
    let (court, mut inner) = court_with_gate(60).await;
    let mut lines: Vec<Value> = (1001..=1400).map(case_line).collect();
    for bad in [17, 200, 399] {
        lines[bad]["court"] = json!("川0812");
    }
    inner.send(&[("cases.jsonl", jsonl(&lines))]);
    let mut killed = 0;
    let mut wait_ms = 1_u64;
    loop {
        let held = std::sync::Arc::clone(&court.court);
        let task = tokio::spawn(async move { gate::run_once(&held).await });
        let stop = task.abort_handle();
        tokio::time::sleep(std::time::Duration::from_millis(wait_ms)).await;
        stop.abort();
        match task.await {
            Ok(done) => {
                done.expect("the gate runs");
                break;
            }
            Err(_) => killed += 1,
        }
        wait_ms += 13;
    }
    assert!(killed >= 5, "killed {killed} times only");
    run(&court).await;
    assert_eq!(case_count(&court).await, 397);
    let batches = inner.receive();
    let said: Vec<&Value> = batches
        .iter()
        .flat_map(|batch| &batch.lines["acknowledgements.jsonl"])
        .collect();
    assert_eq!(said.len(), 1, "told once");
    assert_eq!(
        (&said[0]["added"], &said[0]["unchanged"], &said[0]["failed"]),
        (&json!(397), &json!(0), &json!(3)),
        "neither lost nor doubled by {killed} kills"
    );
    assert_eq!(
        court
            .count("SELECT COUNT(*) FROM statements WHERE type = 'job.import/1'")
            .await,
        397 + 3
    );
    assert!(unfinished(&inner.place("out")).is_empty());
}

fn unfinished(place: &Path) -> Vec<String> {
    fs::read_dir(place)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name.starts_with('.'))
        .collect()
}
