//! Statements that no honest device sends: what is answered, and that all of it is kept (I3, I4).

use zhixing_protocol::canonical::Value;
use zhixing_protocol::hash::Commitment;
use zhixing_protocol::ids::RealmId;
use zhixing_protocol::statement::{ChainHead, MAX_STATEMENT_BYTES, make_openings};
use zhixing_protocol::wire::WireStatement;

use super::*;
use crate::devices;
use crate::store::testing::{Scratch, on_both_engines};
use crate::testing::{TestClock, TestDevice, open_court};

/// A court and an enrolled device, whose chain has one statement.
async fn site(scratch: &Scratch) -> (Arc<Court>, TestDevice) {
    let court = open_court(scratch.config(), &TestClock::new()).await;
    let device = TestDevice::enrol(&court, "judge").await;
    (court, device)
}

fn head(pending_items: u64) -> ChainHead {
    ChainHead { pending_items }
}

async fn send(court: &Court, device: &TestDevice, statements: &[&Signed]) -> Answer<Vec<Told>> {
    let statements = statements
        .iter()
        .map(|signed| WireStatement::from_signed(signed).expect("JSON"))
        .collect();
    let response = accept(court, device.device, StatementsRequest { statements }).await?;
    Ok(response
        .results
        .into_iter()
        .map(|result| (result.admission, result.effect))
        .collect())
}

type Told = (AdmissionResult, Effect);

fn admitted() -> Told {
    (AdmissionResult::Admitted, Effect::Applied)
}

fn refused_for(reason: &str) -> Told {
    (AdmissionResult::Refused, Effect::rejected(reason))
}

fn forked() -> Told {
    (AdmissionResult::Quarantined, Effect::held("fork"))
}

async fn count(court: &Court, sql: &'static str) -> u64 {
    let mut tx = court.db.begin_read().await.expect("begins");
    let row = tx.row(sql, &[]).await.expect("reads").expect("a row");
    row.count(0).expect("a number")
}

/// What is kept apart: seq, reason, bytes, openings.
async fn kept_apart(court: &Court) -> Vec<(u64, String, Vec<u8>, String)> {
    let mut tx = court.db.begin_read().await.expect("begins");
    let rows = tx
        .rows(
            "SELECT seq, reason, bytes, openings FROM quarantine ORDER BY seq, reason",
            &[],
        )
        .await
        .expect("reads");
    let read = |row: &crate::store::Row| -> StoreResult<_> {
        Ok((row.count(0)?, row.text(1)?, row.bytes(2)?, row.text(3)?))
    };
    rows.iter()
        .map(|row| read(row).expect("the columns"))
        .collect()
}

