use std::sync::Arc;

use serde_json::value::RawValue;
use zhixing_protocol::age::{FileKey, Header, NONCE_LEN, StreamSealer};
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::event::{Effect, Event, EventBody, Head, HiddenMember, Visibility};
use zhixing_protocol::hash::{Sha256Digest, StatementHash, StoredDigest};
use zhixing_protocol::ids::{CaseId, DocumentId, NoteId};
use zhixing_protocol::statement::{CaseNote, DocumentAdded, MediaKind, Openings, make_openings};
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::wire::{CaseCursor, EventFrame, GrantFrame, RevokeFrame};

use super::Shelf;
use crate::capture::{CaptureRequest, Holdings, OpenCapture};
use crate::casebook::CaseChange;
use crate::error::ErrorKind;
use crate::queue::StatementState;
use crate::testing::{COURT, TestClock, TestCourt, enrolled};

const CASE: CaseId = CaseId([9; 16]);

struct Desk {
    folder: tempfile::TempDir,
    holdings: Arc<Holdings>,
    shelf: Shelf,
    clock: Arc<TestClock>,
    head: Head,
}

fn desk() -> Desk {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (holdings, _, clock) = enrolled(folder.path(), 3).expect("enrols");
    let shelf = Shelf::new(holdings.clone(), folder.path().to_owned());
    shelf.unlock().expect("unlocks");
    Desk {
        folder,
        holdings,
        shelf,
        clock,
        head: Head::EMPTY,
    }
}

impl Desk {
    fn grant(&self, epoch: u64) {
        let frame = GrantFrame {
            case: CASE,
            court: COURT.parse().expect("a court word"),
            epoch,
            number: "（2020）川0811执123号".parse().expect("a case number"),
        };
        self.shelf
            .take_in(&[CaseChange::Grant(frame)])
            .expect("takes a grant");
    }

    /// The next event of the case, with one hidden text.
    fn event(&mut self, body: &EventBody, member: &str, text: &str) -> EventFrame {
        let members = Object::from([(member.to_owned(), Value::from(text))]);
        let (commitments, openings): (_, Openings) = make_openings(members, || [5; 32]);
        let (kind, body) = body.write().expect("small numbers");
        let event = Event {
            at_ms: UtcMillis(1),
            body,
            case: CASE,
            cause: StatementHash([u8::try_from(self.head.seq % 200).expect("below 256") + 1; 32]),
            corrects: None,
            hidden: commitments
                .into_iter()
                .map(|(name, commitment)| {
                    let place = HiddenMember {
                        commitment,
                        member: name.clone(),
                    };
                    (name, place)
                })
                .collect(),
            kind: kind.to_owned(),
            occurred_on: "2026-01-05".parse().expect("a date"),
            prev: self.head.hash,
            seq: self.head.seq + 1,
            visibility: Visibility::Table,
            unknown: Object::new(),
        };
        let bytes = event.to_bytes().expect("canonical");
        self.head.follow(CASE, &bytes).expect("follows");
        EventFrame {
            event: RawValue::from_string(String::from_utf8(bytes).expect("UTF-8")).expect("JSON"),
            openings,
        }
    }

    fn note_event(&mut self, text: &str) -> EventFrame {
        let number = u8::try_from(self.head.seq % 200).expect("below 256");
        let note = zhixing_protocol::event::NoteAdded {
            note: NoteId([number; 16]),
        };
        self.event(&EventBody::NoteAdded(note), "text", text)
    }

    fn commit(&self, epoch: u64, frames: &[EventFrame]) -> bool {
        let cursor = CaseCursor {
            case: CASE,
            epoch,
            head: self.head,
        };
        let change = CaseChange::Events(cursor, frames.to_vec());
        let taken = self.shelf.take_in(&[change]).expect("the store works");
        taken.refused == 0
    }

    fn found(&self, typed: &str) -> usize {
        self.shelf.search(typed).expect("searches").len()
    }
}

