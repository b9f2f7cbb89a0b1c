use std::sync::Arc;

use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::evidence::EvidenceDigests;
use zhixing_protocol::statement::{
    Body, ImportSource, MediaKind, RecordingEnd, Statement, StatementError,
};

use super::claims::tests::jpeg;
use super::recover::Recovery;
use super::recover::{decrypt, open_age};
use super::{CaptureRequest, Holdings, OpenCapture};
use crate::error::ErrorKind;
use crate::testing::{TestCourt, enrolled, holdings};

fn bytes(size: usize) -> Vec<u8> {
    (0..size)
        .map(|n| u8::try_from(n % 251).expect("below 256"))
        .collect()
}

fn body(holdings: &Holdings, hash: zhixing_protocol::hash::StatementHash) -> Body {
    let own = holdings
        .queue()
        .statement(hash)
        .expect("reads")
        .expect("is there");
    Statement::parse(&own.signed.bytes)
        .map_err(|error: StatementError| error.to_string())
        .expect("parses")
        .body()
        .expect("a known body")
}

/// What the court reads in an item's file.
fn at_court(holdings: &Holdings, court: &TestCourt, item: &crate::queue::Item) -> Vec<u8> {
    let opened =
        open_age(&holdings.vault.path(&item.file), &[&court.identity]).expect("the court opens it");
    let mut plain = Vec::new();
    decrypt(opened, |piece| {
        plain.extend_from_slice(piece);
        Ok(())
    })
    .expect("is whole");
    plain
}

fn open(holdings: &Arc<Holdings>, kind: MediaKind) -> OpenCapture {
    OpenCapture::begin(holdings.clone(), CaptureRequest::new(kind, None)).expect("opens")
}

#[test]
fn i1_a_finished_capture_survives_a_kill_and_the_court_can_open_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, court, _) = enrolled(folder.path(), 1).expect("enrols");
    let picture = jpeg(64);
    let mut capture = open(&first, MediaKind::Photo);
    capture.write(&picture).expect("writes");
    let done = capture.finish().expect("seals");
    assert_eq!(first.make_thumbnails(), 1);
    assert_eq!(done.media_type, "image/jpeg");
    assert_eq!(done.digests, EvidenceDigests::of(&picture));
    let ports = first.ports.clone();
    drop(first);
    let again = holdings(folder.path(), ports).expect("opens again");
    assert_eq!(again.recover(), Ok(Recovery::default()));
    let item = again
        .queue()
        .item(done.item)
        .expect("reads")
        .expect("is there");
    assert_eq!(at_court(&again, &court, &item), picture);
    let (size, sha256) = crate::vault::digest_file(&again.vault.path(&item.file)).expect("reads");
    assert_eq!((size, sha256), (item.stored_bytes, item.stored_sha256));
    // The thumbnail is an item of its own that names its parent.
    let derivatives = again
        .queue()
        .statements_of_type("evidence.derivative/1")
        .expect("reads");
    let Body::EvidenceDerivative(small) = body(&again, derivatives[0].hash) else {
        panic!("no derivative");
    };
    assert_eq!(
        (small.parent, small.purpose.as_str()),
        (done.statement, "thumbnail")
    );
}

#[test]
fn i1_a_capture_cut_off_by_a_kill_is_sealed_with_what_was_synced() {
    for size in [0, 10, 65_536, 200_000, 3_000_000] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (first, court, _) = enrolled(folder.path(), 1).expect("enrols");
        let all = bytes(size);
        let mut capture = open(&first, MediaKind::Video);
        for piece in all.chunks(300_000) {
            capture.write(piece).expect("writes");
        }
        capture.sync().expect("syncs");
        let item = capture.item();
        capture.write(b"after the last sync").expect("writes");
        let ports = first.ports.clone();
        drop((capture, first));
        let again = holdings(folder.path(), ports).expect("opens again");
        let recovery = again.recover().expect("recovers");
        if size == 0 {
            assert_eq!((recovery.recovered, recovery.empty), (0, 1));
            continue;
        }
        // The old part file is kept aside.
        assert_eq!((recovery.recovered, recovery.put_aside), (1, 1), "{size}");
        let item = again.queue().item(item).expect("reads").expect("is there");
        let plain = at_court(&again, &court, &item);
        assert!(plain.starts_with(&all), "{size}");
        let Body::EvidenceCapture(sealed) = body(&again, item.statement) else {
            panic!("no capture");
        };
        assert!(sealed.recovered);
        assert_eq!(sealed.digests, EvidenceDigests::of(&plain));
        assert_eq!(again.recover(), Ok(Recovery::default()));
        assert_eq!(again.queue().open_captures().map(|open| open.len()), Ok(0));
    }
}

