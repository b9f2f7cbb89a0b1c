//! Documents in parts, as a device asks for them.

use http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use zhixing_protocol::age::{FileKey, Identity, NONCE_LEN, StreamSealer};

use super::*;
use crate::store::testing::{Scratch, on_both_engines};
use crate::testing::{TestClock, TestDevice, WORD, open_court};

/// A court with one document that one device may read.
struct Shelf {
    court: Arc<Court>,
    device: TestDevice,
    reader: Identity,
    case: CaseId,
    stored: StoredDigest,
    payload: Vec<u8>,
}

impl Shelf {
    async fn new(scratch: &Scratch) -> Self {
        let court = open_court(scratch.config(), &TestClock::new()).await;
        let device = TestDevice::enrol(&court, "judge").await;
        let case = CaseId::make(court.now(), crate::random());
        let reader = Identity::make(crate::random());
        let recipient = court.keys.identity(WORD).expect("an identity").recipient();
        let file_key = FileKey::make(crate::random());
        let nonce: [u8; NONCE_LEN] = crate::random();
        let header = Header::seal(&file_key, &[recipient], crate::random).expect("a header");
        let mut payload = nonce.to_vec();
        let mut sealer = StreamSealer::new(&file_key, &nonce);
        let plain: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        sealer.push(&plain, &mut payload);
        sealer.finish(&mut payload);
        let file = [header.to_bytes(), payload.clone()].concat();
        let stored = court.objects.keep_bytes(file.into()).await.expect("keeps");
        let mut tx = court.db.begin_write().await.expect("begins");
        tx.execute(
            "INSERT INTO documents (stored_sha256, case_id, court) VALUES ($1, $2, $3)",
            &[stored.into(), case.into(), WORD.into()],
        )
        .await
        .expect("inserts");
        tx.execute(
            "INSERT INTO grants (case_id, staff, epoch) SELECT $1, staff, 1 FROM staff",
            &[case.into()],
        )
        .await
        .expect("inserts");
        tx.execute(
            "INSERT INTO readers (device, case_id, recipient) VALUES ($1, $2, $3)",
            &[
                device.device.into(),
                case.into(),
                reader.recipient().to_string().into(),
            ],
        )
        .await
        .expect("inserts");
        tx.commit().await.expect("commits");
        Self {
            court,
            device,
            reader,
            case,
            stored,
            payload,
        }
    }

    async fn ask(&self, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
        let mut request = Request::builder()
            .uri(format!(
                "/device/v1/blobs/{}?case={}",
                self.stored, self.case
            ))
            .header("authorization", format!("Bearer {}", self.device.token))
            .header("accept-encoding", "zstd");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = crate::http::router(Arc::clone(&self.court))
            .oneshot(request.body(Body::empty()).expect("a request"))
            .await
            .expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body").to_bytes();
        let encoded = parts.headers.contains_key(header::CONTENT_ENCODING);
        assert!(!(parts.status.is_success() && encoded));
        (parts.status.as_u16(), parts.headers, bytes.to_vec())
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .unwrap_or_else(|| panic!("no {name}"))
        .to_str()
        .expect("ASCII")
}

async fn parts_are_one_file(scratch: Scratch) {
    let shelf = Shelf::new(&scratch).await;
    let (status, headers, whole) = shelf.ask(&[]).await;
    assert_eq!((status, text(&headers, "accept-ranges")), (200, "bytes"));
    assert_eq!(text(&headers, "content-length"), whole.len().to_string());
    let (header, length) = Header::parse(&whole).expect("an age file");
    header.open(&[&shelf.reader]).expect("is for the reader");
    assert_eq!(whole.get(length..), Some(shelf.payload.as_slice()));
    let tag = text(&headers, "etag").to_owned();
    assert!(tag.starts_with('"'), "a strong tag");
    // In the header, at its end, behind it, and the last byte.
    for from in [1, length - 1, length, length + 1, 150_000, whole.len() - 1] {
        let range = format!("bytes={from}-");
        let (status, headers, rest) = shelf.ask(&[("range", &range), ("if-range", &tag)]).await;
        assert_eq!(
            (status, text(&headers, "etag")),
            (206, tag.as_str()),
            "{from}"
        );
        let expected = format!("bytes {from}-{}/{}", whole.len() - 1, whole.len());
        assert_eq!(text(&headers, "content-range"), expected);
        assert_eq!(whole.get(from..), Some(rest.as_slice()), "{from}");
    }
    for (range, from, to) in [
        ("bytes=2-5", 2, 6),
        ("bytes=10-300", 10, 301),
        ("bytes=-7", whole.len() - 7, whole.len()),
        ("bytes=150000-99999999", 150_000, whole.len()),
    ] {
        let (status, headers, got) = shelf.ask(&[("range", range)]).await;
        assert_eq!(status, 206, "{range}");
        assert_eq!(text(&headers, "content-length"), (to - from).to_string());
        assert_eq!(whole.get(from..to), Some(got.as_slice()), "{range}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_a_file_in_a_bucket_are_one_file_that_its_reader_opens() {
    parts_are_one_file(Scratch::with_bucket().await).await;
}

on_both_engines! {
    async fn parts_of_several_answers_are_one_file_that_its_reader_opens(scratch: Scratch) {
        parts_are_one_file(scratch).await;
    }

    async fn what_does_not_fit_is_sent_whole_or_refused(scratch: Scratch) {
        let shelf = Shelf::new(&scratch).await;
        let (_, headers, whole) = shelf.ask(&[]).await;
        let tag = text(&headers, "etag").to_owned();
        for other in ["\"another\"", "Mon, 23 Nov 2026 00:00:00 GMT", &format!("W/{tag}")] {
            let (status, _, got) = shelf.ask(&[("range", "bytes=9-"), ("if-range", other)]).await;
            assert_eq!((status, got.len()), (200, whole.len()), "{other}");
        }
        for range in ["bytes=9-5", "bytes=1-2,5-6", "bytes=x-", "bytes=+1-", "lines=1-", "bytes"] {
            let (status, _, got) = shelf.ask(&[("range", range)]).await;
            assert_eq!((status, got.len()), (200, whole.len()), "{range}");
        }
        for range in [&format!("bytes={}-", whole.len()), "bytes=-0", "bytes=99999999999999999999-"] {
            let (status, headers, got) = shelf.ask(&[("range", range)]).await;
            assert_eq!((status, got.len()), (416, 0), "{range}");
            assert_eq!(text(&headers, "content-range"), format!("bytes */{}", whole.len()));
        }
    }

    async fn i8_without_a_grant_a_part_is_as_unknown_as_the_whole(scratch: Scratch) {
        let shelf = Shelf::new(&scratch).await;
        let (_, headers, _) = shelf.ask(&[]).await;
        let tag = text(&headers, "etag").to_owned();
        let mut tx = shelf.court.db.begin_write().await.expect("begins");
        tx.execute("DELETE FROM grants", &[]).await.expect("deletes");
        tx.commit().await.expect("commits");
        let (status, headers, _) = shelf.ask(&[("range", "bytes=9-"), ("if-range", &tag)]).await;
        assert_eq!(status, 404);
        assert!(!headers.contains_key("etag") && !headers.contains_key("content-range"));
    }
}