#[test]
fn i6_a_checkpoint_is_all_or_nothing_and_another_history_is_kept_out() {
    let mut desk = desk();
    desk.grant(1);
    let (first, second) = (desk.note_event("一"), desk.note_event("二"));
    // The checkpoint names a head that these frames do not lead to.
    assert!(!desk.commit(1, std::slice::from_ref(&first)));
    assert_eq!(
        desk.shelf.cursors().expect("reads").expect("unlocked")[0].head,
        Head::EMPTY
    );
    assert!(!desk.commit(1, std::slice::from_ref(&second)));
    assert!(desk.commit(1, &[first.clone(), second]));
    let view = desk.shelf.case_view(CASE).expect("reads");
    assert_eq!((view.newest_seq, view.state.notes().count()), (2, 2));
    assert!(!desk.commit(1, &[first]), "an event twice");
    assert!(!desk.commit(2, &[]), "another epoch");
}

#[test]
fn two_and_one_character_words_are_found() {
    let mut desk = desk();
    desk.grant(1);
    let frames = [
        desk.note_event("昭化区人民法院送达张三，电话无人接听"),
        desk.note_event("李四称 Zhang 已外出"),
    ];
    assert!(desk.commit(1, &frames));
    for (typed, count) in [
        ("法院", 1),
        ("张三", 1),
        ("张", 1),
        ("接听", 1),
        ("听", 1),
        ("zhang", 1),
        ("zha", 1),
        ("李四 外出", 1),
        ("院法", 0),
        ("王五", 0),
        ("\"", 0),
    ] {
        assert_eq!(desk.found(typed), count, "{typed}");
    }
}

#[test]
fn a_grant_publishes_one_key_and_the_same_grant_again_publishes_nothing() {
    let desk = desk();
    desk.grant(1);
    desk.grant(1);
    let keys = || {
        desk.holdings
            .queue()
            .statements_of_type("key.reader/1")
            .expect("reads")
    };
    assert_eq!(keys().len(), 1);
    let known = desk
        .holdings
        .queue()
        .known_case(CASE)
        .expect("reads")
        .expect("known");
    assert!(known.recipient.starts_with("age1") && known.epoch == 1);
    desk.grant(2);
    assert_eq!(keys().len(), 2, "a new epoch is told");
}

#[test]
fn a_pending_note_is_shown_at_once_and_a_rejected_one_with_its_reason() {
    let mut desk = desk();
    desk.grant(1);
    let event = desk.note_event("旧");
    assert!(desk.commit(1, &[event]));
    let note = |byte| CaseNote {
        note: NoteId([byte; 16]),
        corrects: None,
        occurred_on: "2026-01-05".parse().expect("a date"),
    };
    let make = |byte| {
        let hidden = Object::from([("text".to_owned(), Value::from("新"))]);
        let mut queue = desk.holdings.queue();
        queue
            .make_statement(&note(byte), Some(CASE), hidden, |_, _| Ok(()))
            .expect("makes")
            .0
    };
    let (first, second) = (make(201), make(202));
    let mut refused = TestCourt::result(second.hash, second.seq);
    refused.effect = Effect::rejected("not_on_case");
    desk.holdings
        .queue()
        .record_results(&[refused.clone()])
        .expect("stores");
    let view = desk.shelf.case_view(CASE).expect("reads");
    let texts: Vec<_> = view
        .state
        .notes()
        .filter_map(|(_, note)| note.hidden_text("text"))
        .collect();
    assert_eq!(texts, ["旧", "新"]);
    assert_eq!((view.newest_seq, view.pending.len()), (1, 2));
    let mut timeline = desk.shelf.timeline(CASE).expect("reads");
    timeline.extend(view.drafted.clone());
    let shown: Vec<_> = timeline
        .iter()
        .map(|entry| (entry.seq, entry.kind.as_str(), entry.texts[0].1.as_str()))
        .collect();
    assert_eq!(
        shown,
        [(Some(1), "note.added", "旧"), (None, "note.added", "新")]
    );
    assert_eq!(
        (view.pending[0].statement, view.pending[0].state),
        (first.hash, StatementState::Pending)
    );
    assert_eq!(view.pending[1].effect, refused.effect);
}