#[test]
fn i1_a_part_file_cut_after_its_sync_still_gives_its_prefix() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, court, _) = enrolled(folder.path(), 1).expect("enrols");
    let all = bytes(500_000);
    let mut capture = open(&first, MediaKind::Audio);
    capture.write(&all).expect("writes");
    capture.sync().expect("syncs");
    let item = capture.item();
    let part = first.vault.path(&crate::vault::Vault::part_name(item));
    let ports = first.ports.clone();
    drop((capture, first));
    let length = std::fs::metadata(&part).expect("is there").len();
    let file = std::fs::File::options()
        .write(true)
        .open(&part)
        .expect("opens");
    file.set_len(length - 100_000).expect("cuts");
    let again = holdings(folder.path(), ports).expect("opens again");
    assert_eq!(again.recover().expect("recovers").recovered, 1);
    let item = again.queue().item(item).expect("reads").expect("is there");
    let plain = at_court(&again, &court, &item);
    assert!(plain.len() >= 300_000 && all.starts_with(&plain));
    assert_eq!(
        again.queue().refusals(),
        Ok(vec![("synced_chunks_missing".to_owned(), 1)])
    );
}

/// A power cut before the first sync may leave the name of a file and nothing, zeros or half a header under it.
#[test]
fn a_power_cut_before_the_first_sync_closes_nothing_and_deletes_nothing() {
    for torn in [
        Vec::new(),
        vec![0; 4096],
        b"age-encryption.org/v1\n-> X2".to_vec(),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (first, _, _) = enrolled(folder.path(), 1).expect("enrols");
        let capture = open(&first, MediaKind::Photo);
        let part = first.vault.path(&super::Vault::part_name(capture.item()));
        let ports = first.ports.clone();
        drop((capture, first));
        std::fs::write(&part, &torn).expect("writes");
        let again = holdings(folder.path(), ports).expect("opens again");
        let found = Recovery {
            empty: 1,
            put_aside: 1,
            ..Recovery::default()
        };
        assert_eq!(again.recover(), Ok(found));
        assert_eq!(again.recover(), Ok(Recovery::default()));
        let kept = again.vault.put_aside_names().expect("reads");
        assert_eq!(kept.len(), 1, "what there was is kept");
    }
}

#[test]
fn i1_a_kill_between_rename_and_row_loses_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, court, _) = enrolled(folder.path(), 1).expect("enrols");
    let all = bytes(150_000);
    let mut capture = open(&first, MediaKind::Audio);
    capture.write(&all).expect("writes");
    let item = capture.item();
    // As `finish` does, up to the row.
    capture.writer.finish().expect("finishes");
    let (part, name) = (
        crate::vault::Vault::part_name(item),
        crate::vault::Vault::file_name(item),
    );
    first.vault.publish(&part, &name).expect("publishes");
    let ports = first.ports.clone();
    drop(first);
    let again = holdings(folder.path(), ports).expect("opens again");
    assert_eq!(again.recover().expect("recovers").recovered, 1);
    let item = again.queue().item(item).expect("reads").expect("is there");
    assert_eq!(at_court(&again, &court, &item), all);
}

#[test]
fn i1_a_kill_between_the_last_chunk_and_the_rename_loses_nothing() {
    // The second size ends with a chunk, the third is less than one.
    for size in [150_000, 131_072, 1_000] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (first, court, _) = enrolled(folder.path(), 1).expect("enrols");
        let all = bytes(size);
        let mut capture = open(&first, MediaKind::Audio);
        capture.write(&all).expect("writes");
        let item = capture.item();
        // As `finish` does, up to the rename.
        capture.writer.finish().expect("finishes");
        let ports = first.ports.clone();
        drop(first);
        let again = holdings(folder.path(), ports).expect("opens again");
        assert_eq!(again.recover().expect("recovers").recovered, 1, "{size}");
        let item = again.queue().item(item).expect("reads").expect("is there");
        assert_eq!(at_court(&again, &court, &item), all, "{size}");
        let Body::EvidenceCapture(sealed) = body(&again, item.statement) else {
            panic!("no capture");
        };
        assert!(sealed.recovered, "it never returned");
    }
}

#[test]
fn an_orphan_is_put_aside_and_never_deleted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, _, _) = enrolled(folder.path(), 1).expect("enrols");
    std::fs::write(holdings.vault.path("stray.age"), b"who knows").expect("writes");
    assert_eq!(holdings.recover().expect("recovers").put_aside, 1);
    std::fs::write(holdings.vault.path("stray.age"), b"another").expect("writes");
    holdings.recover().expect("recovers");
    let names = holdings.vault.put_aside_names().expect("lists");
    assert_eq!(names, ["stray.age", "stray.age.1"]);
}

#[test]
fn a_capture_given_up_before_it_was_sealed_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, ..) = enrolled(folder.path(), 1).expect("enrols");
    let mut capture = open(&first, MediaKind::Photo);
    capture.write(&bytes(200_000)).expect("writes");
    capture.sync().expect("syncs");
    capture.discard().expect("gives up");
    assert_eq!(first.vault.names(), Ok(Vec::new()));
    let ports = first.ports.clone();
    drop(first);
    let again = holdings(folder.path(), ports).expect("opens again");
    assert_eq!(again.recover(), Ok(Recovery::default()));
    assert_eq!(again.queue().items().map(|items| items.len()), Ok(0));
}