on_both_engines! {
    async fn i3_a_chain_sent_again_has_its_first_results_and_no_second_effect(scratch: Scratch) {
        let (court, mut device) = site(&scratch).await;
        let chain: Vec<Signed> = (0..3).map(|n| device.sign(&court, &head(n))).collect();
        let all: Vec<&Signed> = chain.iter().collect();
        assert_eq!(send(&court, &device, &all).await.expect("is taken"), [admitted(), admitted(), admitted()]);
        for again in [&all[..], &all[1..], &all[..1], &[all[2], all[0], all[1]]] {
            let results = send(&court, &device, again).await.expect("is taken");
            assert!(results.iter().all(|result| *result == (AdmissionResult::Duplicate, Effect::Applied)), "{results:?}");
            assert_eq!(results.len(), again.len());
        }
        assert_eq!(count(&court, "SELECT COUNT(*) FROM statements").await, 4);
        assert_eq!(kept_apart(&court).await, []);
    }

    async fn i4_statements_out_of_order_are_taken_as_far_as_they_follow(scratch: Scratch) {
        let (court, mut device) = site(&scratch).await;
        let chain: Vec<Signed> = (0..4).map(|n| device.sign(&court, &head(n))).collect();
        let [second, third, fourth, fifth] = &chain[..] else { panic!("four statements") };
        let failure = send(&court, &device, &[third, second]).await.expect_err("a gap");
        assert_eq!((failure.0.kind, failure.0.status, failure.0.expected_seq), (ProblemKind::ChainGap, 409, Some(2)));
        assert_eq!(count(&court, "SELECT COUNT(*) FROM statements").await, 1, "nothing was stored before the gap was told");
        let results = send(&court, &device, &[second, fourth, third]).await.expect("the first follows");
        assert_eq!(results, [admitted()], "the batch ends where the chain breaks");
        let failure = send(&court, &device, &[fifth]).await.expect_err("a gap");
        assert_eq!(failure.0.expected_seq, Some(3));
        assert_eq!(send(&court, &device, &[third, fourth, fifth]).await.expect("in order").len(), 3);
        assert_eq!(kept_apart(&court).await, []);
        assert_eq!(count(&court, "SELECT COUNT(*) FROM devices WHERE forked = 1").await, 0);
    }

    async fn i4_a_second_branch_is_kept_whole_however_long_and_the_first_goes_on(scratch: Scratch) {
        let (court, mut device) = site(&scratch).await;
        let root = device.tip;
        let first = device.sign(&court, &head(1));
        let first_tip = device.tip;
        // A phone set back from a copy signs other statements at the same places.
        device.tip = root;
        let words = Object::from([("text".to_owned(), Value::from("另一支"))]);
        let branch: Vec<Signed> = (10..15)
            .map(|n| device.sign_with(&court, &head(n), |statement, openings| {
                (statement.hidden, *openings) = make_openings(words.clone(), crate::random);
            }))
            .collect();
        assert_eq!(send(&court, &device, &[&first]).await.expect("is taken"), [admitted()]);
        let all: Vec<&Signed> = branch.iter().collect();
        for _ in 0..2 {
            assert_eq!(send(&court, &device, &all[..4]).await.expect("is kept"), vec![forked(); 4]);
        }
        assert_eq!(send(&court, &device, &all[4..]).await.expect("is kept"), [forked()], "a later batch finds its branch");
        let kept = kept_apart(&court).await;
        assert_eq!(kept.len(), 5);
        for ((seq, reason, bytes, openings), (place, signed)) in kept.iter().zip((2..).zip(&branch)) {
            assert_eq!((*seq, reason.as_str(), bytes), (place, "fork", &signed.bytes));
            assert!(openings.contains("另一支"), "words of evidence are not lost: {openings}");
        }
        assert_eq!(count(&court, "SELECT COUNT(*) FROM devices WHERE forked = 1").await, 1);
        assert_eq!(count(&court, "SELECT COUNT(*) FROM statements").await, 2, "a branch has no effect and no leaf");
        device.tip = first_tip;
        let next = device.sign(&court, &head(2));
        assert_eq!(send(&court, &device, &[&next]).await.expect("the first branch goes on"), [admitted()]);
    }

    async fn what_is_not_believed_is_refused_with_its_reason_and_kept(scratch: Scratch) {
        let (court, mut device) = site(&scratch).await;
        let tip = device.tip;
        let mut bad: Vec<(&str, Signed)> = Vec::new();
        let realm = RealmId::make(court.now(), [9; 10]);
        bad.push(("another_realm", device.sign_with(&court, &head(1), |statement, _| statement.realm = realm)));
        device.tip = tip;
        let other = DeviceId::make(court.now(), [8; 10]);
        bad.push(("another_device", device.sign_with(&court, &head(2), |statement, _| statement.device = Some(other))));
        device.tip = tip;
        let mut other_key = TestDevice::enrol(&court, "second").await;
        other_key.tip = tip;
        let own = device.device;
        bad.push(("another_key", other_key.sign_with(&court, &head(3), |statement, _| statement.device = Some(own))));
        device.tip = tip;
        let mut changed = device.sign(&court, &head(4));
        changed.signature = device.sign(&court, &head(5)).signature;
        bad.push(("signature", changed));
        device.tip = tip;
        let words = Object::from([("text".to_owned(), Value::from("约定"))]);
        let mut unfit = device.sign_with(&court, &head(6), |statement, openings| {
            (statement.hidden, *openings) = make_openings(words, crate::random);
        });
        for opening in unfit.openings.values_mut() {
            opening.value = Value::from("改过");
        }
        bad.push(("opening_does_not_fit", unfit.clone()));
        device.tip = tip;
        let mut torn = device.sign(&court, &head(7));
        torn.bytes = br#"{"chain":1}"#.to_vec();
        bad.push(("form", torn));
        let mut large = device.sign(&court, &head(8));
        large.bytes = format!("{{\"x\":\"{}\"}}", "a".repeat(MAX_STATEMENT_BYTES)).into_bytes();
        bad.push(("too_large", large));
        device.tip = tip;
        for (reason, signed) in &bad {
            let good = device.sign(&court, &head(0));
            device.tip = tip;
            assert_eq!(send(&court, &device, &[signed, &good]).await.expect("is answered"), [refused_for(reason)], "what follows waits");
        }
        let kept = kept_apart(&court).await;
        assert_eq!(kept.len(), bad.len());
        for (reason, signed) in &bad {
            let found = kept.iter().find(|(_, kept, ..)| kept == reason).expect("is kept");
            assert_eq!(found.2, signed.bytes, "{reason}");
        }
        assert_eq!(count(&court, "SELECT COUNT(*) FROM devices WHERE forked = 1").await, 0, "nothing of it is a fork");
        // The same statement with the opening it was made with is taken, and the chain goes on.
        let mut mended = unfit;
        for opening in mended.openings.values_mut() {
            opening.value = Value::from("约定");
        }
        assert_eq!(send(&court, &device, &[&mended]).await.expect("is taken"), [admitted()]);
        assert_eq!(count(&court, "SELECT COUNT(*) FROM openings WHERE opening LIKE '%约定%'").await, 1);
    }

    async fn a_statement_for_another_court_does_nothing_and_makes_no_key(scratch: Scratch) {
        let (court, mut device) = site(&scratch).await;
        let keys = || std::fs::read_dir(court.config.data.join("keys")).expect("lists").count();
        let elsewhere = device.sign_with(&court, &head(1), |statement, _| {
            statement.court = "京0105".parse().expect("a court word");
        });
        let before = keys();
        let told = send(&court, &device, &[&elsewhere]).await.expect("is answered");
        assert_eq!(told, [(AdmissionResult::Admitted, Effect::rejected("another_court"))]);
        let sealed = device.seal_for(&court, b"a photo", "京0105").await;
        let mut tx = court.db.begin_read().await.expect("begins");
        let row = tx.row("SELECT effect FROM statements WHERE hash = $1", &[sealed.statement.into()]).await.expect("reads");
        let effect = row.expect("evidence is admitted").text(0).expect("text");
        assert_eq!(read_effect(&effect).expect("an effect"), Effect::held("another_court"), "evidence is never rejected");
        drop(tx);
        // Its file is kept; nobody here has a key to it, and none is made for a name in a statement.
        let upload = court.uploads.path("u");
        std::fs::write(&upload, &sealed.stored).expect("writes");
        let mut tx = court.db.begin_write().await.expect("begins");
        tx.execute(
            "INSERT INTO uploads (upload, device, statement, item, stored_sha256, size_bytes, state, created_ms, expires_ms) VALUES ('u', $1, $2, $3, $4, $5, 'complete', 0, 9000000000000)",
            &[device.device.into(), sealed.statement.into(), sealed.item.into(), sealed.stored_sha256.into(), (sealed.stored.len() as u64).into()],
        )
        .await
        .expect("inserts");
        tx.commit().await.expect("commits");
        crate::intake::run(&court).await.expect("it blocks nothing");
        assert_eq!(count(&court, "SELECT COUNT(*) FROM stored_items WHERE outcome = 'unreadable'").await, 1);
        assert!(crate::objects::path(&court.config.data, sealed.stored_sha256).exists());
        assert_eq!(keys(), before);
    }

    async fn i3_of_a_revoked_device_everything_is_kept_and_nothing_takes_effect(scratch: Scratch) {
        let (court, mut device) = site(&scratch).await;
        let case = CaseId::make(court.now(), [5; 10]);
        devices::revoke(&court, device.device, "lost", "").await.expect("revokes");
        device.open_session(&court).await;
        device.case = Some(case);
        let sealed = device.seal(&court, b"a photo").await;
        let note = device.sign(&court, &head(1));
        let told = send(&court, &device, &[&note]).await.expect("is answered");
        assert_eq!(told, [(AdmissionResult::Admitted, Effect::held("revoked_key"))]);
        assert_eq!(count(&court, "SELECT COUNT(*) FROM events").await, 0);
        assert_eq!(count(&court, "SELECT COUNT(*) FROM statements WHERE effect LIKE '%revoked_key%'").await, 2);
        let mut tx = court.db.begin_read().await.expect("begins");
        assert!(read_statement(&mut tx, sealed.statement).await.expect("reads").is_some());
    }

    async fn an_unknown_commitment_is_no_reason_to_refuse(scratch: Scratch) {
        // A withheld opening: the commitment alone arrives.
        let (court, mut device) = site(&scratch).await;
        let signed = device.sign_with(&court, &head(1), |statement, _| {
            statement.hidden.insert("text".into(), Commitment([3; 32]));
        });
        assert_eq!(send(&court, &device, &[&signed]).await.expect("is taken"), [admitted()]);
    }
}