#[test]
fn while_locked_captures_go_on_and_case_files_are_closed() {
    let desk = desk();
    desk.grant(1);
    desk.shelf.lock();
    for error in [
        desk.shelf.cases().err(),
        desk.shelf.case_view(CASE).err(),
        desk.shelf.search("x").err(),
    ] {
        assert_eq!(error.map(|error| error.kind), Some(ErrorKind::Locked));
    }
    assert_eq!(desk.shelf.cursors(), Ok(None));
    let request = CaptureRequest::new(MediaKind::Audio, Some(CASE));
    let mut capture = OpenCapture::begin(desk.holdings.clone(), request).expect("opens");
    capture.write(b"sound").expect("writes");
    capture.finish().expect("seals while locked");
}

#[test]
fn a_lease_runs_out_without_contact_and_contact_renews_it() {
    let desk = desk();
    desk.grant(1);
    desk.clock.advance(71 * 3_600_000);
    desk.shelf.cases().expect("within 72 h");
    desk.clock.shift_wall(-400 * 3_600_000);
    desk.clock.advance(2 * 3_600_000);
    let error = desk.shelf.cases().expect_err("after 73 h");
    assert!(error.kind == ErrorKind::Locked && error.detail.starts_with("lease_expired"));
    desk.holdings.queue().note_contact().expect("stores");
    desk.shelf.cases().expect("renewed");
}

/// An age file for a recipient, as the court's server gives it.
fn age_file(recipient: &str, plain: &[u8]) -> Vec<u8> {
    let key = FileKey::make([8; 16]);
    let recipient = recipient.parse().expect("a recipient");
    let mut file = Header::seal(&key, &[recipient], || [6; 32])
        .expect("seals")
        .to_bytes();
    let nonce = [4; NONCE_LEN];
    file.extend_from_slice(&nonce);
    let mut sealer = StreamSealer::new(&key, &nonce);
    sealer.push(plain, &mut file);
    sealer.finish(&mut file);
    file
}

fn add_document(desk: &mut Desk, plain: &[u8]) -> (DocumentId, StoredDigest) {
    let (document, stored) = (DocumentId([3; 16]), StoredDigest([7; 32]));
    let body = EventBody::DocumentAdded(DocumentAdded {
        document,
        document_kind: "enforcement_title".into(),
        media_type: "application/pdf".into(),
        sha256: Sha256Digest::of(plain),
        size_bytes: plain.len() as u64,
        stored_sha256: stored,
        volume: "main".into(),
    });
    let event = desk.event(&body, "title", "执行依据 高度机密词");
    assert!(desk.commit(1, &[event]));
    (document, stored)
}

#[test]
fn a_document_opens_with_the_case_key_and_a_swapped_one_is_refused() {
    let mut desk = desk();
    desk.grant(1);
    let plain = vec![1; 200_000];
    let (document, stored) = add_document(&mut desk, &plain);
    let wanted = desk
        .shelf
        .missing_document(CASE, document)
        .expect("known")
        .expect("not here");
    assert_eq!(wanted.stored, stored);
    let recipient = desk
        .holdings
        .queue()
        .known_case(CASE)
        .expect("reads")
        .expect("known")
        .recipient;
    let path = desk.holdings.vault.cached(CASE, stored);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes");
    std::fs::write(&path, age_file(&recipient, &plain)).expect("writes");
    let mut out = Vec::new();
    let copy = desk
        .shelf
        .open_document(CASE, document, &mut out)
        .expect("opens");
    assert_eq!((out, copy.size_bytes), (plain, 200_000));
    let full = desk
        .shelf
        .open_document(
            CASE,
            document,
            &mut std::io::Cursor::new([0; 100].as_mut_slice()),
        )
        .expect_err("no room for it");
    assert_ne!(full.kind, ErrorKind::Damaged);
    assert!(
        path.exists(),
        "a reader without room costs the copy nothing"
    );
    std::fs::write(&path, age_file(&recipient, b"another")).expect("writes");
    let error = desk
        .shelf
        .open_document(CASE, document, &mut Vec::new())
        .expect_err("swapped");
    assert_eq!(error.kind, ErrorKind::Damaged);
    assert!(!path.exists(), "it is fetched again");
}

