//! What must hold in every schedule, whatever went wrong in it. Each check names its invariant.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use zhixing_engine::vault::digest_file;
use zhixing_protocol::event::{Effect, Event, EventBody};
use zhixing_protocol::hash::{RootHash, StatementHash, StoredDigest, to_hex};
use zhixing_protocol::ids::{CaseId, ItemId};
use zhixing_protocol::keys::Signature;
use zhixing_protocol::statement::Statement;
use zhixing_protocol::tlog::{Leaf, root_of};
use zhixing_server::store::{Arg, Row, Tx};
use zhixing_server::{cases, intake, objects};

use super::device::SimDevice;
use super::network::Network;
use super::schedule::World;

type Checked = Result<(), String>;

macro_rules! ensure {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(format!($($text)+));
        }
    };
}

async fn rows(tx: &mut Tx, sql: &'static str, args: &[Arg]) -> Vec<Row> {
    tx.rows(sql, args).await.expect("the store works")
}

async fn read(network: &Network) -> Tx {
    let court = network.court();
    court.db.begin_read().await.expect("the store works")
}

fn texts(db: &Connection, sql: &str) -> Vec<String> {
    let mut query = db.prepare(sql).expect("a query of the check");
    let rows = query.query_map([], |row| row.get(0)).expect("reads");
    rows.map(|row| row.expect("text")).collect()
}

fn number(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0))
        .expect("a query of the check")
}

/// I1: every capture that returned, and what was synced of those that were killed, is an item; its file is there
/// unless it was freed.
pub fn i1_captured_is_durable(device: &SimDevice) -> Checked {
    let who = device.number;
    let items = device.engine().items();
    let items: BTreeMap<_, _> = items
        .map_err(|error| format!("I1: items cannot be read: {error:?}"))?
        .into_iter()
        .map(|item| (item.item, item))
        .collect();
    for captured in &device.captured {
        let item = items
            .get(&captured.item)
            .ok_or_else(|| format!("I1: device {who} lost item {}", captured.item))?;
        ensure!(
            item.digests == captured.digests,
            "I1: device {who} changed item {}",
            captured.item
        );
    }
    for (killed, synced) in &device.killed {
        let size = items.get(killed).map(|item| item.digests.size_bytes);
        ensure!(
            size.is_some_and(|size| size >= *synced),
            "I1: device {who} recovered {size:?} of {synced} synced bytes of {killed}"
        );
    }
    for item in items.values().filter(|item| !item.freed) {
        let file = device.folder().join("vault").join(&item.file);
        let there = digest_file(&file).map_err(|error| {
            format!(
                "I1: device {who} cannot read the file of {}: {error:?}",
                item.item
            )
        })?;
        ensure!(
            there == (item.stored_bytes, item.stored_sha256),
            "I1: device {who} has another file for {}",
            item.item
        );
    }
    Ok(())
}

/// I2: what was freed has a verified receipt and place in the log, and the court holds its bytes.
pub async fn i2_held(network: &Network, device: &SimDevice, id: ItemId) -> Checked {
    let who = device.number;
    let items = device.engine().items();
    let items = items.map_err(|error| format!("{error:?}"))?;
    let item = items
        .iter()
        .find(|item| item.item == id)
        .ok_or_else(|| format!("I2: device {who} freed {id}, which is no item"))?;
    let court = network.court();
    let mut tx = read(network).await;
    let stored = rows(
        &mut tx,
        "SELECT stored_sha256 FROM stored_items WHERE statement = $1 AND outcome = 'verified'",
        &[item.statement.into()],
    )
    .await;
    let at_court: Option<StoredDigest> = stored.first().and_then(|row| row.parse(0).ok());
    let path = objects::path(&court.config.data, item.stored_sha256);
    let there = digest_file(&path).ok();
    ensure!(
        at_court == Some(item.stored_sha256)
            && there == Some((item.stored_bytes, item.stored_sha256)),
        "I2: device {who} freed {id}, which the court does not hold: {at_court:?} {there:?}"
    );
    let db = device.database("queue.db", "transfer");
    let statement = item.statement;
    let proved = number(
        &db,
        &format!("SELECT count(*) FROM proof WHERE statement = x'{statement}'"),
    );
    let receipts = number(
        &db,
        &format!("SELECT count(*) FROM receipt WHERE statement = x'{statement}'"),
    );
    ensure!(
        (proved, receipts) == (1, 1),
        "I2: device {who} freed {id} with {receipts} receipts and {proved} proofs"
    );
    Ok(())
}

