//! The village: what a judge captures without signal reaches the court by itself and proves itself.

use zhixing_engine::SyncEnd;
use zhixing_engine::capture::CaptureRequest;
use zhixing_protocol::canonical::Object;
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::statement::{ImportSource, MediaKind};
use zhixing_server::store::testing::on_both_engines;
use zhixing_tests::{CASE, Fault, TestDevice, village, village_in};

/// A JPEG that an encoder made; `seed` makes it another picture.
fn photo(seed: u32, side: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(side, side, |x, y| {
        let value = x
            .wrapping_mul(2_654_435_761)
            .wrapping_add(y.wrapping_mul(40_503))
            .wrapping_add(seed);
        let [a, b, c, _] = value.to_le_bytes();
        image::Rgb([a, b, c])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .expect("an encoder for JPEG");
    bytes.into_inner()
}

fn capture(device: &TestDevice, case: Option<CaseId>, bytes: &[u8]) {
    let mut open = device
        .engine()
        .begin_capture(CaptureRequest::new(MediaKind::Photo, case))
        .expect("opens");
    for part in bytes.chunks(100_000) {
        open.write(part).expect("writes");
    }
    open.finish().expect("seals");
}

on_both_engines! {
    async fn i1_i3_i5_what_was_captured_offline_arrives_over_a_bad_network_and_is_proved(scratch: Scratch) {
        let (court, proxy, mut device) = village_in(scratch).await;
        let case = court.case(CASE).await;
        assert_eq!(device.engine().cases().expect("unlocked").len(), 3);

        proxy.set(Fault::Offline);
        let view = device.engine().case_view(case).expect("on the device");
        assert!(view.state.handler().is_some());
        assert!(
            !device.engine().search("判决").expect("unlocked").is_empty(),
            "two characters are found"
        );
        let photos: Vec<_> = (0..3).map(|seed| photo(seed, 700)).collect();
        for bytes in &photos {
            capture(&device, Some(case), bytes);
        }
        capture(&device, None, &photo(9, 300));
        let recorder = device.folder().join("recorder.mp4");
        std::fs::write(&recorder, vec![7; 3_000_000]).expect("writes");
        device
            .engine()
            .import(&recorder, ImportSource::Recorder, Some(case), Object::new())
            .expect("imports");
        device
            .engine()
            .note(case, "村口无信号，被执行人不在家", None, None)
            .expect("notes");
        assert!(matches!(device.sync(0).await, SyncEnd::Later { .. }));

        // Killed while a capture is open: what was saved of it is recovered, everything sealed is still there.
        let mut open = device
            .engine()
            .begin_capture(CaptureRequest::new(MediaKind::Audio, Some(case)))
            .expect("opens");
        let sound: Vec<u8> = (0..2_500_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        for part in sound.chunks(1 << 20) {
            open.write(part).expect("writes");
        }
        drop(open);
        device.stop();
        device.start();
        assert_eq!(device.engine().recovery().recovered, 1);
        device.engine().unlock().expect("the reading key is here");

        // The network returns, bad: connections die after 400 kB.
        proxy.set(Fault::CutAfter(400_000));
        for _ in 0..6 {
            device.sync(0).await;
        }
        proxy.set(Fault::None);
        let status = device.sync_until_held(20).await;
        assert_eq!(status.held_items, status.items, "{status:?}");
        assert_eq!(status.set_aside, []);
        assert_eq!(status.refusals, []);

        assert_eq!(
            court
                .count("SELECT COUNT(*) FROM stored_items WHERE outcome <> 'verified'")
                .await,
            0
        );
        assert_eq!(
            court.count("SELECT COUNT(*) FROM stored_items").await,
            status.items
        );
        assert_eq!(
            court
                .count("SELECT COUNT(*) FROM uploads WHERE state <> 'checked'")
                .await,
            0,
            "nothing is left undone"
        );
        assert_eq!(court.count("SELECT COUNT(*) FROM quarantine").await, 0);

        // I5: the device's copy is the court's.
        device.sync(1_000).await;
        let view = device.engine().case_view(case).expect("on the device");
        assert_eq!(view.newest_seq, court.head(case).await.seq);
        assert_eq!(view.pending, []);
        for entry in view.state.all_evidence().values() {
            assert!(entry.received.is_some());
        }
    }

    async fn i3_an_answer_lost_after_the_commit_has_one_effect_on_every_endpoint(scratch: Scratch) {
        for head in [
            "POST /device/v1/challenge",
            "POST /device/v1/session",
            "POST /device/v1/statements",
            "POST /device/v1/pull",
            "POST /device/v1/uploads",
            "PATCH /device/v1/uploads",
        ] {
            let (mut court, proxy, mut device) = village_in(scratch.another().await).await;
            let case = court.case(CASE).await;
            capture(&device, Some(case), &photo(1, 200));
            device
                .engine()
                .note(case, "只应出现一次", None, None)
                .expect("notes");
            // A new process has no session and no open connection: every endpoint is used.
            device.stop();
            device.start();
            device.engine().unlock().expect("the reading key is here");
            proxy.set(Fault::LoseAnswerOf(head.to_owned()));
            let status = device.sync_until_held(20).await;
            assert_eq!(proxy.lost_answers(), 1, "{head} was not asked for");
            assert_eq!(status.held_items, status.items, "{head}: {status:?}");
            let notes = court
                .count("SELECT COUNT(*) FROM statements WHERE type = 'case.note/1'")
                .await;
            assert_eq!(notes, 1, "{head}");
            device.sync(500).await;
            let view = device.engine().case_view(case).expect("on the device");
            assert_eq!(view.state.notes().count(), 1, "{head}");
            assert_eq!(
                view.state.all_evidence().len() as u64,
                status.items,
                "{head}"
            );
            court.restart().await;
        }
    }

    async fn i7_a_reassigned_case_leaves_the_device_and_its_pending_evidence_still_arrives(scratch: Scratch) {
        let (court, proxy, device) = village_in(scratch).await;
        let case = court.case(CASE).await;
        proxy.set(Fault::Offline);
        capture(&device, Some(case), &photo(3, 400));
        court.release(case, "judge").await;
        court.assign(case, "second").await;
        proxy.set(Fault::None);
        let status = device.sync_until_held(20).await;
        assert_eq!(status.held_items, status.items, "{status:?}");
        assert!(device.engine().case_view(case).is_err());
        assert!(
            device
                .engine()
                .search("梁甲1")
                .expect("unlocked")
                .is_empty()
        );
        assert!(
            !device
                .engine()
                .search("梁甲2")
                .expect("unlocked")
                .is_empty(),
            "other cases stay"
        );
        device.sync(500).await;
        assert_eq!(
            court.count("SELECT COUNT(*) FROM purges").await,
            1,
            "the court knows that the copy is gone"
        );

        let second = TestDevice::enrolled(&court.ticket("second").await).await;
        second.sync(2_000).await;
        let view = second
            .engine()
            .case_view(case)
            .expect("the new handler has it");
        assert_eq!(view.state.all_evidence().len() as u64, status.items);
    }

    async fn a_court_that_restarts_in_the_middle_of_an_upload_loses_nothing(scratch: Scratch) {
        let (mut court, proxy, device) = village_in(scratch).await;
        let case = court.case(CASE).await;
        let recorder = device.folder().join("recorder.mp4");
        std::fs::write(&recorder, vec![5; 9_000_000]).expect("writes");
        device
            .engine()
            .import(&recorder, ImportSource::Recorder, Some(case), Object::new())
            .expect("imports");
        proxy.set(Fault::CutAfter(5_000_000));
        device.sync(0).await;
        court.restart().await;
        proxy.point_at(court.address);
        proxy.set(Fault::None);
        let status = device.sync_until_held(20).await;
        assert_eq!((status.held_items, status.items), (1, 1), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_captive_portal_is_told_from_the_court() {
    let (court, proxy, device) = village().await;
    let case = court.case(CASE).await;
    device
        .engine()
        .note(case, "客栈的网络", None, None)
        .expect("notes");
    proxy.set(Fault::CaptivePortal);
    // A connection kept from before may die first, which is told as unreachable.
    let mut end = device.sync(0).await;
    if end
        == (SyncEnd::Later {
            reason: "unreachable".into(),
        })
    {
        end = device.sync(0).await;
    }
    assert!(
        matches!(&end, SyncEnd::Later { reason } if reason.contains("captive")),
        "{end:?}"
    );
    assert_eq!(
        device.engine().status().expect("works").pending_statements,
        1,
        "nothing is lost"
    );
    proxy.set(Fault::None);
    assert_eq!(device.sync_until_held(10).await.pending_statements, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_only_what_the_court_verifiably_holds_is_freed() {
    let (court, proxy, device) = village().await;
    let case = court.case(CASE).await;
    capture(&device, Some(case), &photo(5, 300));
    proxy.set(Fault::Offline);
    assert_eq!(
        device.engine().free().expect("works").items,
        [],
        "nothing is proved yet"
    );
    proxy.set(Fault::None);
    let status = device.sync_until_held(20).await;
    let freed = device.engine().free().expect("works");
    assert_eq!(freed.items.len() as u64, status.items);
    assert!(
        device
            .engine()
            .items()
            .expect("works")
            .iter()
            .all(|item| item.freed)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i9_an_upload_that_cannot_be_checked_blocks_no_other() {
    let (court, _proxy, device) = village().await;
    let case = court.case(CASE).await;
    // Complete, the first in line, of a statement that names no item, and without its file.
    let mut tx = court.court.db.begin_write().await.expect("the store works");
    tx.execute(
        "INSERT INTO uploads (upload, device, statement, item, stored_sha256, size_bytes, state, created_ms, expires_ms) \
         SELECT 'broken', device, hash, device, hash, 1, 'complete', 0, 9000000000000 FROM statements WHERE type = 'key.enroll/1'",
        &[],
    )
    .await
    .expect("one enrolment");
    tx.commit().await.expect("the store works");
    capture(&device, Some(case), &photo(6, 200));
    let status = device.sync_until_held(20).await;
    assert_eq!(status.held_items, status.items, "{status:?}");
    let waiting = court
        .count("SELECT COUNT(*) FROM uploads WHERE state = 'complete'")
        .await;
    assert_eq!(waiting, 1, "what could not be checked is kept");
}
