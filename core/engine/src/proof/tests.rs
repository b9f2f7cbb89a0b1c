use std::path::Path;
use std::sync::Arc;

use zhixing_protocol::ids::CaseId;
use zhixing_protocol::keys::{Signature, Signer as _};
use zhixing_protocol::statement::MediaKind;
use zhixing_protocol::wire::{DeviceFrame, Frame, GrantFrame, ReceiptFrame};

use super::{Verdict, export, free, verify_folder};
use crate::capture::{CaptureRequest, Holdings, OpenCapture, SealedItem};
use crate::casebook::{CaseChange, Shelf};
use crate::queue::Item;
use crate::testing::{COURT, TestCourt, enrolled};

const CASE: CaseId = CaseId([9; 16]);

struct Desk {
    folder: tempfile::TempDir,
    holdings: Arc<Holdings>,
    shelf: Shelf,
    court: TestCourt,
}

/// A device with one sealed item of a granted case.
fn desk() -> (Desk, SealedItem) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, court, _) = enrolled(folder.path(), 8).expect("enrols");
    let shelf = Shelf::new(holdings.clone(), folder.path().to_owned());
    shelf.unlock().expect("unlocks");
    let grant = GrantFrame {
        case: CASE,
        court: COURT.parse().expect("a court word"),
        epoch: 1,
        number: "（2020）川0811执123号".parse().expect("a case number"),
    };
    shelf
        .take_in(&[CaseChange::Grant(grant)])
        .expect("takes a grant");
    let request = CaptureRequest::new(MediaKind::Audio, Some(CASE));
    let mut capture = OpenCapture::begin(holdings.clone(), request).expect("opens");
    capture.write(&[7; 100_000]).expect("writes");
    let done = capture.finish().expect("seals");
    let desk = Desk {
        folder,
        holdings,
        shelf,
        court,
    };
    (desk, done)
}

impl Desk {
    fn item(&self, done: &SealedItem) -> Item {
        self.holdings
            .queue()
            .item(done.item)
            .expect("reads")
            .expect("is there")
    }

    fn pull(&self, frames: &[Frame]) {
        let lines: Vec<_> = frames
            .iter()
            .map(|frame| serde_json::to_string(frame).expect("serialises"))
            .collect();
        crate::sync::apply(
            &self.holdings,
            &self.shelf,
            "n",
            lines.join("\n").as_bytes(),
        )
        .expect("applies");
    }

    fn receipt(&self, cursor: u64, done: &SealedItem) -> Frame {
        let item = self.item(done);
        let stored = (item.stored_sha256, item.stored_bytes);
        let receipt = self
            .court
            .receipt(item.statement, item.item, item.digests, stored);
        Frame::Receipt(DeviceFrame {
            cursor,
            content: ReceiptFrame {
                item: item.item,
                receipt,
                statement: item.statement,
            },
        })
    }

    fn proof(&mut self, cursor: u64, done: &SealedItem) -> Vec<Frame> {
        let own = self
            .holdings
            .queue()
            .statement(done.statement)
            .expect("reads")
            .expect("a row");
        let index = self.court.log_statement(&own.signed);
        vec![
            Frame::Log(self.court.log_frame(0)),
            Frame::Proof(DeviceFrame {
                cursor,
                content: self.court.proof(done.statement, index),
            }),
        ]
    }

    fn missing(&self) -> Vec<&'static str> {
        let freed = free(&self.holdings).expect("the store works");
        freed.kept.into_iter().map(|kept| kept.missing).collect()
    }
}

