//! Devices whose chain or standing is not what the court expects: a copy of a phone, a lost phone, another court, a revoked key.

use zhixing_engine::SyncEnd;
use zhixing_tests::{CASE, Fault, TestCourt, TestDevice, village};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i3_i4_a_phone_set_back_from_a_copy_is_told_and_loses_nothing() {
    let (court, _proxy, mut device) = village().await;
    let case = court.case(CASE).await;
    let copy = TestDevice::copy_of(&mut device);
    device.engine().unlock().expect("the reading key is here");
    device.record_sound(Some(case), b"the phone goes on");
    let status = device.sync_until_held(20).await;
    assert_eq!((status.held_items, status.items), (1, 1), "{status:?}");

    copy.engine().unlock().expect("the reading key is here");
    for n in 0..4_u8 {
        copy.record_sound(Some(case), &[n; 100]);
    }
    copy.engine()
        .note(case, "副本上的记录", None, None)
        .expect("notes");
    let end = copy.sync(500).await;
    let status = copy.engine().status().expect("works");
    assert_eq!(status.pending_statements, 0, "{end:?} {status:?}");
    assert_eq!(status.troubled_statements, 5);
    let troubled = copy.engine().troubled().expect("works");
    assert!(
        troubled.iter().all(|statement| statement.reason == "fork"),
        "{troubled:?}"
    );
    assert_eq!(
        status.set_aside.len(),
        4,
        "each file says that it waits for a person"
    );
    assert!(
        status
            .set_aside
            .iter()
            .all(|item| item.reason == "statement_not_taken")
    );
    assert_eq!(copy.engine().free().expect("works").items, [], "I2");
    assert!(copy.engine().examine().expect("works").problems.is_empty());
    assert_eq!(
        court
            .count("SELECT COUNT(*) FROM quarantine WHERE openings LIKE '%副本上的记录%'")
            .await,
        1,
        "the words are kept at the court"
    );
    assert_eq!(court.count("SELECT COUNT(*) FROM quarantine").await, 5);

    // The phone itself is not held up by its copy.
    device.record_sound(Some(case), b"and on");
    let status = device.sync_until_held(20).await;
    assert_eq!((status.held_items, status.items), (2, 2), "{status:?}");
    assert_eq!(status.troubled_statements, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_court_under_the_same_address_gets_nothing_and_harms_nothing() {
    let (court, proxy, device) = village().await;
    let case = court.case(CASE).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let other = TestCourt::start(listener, "http://127.0.0.1:1/").await;
    device.record_sound(Some(case), b"for the own court only");
    proxy.point_at(other.address);
    proxy.set(Fault::None);
    let mut end = device.sync(0).await;
    for _ in 0..2 {
        end = device.sync(0).await;
    }
    assert!(
        matches!(&end, SyncEnd::Later { reason } if reason == "unauthenticated" || reason == "not_accepted_by_the_court"),
        "{end:?}"
    );
    assert_eq!(
        device.engine().status().expect("works").pending_statements,
        1
    );
    assert_eq!(other.count("SELECT COUNT(*) FROM quarantine").await, 0);
    assert!(
        device.engine().case_view(case).is_ok(),
        "the case file stays"
    );
    proxy.point_at(court.address);
    proxy.set(Fault::None);
    let status = device.sync_until_held(20).await;
    assert_eq!((status.held_items, status.items), (1, 1), "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i7_a_revoked_device_hands_in_its_evidence_is_told_and_keeps_no_case() {
    let (court, proxy, device) = village().await;
    let case = court.case(CASE).await;
    proxy.set(Fault::Offline);
    device.record_sound(Some(case), b"seen before the key was revoked");
    let id = court.device_of("judge").await;
    zhixing_server::devices::revoke(&court.court, id, "lost", "")
        .await
        .expect("revokes");
    proxy.set(Fault::None);
    let status = device.sync_until_held(20).await;
    assert!(status.revoked, "the judge is told: {status:?}");
    assert_eq!((status.held_items, status.items), (1, 1), "{status:?}");
    assert!(device.engine().case_view(case).is_err());
    assert!(device.engine().search("判决").expect("unlocked").is_empty());
    assert_eq!(
        court
            .count("SELECT COUNT(*) FROM stored_items WHERE outcome = 'verified'")
            .await,
        1
    );
    assert_eq!(
        court
            .count("SELECT COUNT(*) FROM statements WHERE type = 'evidence.capture/1' AND effect LIKE '%revoked_key%'")
            .await,
        1,
        "a person decides what it counts for"
    );
}
