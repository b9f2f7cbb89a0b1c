//! The audit finds each kind of thing that no longer proves itself, and nothing in a court that does.

use std::path::PathBuf;

use zhixing_protocol::ids::CaseId;
use zhixing_protocol::tlog::TileCoordinate;
use zhixing_server::audit::{self, Audit, Part};
use zhixing_server::objects;
use zhixing_server::store::{Arg, Tx};
use zhixing_tests::{CASE, TestCourt, TestDevice, village};

async fn audited(court: &TestCourt) -> Audit {
    audit::run(&court.court, true, &mut |_| ())
        .await
        .expect("the store can be read")
}

/// A court with evidence, receipts, a note, looks at a case and a published log.
async fn court() -> (TestCourt, TestDevice, CaseId) {
    let (court, _proxy, device) = village().await;
    let case = court.case(CASE).await;
    device.record_sound(Some(case), &[7; 200_000]);
    device
        .engine()
        .note(case, "被执行人不在家", None, None)
        .expect("notes");
    let status = device.sync_until_held(20).await;
    assert_eq!(status.held_items, 1);
    let staff = court.staff("judge").await;
    for what in ["console.case", "console.events"] {
        zhixing_server::access::record(&court.court, "川0811", staff, case, what)
            .await
            .expect("records");
    }
    zhixing_server::log::sequence(&court.court)
        .await
        .expect("sequences");
    (court, device, case)
}

/// A value somebody might change in the database: where it stands, and what changes it.
struct Tamper {
    read: &'static str,
    write: &'static str,
    kind: Kind,
    part: Part,
}

enum Kind {
    Bytes,
    Text,
}

const TAMPERS: &[Tamper] = &[
    Tamper {
        read: "SELECT signature FROM statements WHERE ord = 3",
        write: "UPDATE statements SET signature = $1 WHERE ord = 3",
        kind: Kind::Bytes,
        part: Part::Log,
    },
    Tamper {
        read: "SELECT bytes FROM statements WHERE ord = 3",
        write: "UPDATE statements SET bytes = $1 WHERE ord = 3",
        kind: Kind::Bytes,
        part: Part::Statement,
    },
    Tamper {
        read: "SELECT hash FROM log_nodes WHERE level = 1 AND idx = 0",
        write: "UPDATE log_nodes SET hash = $1 WHERE level = 1 AND idx = 0",
        kind: Kind::Text,
        part: Part::Log,
    },
    Tamper {
        read: "SELECT checkpoint FROM log_state",
        write: "UPDATE log_state SET checkpoint = $1",
        kind: Kind::Text,
        part: Part::Log,
    },
    Tamper {
        read: "SELECT root FROM log_state",
        write: "UPDATE log_state SET root = $1",
        kind: Kind::Text,
        part: Part::Log,
    },
    Tamper {
        read: "SELECT document FROM time_marks ORDER BY size LIMIT 1",
        write: "UPDATE time_marks SET document = $1 WHERE size = (SELECT MIN(size) FROM time_marks)",
        kind: Kind::Text,
        part: Part::Log,
    },
    Tamper {
        read: "SELECT bytes FROM events WHERE seq = 2 ORDER BY case_id LIMIT 1",
        write: "UPDATE events SET bytes = $1 WHERE seq = 2 AND case_id = (SELECT MIN(case_id) FROM events)",
        kind: Kind::Bytes,
        part: Part::Case,
    },
    Tamper {
        read: "SELECT head_hash FROM cases ORDER BY case_id LIMIT 1",
        write: "UPDATE cases SET head_hash = $1 WHERE case_id = (SELECT MIN(case_id) FROM cases)",
        kind: Kind::Text,
        part: Part::Case,
    },
    Tamper {
        read: "SELECT receipt FROM stored_items",
        write: "UPDATE stored_items SET receipt = $1",
        kind: Kind::Text,
        part: Part::Receipt,
    },
    Tamper {
        read: "SELECT stored_sha256 FROM stored_items",
        write: "UPDATE stored_items SET stored_sha256 = $1",
        kind: Kind::Text,
        part: Part::Object,
    },
    Tamper {
        read: "SELECT entry FROM access_log WHERE seq = 1",
        write: "UPDATE access_log SET entry = $1 WHERE seq = 1",
        kind: Kind::Text,
        part: Part::Access,
    },
    Tamper {
        read: "SELECT opening FROM openings WHERE member = 'text' LIMIT 1",
        write: "UPDATE openings SET opening = $1 WHERE member = 'text'",
        kind: Kind::Text,
        part: Part::Statement,
    },
];