#[test]
fn i2_an_original_goes_only_with_receipt_proof_and_retention() {
    let (mut desk, done) = desk();
    let path = desk.holdings.vault.path(&desk.item(&done).file);
    assert_eq!(desk.missing(), ["not_sent"]);
    desk.holdings
        .queue()
        .upload_sent(done.item)
        .expect("stores");
    assert_eq!(desk.missing(), ["no_receipt"]);
    let receipt = desk.receipt(1, &done);
    desk.pull(&[receipt, Frame::DeviceCheckpoint { cursor: 1 }]);
    assert_eq!(desk.missing(), ["no_proof"]);
    let mut frames = desk.proof(2, &done);
    frames.push(Frame::DeviceCheckpoint { cursor: 2 });
    desk.pull(&frames);
    desk.court.policy.retention_ms = 1_000;
    desk.pull(&[Frame::Trust(desk.court.trust(2))]);
    assert_eq!(desk.missing(), ["retention"]);
    desk.court.policy.retention_ms = 0;
    desk.court.policy.witness_quorum = 1;
    desk.pull(&[Frame::Trust(desk.court.trust(3))]);
    assert_eq!(desk.missing(), ["witnesses"]);
    assert!(path.exists());
    desk.court.policy.witness_quorum = 0;
    desk.pull(&[Frame::Trust(desk.court.trust(4))]);
    let freed = free(&desk.holdings).expect("frees");
    assert_eq!((freed.items, freed.kept), (vec![done.item], Vec::new()));
    assert!(!path.exists());
}

#[test]
fn i2_a_changed_proof_in_the_store_frees_nothing() {
    let (mut desk, done) = desk();
    let mut frames = vec![desk.receipt(1, &done)];
    frames.extend(desk.proof(2, &done));
    frames.push(Frame::DeviceCheckpoint { cursor: 2 });
    desk.pull(&frames);
    let change = |text: &str| {
        desk.holdings.queue().db.execute(text, []).expect("changes");
    };
    change("UPDATE proof SET leaf_index = 5");
    assert_eq!(desk.missing(), ["proof_fails"]);
    change("UPDATE proof SET leaf_index = 0");
    change("UPDATE item SET stored_bytes = stored_bytes + 1");
    assert_eq!(desk.missing(), ["receipt_differs"]);
}

/// Verdict of the first check with a code.
fn verdict(folder: &Path, root: &Path, code: &str) -> Verdict {
    let report = verify_folder(folder, root).expect("reads");
    let found = report
        .checks
        .into_iter()
        .filter(|check| check.verdict != Verdict::Absent)
        .find(|check| check.code == code);
    found.map_or(Verdict::Absent, |check| check.verdict)
}

#[test]
fn an_exported_folder_verifies_and_every_change_of_it_is_seen() {
    let (mut desk, done) = desk();
    let mut frames = vec![desk.receipt(1, &done)];
    frames.extend(desk.proof(2, &done));
    frames.push(Frame::DeviceCheckpoint { cursor: 2 });
    desk.pull(&frames);
    let folder = desk.folder.path().join("export");
    export(&desk.holdings, &desk.shelf, CASE, &folder).expect("exports");
    assert!(
        export(&desk.holdings, &desk.shelf, CASE, &folder).is_err(),
        "not empty"
    );
    let root = desk.folder.path().join("root");
    std::fs::write(
        &root,
        desk.court.root.public_key().fingerprint().to_string(),
    )
    .expect("writes");
    let report = verify_folder(&folder, &root).expect("reads");
    assert!(report.is_sound(), "{report:?}");
    for code in [
        "trust",
        "device_key",
        "statement_signature",
        "media_digests",
        "receipt",
        "inclusion",
    ] {
        assert_eq!(verdict(&folder, &root, code), Verdict::Passed, "{code}");
    }
    let seq = desk
        .holdings
        .queue()
        .statement(done.statement)
        .expect("reads")
        .expect("a row")
        .seq;
    for (name, code) in [
        (format!("{seq}-media.bin"), "media_digests"),
        (format!("{seq}-receipt.json"), "receipt"),
        (format!("{seq}-checkpoint.txt"), "inclusion"),
        ("trust.json".to_owned(), "trust"),
    ] {
        let path = folder.join(&name);
        let before = std::fs::read(&path).expect(&name);
        let mut changed = before.clone();
        let middle = changed.len() / 2;
        changed[middle] = if changed[middle] == b'1' { b'2' } else { b'1' };
        std::fs::write(&path, &changed).expect("writes");
        assert!(
            !verify_folder(&folder, &root).expect("reads").is_sound(),
            "{name}"
        );
        assert_ne!(verdict(&folder, &root, code), Verdict::Passed, "{name}");
        std::fs::write(&path, &before).expect("writes");
    }
    let other = TestCourt::new(desk.holdings.queue().now());
    std::fs::write(&root, other.root.public_key().to_pem()).expect("writes");
    let expected = format!(
        "untrusted key {}",
        desk.court.root.public_key().fingerprint()
    );
    assert_eq!(
        verdict(&folder, &root, "trust"),
        Verdict::Untrusted(expected)
    );
}

