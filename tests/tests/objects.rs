//! A court that keeps its files in a bucket, and a bucket that fails.

use std::sync::Arc;

use zhixing_engine::SyncEnd;
use zhixing_protocol::canonical::Object;
use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::hash::StoredDigest;
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::receipt::StorageReceipt;
use zhixing_protocol::statement::ImportSource;
use zhixing_server::audit::{self, Audit, Part};
use zhixing_server::config::Config;
use zhixing_server::objects::testing::Bucket;
use zhixing_tests::{CASE, Fault, Proxy, TestCourt, TestDevice};

/// A court whose bucket is reached through a network that fails, and a device of its judge.
struct Scene {
    court: TestCourt,
    bucket: Bucket,
    /// Between the court and its bucket.
    weather: Proxy,
    device: TestDevice,
    case: CaseId,
}

impl Scene {
    async fn new() -> Self {
        let bucket = tokio::task::spawn_blocking(Bucket::new)
            .await
            .expect("a bucket");
        let weather = Proxy::start(bucket.address()).await.expect("a free port");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let through = format!("http://{}", weather.address);
        let in_bucket = |config: &mut Config| {
            bucket.configure(config);
            config.s3_endpoint = through;
        };
        let court = TestCourt::start_with(listener, &url, in_bucket).await;
        let device = TestDevice::enrolled(&court.ticket("judge").await).await;
        assert_eq!(device.sync(2_000).await, SyncEnd::Done);
        let case = court.case(CASE).await;
        Self {
            court,
            bucket,
            weather,
            device,
            case,
        }
    }

    /// Seals a small recording and a file of two parts.
    fn seal(&self) {
        self.device.record_sound(Some(self.case), &[7; 300_000]);
        let recorder = self.device.folder().join("recorder.mp4");
        std::fs::write(&recorder, vec![5; 9_000_000]).expect("writes");
        self.device
            .engine()
            .import(
                &recorder,
                ImportSource::Recorder,
                Some(self.case),
                Object::new(),
            )
            .expect("imports");
    }

    async fn audited(&self) -> Audit {
        audit::run(&self.court.court, true, &mut |_| ())
            .await
            .expect("the store can be read")
    }

