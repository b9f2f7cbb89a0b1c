use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::ids::NoteId;
use zhixing_protocol::receipt::TimeAnchor;
use zhixing_protocol::statement::{Admission, CaseNote, ChainHead, ChainTip, Statement, admit};
use zhixing_protocol::time::{Date, UtcMillis};

use crate::error::{EngineError, ErrorKind};
use crate::testing::{enrolled, holdings, test_ports};

fn note(day: &str) -> CaseNote {
    CaseNote {
        note: NoteId::make(UtcMillis(1), [1; 10]),
        corrects: None,
        occurred_on: day.parse::<Date>().expect("a date"),
    }
}

#[test]
fn i4_statements_form_a_gap_free_chain_that_verifies() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, _, _) = enrolled(folder.path(), 1).expect("enrols");
    let identity = holdings.queue().enrolled().expect("enrolled");
    for _ in 0..3 {
        let hidden = Object::from([("text".to_owned(), Value::from("见到被执行人"))]);
        holdings
            .queue()
            .make_statement(&note("2026-01-05"), None, hidden, |_, _| Ok(()))
            .expect("makes");
    }
    let queue = holdings.queue();
    let key = queue.signer(&identity).expect("a key");
    let mut tip = ChainTip::EMPTY;
    let mut all = queue.statements_of_type("key.enroll/1").expect("reads");
    all.extend(queue.pending_batch(500, 4 << 20).expect("reads"));
    assert_eq!(all.len(), 4);
    for own in all {
        let verified = own
            .signed
            .verify(identity.realm, key.public_key())
            .expect("verifies");
        let link = verified.statement().chain.expect("chained");
        assert_eq!(admit(tip, link, verified.hash(), None), Admission::Extends);
        tip = ChainTip {
            seq: link.seq,
            hash: verified.hash(),
        };
    }
}

#[test]
fn i1_what_fails_beside_a_statement_leaves_no_half_of_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, _, _) = enrolled(folder.path(), 1).expect("enrols");
    let body = ChainHead { pending_items: 0 };
    let failed = holdings
        .queue()
        .make_statement(&body, None, Object::new(), |_, _| {
            Err::<(), _>(EngineError::internal("on purpose"))
        });
    assert!(failed.is_err());
    assert_eq!(holdings.queue().pending_count(), Ok(0));
    let made = holdings
        .queue()
        .make_statement(&body, None, Object::new(), |_, _| Ok(()))
        .expect("makes");
    assert_eq!(made.0.seq, 2);
}

#[test]
fn i10_a_clock_set_back_neither_breaks_the_chain_nor_extends_a_lease() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, _, clock) = enrolled(folder.path(), 1).expect("enrols");
    clock.advance(1_000);
    clock.shift_wall(-3_600_000);
    let body = ChainHead { pending_items: 0 };
    let (made, ()) = holdings
        .queue()
        .make_statement(&body, None, Object::new(), |_, _| Ok(()))
        .expect("a wrong clock refuses nothing");
    assert_eq!(made.seq, 2);
    let spent = |expected: i64| {
        let lease = holdings
            .queue()
            .spend_lease()
            .expect("reads")
            .expect("contact was noted");
        assert_eq!(lease.spent_ms, expected);
    };
    spent(1_000);
    clock.reboot();
    clock.shift_wall(-86_400_000);
    spent(2_000); // the second since the restart
    clock.reboot();
    clock.shift_wall(50_000);
    spent(52_000);
}

#[test]
fn the_same_ticket_gives_the_same_request_after_a_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (ports, _) = test_ports(5);
    let court = crate::testing::TestCourt::new(ports.clock.wall_ms());
    let first = holdings(folder.path(), ports.clone())
        .expect("opens")
        .prepare_enrol(&court.ticket(), "laptop", None)
        .expect("prepares");
    let again = holdings(folder.path(), ports).expect("opens");
    let second = again
        .prepare_enrol(&court.ticket(), "laptop", None)
        .expect("prepares");
    assert_eq!(first, second);
    let error = again
        .queue()
        .make_statement(
            &ChainHead { pending_items: 0 },
            None,
            Object::new(),
            |_, _| Ok(()),
        )
        .expect_err("not enrolled yet");
    assert_eq!(error.kind, ErrorKind::InvalidInput);
}

#[test]
fn a_root_that_followed_is_trusted_and_the_one_before_it_no_longer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, mut court, _) = enrolled(folder.path(), 1).expect("enrols");
    let queue = holdings.queue();
    assert_eq!(queue.accept_trust(&court.trust(2)), Ok(true));
    // Away through two changes of the root.
    let oldest = court.rotate_root();
    court.rotate_root();
    assert_eq!(queue.accept_trust(&court.trust(1)), Ok(false), "older");
    assert_eq!(queue.accept_trust(&court.trust(3)), Ok(true));
    let held = || queue.trust().expect("reads").expect("a trust document");
    let newest = zhixing_protocol::keys::Signer::public_key(&court.root).clone();
    assert_eq!((held().version, held().root), (3, newest.clone()));
    assert_eq!(
        queue.identity().expect("reads").map(|known| known.root),
        Some(newest.fingerprint())
    );
    // Somebody has the oldest root key, and with it a document that looks newer.
    let steps = core::mem::take(&mut court.succession);
    let newest = core::mem::replace(&mut court.root, oldest);
    assert_eq!(queue.accept_trust(&court.trust(9)), Ok(false));
    assert_eq!(held().version, 3);
    // A third change from the newest one is followed all the same.
    (court.root, court.succession) = (newest, steps);
    court.rotate_root();
    assert_eq!(queue.accept_trust(&court.trust(4)), Ok(true));
}