#[test]
fn an_export_is_checked_with_any_root_that_leads_to_the_newest() {
    let (mut desk, done) = desk();
    let mut frames = vec![desk.receipt(1, &done)];
    frames.extend(desk.proof(2, &done));
    frames.push(Frame::DeviceCheckpoint { cursor: 2 });
    desk.pull(&frames);
    let first = desk.court.rotate_root();
    let second = desk.court.rotate_root();
    desk.pull(&[Frame::Trust(desk.court.trust(2))]);
    assert_eq!(desk.missing(), Vec::<&str>::new(), "the proof still counts");
    let folder = desk.folder.path().join("export");
    export(&desk.holdings, &desk.shelf, CASE, &folder).expect("exports");
    let root = desk.folder.path().join("root");
    for known in [&first, &second, &desk.court.root] {
        std::fs::write(&root, known.public_key().to_pem()).expect("writes");
        let report = verify_folder(&folder, &root).expect("reads");
        assert!(report.is_sound(), "{report:?}");
    }
    // The steps are there for stock tools too.
    for (number, known) in [(1, &first), (2, &second)] {
        let read = |ending: &str| {
            let path = folder.join(format!("root-{number}.{ending}"));
            std::fs::read(path).expect("is there")
        };
        assert_eq!(read("pem"), known.public_key().to_pem().into_bytes());
        let signature = Signature::from_der(&read("der")).expect("a signature");
        assert_eq!(known.public_key().verify(&read("json"), &signature), Ok(()));
    }
    // Without the first step only who knows a later root goes on.
    desk.court.succession.remove(0);
    let trust = desk.court.trust(3);
    std::fs::write(folder.join("trust.json"), trust.bytes()).expect("writes");
    std::fs::write(folder.join("trust.der"), trust.signature().as_der()).expect("writes");
    std::fs::write(&root, first.public_key().to_pem()).expect("writes");
    let newest = desk.court.root.public_key().fingerprint();
    assert_eq!(
        verdict(&folder, &root, "trust"),
        Verdict::Untrusted(format!("untrusted key {newest}"))
    );
}

#[test]
fn i12_a_closed_log_key_vouches_for_what_it_signed_and_signs_no_more() {
    let (mut desk, done) = desk();
    let mut frames = vec![desk.receipt(1, &done)];
    frames.extend(desk.proof(2, &done));
    frames.push(Frame::DeviceCheckpoint { cursor: 2 });
    desk.pull(&frames);
    desk.court.rotate_log();
    let own = desk
        .holdings
        .queue()
        .statement(done.statement)
        .expect("reads")
        .expect("a row");
    desk.court.log_statement(&own.signed);
    let forged = desk.court.log_frame_of_closed_key(1);
    desk.pull(&[Frame::Trust(desk.court.trust(2)), Frame::Log(forged)]);
    let newest = |desk: &Desk| {
        let held = desk.holdings.queue().newest_checkpoint().expect("reads");
        held.expect("one is held").size
    };
    assert_eq!(newest(&desk), 1, "news by the closed key is kept out");
    assert_eq!(
        desk.holdings.queue().refusals(),
        Ok(vec![("checkpoint_not_signed_by_the_log".to_owned(), 1)])
    );
    desk.pull(&[Frame::Log(desk.court.log_frame(1))]);
    assert_eq!(newest(&desk), 2, "the new key goes on with the same log");
    assert_eq!(
        desk.missing(),
        Vec::<&str>::new(),
        "the old proof still counts"
    );
}