    /// Both items are held, verified, received with the bucket's name, and all is in the bucket and nothing besides.
    async fn assert_all_is_held(&self) {
        let status = self.device.sync_until_held(20).await;
        assert_eq!((status.held_items, status.items), (2, 2), "{status:?}");
        let audit = self.audited().await;
        assert_eq!(audit.findings, []);
        // Three documents of the batch and two items.
        assert_eq!((audit.objects, audit.receipts), (5, 2), "{audit:?}");
        assert_eq!(audit.unnamed_objects, 0, "{audit:?}");
        for receipt in self.receipts().await {
            assert_eq!(receipt.r#where, "s3:zhixing-test");
        }
        let spooled = std::fs::read_dir(self.court.court.config.data.join("spool"))
            .expect("the spool")
            .count();
        assert_eq!(spooled, 0, "nothing is left undone");
        assert!(!self.court.court.config.data.join("objects").exists());
    }

    async fn receipts(&self) -> Vec<StorageReceipt> {
        let mut tx = self.court.court.db.begin_read().await.expect("begins");
        let rows = tx
            .rows(
                "SELECT receipt FROM stored_items ORDER BY stored_bytes",
                &[],
            )
            .await
            .expect("reads");
        rows.iter()
            .map(|row| {
                let text = row.text(0).expect("a receipt");
                let document: SignedDocument = serde_json::from_str(&text).expect("a document");
                document.peek().expect("a receipt")
            })
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_a_court_with_a_bucket_takes_gives_and_proves_as_one_with_a_disk() {
    let mut scene = Scene::new().await;
    scene.seal();
    scene.assert_all_is_held().await;
    let freed = scene.device.engine().free().expect("works");
    assert_eq!(
        freed.items.len(),
        2,
        "a receipt that names a bucket is believed"
    );
    // A device without anything fetches its case files out of the bucket.
    let other = TestDevice::enrolled(&scene.court.ticket("judge").await).await;
    other.sync_until_done().await;
    scene.court.restart().await;
    assert_eq!(scene.audited().await.findings, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_i9_a_bucket_that_fails_delays_receipts_and_loses_nothing() {
    let scene = Scene::new().await;
    for (number, fault) in [
        // Requests that carry a part die in their middle; small ones pass.
        Fault::CutAfter(2_000_000),
        Fault::Unavailable,
        Fault::Offline,
        // What was kept is not known to be kept.
        Fault::CutAnswersAfter(100),
    ]
    .into_iter()
    .enumerate()
    {
        scene.weather.set(fault.clone());
        scene.device.record_sound(Some(scene.case), &[3; 9 << 20]);
        scene
            .device
            .engine()
            .note(scene.case, "陈述不等文件", None, None)
            .expect("notes");
        let status = scene.device.sync_until_held(1).await;
        assert_eq!(status.pending_statements, 0, "{fault:?}: I9");
        let (held, awaited) = (status.held_items, status.unconfirmed_items);
        assert_eq!((held, awaited), (number as u64, 1), "{fault:?}: I2");
        scene.weather.set(Fault::None);
        let status = scene.device.sync_until_held(20).await;
        assert_eq!(
            status.held_items,
            number as u64 + 1,
            "{fault:?}: {status:?}"
        );
    }
    let audit = scene.audited().await;
    assert_eq!((audit.findings, audit.receipts), (vec![], 4));
    let freed = scene.device.engine().free().expect("works");
    assert_eq!(freed.items.len(), 4);
}

/// What was kept before a kill and never written down is kept again, and what nothing names is counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_a_kill_between_keeping_and_writing_down_has_no_effect() {
    let scene = Scene::new().await;
    scene.weather.set(Fault::Offline);
    scene.seal();
    scene.device.sync(0).await;
    // All bytes are at the court, none in the bucket.
    let court = Arc::clone(&scene.court.court);
    let mut tx = court.db.begin_read().await.expect("begins");
    let mut waiting = Vec::new();
    for _ in 0..200 {
        waiting = tx
            .rows(
                "SELECT upload, stored_sha256 FROM uploads WHERE state = 'complete'",
                &[],
            )
            .await
            .expect("reads");
        if waiting.len() == 2 {
            break;
        }
        drop(tx);
        scene.device.sync(50).await;
        tx = court.db.begin_read().await.expect("begins");
    }
    assert_eq!(waiting.len(), 2, "both are uploaded");
    drop(tx);
    let mut direct = court.config.clone();
    scene.bucket.configure(&mut direct);
    let direct = zhixing_server::objects::Objects::open(&direct).expect("opens");
    for row in &waiting {
        let spool = court.uploads.path(&row.text(0).expect("an upload"));
        let stored: StoredDigest = row.parse(1).expect("a digest");
        direct.keep_file(&spool, stored).await.expect("keeps");
    }
    let orphan = direct
        .keep_bytes(bytes::Bytes::from_static(b"kept, and killed"))
        .await
        .expect("keeps");
    scene.weather.set(Fault::None);
    let status = scene.device.sync_until_held(20).await;
    assert_eq!(status.held_items, 2, "{status:?}");
    let audit = scene.audited().await;
    assert_eq!(
        (audit.findings.as_slice(), audit.unnamed_objects),
        ([].as_slice(), 1)
    );
    scene.bucket.remove(orphan).await;
    scene.assert_all_is_held().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_gone_or_changed_is_named_and_never_looks_whole() {
    let scene = Scene::new().await;
    scene.seal();
    scene.assert_all_is_held().await;
    let receipts = scene.receipts().await;
    let receipt = receipts.first().expect("two");
    let stored = receipt.stored_sha256;
    let objects = &scene.court.court.objects;
    let mut reader = objects.reader(stored).await.expect("is there");
    let whole = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut bytes).map(|_| bytes)
    })
    .await
    .expect("ends")
    .expect("reads");
    let mut flipped = whole.clone();
    *flipped.last_mut().expect("bytes") ^= 1;
    let shorter = whole.get(..whole.len() - 1).expect("bytes").to_vec();
    for (damage, problems) in [
        (Some(flipped), vec!["its bytes have another SHA-256"]),
        (
            Some(shorter),
            vec!["bytes instead of", "its bytes have another SHA-256"],
        ),
        (None, vec!["is not in the store"]),
    ] {
        match damage {
            Some(bytes) => scene.bucket.overwrite(stored, bytes).await,
            None => scene.bucket.remove(stored).await,
        }
        let found = scene.audited().await.findings;
        assert_eq!(found.len(), problems.len(), "{found:?}");
        for (finding, problem) in found.iter().zip(problems) {
            assert_eq!(
                (finding.part, &finding.which),
                (Part::Object, &stored.to_string())
            );
            assert!(finding.problem.contains(problem), "{finding:?}");
        }
    }
    scene.bucket.overwrite(stored, whole).await;
    assert!(scene.audited().await.is_sound());
}
