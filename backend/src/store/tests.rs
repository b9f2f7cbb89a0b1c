//! What domain code relies on, the same on both engines.

use super::testing::on_both_engines;
use super::*;

static SETTINGS: Insert = Insert {
    head: "INSERT INTO settings (name, value) VALUES",
    columns: 2,
    tail: "",
};
static NUMBERS: Counter = Counter {
    take: "UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value",
    set: "UPDATE counters SET value = $2 WHERE name = $1",
};

async fn put(tx: &mut Tx, name: &str, value: &str) {
    tx.execute(
        "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        &[name.into(), value.into()],
    )
    .await
    .expect("writes a setting");
}

async fn get(tx: &mut Tx, name: &str) -> Option<String> {
    tx.row("SELECT value FROM settings WHERE name = $1", &[name.into()])
        .await
        .expect("reads a setting")
        .map(|row| row.text(0).expect("a text"))
}

on_both_engines! {
    async fn values_come_back_as_they_went_in(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        let bytes: Vec<u8> = (0..=255).collect();
        let text = "（2020）川0811执123号 '\"\\ $1 ; -- 🀄";
        let mut tx = db.begin_write().await.expect("begins");
        tx.execute(
            "INSERT INTO quarantine (hash, device, seq, bytes, signature, at_ms) VALUES ($1, $2, $3, $4, $5, $6)",
            &[text.into(), "".into(), i64::MAX.into(), bytes.clone().into(), Vec::new().into(), i64::MIN.into()],
        )
        .await
        .expect("inserts");
        tx.execute(
            "INSERT INTO courts (word, name, level, parent) VALUES ($1, $2, $3, $4)",
            &["川".into(), "省".into(), "high".into(), Arg::Text(None)],
        )
        .await
        .expect("inserts NULL");
        tx.commit().await.expect("commits");

        let mut tx = db.begin_read().await.expect("begins");
        let row = tx
            .row("SELECT hash, device, seq, bytes, signature, at_ms FROM quarantine", &[])
            .await
            .expect("reads")
            .expect("the row");
        assert_eq!(row.text(0).expect("text"), text);
        assert_eq!(row.text(1).expect("empty text is no NULL"), "");
        assert_eq!(row.int(2).expect("integer"), i64::MAX);
        assert_eq!(row.bytes(3).expect("bytes"), bytes);
        assert!(row.bytes(4).expect("empty bytes are no NULL").is_empty());
        assert_eq!(row.int(5).expect("integer"), i64::MIN);
        let row = tx.row("SELECT parent FROM courts", &[]).await.expect("reads").expect("the row");
        assert_eq!(row.optional_text(0).expect("NULL"), None);
        assert!(matches!(row.text(0), Err(StoreError::Column(0))), "NULL where a value is needed");
    }

    /// Nobody inside a transaction can tell that writes waited, and nobody outside sees them before it commits.
    async fn rows_that_wait_are_there_for_the_next_question(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        for commit in [false, true] {
            let mut tx = db.begin_write().await.expect("begins");
            // More than one insertion takes.
            for number in 0..1_100_u64 {
                let place = tx.take_number(&NUMBERS, "ord").await.expect("a number");
                assert_eq!(place, number + 1);
                tx.insert_later(&SETTINGS, [format!("n{number}").into(), place.to_string().into()]);
                tx.update_later(
                    "UPDATE settings SET value = $2 WHERE name = $1",
                    vec!["n7".into(), format!("changed {number}").into()],
                );
            }
            assert_eq!(get(&mut tx, "n1099").await.as_deref(), Some("1100"));
            assert_eq!(get(&mut tx, "n7").await.as_deref(), Some("changed 1099"), "the last counts");
            let row = tx.row("SELECT value FROM counters WHERE name = $1", &["ord".into()]).await;
            let counter = row.expect("reads").expect("the row").count(0);
            assert_eq!(counter.expect("a number"), 1_100);
            tx.insert_later(&SETTINGS, ["last".into(), "one".into()]);
            assert_eq!(tx.take_number(&NUMBERS, "ord").await.expect("a number"), 1_101);
            if commit {
                tx.commit().await.expect("commits");
            }
        }
        let mut tx = db.begin_read().await.expect("begins");
        assert_eq!(get(&mut tx, "last").await.as_deref(), Some("one"));
        let row = tx.row("SELECT value FROM counters WHERE name = $1", &["ord".into()]).await;
        assert_eq!(row.expect("reads").expect("the row").count(0).expect("a number"), 1_101);
        drop(tx);
        let mut tx = db.begin_write().await.expect("begins");
        tx.insert_later(&SETTINGS, ["last".into(), "twice".into()]);
        assert!(tx.commit().await.is_err(), "a row twice is told at the latest by the commit");
        let mut tx = db.begin_write().await.expect("begins");
        assert!(matches!(tx.take_number(&NUMBERS, "none").await, Err(StoreError::Damaged(_))));
    }

    async fn a_row_that_waits_can_be_changed_and_one_that_is_there_not(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        let mut tx = db.begin_write().await.expect("begins");
        let new = [crate::store::Arg::from("new")];
        assert!(!tx.amend_later(&SETTINGS, &"a".into(), 1, &new), "nothing waits");
        for name in ["a", "b", "c"] {
            tx.insert_later(&SETTINGS, [name.into(), "old".into()]);
        }
        assert!(tx.amend_later(&SETTINGS, &"b".into(), 1, &new));
        assert!(!tx.amend_later(&SETTINGS, &"d".into(), 1, &new), "no such row");
        assert!(!tx.amend_later(&SETTINGS, &"a".into(), 2, &new), "no such column");
        for (name, value) in [("a", "old"), ("b", "new"), ("c", "old")] {
            assert_eq!(get(&mut tx, name).await.as_deref(), Some(value), "{name}");
        }
        assert!(!tx.amend_later(&SETTINGS, &"b".into(), 1, &new), "it is in the table by now");
    }

    async fn a_column_of_another_type_is_an_error(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        let mut tx = db.begin_read().await.expect("begins");
        let row = tx
            .row("SELECT name, value FROM counters WHERE name = $1", &["ord".into()])
            .await
            .expect("reads")
            .expect("the row");
        assert!(matches!(row.int(0), Err(StoreError::Column(0))));
        assert!(matches!(row.text(1), Err(StoreError::Column(1))));
        assert!(matches!(row.text(2), Err(StoreError::Column(2))), "a column that is not there");
        assert!(matches!(row.parse::<zhixing_protocol::ids::CaseId>(0), Err(StoreError::Column(0))));
    }

    async fn what_is_not_committed_leaves_nothing(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        let mut tx = db.begin_write().await.expect("begins");
        put(&mut tx, "a", "1").await;
        assert_eq!(get(&mut tx, "a").await.as_deref(), Some("1"), "it sees its own writes");
        drop(tx);
        let mut tx = db.begin_write().await.expect("the writer is free again");
        assert_eq!(get(&mut tx, "a").await, None);
    }

    async fn a_failed_statement_undoes_its_transaction_only(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        let mut tx = db.begin_write().await.expect("begins");
        put(&mut tx, "kept", "1").await;
        tx.commit().await.expect("commits");
        let mut tx = db.begin_write().await.expect("begins");
        put(&mut tx, "lost", "1").await;
        let twice = tx
            .execute("INSERT INTO settings (name, value) VALUES ('kept', '2')", &[])
            .await;
        assert!(matches!(twice, Err(StoreError::Sql(_))), "a key cannot be given twice");
        drop(tx);
        let mut tx = db.begin_read().await.expect("begins");
        assert_eq!(get(&mut tx, "kept").await.as_deref(), Some("1"));
        assert_eq!(get(&mut tx, "lost").await, None);
    }

    async fn a_commit_is_there_for_the_next_reader_and_after_reopening(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        for value in ["1", "2", "3"] {
            let mut tx = db.begin_write().await.expect("begins");
            put(&mut tx, "a", value).await;
            tx.commit().await.expect("commits");
            let mut tx = db.begin_read().await.expect("begins");
            assert_eq!(get(&mut tx, "a").await.as_deref(), Some(value));
        }
        db.close().await;
        let db = scratch.open().await.expect("opens again");
        let mut tx = db.begin_read().await.expect("begins");
        assert_eq!(get(&mut tx, "a").await.as_deref(), Some("3"));
    }

    async fn a_reader_sees_one_state_throughout_and_waits_for_no_writer(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        let mut reader = db.begin_read().await.expect("begins");
        assert_eq!(get(&mut reader, "a").await, None);
        let mut writer = db.begin_write().await.expect("a reader blocks no writer");
        put(&mut writer, "a", "1").await;
        assert_eq!(get(&mut reader, "a").await, None, "not before the commit");
        writer.commit().await.expect("commits");
        assert_eq!(get(&mut reader, "a").await, None, "not within this transaction");
        drop(reader);
        let mut reader = db.begin_read().await.expect("begins");
        assert_eq!(get(&mut reader, "a").await.as_deref(), Some("1"));
    }

    async fn a_reading_transaction_cannot_write(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        let mut tx = db.begin_read().await.expect("begins");
        let refused = tx
            .execute("INSERT INTO settings (name, value) VALUES ('a', '1')", &[])
            .await;
        assert!(matches!(refused, Err(StoreError::Sql(_))));
    }

    async fn writers_queue_and_none_loses_a_number(scratch: Scratch) {
        const WRITERS: u64 = 8;
        const ROUNDS: u64 = 20;
        let db = scratch.open().await.expect("opens");
        let other_node = scratch.open().await.expect("opens a second handle");
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let db = if writer % 2 == 0 { db.clone() } else { other_node.clone() };
            tasks.spawn(async move {
                let mut numbers = Vec::new();
                for _ in 0..ROUNDS {
                    let mut tx = db.begin_write().await.expect("begins");
                    // Read, then write: a race here would give a number twice.
                    let row = tx
                        .row("SELECT value FROM counters WHERE name = 'ord'", &[])
                        .await
                        .expect("reads")
                        .expect("the counter");
                    let next = row.count(0).expect("a number") + 1;
                    tokio::task::yield_now().await;
                    tx.execute("UPDATE counters SET value = $1 WHERE name = 'ord'", &[next.into()])
                        .await
                        .expect("writes");
                    tx.commit().await.expect("commits");
                    numbers.push(next);
                }
                numbers
            });
        }
        let mut numbers = tasks.join_all().await.concat();
        numbers.sort_unstable();
        let every: Vec<u64> = (1..=WRITERS * ROUNDS).collect();
        assert_eq!(numbers, every);
    }

    async fn changed_rows_are_counted_and_returned(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        let mut tx = db.begin_write().await.expect("begins");
        let row = tx
            .row("UPDATE counters SET value = value + 1 WHERE name = $1 RETURNING value", &["ord".into()])
            .await
            .expect("updates")
            .expect("the changed row");
        assert_eq!(row.int(0).expect("an integer"), 1);
        let sql = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        assert_eq!(tx.execute(sql, &["a".into(), "1".into()]).await.expect("inserts"), 1);
        assert_eq!(tx.execute(sql, &["a".into(), "2".into()]).await.expect("does nothing"), 0);
        let none = tx
            .row("UPDATE counters SET value = 9 WHERE name = 'none' RETURNING value", &[])
            .await
            .expect("changes nothing");
        assert!(none.is_none());
        assert_eq!(
            tx.rows("SELECT name FROM counters ORDER BY name", &[]).await.expect("reads").len(),
            2
        );
    }

    async fn several_nodes_may_open_an_empty_database_at_once(scratch: Scratch) {
        // SQLite has one node; its second process (a command beside the server) comes to a database that is there.
        if !scratch.config().database.is_empty() {
            let (a, b, c) = tokio::join!(scratch.open(), scratch.open(), scratch.open());
            for opened in [a, b, c] {
                opened.expect("opens");
            }
        }
        scratch.open().await.expect("opens");
        let second = scratch.open().await.expect("opens beside the first");
        let mut tx = second.begin_read().await.expect("begins");
        let rows = tx.rows("SELECT number FROM schema_migrations", &[]).await.expect("reads");
        assert_eq!(i64::try_from(rows.len()).expect("few"), SCHEMA_VERSION, "each applied once");
    }

    async fn a_migration_edited_after_it_was_applied_is_refused(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        let mut tx = db.begin_write().await.expect("begins");
        tx.execute("UPDATE schema_migrations SET sha256 = $1 WHERE number = 1", &["00".into()])
            .await
            .expect("writes");
        tx.commit().await.expect("commits");
        db.close().await;
        let refused = scratch.open().await.err().expect("refuses");
        assert!(matches!(refused, StoreError::ChangedMigration(1)), "{refused}");
    }

    async fn a_database_of_a_newer_program_is_refused(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        let mut tx = db.begin_write().await.expect("begins");
        tx.execute("INSERT INTO schema_migrations (number, sha256) VALUES (9999, '')", &[])
            .await
            .expect("writes");
        tx.commit().await.expect("commits");
        db.close().await;
        let refused = scratch.open().await.err().expect("refuses");
        assert!(matches!(refused, StoreError::NewerSchema { found: 9999, .. }), "{refused}");
    }

    async fn a_migration_that_fails_leaves_the_old_schema(scratch: Scratch) {
        let db = scratch.open().await.expect("opens");
        let with_next = |text| [migrate::MIGRATIONS, &[(SCHEMA_VERSION + 1, text)]].concat();
        let bad = "CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT;\nINSERT INTO nowhere (id) VALUES (1);\n";
        migrate::run_all(&db, &with_next(bad)).await.expect_err("the second statement fails");
        let mut tx = db.begin_write().await.expect("begins");
        tx.row("SELECT id FROM half", &[]).await.err().expect("the first statement was undone");
        drop(tx);
        let good = "CREATE TABLE half (\n  id INTEGER PRIMARY KEY, -- a comment; with a semicolon\n  data BLOB NOT NULL\n) STRICT;\n";
        migrate::run_all(&db, &with_next(good)).await.expect("a corrected one is applied");
        let mut tx = db.begin_write().await.expect("begins");
        tx.execute("INSERT INTO half (id, data) VALUES ($1, $2)", &[i64::MAX.into(), vec![0].into()])
            .await
            .expect("the table is there, with 64-bit integers and bytes");
    }
}

#[tokio::test]
async fn sqlite_syncs_every_commit() {
    let scratch = testing::Scratch::new(testing::Engine::Sqlite).await;
    let db = scratch.open().await.expect("opens");
    let mut tx = db.begin_write().await.expect("begins");
    let full = tx
        .row("SELECT synchronous FROM pragma_synchronous", &[])
        .await
        .expect("reads")
        .expect("a row");
    assert_eq!(full.int(0).expect("an integer"), 2, "FULL");
    let mode = tx
        .row("SELECT journal_mode FROM pragma_journal_mode", &[])
        .await
        .expect("reads")
        .expect("a row");
    assert_eq!(mode.text(0).expect("a text"), "wal");
}