/// Another value of the same form: one hexadecimal digit near the end, or one bit of the last byte.
fn changed(value: &Arg) -> Arg {
    match value {
        Arg::Bytes(Some(bytes)) => {
            let mut bytes = bytes.clone();
            *bytes.last_mut().expect("not empty") ^= 1;
            Arg::from(bytes)
        }
        Arg::Text(Some(text)) => {
            let place = text
                .rfind(|character: char| character.is_ascii_hexdigit() && character.is_lowercase())
                .expect("a digit");
            let other = if text[place..].starts_with('a') {
                "b"
            } else {
                "a"
            };
            let mut text = text.clone();
            text.replace_range(place..=place, other);
            Arg::from(text)
        }
        other => panic!("{other:?} cannot be changed"),
    }
}

async fn write(court: &TestCourt, sql: &'static str, value: Arg) {
    let mut tx: Tx = court.court.db.begin_write().await.expect("begins");
    assert!(
        tx.execute(sql, &[value]).await.expect("writes") > 0,
        "{sql}"
    );
    tx.commit().await.expect("commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i12_i13_each_changed_value_is_named_and_nothing_else_is() {
    let (court, _device, _) = court().await;
    let sound = audited(&court).await;
    assert_eq!(sound.findings, []);
    assert!(sound.is_sound());
    assert!(
        sound.statements > 5 && sound.leaves == sound.statements,
        "{sound:?}"
    );
    assert_eq!((sound.receipts, sound.access_records), (1, 2), "{sound:?}");
    assert!(
        sound.read_bytes > 200_000 && sound.objects == 4,
        "{sound:?}"
    );
    for tamper in TAMPERS {
        let mut tx = court.court.db.begin_read().await.expect("begins");
        let row = tx
            .row(tamper.read, &[])
            .await
            .expect("reads")
            .expect(tamper.read);
        let value = match tamper.kind {
            Kind::Bytes => Arg::from(row.bytes(0).expect("bytes")),
            Kind::Text => Arg::from(row.text(0).expect("a text")),
        };
        drop(tx);
        write(&court, tamper.write, changed(&value)).await;
        let audit = audited(&court).await;
        assert!(
            audit
                .findings
                .iter()
                .any(|finding| finding.part == tamper.part),
            "{}: {:?}",
            tamper.write,
            audit.findings
        );
        write(&court, tamper.write, value).await;
        assert_eq!(audited(&court).await.findings, [], "{}", tamper.write);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_gone_or_changed_are_named() {
    let (court, _device, _) = court().await;
    let data = court.court.config.data.clone();
    let mut tx = court.court.db.begin_read().await.expect("begins");
    let row = tx
        .row("SELECT stored_sha256 FROM stored_items", &[])
        .await
        .expect("reads")
        .expect("an item");
    let stored = row.parse(0).expect("a digest");
    let signed = zhixing_server::log::signed_state(&mut tx)
        .await
        .expect("reads");
    drop(tx);
    let tile = TileCoordinate::all(signed.size)
        .into_iter()
        .next()
        .expect("one");
    let tile = data.join("log").join(tile.to_string());
    let files: [(PathBuf, Part); 3] = [
        (objects::path(&data, stored), Part::Object),
        (tile, Part::Tile),
        (data.join("log/checkpoint"), Part::Tile),
    ];
    for (path, part) in files {
        let whole = std::fs::read(&path).expect("the file");
        let mut flipped = whole.clone();
        flipped[0] ^= 1;
        for damage in [Some(flipped), None] {
            match &damage {
                Some(bytes) => std::fs::write(&path, bytes).expect("writes"),
                None => std::fs::remove_file(&path).expect("removes"),
            }
            let found = audited(&court).await.findings;
            let parts: Vec<Part> = found.iter().map(|finding| finding.part).collect();
            assert_eq!(parts, [part], "{}: {found:?}", path.display());
            std::fs::write(&path, &whole).expect("writes");
        }
    }
    assert!(audited(&court).await.is_sound());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_taken_out_is_missed() {
    let (court, _device, _) = court().await;
    let mut tx = court.court.db.begin_write().await.expect("begins");
    tx.execute("DELETE FROM statements WHERE type = 'case.note/1'", &[])
        .await
        .expect("deletes");
    tx.commit().await.expect("commits");
    let found = audited(&court).await.findings;
    for part in [Part::Statement, Part::Log, Part::Case] {
        assert!(
            found.iter().any(|finding| finding.part == part),
            "{part:?}: {found:?}"
        );
    }
}