#[test]
fn an_interrupted_recording_is_closed_with_its_segments() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, _, _) = enrolled(folder.path(), 1).expect("enrols");
    let recording = first
        .begin_recording(None, MediaKind::Video)
        .expect("begins");
    let segment = |index| {
        let request = CaptureRequest {
            segment: Some((recording, index)),
            ..CaptureRequest::new(MediaKind::Video, None)
        };
        let mut capture = OpenCapture::begin(first.clone(), request).expect("opens");
        capture.write(&bytes(100_000)).expect("writes");
        capture
    };
    segment(0).finish().expect("seals");
    let mut cut = segment(1);
    cut.sync().expect("syncs");
    let ports = first.ports.clone();
    drop(cut);
    drop(first);
    let again = holdings(folder.path(), ports).expect("opens again");
    again.recover().expect("recovers");
    let closes = again
        .queue()
        .statements_of_type("recording.close/1")
        .expect("reads");
    let Body::RecordingClose(close) = body(&again, closes[0].hash) else {
        panic!("no close");
    };
    assert_eq!(
        (close.ended, close.segments.len()),
        (RecordingEnd::Interrupted, 2)
    );
    again.recover().expect("recovers");
    let closes = again
        .queue()
        .statements_of_type("recording.close/1")
        .expect("reads");
    assert_eq!(closes.len(), 1);
}

#[test]
fn an_import_is_labelled_with_its_source_and_leaves_the_file_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, court, _) = enrolled(folder.path(), 1).expect("enrols");
    let path = folder.path().join("现场.mp4");
    let content = [b"\0\0\0\x18ftypisom".as_slice(), &bytes(2_500_000)].concat();
    std::fs::write(&path, &content).expect("writes");
    let done = holdings
        .import(&path, ImportSource::Recorder, None, Object::new())
        .expect("imports");
    let Body::EvidenceImport(import) = body(&holdings, done.statement) else {
        panic!("no import");
    };
    assert_eq!(
        (import.kind, import.source),
        (MediaKind::Video, ImportSource::Recorder)
    );
    let own = holdings
        .queue()
        .statement(done.statement)
        .expect("reads")
        .expect("is there");
    let text = String::from_utf8(own.signed.bytes).expect("UTF-8");
    assert!(!text.contains("现场"), "a name stands only in the openings");
    assert_eq!(own.signed.openings["name"].value, Value::from("现场.mp4"));
    let item = holdings
        .queue()
        .item(done.item)
        .expect("reads")
        .expect("is there");
    assert_eq!(at_court(&holdings, &court, &item), content);
    assert_eq!(std::fs::read(&path).expect("still there"), content);
    let empty = folder.path().join("empty");
    std::fs::write(&empty, b"").expect("writes");
    let error = holdings.import(&empty, ImportSource::File, None, Object::new());
    assert_eq!(
        error.map_err(|error| error.kind).map(|_| ()),
        Err(ErrorKind::InvalidInput)
    );
}

#[test]
fn unknown_cases_members_and_pieces_too_large_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, _, _) = enrolled(folder.path(), 1).expect("enrols");
    let case = zhixing_protocol::ids::CaseId([1; 16]);
    let unknown = OpenCapture::begin(
        holdings.clone(),
        CaptureRequest::new(MediaKind::Photo, Some(case)),
    );
    assert_eq!(
        unknown.err().map(|error| error.kind),
        Some(ErrorKind::NotFound)
    );
    let request = CaptureRequest {
        hidden: Object::from([("claims".to_owned(), Value::Null)]),
        ..CaptureRequest::new(MediaKind::Photo, None)
    };
    assert!(OpenCapture::begin(holdings.clone(), request).is_err());
    let error = open(&holdings, MediaKind::Video).write(&vec![0; (1 << 20) + 1]);
    assert_eq!(
        error.map_err(|error| error.kind),
        Err(ErrorKind::InvalidInput)
    );
}

#[test]
fn i1_a_capture_that_cannot_be_recovered_now_is_kept_and_closes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, _, _) = enrolled(folder.path(), 1).expect("enrols");
    let mut capture = open(&first, MediaKind::Audio);
    capture.write(&bytes(100_000)).expect("writes");
    capture.sync().expect("syncs");
    let part = first
        .vault
        .path(&crate::vault::Vault::part_name(capture.item()));
    let ports = first.ports.clone();
    drop((capture, first));
    let good = std::fs::read(&part).expect("reads");
    std::fs::write(&part, b"not an age file").expect("writes");
    let again = holdings(folder.path(), ports).expect("opens again");
    let recovery = again.recover().expect("goes on");
    assert_eq!((recovery.failed, recovery.put_aside), (1, 0));
    assert_eq!(std::fs::read(&part).expect("kept"), b"not an age file");
    std::fs::write(&part, good).expect("writes");
    assert_eq!(again.recover().expect("recovers").recovered, 1);
}