#[test]
fn i7_after_a_revocation_no_text_key_or_copy_of_the_case_is_left() {
    let mut desk = desk();
    desk.grant(1);
    let (_, stored) = add_document(&mut desk, b"x");
    let path = desk.holdings.vault.cached(CASE, stored);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes");
    std::fs::write(&path, b"copy").expect("writes");
    let hidden = Object::from([("text".to_owned(), Value::from("秘密笔录"))]);
    let body = CaseNote {
        note: NoteId([77; 16]),
        corrects: None,
        occurred_on: "2026-01-05".parse().expect("a date"),
    };
    let (made, ()) = desk
        .holdings
        .queue()
        .make_statement(&body, Some(CASE), hidden, |_, _| Ok(()))
        .expect("makes");
    let secret = desk
        .shelf
        .with_book(|book| book.secret(&CASE.to_string()))
        .expect("reads")
        .expect("a key")
        .to_secret_text();
    assert_eq!(desk.found("机密"), 1);
    let revoked = RevokeFrame {
        case: CASE,
        epoch: 1,
    };
    desk.shelf.revoke(&revoked).expect("purges");
    assert!(!path.exists());
    assert_eq!(desk.found("机密"), 0);
    assert!(desk.shelf.case_view(CASE).is_err());
    assert_eq!(desk.holdings.queue().known_cases(), Ok(Vec::new()));
    let purged = desk
        .holdings
        .queue()
        .statements_of_type("grant.purged/1")
        .expect("reads");
    assert_eq!(purged.len(), 1);
    // The pending note still goes out; once it is admitted its text goes too.
    let pending = desk
        .holdings
        .queue()
        .pending_batch(500, 4 << 20)
        .expect("reads");
    assert!(
        pending
            .iter()
            .any(|own| own.hash == made.hash && !own.signed.openings.is_empty())
    );
    let result = TestCourt::result(made.hash, made.seq);
    desk.holdings
        .queue()
        .record_results(&[result])
        .expect("stores");
    let own = desk
        .holdings
        .queue()
        .statement(made.hash)
        .expect("reads")
        .expect("a row");
    assert!(own.signed.bytes.is_empty() && own.signed.openings.is_empty());
    // Every row and index segment, copied out with the key, holds nothing of it. Freed pages are zeroed by
    // `secure_delete`, which a plain copy cannot show.
    let erased = desk.shelf.with_book(|book| Ok(book.erases_freed_pages()?));
    assert_eq!(erased, Ok(true));
    let plain = desk.folder.path().join("plain.db");
    desk.shelf
        .with_book(|book| Ok(book.export_plain(&plain)?))
        .expect("exports");
    let pages = std::fs::read(&plain).expect("reads");
    for word in ["高度机密词", "机密", secret.as_str()] {
        let left = pages
            .windows(word.len())
            .any(|window| window == word.as_bytes());
        assert!(!left, "{word} is left");
    }
}

#[test]
fn i7_a_revocation_while_locked_is_finished_at_the_next_unlocking() {
    let mut desk = desk();
    desk.grant(1);
    let event = desk.note_event("甲");
    assert!(desk.commit(1, &[event]));
    desk.shelf.lock();
    desk.shelf
        .revoke(&RevokeFrame {
            case: CASE,
            epoch: 1,
        })
        .expect("notes it");
    let purged = || {
        desk.holdings
            .queue()
            .statements_of_type("grant.purged/1")
            .expect("reads")
            .len()
    };
    assert_eq!(purged(), 0, "not acknowledged before it is done");
    desk.shelf.unlock().expect("unlocks");
    assert_eq!(purged(), 1);
    assert_eq!(desk.shelf.cursors(), Ok(Some(Vec::new())));
}

