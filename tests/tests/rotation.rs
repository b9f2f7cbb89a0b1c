//! Keys replaced while a device is away, and a phone replaced by another one.

use zhixing_engine::ErrorKind;
use zhixing_protocol::trust::{KeyPurpose, Succession};
use zhixing_server::audit::{self, Part};
use zhixing_server::court::{Court, system_clock};
use zhixing_server::devices;
use zhixing_server::keys::Rotation;
use zhixing_tests::{CASE, Fault, TestDevice, village};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_i12_every_key_may_be_replaced_while_a_device_is_away() {
    let (mut court, proxy, device) = village().await;
    let case = court.case(CASE).await;
    device.record_sound(Some(case), b"proved under the old keys");
    let status = device.sync_until_held(20).await;
    assert_eq!((status.held_items, status.items), (1, 1), "{status:?}");
    let old = court.court.trust().await.expect("a trust document");

    for what in [
        Rotation::Identity("川0811".parse().expect("a court word")),
        Rotation::Log,
        Rotation::Signer(KeyPurpose::Receipt),
        Rotation::Signer(KeyPurpose::Clock),
        Rotation::Signer(KeyPurpose::Job),
        Rotation::Signer(KeyPurpose::Portal),
        Rotation::Signer(KeyPurpose::RulePack),
    ] {
        let now = court.court.now();
        court.court.keys.rotate(&what, now).expect("replaces");
    }
    // The server goes on with the old keys until it is restarted; what it signs meanwhile counts afterwards.
    device.record_sound(Some(case), b"between the command and the restart");
    let status = device.sync_until_held(20).await;
    assert_eq!((status.held_items, status.items), (2, 2), "{status:?}");
    proxy.set(Fault::Offline);
    device.record_sound(Some(case), b"encrypted to the old identity");
    court.restart().await;
    let new = court.court.trust().await.expect("a trust document");
    assert_eq!(new.version, old.version + 7);
    assert_eq!(new.root, old.root);
    let word = "川0811".parse().expect("a court word");
    assert_ne!(new.recipient(&word), old.recipient(&word));
    for key in &old.keys {
        assert!(
            new.keys
                .iter()
                .any(|kept| kept.id == key.id && kept.until_ms.is_some()),
            "{:?} stays listed",
            key.purpose
        );
    }
    assert_eq!(new.logs.len(), 2);

    proxy.point_at(court.address);
    proxy.set(Fault::None);
    let status = device.sync_until_held(20).await;
    assert_eq!((status.held_items, status.items), (3, 3), "{status:?}");
    assert_eq!(status.refusals, [], "nothing of it looks like an attack");
    device.record_sound(Some(case), b"encrypted to the new identity");
    let status = device.sync_until_held(20).await;
    assert_eq!((status.held_items, status.items), (4, 4), "{status:?}");
    assert_eq!(
        court
            .count("SELECT COUNT(*) FROM stored_items WHERE outcome = 'verified'")
            .await,
        4
    );

    // What was proved before is proved still, and a document encrypted to the old identity can be read.
    let view = device.engine().case_view(case).expect("on the device");
    let document = view
        .state
        .documents()
        .next()
        .expect("an imported document")
        .body
        .document;
    device
        .engine()
        .fetch_document(case, document)
        .expect("is asked for");
    device.sync(500).await;
    let mut text = Vec::new();
    device
        .engine()
        .open_document(case, document, &mut text)
        .expect("the old identity is kept");
    assert!(String::from_utf8_lossy(&text).contains("民事判决书"));
    let folder = device.folder().join("export");
    let folder = device.engine().export(case, &folder).expect("exports");
    let root = device.folder().join("root.txt");
    std::fs::write(&root, court.court.keys.root_fingerprint().to_string()).expect("writes");
    let report = zhixing_engine::proof::verify_folder(&folder, &root).expect("a folder");
    assert!(report.is_sound(), "{:?}", report.checks);
    let freed = device.engine().free().expect("works");
    assert_eq!(freed.items.len(), 4, "{:?}", freed.kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_the_root_may_be_replaced_twice_while_a_device_is_away() {
    let (mut court, proxy, device) = village().await;
    let case = court.case(CASE).await;
    device.record_sound(Some(case), b"proved under the first root");
    let status = device.sync_until_held(20).await;
    assert_eq!((status.held_items, status.items), (1, 1), "{status:?}");
    let first = court.court.keys.root_fingerprint();
    let old_ticket = court.ticket("second").await;
    let version = court.court.trust().await.expect("a document").version;

    proxy.set(Fault::Offline);
    device.record_sound(Some(case), b"in the mountains");
    for _ in 0..2 {
        let root = Rotation::Root(court.court.realm);
        let now = court.court.now();
        court.court.keys.rotate(&root, now).expect("replaces");
        court.restart().await;
    }
    let trust = court.court.trust().await.expect("a document");
    assert_eq!(trust.version, version + 2);
    assert_eq!(trust.succession.len(), 2);
    assert_ne!(trust.root.fingerprint(), first);

    proxy.point_at(court.address);
    proxy.set(Fault::None);
    let status = device.sync_until_held(20).await;
    assert_eq!((status.held_items, status.items), (2, 2), "{status:?}");
    assert_eq!(status.refusals, [], "nothing of it looks like an attack");

    // A ticket that was printed before still leads to this court.
    let late = TestDevice::enrolled(&old_ticket).await;
    assert_eq!(late.sync(2_000).await, zhixing_engine::SyncEnd::Done);
    assert_eq!(late.engine().status().expect("works").refusals, []);

    // What was exported is checked with the root published first and with the one of today.
    let folder = device.folder().join("export");
    let folder = device.engine().export(case, &folder).expect("exports");
    let root = device.folder().join("root.txt");
    for published in [first, court.court.keys.root_fingerprint()] {
        std::fs::write(&root, published.to_string()).expect("writes");
        let report = zhixing_engine::proof::verify_folder(&folder, &root).expect("a folder");
        assert!(report.is_sound(), "{:?}", report.checks);
    }
    let audit = audit::run(&court.court, true, &mut |_| ())
        .await
        .expect("the store can be read");
    assert_eq!((audit.roots, audit.findings), (3, Vec::new()));
    let freed = device.engine().free().expect("works");
    assert_eq!(freed.items.len(), 2, "{:?}", freed.kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_step_between_two_roots_is_followed_by_no_device_and_found_by_the_audit() {
    let (mut court, proxy, device) = village().await;
    let case = court.case(CASE).await;
    let root = Rotation::Root(court.court.realm);
    court
        .court
        .keys
        .rotate(&root, court.court.now())
        .expect("replaces");
    court.restart().await;
    // The same step, signed by the new root instead of the old one.
    let retired = court.court.config.data.join("keys/retired");
    let record = std::fs::read_dir(retired)
        .expect("a folder")
        .next()
        .expect("one record")
        .expect("reads")
        .path();
    let mut step = court.court.keys.succession[0].clone();
    step.signature = Succession::sign(
        court.court.realm,
        step.at_ms,
        &court.court.keys.root,
        &step.to,
    )
    .expect("signs")
    .signature;
    std::fs::write(&record, serde_json::to_string(&step).expect("JSON")).expect("writes");
    court.restart().await;
    let audit = audit::run(&court.court, false, &mut |_| ())
        .await
        .expect("the store can be read");
    assert!(!audit.findings.is_empty());
    assert!(
        audit
            .findings
            .iter()
            .all(|finding| finding.part == Part::Trust),
        "{:?}",
        audit.findings
    );
    proxy.point_at(court.address);
    proxy.set(Fault::None);
    device.record_sound(Some(case), b"pending");
    for _ in 0..2 {
        device.sync(0).await; // the first may meet a connection that died
    }
    let named = format!("untrusted key {}", court.court.keys.root_fingerprint());
    let status = device.engine().status().expect("works");
    assert!(
        status.refusals.iter().any(|(code, _)| *code == named),
        "{:?}",
        status.refusals
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_root_cut_off_before_the_new_key_is_in_place_changes_nothing() {
    let (mut court, _proxy, _device) = village().await;
    let before = court.court.trust().await.expect("a trust document");
    let path = court.court.config.data.join("keys/root.pk8");
    let root = Rotation::Root(court.court.realm);
    let key = std::fs::read(&path).expect("reads");
    let now = court.court.now();
    court.court.keys.rotate(&root, now).expect("replaces");
    std::fs::write(&path, key).expect("writes");
    court.restart().await;
    let after = court.court.trust().await.expect("a trust document");
    assert_eq!((after.version, &after.root), (before.version, &before.root));
    assert_eq!(after.succession, []);
    // The next one goes its own way, past the record of the one that was cut off.
    let now = court.court.now().plus_ms(1);
    court.court.keys.rotate(&root, now).expect("replaces");
    court.restart().await;
    let last = court.court.trust().await.expect("a trust document");
    assert_eq!(last.version, before.version + 1);
    assert_eq!(last.succession.len(), 1);
    assert_eq!(last.succession[0].from, before.root);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_cut_off_before_the_new_key_is_in_place_changes_nothing() {
    let (mut court, _proxy, device) = village().await;
    let before = court.court.trust().await.expect("a trust document");
    // The record of the old key is there, the new key is not yet.
    let keys = court.court.config.data.join("keys");
    let log = std::fs::read(keys.join("log.pk8")).expect("reads");
    court
        .court
        .keys
        .rotate(&Rotation::Log, court.court.now())
        .expect("replaces");
    std::fs::write(keys.join("log.pk8"), log).expect("writes");
    court.restart().await;
    let after = court.court.trust().await.expect("a trust document");
    assert_eq!((after.version, after.logs), (before.version, before.logs));
    drop(device);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_another_root_is_not_believed_and_its_key_is_named() {
    let (mut court, proxy, device) = village().await;
    let case = court.case(CASE).await;
    let trusted = court.court.keys.root_fingerprint();
    // Somebody put another root key in, and a court more, so that the document looks newer.
    std::fs::remove_file(court.court.config.data.join("keys/root.pk8")).expect("removes");
    court
        .court
        .keys
        .rotate(&Rotation::Log, court.court.now())
        .expect("replaces");
    court.restart().await;
    let found = court.court.keys.root_fingerprint();
    assert_ne!(found, trusted);
    proxy.point_at(court.address);
    proxy.set(Fault::None);
    device.record_sound(Some(case), b"pending");
    for _ in 0..2 {
        device.sync(0).await; // the first may meet a connection that died
    }
    let status = device.engine().status().expect("works");
    let named = format!("untrusted key {found}");
    assert!(
        status.refusals.iter().any(|(code, _)| *code == named),
        "{:?}",
        status.refusals
    );
    assert_eq!(
        status.held_items, 0,
        "I2: nothing it says counts as a proof"
    );
    assert_eq!(device.engine().free().expect("works").items, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i4_a_lost_phone_leaves_its_chain_open_until_it_is_found_or_closed() {
    let (court, proxy, lost) = village().await;
    let case = court.case(CASE).await;
    proxy.set(Fault::Offline);
    lost.record_sound(Some(case), b"on the lost phone");
    proxy.set(Fault::None);
    let new = TestDevice::enrolled(&court.ticket("judge").await).await;
    let open = new.engine().open_chain().expect("works");
    let id = court.device_of("judge").await;
    assert!(open.is_some_and(|end| end.seq > 0), "the judge is told");
    new.sync(2_000).await;
    assert_eq!(new.engine().cases().expect("unlocked").len(), 3);
    new.record_sound(Some(case), b"on the new phone");
    let status = new.sync_until_held(20).await;
    assert_eq!((status.held_items, status.items), (1, 1), "{status:?}");

    // Found: its chain goes on where it was.
    let status = lost.sync_until_held(20).await;
    assert_eq!((status.held_items, status.items), (1, 1), "{status:?}");
    assert_eq!(court.count("SELECT COUNT(*) FROM quarantine").await, 0);

    // Lost for good: closed where the court has it. What comes later all the same is kept, without effect.
    proxy.set(Fault::Offline);
    lost.record_sound(Some(case), b"after the closing");
    let mut tx = court.court.db.begin_read().await.expect("the store works");
    let row = tx
        .row(
            "SELECT device FROM devices WHERE device <> $1",
            &[id.into()],
        )
        .await
        .expect("the store works");
    let lost_id = row.expect("two devices").parse(0).expect("an id");
    drop(tx);
    let end = devices::close_chain(&court.court, lost_id, "掉进河里")
        .await
        .expect("closes");
    assert!(end.seq > 1);
    let again = devices::close_chain(&court.court, lost_id, "").await;
    assert_eq!(again.map_err(|failure| failure.0.status).err(), Some(409));
    proxy.set(Fault::None);
    let status = lost.sync_until_held(20).await;
    assert!(status.revoked);
    assert_eq!((status.held_items, status.items), (2, 2), "{status:?}");
    assert_eq!(
        lost.engine().case_view(case).err().map(|error| error.kind),
        Some(ErrorKind::NotFound)
    );
    assert_eq!(
        court
            .count("SELECT COUNT(*) FROM statements WHERE type = 'evidence.capture/1' AND effect LIKE '%revoked_key%'")
            .await,
        1
    );
    assert_eq!(
        court
            .count("SELECT COUNT(*) FROM statements WHERE type = 'chain.close/1'")
            .await,
        1
    );
    devices::close_chain(&court.court, id, "")
        .await
        .expect("closes");
    let third = TestDevice::enrolled(&court.ticket("judge").await).await;
    assert_eq!(
        third.engine().open_chain(),
        Ok(None),
        "nothing is open any more"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_another_lease_or_retention_is_a_new_trust_document_and_reaches_devices() {
    let (mut court, proxy, device) = village().await;
    device.sync_until_done().await;
    let old = court.court.trust().await.expect("a trust document");
    assert_eq!(
        court.court.trust().await.expect("a trust document").version,
        old.version,
        "nothing changed"
    );
    court.restart().await;
    assert_eq!(
        court.court.trust().await.expect("a trust document").version,
        old.version,
        "a restart changes nothing"
    );
    let held = |device: &TestDevice| device.engine().trust().expect("reads").expect("holds one");
    assert_eq!(held(&device).policy.lease_ms, old.policy.lease_ms);

    court.restart_with(|config| config.lease_hours += 5).await;
    proxy.point_at(court.address);
    let new = court.court.trust().await.expect("a trust document");
    assert_eq!(new.version, old.version + 1);
    device.sync_until_done().await;
    assert_eq!(
        (held(&device).version, held(&device).policy.lease_ms),
        (new.version, old.policy.lease_ms + 5 * 3_600_000)
    );
    // Back again is a change too: the version never falls.
    court.restart_with(|config| config.lease_hours -= 5).await;
    proxy.point_at(court.address);
    device.sync_until_done().await;
    assert_eq!(
        (held(&device).version, held(&device).policy.lease_ms),
        (old.version + 2, old.policy.lease_ms)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i12_a_lost_record_of_a_replaced_key_stops_the_server_and_says_what_to_do() {
    let (mut court, proxy, device) = village().await;
    let now = court.court.now();
    court
        .court
        .keys
        .rotate(&Rotation::Signer(KeyPurpose::Receipt), now)
        .expect("replaces");
    court.restart().await;
    proxy.point_at(court.address);
    let listed = court.court.trust().await.expect("a trust document");
    device.sync_until_done().await;
    let (_scratch, config) = court.close().await;
    let retired = config.data.join("keys").join("retired");
    let aside = config.data.join("aside");
    std::fs::rename(&retired, &aside).expect("moves the folder away");
    let refusal = Court::open(config.clone(), system_clock())
        .await
        .err()
        .expect("it does not start");
    assert!(
        refusal
            .to_string()
            .contains("Put the folder back from the backup"),
        "{refusal}"
    );
    let _ = std::fs::remove_dir_all(&retired);
    std::fs::rename(&aside, &retired).expect("puts it back");
    let again = Court::open(config, system_clock())
        .await
        .expect("it starts");
    assert_eq!(
        again.trust().await.expect("a trust document").version,
        listed.version
    );
}
