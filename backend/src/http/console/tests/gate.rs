//! The gate and what was set aside, as the console tells them.

use serde_json::{Value, json};
use zhixing_protocol::ids::{ActId, CaseId};
use zhixing_protocol::keys::Signer as _;
use zhixing_protocol::statement::{ActKind, ActStarted};
use zhixing_protocol::trust::KeyPurpose;

use super::{Desk, WORD};
use crate::court::Court;
use crate::gate::PeerConfig;
use crate::store::testing::on_both_engines;
use crate::testing::TestDevice;

on_both_engines! {
    async fn statements_without_effect_are_told_with_the_reason_to_those_they_concern(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        desk.login("judge").await;
        assert_eq!(desk.get("set-aside").await["statements"], json!([]));
        let mut device = TestDevice::enrol(&desk.court, "judge").await;
        device.case = Some(CaseId([3; 16]));
        let start = |number: u8| ActStarted {
            about: None,
            act: ActId([number; 16]),
            at: "2020-03-20T10:00".parse().expect("a moment"),
            kind: ActKind::Seal,
            party: None,
        };
        device.hand_in(&desk.court, &start(7)).await;
        let told = desk.get("set-aside").await;
        let one = &told["statements"][0];
        assert_eq!((&one["effect"], &one["reason"]), (&json!("rejected"), &json!("not_granted")));
        assert_eq!((&one["type"], &one["number"], &one["device"]["officer"]), (&json!("act.start/1"), &Value::Null, &json!("甲")));
        assert_eq!(desk.get("set-aside?effect=held").await["statements"], json!([]));
        assert_eq!(desk.ask("GET", "set-aside?effect=other", None).await.0, 400);
        // What took effect is not in it.
        let id = desk.get("cases").await["cases"][0]["case"].as_str().expect("an id").to_owned();
        device.case = Some(id.parse().expect("an id"));
        device.hand_in(&desk.court, &start(8)).await;
        assert_eq!(desk.get("set-aside").await["statements"].as_array().map(Vec::len), Some(1));
        desk.login("idle").await;
        assert_eq!(desk.get("set-aside").await["statements"], json!([]), "not his device");
        desk.login("neighbour").await;
        assert_eq!(desk.get("set-aside").await["statements"], json!([]), "not his court");
        desk.login("chief").await;
        assert_eq!(desk.get("set-aside").await["statements"].as_array().map(Vec::len), Some(1));
    }

    async fn a_batch_in_quarantine_is_shown_with_refused_lines_and_put_back_by_name_only(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        let mut config = desk.court.config.clone();
        let folder = scratch.folder.path().join("gate");
        let key = scratch.folder.path().join("peer.pem");
        std::fs::write(&key, desk.court.keys.signer(KeyPurpose::Job).public_key().to_pem()).expect("writes");
        config.gate_folder.clone_from(&folder);
        config.gate_peers = vec![PeerConfig { name: "inner".to_owned(), courts: vec![WORD.parse().expect("a word")], key }];
        desk.court = Court::open(config, desk.clock.server()).await.expect("opens");
        desk.router = crate::http::router(std::sync::Arc::clone(&desk.court));
        let mut tx = desk.court.db.begin_write().await.expect("begins");
        for sql in [
            "INSERT INTO gate_peers (peer, in_digest, out_digest) VALUES ('inner', '', '')",
            "INSERT INTO gate_in (peer, seq, digest, name, state, added, failed, at_ms, content) VALUES ('inner', 1, 'd', 'inner-1', 'taken', 4, 1, 5, 1)",
            "INSERT INTO gate_errors (peer, seq, file, line, reason) VALUES ('inner', 1, 'cases.jsonl', 3, 'the amount overflows')",
            "INSERT INTO gate_quarantine (peer, name, seq, digest, reason, at_ms) VALUES ('inner', 'inner-2', 2, '', 'cut in half', 6)",
        ] {
            tx.execute(sql, &[]).await.expect("inserts");
        }
        tx.commit().await.expect("commits");
        let (quarantine, incoming) = (folder.join("inner/quarantine/inner-2"), folder.join("inner/in/inner-2"));
        std::fs::create_dir_all(&quarantine).expect("makes the batch");
        let retry = "gate/inner/quarantine/inner-2/retry";
        desk.login("judge").await;
        assert_eq!(desk.ask("GET", "gate", None).await.0, 403, "it is for supervisors");
        assert_eq!(desk.ask("POST", retry, Some(json!({}))).await.0, 404);
        desk.login("neighbour").await;
        assert_eq!(desk.get("gate").await["peers"], json!([]), "not his court");
        assert_eq!(desk.ask("POST", retry, Some(json!({}))).await.0, 404);
        desk.login("chief").await;
        let peer = desk.get("gate").await["peers"][0].clone();
        let batch = &peer["batches"][0];
        assert_eq!((&batch["added"], &batch["failed"]), (&json!(4), &json!(1)));
        assert_eq!(batch["errors"], json!([{"file": "cases.jsonl", "line": 3, "reason": "the amount overflows"}]));
        assert_eq!(peer["quarantined"][0]["reason"], "cut in half");
        // Only what the court wrote down is a name: a folder beside it is not.
        std::fs::create_dir_all(folder.join("inner/secret")).expect("makes a folder");
        let beside = "gate/inner/quarantine/..%2Fsecret/retry";
        assert_eq!(desk.ask("POST", beside, Some(json!({}))).await.0, 404);
        assert!(folder.join("inner/secret").is_dir());
        // Without a manifest the order cannot go on at it; nothing moves.
        assert_eq!(desk.ask("POST", "gate/inner/quarantine/inner-2/release", Some(json!({}))).await.0, 400);
        assert!(quarantine.is_dir());
        assert_eq!(desk.ask("POST", retry, Some(json!({}))).await.0, 200);
        assert!(incoming.is_dir() && !quarantine.is_dir());
        assert_eq!(desk.get("gate").await["peers"][0]["quarantined"], json!([]));
        assert_eq!(desk.ask("POST", retry, Some(json!({}))).await.0, 404, "it is there no more");
    }
}