#[test]
fn a_ticket_printed_before_the_root_changed_leads_to_the_new_root() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (ports, _) = test_ports(5);
    let mut court = crate::testing::TestCourt::new(ports.clock.wall_ms());
    let ticket = court.ticket();
    court.rotate_root();
    let holdings = holdings(folder.path(), ports).expect("opens");
    let request = holdings
        .prepare_enrol(&ticket, "laptop", None)
        .expect("prepares");
    holdings
        .accept_enrol(&court.answer_enrol(&request))
        .expect("the new root follows the ticket's");
    let identity = holdings.queue().enrolled().expect("enrolled");
    assert_eq!(
        identity.root,
        zhixing_protocol::keys::Signer::public_key(&court.root).fingerprint(),
        "the old root is not trusted any more"
    );
}

#[test]
fn a_trust_document_of_another_root_or_an_older_one_is_refused_and_counted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, court, _) = enrolled(folder.path(), 1).expect("enrols");
    let queue = holdings.queue();
    let other = crate::testing::TestCourt::new(queue.now());
    assert_eq!(queue.accept_trust(&other.trust(9)), Ok(false));
    assert_eq!(queue.accept_trust(&court.trust(3)), Ok(true));
    assert_eq!(queue.accept_trust(&court.trust(2)), Ok(false));
    assert_eq!(
        queue.trust().expect("reads").map(|trust| trust.version),
        Some(3)
    );
    let fingerprint = zhixing_protocol::keys::Signer::public_key(&other.root).fingerprint();
    assert_eq!(
        queue.refusals(),
        Ok(vec![
            ("trust_refused".to_owned(), 1),
            (format!("untrusted key {fingerprint}"), 1)
        ])
    );
}

#[test]
fn a_changed_row_is_seen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, _, _) = enrolled(folder.path(), 1).expect("enrols");
    let queue = holdings.queue();
    let own = queue
        .statements_of_type("key.enroll/1")
        .expect("reads")
        .pop()
        .expect("is there");
    assert!(Statement::parse(&own.signed.bytes).is_ok());
    queue
        .db
        .execute("UPDATE statement SET bytes = x'7b7d' WHERE seq = 1", [])
        .expect("changes");
    assert_eq!(
        queue
            .statement(own.hash)
            .map_err(|error| error.kind)
            .map(|_| ()),
        Err(ErrorKind::Damaged)
    );
}

#[test]
fn an_enrolment_at_a_server_of_another_root_names_the_untrusted_key() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (ports, _) = test_ports(7);
    let court = crate::testing::TestCourt::new(ports.clock.wall_ms());
    let other = crate::testing::TestCourt::new(ports.clock.wall_ms());
    let device = holdings(folder.path(), ports).expect("opens");
    let request = device
        .prepare_enrol(&court.ticket(), "laptop", None)
        .expect("prepares");
    let error = device
        .accept_enrol(&other.answer_enrol(&request))
        .expect_err("another root");
    let fingerprint = zhixing_protocol::keys::Signer::public_key(&other.root).fingerprint();
    assert!(
        error
            .detail
            .starts_with(&format!("untrusted key {fingerprint}")),
        "{}",
        error.detail
    );
    let answer = court.answer_enrol(&request);
    device.accept_enrol(&answer).expect("the right court");
}

/// A device hears the court's time in every pull; what no statement names does not pile up, what one names stays.
#[test]
fn anchors_that_no_statement_names_are_replaced() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, court, clock) = enrolled(folder.path(), 1).expect("enrols");
    let queue = || holdings.queue();
    let hear = |number: i64| {
        clock.advance(1_000);
        let document = court.anchor(&format!("n{number}"), UtcMillis(1_000 * number));
        let trust = queue().trust().expect("reads").expect("trust");
        let anchor = TimeAnchor::verify(&document, &trust).expect("the court's own");
        queue().insert_anchor(&document, &anchor).expect("stores");
    };
    let held = || {
        queue()
            .count("SELECT count(*) FROM anchor")
            .expect("counts")
    };
    hear(1);
    hear(2);
    assert_eq!(held(), 1);
    let body = ChainHead { pending_items: 0 };
    let (made, ()) = queue()
        .make_statement(&body, None, Object::new(), |_, _| Ok(()))
        .expect("makes");
    hear(3);
    hear(4);
    assert_eq!(held(), 2, "the one that is named and the newest");
    let own = queue().statement(made.hash).expect("reads").expect("there");
    let named = Statement::parse(&own.signed.bytes)
        .expect("ours")
        .clock
        .anchor;
    assert_eq!(named.map(|anchor| anchor.server_ms), Some(UtcMillis(2_000)));
    let reading = queue().clock_reading().expect("reads").anchor;
    assert_eq!(
        reading.map(|anchor| anchor.server_ms),
        Some(UtcMillis(4_000))
    );
}

#[test]
fn a_text_that_would_never_fit_a_batch_is_refused_before_it_is_signed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, _, _) = enrolled(folder.path(), 1).expect("enrols");
    let mut queue = holdings.queue();
    let mut say = |length: usize| {
        let text = zhixing_protocol::canonical::Value::from("字".repeat(length).as_str());
        let hidden = Object::from([("text".to_owned(), text)]);
        queue
            .make_statement(&ChainHead { pending_items: 0 }, None, hidden, |_, _| Ok(()))
            .map(|(made, ())| made.seq)
            .map_err(|error| error.kind)
    };
    assert_eq!(say(2_000_000), Err(ErrorKind::InvalidInput));
    assert_eq!(say(4_000), Ok(2), "no number was used up");
}
