//! What the gate takes in: case records a second, and documents apart.

use std::time::Instant;

use serde_json::{Value, json};
use zhixing_server::gate::{self, PeerConfig};
use zhixing_tests::{InnerSystem, jsonl};

use crate::Setup;
use crate::device::court;
use crate::report::Report;

/// Cases of one batch.
const CASES: u32 = 4_000;
/// Documents of one batch.
const DOCUMENTS: u32 = 64;
/// Bytes of a document: a scanned page.
const DOCUMENT_BYTES: usize = 1 << 20;

/// Batches of cases, then batches of documents, through the whole gate: signature, digests, records, events.
pub async fn gate(setup: &Setup, report: &mut Report) {
    let mut inner = None;
    let court = court(|config| {
        config.log_interval_ms = 3_600_000;
        let folder = config.data.join("gate");
        std::fs::create_dir_all(&folder).expect("a folder");
        let system = InnerSystem::new(&folder, "inner", "川0811");
        let key = folder.join("inner.pem");
        std::fs::write(&key, system.key_pem()).expect("writes");
        config.gate_folder = folder;
        config.gate_interval_seconds = 0;
        config.gate_peers = vec![PeerConfig {
            name: "inner".to_owned(),
            courts: vec!["川0811".parse().expect("a court word")],
            key,
        }];
        inner = Some(system);
    })
    .await;
    let mut inner = inner.expect("the court was configured");
    gate::run_once(&court.court).await.expect("the gate runs");
    let (mut cases, mut documents) = (Vec::new(), Vec::new());
    for round in 0..setup.rounds {
        let first = 10_000 + round * CASES;
        let lines: Vec<Value> = (first..first + CASES).map(case).collect();
        inner.send(&[("cases.jsonl", jsonl(&lines))]);
        let start = Instant::now();
        gate::run_once(&court.court).await.expect("the gate runs");
        cases.push(f64::from(CASES) / start.elapsed().as_secs_f64());

        let mut files = Vec::new();
        let mut lines = Vec::new();
        for number in 0..DOCUMENTS {
            let name = format!("documents/{number}.bin");
            let mut bytes = vec![0_u8; DOCUMENT_BYTES];
            bytes[..8].copy_from_slice(&u64::from(round * DOCUMENTS + number).to_be_bytes());
            lines.push(json!({
                "external_id": format!("d{number}"), "case": format!("inner-{first}"), "kind": "scan", "volume": "main",
                "title": "扫描件", "media_type": "application/octet-stream", "file": name,
            }));
            files.push((name, bytes));
        }
        let mut batch: Vec<(&str, Vec<u8>)> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.clone()))
            .collect();
        batch.push(("documents.jsonl", jsonl(&lines)));
        inner.send(&batch);
        let start = Instant::now();
        gate::run_once(&court.court).await.expect("the gate runs");
        documents.push(f64::from(DOCUMENTS) / start.elapsed().as_secs_f64());
    }
    let taken = court
        .count("SELECT COUNT(*) FROM cases WHERE external_id LIKE 'inner-%'")
        .await;
    assert_eq!(taken, u64::from(setup.rounds * CASES));
    report.rounds(
        "Gate, case records",
        "≥ 2,000/s",
        "/s",
        cases,
        "4,000 cases with two parties and a handler a batch, SQLite: signature, digests, statements signed, events and log intake written, answer made",
    );
    report.rounds(
        "Gate, documents of 1 MiB",
        "",
        "/s",
        documents,
        "64 a batch: digests, encryption to the court, stored and synced",
    );
}

fn case(number: u32) -> Value {
    json!({
        "external_id": format!("inner-{number}"), "number": format!("（2026）川0811执{number}号"), "court": "川0811",
        "cause": "loan", "amount_fen": 2_000_000, "filed_on": "2026-03-10", "title": "民事判决书", "handler": "judge",
        "parties": [
            {"external_id": "a", "role": "applicant", "kind": "person", "name": "梁甲", "phone": "10000000000"},
            {"external_id": "r", "role": "respondent", "kind": "person", "name": "彭乙", "id_number": "510811190001010000"},
        ],
    })
}
