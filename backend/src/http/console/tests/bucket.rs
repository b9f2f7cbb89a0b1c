//! The console of a court whose files lie in a bucket.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_in_a_bucket_are_shown_and_damage_never_looks_whole() {
    let scratch = Scratch::with_bucket().await;
    let bucket = scratch.bucket.as_ref().expect("just made");
    let mut desk = Desk::new(&scratch).await;
    let mut device = TestDevice::enrol(&desk.court, "judge").await;
    desk.login("judge").await;
    assert_eq!(desk.get("system").await["objects"], "s3");
    let list = desk.get("cases").await;
    let id = list["cases"][0]["case"].as_str().expect("an id").to_owned();
    let document = desk.get(&format!("cases/{id}")).await["documents"][0]["document"].clone();
    let path = format!("v1/documents/{}", document.as_str().expect("a digest"));
    let (status, _, shown) = desk.send("GET", &path, None).await;
    assert_eq!(
        (status, shown.as_slice()),
        (StatusCode::OK, b"%PDF-1.4 plain bytes".as_slice())
    );

    device.case = Some(id.parse().expect("an id"));
    let plain = vec![7; 300_000];
    let sealed = device.seal(&desk.court, &plain).await;
    let upload = Request::post("/device/v1/uploads")
        .header("tus-resumable", "1.0.0")
        .header(header::AUTHORIZATION, format!("Bearer {}", device.token))
        .header(header::CONTENT_TYPE, "application/offset+octet-stream")
        .header("upload-length", sealed.stored.len())
        .header("upload-metadata", sealed.upload_metadata())
        .body(Body::from(sealed.stored.clone()))
        .expect("a request");
    let uploaded = desk
        .router
        .clone()
        .oneshot(upload)
        .await
        .expect("an answer");
    assert_eq!(uploaded.status(), StatusCode::CREATED);
    assert_eq!(crate::intake::run(&desk.court).await.expect("runs"), 1);
    let path = format!("evidence/{}", sealed.statement);
    let item = desk.get(&path).await;
    let receipt = item["receipt"]["json"].as_str().expect("a receipt");
    assert!(
        receipt.contains(r#""where":"s3:zhixing-test""#),
        "{receipt}"
    );
    let path = format!("v1/{path}/original");
    let (status, _, original) = desk.send("GET", &path, None).await;
    assert_eq!((status, original == plain), (StatusCode::OK, true));

    let mut damaged = sealed.stored.clone();
    *damaged.last_mut().expect("bytes") ^= 1;
    bucket.overwrite(sealed.stored_sha256, damaged).await;
    let request = Request::get(format!("/console/{path}"))
        .header(header::COOKIE, &desk.cookie)
        .body(Body::empty())
        .expect("a request");
    let answer = desk
        .router
        .clone()
        .oneshot(request)
        .await
        .expect("an answer");
    assert!(answer.into_body().collect().await.is_err(), "it breaks off");
    bucket.remove(sealed.stored_sha256).await;
    let (status, _, _) = desk.send("GET", &path, None).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_does_not_answer_is_told_as_busy() {
    let scratch = Scratch::with_bucket().await;
    let mut desk = Desk::new(&scratch).await;
    desk.login("judge").await;
    let list = desk.get("cases").await;
    let id = list["cases"][0]["case"].as_str().expect("an id").to_owned();
    let document = desk.get(&format!("cases/{id}")).await["documents"][0]["document"].clone();
    let path = format!("documents/{}", document.as_str().expect("a digest"));
    // The same court, its bucket where nobody listens any more.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut config = scratch.config();
    config.s3_endpoint = format!("http://{}", free.local_addr().expect("bound"));
    drop(free);
    desk.court = open_court(config, &desk.clock).await;
    desk.router = crate::http::router(Arc::clone(&desk.court));
    desk.login("judge").await;
    let (status, problem) = desk.ask("GET", &path, None).await;
    assert_eq!(
        (status, problem["kind"].as_str()),
        (503, Some("busy")),
        "{problem}"
    );
}
