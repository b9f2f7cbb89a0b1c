//! A document of the case file over a line that breaks.

use zhixing_engine::SyncEnd;
use zhixing_protocol::hash::Sha256Digest;
use zhixing_server::import;
use zhixing_tests::{Fault, TestCourt, village};

/// Number of the case with the large document.
const CASE: &str = "（2026）川0811执88号";
/// A scanned file: 3 MB.
const PLAIN_BYTES: usize = 3_000_000;
/// Bytes towards the device after which a connection dies.
const CUT: u64 = 300_000;

fn scan() -> Vec<u8> {
    (0..PLAIN_BYTES as u64)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect()
}

/// Another case of the judge, with the document.
async fn import_scan(court: &TestCourt) {
    let batch = tempfile::tempdir().expect("a folder");
    std::fs::write(batch.path().join("scan.pdf"), scan()).expect("writes");
    let case = format!(
        r#"{{"external_id":"scan","number":"{CASE}","court":"川0811","cause":"loan","amount_fen":1,"filed_on":"2026-03-10","title":"判决书","handler":"judge","parties":[],"documents":[{{"external_id":"d","kind":"enforcement_title","volume":"main","title":"判决书扫描件","media_type":"application/pdf","file":"scan.pdf"}}]}}"#
    );
    for (name, text) in [
        ("courts.jsonl", String::new()),
        ("staff.jsonl", String::new()),
        ("cases.jsonl", case + "\n"),
    ] {
        std::fs::write(batch.path().join(name), text).expect("writes");
    }
    let report = import::run(&court.court, batch.path())
        .await
        .expect("the batch can be read");
    assert!(report.failed.is_empty(), "{:?}", report.failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_goes_on_where_the_line_broke_and_is_what_the_case_names() {
    let (court, proxy, mut device) = village().await;
    import_scan(&court).await;
    assert_eq!(device.sync(2_000).await, SyncEnd::Done);
    let case = court.case(CASE).await;
    let view = device.engine().case_view(case).expect("on the device");
    let document = view.state.documents().next().expect("one");
    let (document, named) = (document.body.document, document.body.sha256);

    let before = proxy.received_bytes();
    proxy.set(Fault::CutAnswersAfter(CUT));
    let mut cuts = 0_u64;
    while !device
        .engine()
        .fetch_document(case, document)
        .expect("a known document")
    {
        if device.sync(0).await != SyncEnd::Done {
            cuts += 1;
        }
        assert!(cuts < 20, "it begins anew at each cut");
        if cuts == 2 {
            // Killed between two cuts: what is here counts still.
            device.stop();
            device.start();
            device.engine().unlock().expect("the reading key is here");
        }
    }
    let received = proxy.received_bytes() - before;
    let size = PLAIN_BYTES as u64;
    // No connection carries more than CUT, so the line broke oftener than this: a synchronisation rides over a break
    // after which something was answered.
    assert!(
        cuts >= 2,
        "the line broke {cuts} times only, and nobody was killed"
    );
    assert!(
        received < size + size / 5,
        "{received} bytes came for a document of {size}: parts were sent again"
    );
    let mut plain = Vec::new();
    device
        .engine()
        .open_document(case, document, &mut plain)
        .expect("opens");
    assert_eq!(Sha256Digest::of(&plain).0, named.0);
    assert_eq!(plain, scan());
    let cache = device.folder().join("cache").join(case.to_string());
    assert_eq!(
        std::fs::read_dir(cache).expect("a folder").count(),
        1,
        "no part and no tag is left"
    );
}