fn device_id(db: &Connection) -> String {
    db.query_row(
        "SELECT json_extract(value, '$.device') FROM setting WHERE name = 'identity'",
        [],
        |row| row.get(0),
    )
    .expect("an enrolled device")
}

/// I6: behind the cursors nothing is missing: every frame of the device's own feed, every event of each case.
pub async fn i6_cursor(network: &Network, device: &SimDevice) -> Checked {
    let who = device.number;
    let db = device.database("queue.db", "transfer");
    let cursor = db
        .query_row(
            "SELECT value FROM setting WHERE name = 'device_cursor'",
            [],
            |row| row.get::<_, String>(0),
        )
        .map_or(0, |text| text.parse::<u64>().unwrap_or(u64::MAX));
    let mut tx = read(network).await;
    let frames = rows(
        &mut tx,
        "SELECT cursor, kind, body FROM device_feed WHERE device = $1 ORDER BY cursor",
        &[device_id(&db).as_str().into()],
    )
    .await;
    ensure!(
        cursor <= frames.len() as u64,
        "I6: device {who} stands at {cursor} of {} frames",
        frames.len()
    );
    let set = |sql: &str| texts(&db, sql).into_iter().collect::<BTreeSet<_>>();
    let answered = set("SELECT lower(hex(hash)) FROM statement WHERE result <> ''");
    let proved = set("SELECT lower(hex(statement)) FROM proof");
    let received = set("SELECT lower(hex(statement)) FROM receipt");
    for frame in &frames {
        let at = frame.count(0).expect("a cursor");
        if at > cursor {
            break;
        }
        let (kind, body) = (frame.text(1).expect("kind"), frame.text(2).expect("body"));
        let named = |member: &str| {
            let value: serde_json::Value = serde_json::from_str(&body).expect("a stored frame");
            value
                .get(member)
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let seen = match kind.as_str() {
            "proof" => proved.contains(&body),
            "receipt" => received.contains(&named("statement")),
            _ => answered.contains(&named("hash")),
        };
        ensure!(
            seen,
            "I6: device {who} stands at {cursor} and has not seen {kind} {at}"
        );
    }
    let book = device.database("casebook.db", "reading");
    let missing = number(
        &book,
        "SELECT count(*) FROM case_head AS head WHERE seq <>
           (SELECT count(*) FROM case_event AS event WHERE event.case_id = head.case_id)",
    );
    ensure!(
        missing == 0,
        "I6: device {who} stands behind events of {missing} cases that it does not have"
    );
    Ok(())
}

/// All invariants at the quiet end. Stops the devices.
pub async fn check(world: &mut World) -> Checked {
    for device in &world.devices {
        i1_captured_is_durable(device)?;
        i6_cursor(&world.network, device).await?;
        i5_i8_cases_are_the_courts(world, device).await?;
    }
    i12_log(&world.network).await?;
    i3_one_effect(&world.network).await?;
    for device in &mut world.devices {
        device.stop();
    }
    for device in &world.devices {
        let db = device.database("queue.db", "transfer");
        i1_court_holds_all(world, device, &db).await?;
        i4_i10_chain(world, device, &db).await?;
        i7_revoked_is_gone(world, device, &db).await?;
        let refusals = texts(
            &db,
            "SELECT code FROM refusal WHERE code <> 'document_not_given'",
        );
        ensure!(
            refusals.is_empty(),
            "device {} refused what an honest court sent: {refusals:?}",
            device.number
        );
    }
    Ok(())
}

/// I5, I8: the device has exactly the granted cases, each in the court's state, with the court's head.
async fn i5_i8_cases_are_the_courts(world: &World, device: &SimDevice) -> Checked {
    let who = device.number;
    let staff = device.staff.expect("a device of a schedule");
    let mut tx = read(&world.network).await;
    let granted: BTreeSet<CaseId> = rows(
        &mut tx,
        "SELECT case_id FROM grants WHERE staff = $1",
        &[staff.into()],
    )
    .await
    .iter()
    .map(|row| row.parse(0).expect("an id"))
    .collect();
    let held = device.engine().cases();
    let held: BTreeSet<CaseId> = held
        .map_err(|error| format!("I5: device {who} shows no cases: {error:?}"))?
        .iter()
        .map(|summary| summary.case)
        .collect();
    ensure!(
        held == granted,
        "I8: device {who} holds {held:?}, granted are {granted:?}"
    );
    let book = device.database("casebook.db", "reading");
    for case in granted {
        let view = device.engine().case_view(case);
        let view = view.map_err(|error| format!("I5: device {who} {case}: {error:?}"))?;
        let state = cases::opened_state(&mut tx, case)
            .await
            .expect("the store works");
        ensure!(
            view.state == state,
            "I5: device {who} shows another state of {case}:\n{:#?}\nthe court:\n{state:#?}\npending {:#?}",
            view.state,
            view.pending
        );
        let row = cases::row(&mut tx, case).await.expect("the store works");
        let head = row.expect("a granted case").head;
        let own: String = book
            .query_row(
                "SELECT lower(hex(hash)) FROM case_head WHERE case_id = ?1 AND seq = ?2",
                rusqlite::params![case.0, i64::try_from(head.seq).unwrap_or(0)],
                |row| row.get(0),
            )
            .map_err(|error| format!("I5: device {who} has no head of {case}: {error}"))?;
        ensure!(
            own == to_hex(&head.hash.0),
            "I5: device {who} has another head of {case}"
        );
        world
            .network
            .note(&format!("head {who} {case} {} {own}", head.seq));
    }
    Ok(())
}

/// I1, I3: the court holds every item, once, and what it decrypts is what was captured.
async fn i1_court_holds_all(world: &World, device: &SimDevice, db: &Connection) -> Checked {
    let who = device.number;
    let court = world.network.court();
    let mut tx = read(&world.network).await;
    let mut query = db
        .prepare("SELECT lower(hex(statement)), digests FROM item ORDER BY item")
        .expect("a query of the check");
    let items: Vec<(String, String)> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("reads")
        .map(|row| row.expect("a row"))
        .collect();
    for (statement, digests) in items {
        let named: zhixing_protocol::evidence::EvidenceDigests =
            serde_json::from_str(&digests).expect("stored digests");
        let stored = rows(
            &mut tx,
            "SELECT stored_sha256, outcome FROM stored_items WHERE statement = $1",
            &[statement.as_str().into()],
        )
        .await;
        let [row] = stored.as_slice() else {
            return Err(format!(
                "I1: the court holds {} items of {statement} of device {who}",
                stored.len()
            ));
        };
        let outcome = row.text(1).expect("an outcome");
        ensure!(outcome == "verified", "I1: {statement} is {outcome}");
        let identity = court.keys.identity("川0811").expect("the court's identity");
        let path = objects::path(&court.config.data, row.parse(0).expect("a digest"));
        let mut file = std::fs::File::open(&path)
            .map_err(|error| format!("I1: the court's file of {statement}: {error}"))?;
        let opened = intake::digests_of(&mut file, &[identity])
            .map_err(|error| format!("I1: the court's file of {statement}: {error}"))?
            .map_err(|error| format!("I1: the court's file of {statement}: {error}"))?;
        ensure!(
            opened == named,
            "I1: the court decrypts something else for {statement}"
        );
        world
            .network
            .note(&format!("held {who} {statement} {digests}"));
    }
    Ok(())
}

/// I3: nothing stands twice in the court's tables.
async fn i3_one_effect(network: &Network) -> Checked {
    let mut tx = read(network).await;
    for (what, sql) in [
        (
            "frames of a device",
            "SELECT device FROM device_feed GROUP BY device, kind, body HAVING COUNT(*) > 1",
        ),
        (
            "statements in a device's chain",
            "SELECT key_id FROM statements WHERE seq IS NOT NULL GROUP BY key_id, seq HAVING COUNT(*) > 1",
        ),
        (
            "items",
            "SELECT item FROM stored_items GROUP BY item HAVING COUNT(*) > 1",
        ),
        ("forks", "SELECT hash FROM quarantine"),
        (
            "forked devices",
            "SELECT device FROM devices WHERE forked <> 0",
        ),
        (
            "uploads left undone",
            "SELECT upload FROM uploads WHERE state = 'complete'",
        ),
    ] {
        let found = rows(&mut tx, sql, &[]).await;
        ensure!(found.is_empty(), "I3, I4: {} {what}", found.len());
    }
    let checked = rows(
        &mut tx,
        "SELECT (SELECT COUNT(*) FROM statements WHERE type = 'job.intake/1'), (SELECT COUNT(*) FROM stored_items)",
        &[],
    )
    .await;
    let row = checked.first().expect("a row");
    let (jobs, items) = (row.count(0).expect("count"), row.count(1).expect("count"));
    ensure!(jobs == items, "I3: {jobs} intakes of {items} items");
    let mut causes: BTreeMap<StatementHash, usize> = BTreeMap::new();
    for case in network.cases().await {
        let mut seen = BTreeSet::new();
        let mut sealed = BTreeSet::new();
        let mut prev = zhixing_protocol::hash::EventHash::ZERO;
        let events = cases::events(&mut tx, case, 0, None).await;
        for (event, bytes, _) in events.expect("the store works") {
            ensure!(event.prev == prev, "I4: the events of {case} have a gap");
            prev = Event::hash_of(&bytes);
            *causes.entry(event.cause).or_default() += 1;
            let key = (event.cause, event.kind.clone(), format!("{:?}", event.body));
            ensure!(seen.insert(key), "I3: an event of {case} stands twice");
            if let Ok(EventBody::EvidenceSealed(body)) = event.body() {
                let again = !sealed.insert(body.statement);
                ensure!(!again, "I3: {} is sealed twice in {case}", body.statement);
            }
        }
    }
    let notes = rows(
        &mut tx,
        "SELECT hash, effect FROM statements WHERE type = 'case.note/1'",
        &[],
    )
    .await;
    for row in &notes {
        let hash: StatementHash = row.parse(0).expect("a hash");
        let effect: Effect = serde_json::from_str(&row.text(1).expect("text")).expect("an effect");
        let expected = usize::from(effect == Effect::Applied);
        let events = causes.get(&hash).copied().unwrap_or(0);
        ensure!(
            events == expected,
            "I3: the note {hash} is {effect:?} and has {events} events"
        );
    }
    Ok(())
}

/// I4, I10: the court has the device's whole chain in order; a wrong clock refused nothing.
async fn i4_i10_chain(world: &World, device: &SimDevice, db: &Connection) -> Checked {
    let who = device.number;
    let mut tx = read(&world.network).await;
    let at_court = rows(
        &mut tx,
        "SELECT seq, hash, bytes, effect FROM statements WHERE device = $1 ORDER BY seq",
        &[device_id(db).as_str().into()],
    )
    .await;
    let own: Vec<(i64, String, String)> = {
        let mut query = db
            .prepare("SELECT seq, lower(hex(hash)), state FROM statement ORDER BY seq")
            .expect("a query of the check");
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.expect("reads")
            .map(|row| row.expect("a row"))
            .collect()
    };
    ensure!(
        own.len() == at_court.len(),
        "I4: device {who} made {} statements, the court has {}",
        own.len(),
        at_court.len()
    );
    let mut prev = StatementHash::ZERO;
    for (at, (row, (seq, hash, state))) in at_court.iter().zip(&own).enumerate() {
        let there: StatementHash = row.parse(1).expect("a hash");
        let number = row.count(0).expect("a number");
        ensure!(
            number == at as u64 + 1 && i64::try_from(number) == Ok(*seq),
            "I4: the chain of device {who} has a gap at {seq}"
        );
        ensure!(
            to_hex(&there.0) == *hash && state == "admitted",
            "I4: statement {seq} of device {who} is {state}, or another at the court"
        );
        let bytes = row.bytes(2).expect("bytes");
        let statement = Statement::parse(&bytes).expect("an admitted statement");
        let link = statement.chain.expect("a device's statement is chained");
        ensure!(
            link.prev == prev,
            "I4: statement {seq} of device {who} does not follow the one before"
        );
        prev = there;
        let effect: Effect = serde_json::from_str(&row.text(3).expect("text")).expect("an effect");
        let evidence = statement.r#type.starts_with("evidence.");
        let fair = match &effect {
            Effect::Applied => true,
            Effect::Rejected { reason } => !evidence && reason == "not_granted",
            Effect::Held { reason } => evidence && reason == "awaits_assignment",
            Effect::Duplicate | Effect::Conflict { .. } => statement.r#type == "evidence.assign/1",
        };
        ensure!(
            fair,
            "I3, I10: statement {seq} ({}) of device {who} is {effect:?}",
            statement.r#type
        );
        world.network.note(&format!(
            "statement {who} {} {effect:?}",
            String::from_utf8_lossy(&bytes)
        ));
    }
    for note in &device.notes {
        let known = own.iter().any(|(_, hash, _)| *hash == to_hex(&note.0));
        ensure!(known, "I1: device {who} lost the note {note}");
    }
    Ok(())
}

/// I7: of a case that is not granted no row, no index entry, no secret, no cached file and no statement is left.
async fn i7_revoked_is_gone(world: &World, device: &SimDevice, db: &Connection) -> Checked {
    let who = device.number;
    let staff = device.staff.expect("a device of a schedule");
    let book = device.database("casebook.db", "reading");
    let mut tx = read(&world.network).await;
    for case in &world.template.cases {
        let granted = cases::is_granted(&mut tx, *case, staff).await;
        if granted.expect("the store works") {
            continue;
        }
        let hex = to_hex(&case.0);
        for table in ["case_event", "case_head", "search_entry"] {
            let left = number(
                &book,
                &format!("SELECT count(*) FROM {table} WHERE case_id = x'{hex}'"),
            );
            ensure!(
                left == 0,
                "I7: device {who} keeps {left} rows in {table} of {case}"
            );
        }
        let secrets = number(
            &book,
            &format!("SELECT count(*) FROM own_secret WHERE name = '{case}'"),
        );
        ensure!(secrets == 0, "I7: device {who} keeps the secret of {case}");
        let known = number(
            db,
            &format!("SELECT count(*) FROM known_case WHERE case_id = x'{hex}'"),
        );
        ensure!(known == 0, "I7: device {who} still knows {case}");
        let statements = number(
            db,
            &format!(
                "SELECT count(*) FROM statement WHERE case_id = x'{hex}' AND length(bytes) > 0"
            ),
        );
        ensure!(
            statements == 0,
            "I7: device {who} keeps {statements} statements of {case}"
        );
        let cache = device.folder().join("cache").join(case.to_string());
        ensure!(!cache.exists(), "I7: device {who} keeps copies of {case}");
    }
    Ok(())
}

/// I12: every statement is a leaf in the order of admission, and each state that was signed is a prefix of the log.
async fn i12_log(network: &Network) -> Checked {
    let signed = network.locked().signed.clone();
    let mut tx = read(network).await;
    let statements = rows(
        &mut tx,
        "SELECT ord, hash, signature FROM statements ORDER BY ord",
        &[],
    )
    .await;
    let mut leaves: Vec<RootHash> = Vec::new();
    for (at, row) in statements.iter().enumerate() {
        ensure!(
            row.count(0).expect("an order") == at as u64 + 1,
            "I12: the order of admission has a gap at {at}"
        );
        let signature = Signature::from_der(&row.bytes(2).expect("bytes")).expect("DER");
        leaves.push(Leaf::of(row.parse(1).expect("a hash"), &signature).hash());
    }
    let mut before = 0;
    for (size, root) in &signed {
        ensure!(
            *size > before,
            "I12: the log shrank from {before} to {size}"
        );
        before = *size;
        let prefix = leaves.get(..usize::try_from(*size).unwrap_or(usize::MAX));
        let prefix = prefix.ok_or_else(|| format!("I12: {size} leaves were signed"))?;
        let own = root_of(prefix.iter().copied());
        ensure!(
            *root == own.to_string(),
            "I12: the log of size {size} was signed with another root"
        );
    }
    ensure!(
        before == leaves.len() as u64,
        "I12: {} statements, {before} leaves signed",
        leaves.len()
    );
    Ok(())
}
