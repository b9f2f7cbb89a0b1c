//! What the intake does with a file that is not what was received.

use axum::body::Body;
use http::{Request, StatusCode, header};
use tower::ServiceExt as _;

use super::*;
use crate::store::testing::{Scratch, on_both_engines};
use crate::testing::{TestClock, TestDevice, open_court};

async fn count(court: &Court, sql: &'static str) -> u64 {
    let mut tx = court.db.begin_read().await.expect("begins");
    let row = tx.row(sql, &[]).await.expect("reads").expect("a row");
    row.count(0).expect("a number")
}

/// I2: a spool whose bytes changed on the court's own disk gets no receipt, under no name, in no store.
async fn changed_in_the_spool(scratch: Scratch) {
    let court = open_court(scratch.config(), &TestClock::new()).await;
    let mut device = TestDevice::enrol(&court, "judge").await;
    let sealed = device.seal(&court, &[7; 200_000]).await;
    let upload = Request::post("/device/v1/uploads")
        .header("tus-resumable", "1.0.0")
        .header(header::AUTHORIZATION, format!("Bearer {}", device.token))
        .header(header::CONTENT_TYPE, "application/offset+octet-stream")
        .header("upload-length", sealed.stored.len())
        .header("upload-metadata", sealed.upload_metadata())
        .body(Body::from(sealed.stored.clone()))
        .expect("a request");
    let answer = crate::http::router(Arc::clone(&court))
        .oneshot(upload)
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED);
    let mut tx = court.db.begin_read().await.expect("begins");
    let row = tx.row("SELECT upload FROM uploads", &[]).await;
    let spool = row.expect("reads").expect("one").text(0).expect("a name");
    drop(tx);
    let spool = court.uploads.path(&spool);
    let mut changed = sealed.stored.clone();
    *changed.last_mut().expect("bytes") ^= 1;
    std::fs::write(&spool, &changed).expect("writes");

    run(&court).await.expect_err("it cannot be checked");
    assert_eq!(count(&court, "SELECT COUNT(*) FROM stored_items").await, 0);
    let kept = court.objects.size_bytes(sealed.stored_sha256).await;
    assert!(kept.is_err(), "no other bytes under its name");
    assert_eq!(std::fs::read(&spool).expect("is kept"), changed);

    std::fs::write(&spool, &sealed.stored).expect("writes");
    assert_eq!(run(&court).await.expect("runs"), 1);
    let verified = "SELECT COUNT(*) FROM stored_items WHERE outcome = 'verified'";
    assert_eq!(count(&court, verified).await, 1);
    assert!(!spool.exists());
    let kept = court.objects.size_bytes(sealed.stored_sha256).await;
    assert_eq!(kept.expect("is there"), sealed.stored.len() as u64);
}

on_both_engines! {
    async fn i2_bytes_that_changed_in_the_spool_get_no_receipt(scratch: Scratch) {
        changed_in_the_spool(scratch).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i2_bytes_that_changed_in_the_spool_never_reach_a_bucket() {
    changed_in_the_spool(Scratch::with_bucket().await).await;
}