#[test]
fn a_bootstrap_of_many_events_is_read_once_and_then_only_its_news() {
    let mut desk = desk();
    desk.grant(1);
    let frames: Vec<_> = (0..500)
        .map(|n| desk.note_event(&format!("第{n}次走访")))
        .collect();
    assert!(desk.commit(1, &frames));
    let before = desk
        .shelf
        .with_book(|book| book.state(CASE))
        .expect("reads");
    let next = desk.note_event("又一次");
    assert!(desk.commit(1, &[next]));
    let after = desk
        .shelf
        .with_book(|book| book.state(CASE))
        .expect("reads");
    assert_eq!((before.newest_seq(), after.newest_seq()), (500, 501));
}

/// A kill after the keys were stored and before the court was told: the case is not named to the court, which grants it again, whole.
#[test]
fn i6_a_grant_cut_in_half_is_taken_in_again() {
    let mut desk = desk();
    desk.grant(1);
    let events = [desk.note_event("第一次"), desk.note_event("第二次")];
    assert!(desk.commit(1, &events));
    desk.holdings
        .queue()
        .db
        .execute_batch("DELETE FROM known_case; DELETE FROM statement WHERE type = 'key.reader/1'")
        .expect("as before the kill");
    assert_eq!(desk.shelf.cursors(), Ok(Some(Vec::new())));
    desk.grant(1);
    assert!(desk.commit(1, &events), "all events come again");
    let cursors = desk.shelf.cursors().expect("reads").expect("unlocked");
    assert_eq!(cursors.len(), 1);
    assert_eq!(desk.found("第二次"), 1, "nothing is there twice");
    assert_eq!(desk.shelf.timeline(CASE).expect("reads").len(), 2);
}

/// Case books of the first version get what later ones keep beside the events.
#[test]
fn a_case_book_of_the_first_version_lists_and_searches_as_one_of_this() {
    let mut desk = desk();
    desk.grant(1);
    let mut events = vec![desk.note_event("昨天的记录")];
    let mut replaced = desk.note_event("今天的记录");
    let mut event = Event::parse(replaced.event.get().as_bytes()).expect("an event");
    event.corrects = Some(1);
    event.at_ms = UtcMillis(77);
    let bytes = event.to_bytes().expect("canonical");
    desk.head.hash = Event::hash_of(&bytes);
    replaced.event = RawValue::from_string(String::from_utf8(bytes).expect("UTF-8")).expect("JSON");
    events.push(replaced);
    assert!(desk.commit(1, &events));
    let seen = |desk: &Desk| {
        let newest = desk.shelf.cases().expect("lists")[0].newest_at_ms;
        (newest, desk.found("昨天"), desk.found("今天"))
    };
    assert_eq!(seen(&desk), (UtcMillis(77), 0, 1));

    desk.shelf.lock();
    let key = desk
        .holdings
        .ports
        .secret_or_make(crate::casebook::READING_KEY)
        .expect("a key");
    let path = desk.folder.path().join("casebook.db");
    let now = UtcMillis(0);
    let old = crate::database::open(&path, &key, super::schema::MIGRATIONS, now).expect("opens");
    old.execute_batch(
        "DROP INDEX case_event_corrects; ALTER TABLE case_event DROP COLUMN corrects;
         ALTER TABLE case_head DROP COLUMN newest_at_ms; PRAGMA user_version = 1;",
    )
    .expect("as the first version left it");
    drop(old);
    desk.shelf.unlock().expect("brings it to this version");
    assert_eq!(seen(&desk), (UtcMillis(77), 0, 1));
}
