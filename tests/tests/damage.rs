//! Broken databases of a device: what is told, and that evidence and case files come back.

use zhixing_engine::ports::Ports;
use zhixing_engine::sync::HttpTransport;
use zhixing_engine::{Engine, ErrorKind};
use zhixing_tests::{CASE, Fault, TestDevice, village};

type Harm = fn(&mut Vec<u8>);
/// A page flipped in the middle, and a file that ends early. The beginning and an empty file are tried where databases are opened.
const HARMS: [(&str, Harm); 2] = [
    ("flipped", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
    }),
    ("truncated", |bytes| bytes.truncate(bytes.len() / 2)),
];

fn harm(device: &mut TestDevice, name: &str, harm: Harm) {
    device.stop();
    let path = device.folder().join(name);
    let mut bytes = std::fs::read(&path).expect("reads");
    harm(&mut bytes);
    std::fs::write(path, bytes).expect("writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_broken_case_files_are_told_and_come_again_from_the_court() {
    let (court, _proxy, mut device) = village().await;
    let case = court.case(CASE).await;
    for (what, how) in HARMS {
        device.record_sound(Some(case), what.as_bytes());
        harm(&mut device, "casebook.db", how);
        device.start();
        let told = device.engine().unlock().expect_err(what);
        assert_eq!(told.kind, ErrorKind::Damaged, "{what}: {told}");
        assert!(told.detail.contains("synchronise"), "{told}");
        device.engine().unlock().expect("a new one is begun");
        let status = device.sync_until_held(20).await;
        assert_eq!(status.held_items, status.items, "{what}: {status:?}");
        let view = device.engine().case_view(case).expect("it came again");
        assert_eq!(view.newest_seq, court.head(case).await.seq, "{what}");
        assert!(
            !device
                .engine()
                .search("梁甲1")
                .expect("unlocked")
                .is_empty()
        );
        let documents: Vec<_> = view.state.documents().collect();
        let document = documents.first().expect("imported").body.document;
        let mut text = Vec::new();
        // A copy that was kept from before is encrypted to a key that is gone; it is fetched again.
        for _ in 0..2 {
            text.clear();
            device
                .engine()
                .fetch_document(case, document)
                .expect("is asked for");
            device.sync(500).await;
            if device
                .engine()
                .open_document(case, document, &mut text)
                .is_ok()
            {
                break;
            }
        }
        assert!(
            String::from_utf8_lossy(&text).contains("民事判决书"),
            "{what}"
        );
        assert!(
            device
                .engine()
                .examine()
                .expect("works")
                .problems
                .is_empty()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_a_broken_queue_is_told_and_its_evidence_is_taken_in_again() {
    for (what, how) in HARMS {
        let (court, proxy, mut device) = village().await;
        let case = court.case(CASE).await;
        device.record_sound(Some(case), b"the court has it");
        device.sync_until_held(20).await;
        proxy.set(Fault::Offline);
        let long: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        device.record_sound(Some(case), &long);
        device.record_sound(None, b"in no case yet");
        harm(&mut device, "queue.db", how);
        let ports = Ports::system(&device.folder(), "test").expect("secrets");
        let told = Engine::open(&device.folder(), ports).err().expect(what);
        assert_eq!(told.kind, ErrorKind::Damaged, "{what}: {told}");
        assert!(told.detail.contains("enrol"), "{told}");
        device.start();
        assert_eq!(device.engine().recovery().put_aside, 3, "{what}");
        let early = device.engine().adopt_put_aside();
        assert_eq!(
            early.map_err(|error| error.kind).map(|_| ()),
            Err(ErrorKind::InvalidInput),
            "not enrolled yet"
        );
        proxy.set(Fault::None);
        let transport = HttpTransport::new().expect("a client");
        device
            .engine()
            .enrol(&transport, &court.ticket("judge").await, "again")
            .await
            .expect("enrols again");
        let (taken, left) = device.engine().adopt_put_aside().expect("works");
        assert_eq!((taken.len(), left), (3, 0), "{what}");
        let (again, left) = device.engine().adopt_put_aside().expect("works");
        assert_eq!((again.len(), left), (0, 0), "each once");
        let sizes: std::collections::BTreeSet<u64> =
            taken.iter().map(|item| item.digests.size_bytes).collect();
        assert_eq!(sizes, [14, 16, 200_000].into(), "{what}");
        let items: Vec<_> = taken.iter().map(|item| item.item).collect();
        device.sync(2_000).await;
        device.engine().assign(&items, case).expect("assigns");
        let status = device.sync_until_held(20).await;
        assert_eq!(
            (status.held_items, status.items),
            (3, 3),
            "{what}: {status:?}"
        );
        let kept = std::fs::read_dir(device.folder())
            .expect("lists")
            .filter(|entry| {
                let name = entry.as_ref().expect("an entry").file_name();
                name.to_string_lossy().starts_with("queue.db.damaged-")
            })
            .count();
        assert!(kept >= 1, "the broken one is kept");
    }
}
