//! Acts on a device: resumed after a kill, kept apart from what is not confirmed, closed by nobody too early.

use zhixing_protocol::act::{ActStatus, ActView};
use zhixing_protocol::canonical;
use zhixing_protocol::ids::{ActId, AttendeeId, CaseId};
use zhixing_protocol::statement::{
    ActKind, ActStep, AttendeeRole, LineCondition, LineUnit, MeasureTarget, NodeValue, Presence,
    Refusal, SignedPaper,
};
use zhixing_protocol::wire::{GrantFrame, RevokeFrame};

use super::{ActStart, LineEntry, Refused, Signing, StepWords};
use crate::casebook::CaseChange;
use crate::engine::Engine;
use crate::error::ErrorKind;
use crate::ports::Ports;
use crate::testing::{COURT, TestCourt, test_ports};

const CASE: CaseId = CaseId([9; 16]);

/// A device with one case and one act.
struct Field {
    folder: tempfile::TempDir,
    ports: Ports,
    clock: std::sync::Arc<crate::testing::TestClock>,
    engine: Option<Engine>,
    act: ActId,
}

impl Field {
    fn with(kind: ActKind) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ports, clock) = test_ports(7);
        let engine = Engine::open(folder.path(), ports.clone()).expect("opens");
        let court = TestCourt::new(ports.clock.wall_ms());
        let ticket = court.ticket().to_string();
        let (_, request) = engine
            .prepare_enrol(&ticket, "phone", None)
            .expect("a ticket");
        engine
            .accept_enrol(&court.answer_enrol(&request))
            .expect("the court agrees");
        let grant = GrantFrame {
            case: CASE,
            court: COURT.parse().expect("a court word"),
            epoch: 1,
            number: "（2020）川0811执123号".parse().expect("a case number"),
        };
        engine
            .shelf
            .take_in(&[CaseChange::Grant(grant)])
            .expect("takes a grant");
        let start = ActStart {
            kind,
            about: None,
            party: None,
            place: Some("方山村4组".to_owned()),
            cause: Some("核实财产线索".to_owned()),
            at: None,
        };
        let (act, _) = engine.act_start(CASE, &start).expect("begins");
        Self {
            folder,
            ports,
            clock,
            engine: Some(engine),
            act,
        }
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it runs")
    }

    /// The process ends without a word and starts again.
    fn kill(&mut self) {
        self.engine = None;
        let engine = Engine::open(self.folder.path(), self.ports.clone()).expect("opens again");
        engine.unlock().expect("unlocks");
        self.engine = Some(engine);
    }

    fn view(&self) -> ActView {
        self.engine()
            .act_view(CASE, self.act, None)
            .expect("unlocked")
    }

    fn step(&self, step: ActStep, text: &str) {
        // Nobody says two things in the same second.
        self.clock.advance(1_000);
        self.engine()
            .act_step(CASE, self.act, step, &StepWords::text(text))
            .expect("recorded");
    }

    fn present(&self, role: AttendeeRole, name: &str) -> AttendeeId {
        let attendee = self.engine().new_attendee().expect("randomness");
        let step = ActStep::Present {
            attendee,
            female: None,
            party: None,
            presence: Presence::Attended,
            roles: vec![role],
            staff: None,
        };
        let words = StepWords {
            hidden: vec![("name".to_owned(), name.to_owned())],
            ..StepWords::default()
        };
        self.engine()
            .act_step(CASE, self.act, step, &words)
            .expect("recorded");
        attendee
    }

    fn set(&self, field: &str, value: NodeValue) {
        let step = ActStep::Set {
            field: field.to_owned(),
            value,
        };
        self.step(step, "");
    }

    /// Everything an inquiry needs, up to the signatures.
    fn whole_inquiry(&self) -> (AttendeeId, AttendeeId, AttendeeId) {
        let one = self.present(AttendeeRole::Officer, "何伟");
        let two = self.present(AttendeeRole::Officer, "李庚");
        let asked = self.present(AttendeeRole::Asked, "彭乙");
        let shown = ActStep::Shown {
            document: None,
            evidence: None,
            paper: "work_id".into(),
        };
        self.step(shown, "");
        let recorder = ActStep::Recorder {
            recorder: "DSJ-1".into(),
            recording: None,
        };
        self.step(recorder, "");
        for topic in ["question", "answer"] {
            let topic = topic.to_owned();
            self.step(ActStep::Note { topic }, "还款能力");
        }
        self.step(ActStep::Ended {}, "");
        (one, two, asked)
    }
}

fn strokes() -> canonical::Value {
    canonical::parse(b"[[[100,100,0,400],[120,110,16,420],[160,130,33,0]]]").expect("canonical")
}

fn tractor() -> LineEntry {
    LineEntry {
        line: None,
        name: "拖拉机".to_owned(),
        model: Some("东方红".to_owned()),
        serial: None,
        place: None,
        seal_number: None,
        text: None,
        quantity_milli: 1000,
        unit: LineUnit::Vehicle,
        condition: LineCondition::Used,
        estimate_fen: Some(800_000),
        keeper: None,
        target: MeasureTarget::Movable,
        unregistered_vehicle: false,
    }
}

#[test]
fn i1_an_act_goes_on_exactly_where_a_kill_or_a_lock_interrupted_it() {
    let mut field = Field::with(ActKind::Seal);
    let keeper = field.present(AttendeeRole::Keeper, "王大");
    let mut line = tractor();
    line.keeper = Some(keeper);
    field
        .engine()
        .act_line(CASE, field.act, &line, &StepWords::default())
        .expect("recorded");
    field
        .engine()
        .act_keep_draft(CASE, field.act, "course", "到达现场后，")
        .expect("kept");
    let before = field.view();
    assert_eq!(before.lines.len(), 1);
    field.kill();
    assert_eq!(field.view(), before);
    let drafts = field
        .engine()
        .act_drafts(CASE, field.act)
        .expect("unlocked");
    assert_eq!(drafts, [("course".to_owned(), "到达现场后，".to_owned())]);
    // Locked in the middle: nothing can be read, and steps go on.
    field.engine().lock();
    let locked = field.engine().act_view(CASE, field.act, None);
    assert_eq!(locked.expect_err("locked").kind, ErrorKind::Locked);
    let locked = field.engine().act_drafts(CASE, field.act);
    assert_eq!(locked.expect_err("locked").kind, ErrorKind::Locked);
    let topic = "statement".to_owned();
    field.step(ActStep::Note { topic }, "锁屏后记下的话");
    let unseen = field.engine().act_close(CASE, field.act, None, 1);
    assert_eq!(
        unseen.expect_err("nobody sees what is closed").kind,
        ErrorKind::Locked
    );
    field.kill();
    let after = field.view();
    assert_eq!(after.lines, before.lines);
    assert_eq!(after.steps.len(), before.steps.len() + 1);
    assert_eq!(after.next, before.next);
}

#[test]
fn a_draft_goes_with_the_step_that_confirms_it_and_stays_if_that_is_refused() {
    let field = Field::with(ActKind::Inquiry);
    let engine = field.engine();
    engine
        .act_keep_draft(CASE, field.act, "answer", "没有钱")
        .expect("kept");
    let empty = StepWords {
        confirms: Some("answer".to_owned()),
        ..StepWords::text("  ")
    };
    let note = || ActStep::Note {
        topic: "answer".to_owned(),
    };
    let refused = engine.act_step(CASE, field.act, note(), &empty);
    assert_eq!(refused.expect_err("no words").kind, ErrorKind::InvalidInput);
    assert_eq!(
        engine.act_drafts(CASE, field.act).expect("unlocked").len(),
        1
    );
    let words = StepWords {
        confirms: Some("answer".to_owned()),
        ..StepWords::text("没有钱")
    };
    engine
        .act_step(CASE, field.act, note(), &words)
        .expect("recorded");
    assert_eq!(engine.act_drafts(CASE, field.act), Ok(Vec::new()));
    engine
        .act_keep_draft(CASE, field.act, "answer", "又写")
        .expect("kept");
    engine
        .act_keep_draft(CASE, field.act, "answer", "")
        .expect("taken away");
    assert_eq!(engine.act_drafts(CASE, field.act), Ok(Vec::new()));
}

#[test]
fn i7_drafts_go_with_the_case() {
    let field = Field::with(ActKind::HomeVisit);
    let engine = field.engine();
    engine
        .act_keep_draft(CASE, field.act, "findings", "邻居称其已外出")
        .expect("kept");
    let count = || {
        let queue = engine.holdings.queue();
        queue
            .count("SELECT count(*) FROM act_draft")
            .expect("reads")
    };
    assert_eq!(count(), 1);
    let revoked = RevokeFrame {
        case: CASE,
        epoch: 1,
    };
    engine.shelf.revoke(&revoked).expect("purges");
    assert_eq!(count(), 0);
    let gone = engine.act_keep_draft(CASE, field.act, "findings", "再写");
    assert_eq!(gone.expect_err("not granted").kind, ErrorKind::NotFound);
}

#[test]
fn an_act_is_closed_when_nothing_hard_is_missing_and_never_changed_after_that() {
    let field = Field::with(ActKind::Inquiry);
    let engine = field.engine();
    let early = engine.act_close(CASE, field.act, None, 1);
    let early = early.expect_err("nothing is there yet");
    assert_eq!(early.kind, ErrorKind::Rejected);
    assert!(
        early.detail.contains("两名以上执行人员到场"),
        "{}",
        early.detail
    );
    let (one, two, asked) = field.whole_inquiry();
    let read = engine.act_read_back(CASE, field.act, asked, true);
    read.expect("recorded");
    for officer in [one, two] {
        engine
            .act_sign(
                CASE,
                field.act,
                officer,
                &[SignedPaper::Record],
                &Signing::Drawn(strokes()),
            )
            .expect("signed");
    }
    assert!(!field.view().can_close);
    let witness = field.present(AttendeeRole::GrassRoots, "村主任");
    // Somebody new in the record: what was signed before is another version.
    assert!(field.view().marks.iter().all(|mark| !mark.current));
    engine
        .act_read_back(CASE, field.act, asked, false)
        .expect("recorded");
    for officer in [one, two] {
        engine
            .act_sign(
                CASE,
                field.act,
                officer,
                &[SignedPaper::Record],
                &Signing::Drawn(strokes()),
            )
            .expect("signed");
    }
    let refused = Refused {
        attendee: asked,
        what: Refusal::Sign,
        witness: Some(witness),
        evidence: None,
        text: Some("不认可".to_owned()),
    };
    engine
        .act_refuse(CASE, field.act, &refused)
        .expect("recorded");
    let view = field.view();
    assert!(view.can_close, "{:#?}", view.missing);
    engine.act_close(CASE, field.act, None, 1).expect("closes");
    let closed = field.view();
    assert_eq!(closed.status, ActStatus::Closed);
    assert_eq!(closed.record, view.record);
    let topic = "course".to_owned();
    let late = engine.act_step(
        CASE,
        field.act,
        ActStep::Note { topic },
        &StepWords::text("补"),
    );
    assert_eq!(late.expect_err("closed").kind, ErrorKind::Rejected);
    let again = engine.act_close(CASE, field.act, None, 1);
    assert_eq!(again.expect_err("closed").kind, ErrorKind::Rejected);
    let own = engine.act_countersign(CASE, field.act, None);
    assert_eq!(own.expect_err("the same device").kind, ErrorKind::Rejected);
    engine
        .act_correct(CASE, field.act, None, "姓名应为彭乙")
        .expect("added");
    let corrected = field.view();
    assert_eq!(corrected.corrections.len(), 1);
    assert_eq!(
        (corrected.record, corrected.steps),
        (closed.record, closed.steps)
    );
}

#[test]
fn what_is_said_anew_on_one_device_contradicts_nothing() {
    let field = Field::with(ActKind::Seizure);
    let engine = field.engine();
    field.set("recording_told", NodeValue::Flag(false));
    field.set("recording_told", NodeValue::Flag(true));
    let (line, _) = engine
        .act_line(CASE, field.act, &tractor(), &StepWords::default())
        .expect("recorded");
    let mut better = tractor();
    better.line = Some(line);
    better.quantity_milli = 2000;
    engine
        .act_line(CASE, field.act, &better, &StepWords::default())
        .expect("recorded");
    for category in [
        zhixing_protocol::statement::Exemption::Medical,
        zhixing_protocol::statement::Exemption::None,
    ] {
        field.step(ActStep::Exempt { category, line }, "核对");
    }
    field.step(ActStep::Ended {}, "");
    field.step(ActStep::Ended {}, "");
    let view = field.view();
    assert!(
        view.missing
            .iter()
            .all(|item| item.requirement != "conflict"),
        "{:#?}",
        view.missing
    );
    assert_eq!(view.lines.len(), 1);
    assert_eq!(view.lines[0].quantity, "2");
    let mut nameless = tractor();
    nameless.name = " ".to_owned();
    let mut nothing = tractor();
    nothing.quantity_milli = 0;
    for bad in [nameless, nothing] {
        let refused = engine.act_line(CASE, field.act, &bad, &StepWords::default());
        assert_eq!(refused.expect_err("no line").kind, ErrorKind::InvalidInput);
    }
}

#[test]
fn a_measure_lasts_no_longer_than_the_law_allows() {
    let field = Field::with(ActKind::Delivery);
    let engine = field.engine();
    let asked = field.present(AttendeeRole::Recipient, "梁甲");
    let bad = canonical::parse(b"[[[1,2,3]]]").expect("canonical");
    let sign = engine.act_sign(
        CASE,
        field.act,
        asked,
        &[SignedPaper::Receipt],
        &Signing::Drawn(bad),
    );
    assert_eq!(sign.expect_err("no strokes").kind, ErrorKind::InvalidInput);
    let stranger = AttendeeId([1; 16]);
    let sign = engine.act_sign(
        CASE,
        field.act,
        stranger,
        &[SignedPaper::Receipt],
        &Signing::Drawn(strokes()),
    );
    assert_eq!(sign.expect_err("nobody").kind, ErrorKind::NotFound);
    // 2026-01-05 and two years of a movable thing end on 2028-01-04.
    let field = Field::with(ActKind::Seal);
    let engine = field.engine();
    let officers = [
        field.present(AttendeeRole::Officer, "何伟"),
        field.present(AttendeeRole::Officer, "李庚"),
    ];
    let family = field.present(AttendeeRole::AdultFamily, "彭母");
    let village = field.present(AttendeeRole::GrassRoots, "村主任");
    for paper in ["work_id", "ruling"] {
        let step = ActStep::Shown {
            document: None,
            evidence: None,
            paper: paper.into(),
        };
        field.step(step, "（2026）川0811执1号");
    }
    let recorder = ActStep::Recorder {
        recorder: "DSJ-1".into(),
        recording: None,
    };
    field.step(recorder, "");
    let mut line = tractor();
    line.keeper = Some(family);
    let (line, _) = engine
        .act_line(CASE, field.act, &line, &StepWords::default())
        .expect("recorded");
    let category = zhixing_protocol::statement::Exemption::None;
    field.step(ActStep::Exempt { category, line }, "非必需");
    for (shot, line) in [("item", Some(line)), ("seal_in_place", None)] {
        let step = ActStep::Shot {
            evidence: zhixing_protocol::hash::StatementHash([4; 32]),
            line,
            shot: shot.into(),
        };
        field.step(step, "");
    }
    let topic = "course".to_owned();
    field.step(ActStep::Note { topic }, "张贴封条");
    field.step(ActStep::Ended {}, "");
    let papers = [SignedPaper::Record, SignedPaper::Inventory];
    for person in officers.into_iter().chain([family, village]) {
        engine
            .act_sign(CASE, field.act, person, &papers, &Signing::Drawn(strokes()))
            .expect("signed");
    }
    let copy = ActStep::Handed {
        attendee: family,
        evidence: None,
        paper: "inventory_copy".into(),
    };
    field.step(copy, "");
    let date = |text: &str| text.parse().expect("a date");
    for wrong in ["2028-01-05", "2026-01-04"] {
        let refused = engine.act_close(CASE, field.act, Some(date(wrong)), 1);
        let refused = refused.expect_err(wrong);
        assert_eq!(refused.kind, ErrorKind::InvalidInput);
        assert!(refused.detail.contains("2028-01-04"), "{}", refused.detail);
    }
    engine.act_close(CASE, field.act, None, 2).expect("closes");
    let view = engine.case_view(CASE).expect("unlocked");
    let measures = view.state.facts().measures();
    assert_eq!(measures.len(), 1);
    assert_eq!(
        (measures[0].until, measures[0].rank),
        (date("2028-01-04"), 2)
    );
}

/// What the papers of an act still ask for after it was carried out with everything an act can hold: numbers of papers that nobody photographed, and
/// what is decided only afterwards.
const LEFT: &[(&str, &[&str])] = &[
    ("record.cash", &["hand_in", "paid_by", "receipt_number"]),
    ("receipt.cash", &["paid_by", "receipt_number"]),
    ("record.compelled_attendance", &["limit_hours"]),
    ("receipt.service", &["method"]),
];

#[test]
fn the_papers_of_every_kind_of_act_are_filled_from_it() {
    let kinds = [
        ActKind::Inquiry,
        ActKind::HomeVisit,
        ActKind::Inspection,
        ActKind::Seal,
        ActKind::Seizure,
        ActKind::Search,
        ActKind::Eviction,
        ActKind::Delivery,
        ActKind::LeaveService,
        ActKind::CompelledAttendance,
        ActKind::Detention,
        ActKind::Cash,
    ];
    for kind in kinds {
        let field = Field::with(kind);
        everything(&field);
        let papers: Vec<_> = zhixing_papers::templates()
            .expect("the bundled templates")
            .iter()
            .filter(|template| zhixing_papers::is_of_act(template, kind))
            .collect();
        assert!(!papers.is_empty(), "{kind:?} has a record");
        for template in papers {
            let order = crate::papers::PaperOrder {
                template: template.id.clone(),
                fields: canonical::Object::new(),
                act: Some(field.act),
                revises: None,
                occurred_on: None,
                court: Some("昭化区人民法院".to_owned()),
            };
            let fields = field
                .engine()
                .paper_fields(CASE, &order)
                .expect("the act is there");
            let faults = match zhixing_papers::check(template, &fields) {
                Ok(()) => Vec::new(),
                Err(zhixing_papers::PaperError::Fields(faults)) => faults,
                Err(other) => panic!("{}: {other}", template.id),
            };
            // Nothing of it has a wrong shape; what is missing is what the case gives elsewhere or what is listed.
            assert!(
                faults
                    .iter()
                    .all(|fault| fault.fault.starts_with("missing")),
                "{}: {faults:?}",
                template.id
            );
            let of_case = |name: &str| {
                template
                    .field(name)
                    .is_some_and(|field| field.from.is_some())
            };
            let mut missing: Vec<&str> = faults
                .iter()
                .map(|fault| fault.field.as_str())
                .filter(|name| !of_case(name))
                .collect();
            missing.sort_unstable();
            let left = LEFT
                .iter()
                .find(|(id, _)| *id == template.id)
                .map_or(&[][..], |(_, left)| left);
            assert_eq!(missing, left, "{}", template.id);
        }
    }
}

/// Everything that any act can hold, said once.
fn everything(field: &Field) {
    let roles = [
        (AttendeeRole::Officer, "何伟"),
        (AttendeeRole::Officer, "李庚"),
        (AttendeeRole::Recorder, "罗小兵"),
        (AttendeeRole::Respondent, "彭乙"),
        (AttendeeRole::Asked, "彭某之母"),
        (AttendeeRole::GrassRoots, "村主任"),
        (AttendeeRole::Recipient, "收件人"),
        (AttendeeRole::Payer, "交款人"),
        (AttendeeRole::Witness, "见证人甲"),
    ];
    let people = roles.map(|(role, name)| field.present(role, name));
    for paper in [
        "work_id",
        "ruling",
        "search_warrant",
        "eviction_notice",
        "compel_writ",
        "detention_decision",
        "served_paper",
    ] {
        let shown = ActStep::Shown {
            document: None,
            evidence: None,
            paper: paper.into(),
        };
        field.step(shown, "（2020）川0811执123号之一");
    }
    field.step(
        ActStep::Recorder {
            recorder: "DSJ-1".into(),
            recording: None,
        },
        "",
    );
    for topic in [
        "question",
        "answer",
        "course",
        "findings",
        "next_step",
        "refusal_reason",
        "statement",
    ] {
        field.step(
            ActStep::Note {
                topic: topic.into(),
            },
            "当场所见",
        );
    }
    for flag in [
        "rights_told",
        "recording_told",
        "forced_open",
        "occupancy",
        "vulnerable_present",
        "family_told",
    ] {
        field.set(flag, NodeValue::Flag(true));
    }
    field.set("amount_fen", NodeValue::Number(500_000));
    field.set("days", NodeValue::Number(10));
    for (code, at) in [
        ("brought_in", "2026-03-20T09:30"),
        ("inquiry_ended", "2026-03-20T11:30"),
        ("vacate_by", "2026-04-01"),
    ] {
        field.set(code, NodeValue::Code(at.into()));
    }
    field.set("place", NodeValue::Code("detention-house-1".into()));
    field
        .engine()
        .act_line(CASE, field.act, &tractor(), &StepWords::default())
        .expect("recorded");
    field.step(
        ActStep::Handed {
            attendee: people[3],
            evidence: None,
            paper: "inventory_copy".into(),
        },
        "",
    );
    field.step(ActStep::Ended {}, "");
    field
        .engine()
        .act_read_back(CASE, field.act, people[3], true)
        .expect("recorded");
    field
        .engine()
        .act_sign(
            CASE,
            field.act,
            people[0],
            &[SignedPaper::Record],
            &Signing::Drawn(strokes()),
        )
        .expect("signed");
}

#[test]
fn a_record_is_printed_from_its_act_with_the_strokes_that_were_drawn() {
    let field = Field::with(ActKind::Inquiry);
    everything(&field);
    let order = |template: &str| crate::papers::PaperOrder {
        template: template.to_owned(),
        fields: canonical::Object::new(),
        act: Some(field.act),
        revises: None,
        occurred_on: None,
        court: Some("昭化区人民法院".to_owned()),
    };
    let fields = field
        .engine()
        .paper_fields(CASE, &order("record.inquiry"))
        .expect("the act is there");
    let text = |name: &str| {
        fields
            .get(name)
            .and_then(|value| value.as_text())
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(text("place"), "方山村4组");
    assert_eq!(text("read_back"), "彭乙核对无误");
    let officers = fields.get("officers").expect("officers").clone();
    assert_eq!(
        officers,
        canonical::parse(
            r#"[{"name":"何伟","post":"执行人员"},{"name":"李庚","post":"执行人员"}]"#.as_bytes()
        )
        .expect("canonical")
    );
    let dialogue = fields.get("dialogue").expect("questions").clone();
    assert_eq!(
        dialogue,
        canonical::parse(r#"[{"answer":"当场所见","ask":"当场所见"}]"#.as_bytes())
            .expect("canonical")
    );
    let canonical::Value::Array(signatures) = fields.get("signatures").expect("signatures").clone()
    else {
        panic!("a list");
    };
    assert_eq!(signatures.len(), 9, "a line for everybody who was there");
    assert_eq!(
        signatures
            .iter()
            .filter(|line| line.get("strokes") == Some(&strokes()))
            .count(),
        1
    );
    // A paper of another kind of act is none of this one.
    let wrong = field
        .engine()
        .paper_fields(CASE, &order("record.search"))
        .expect_err("another kind");
    assert_eq!(wrong.kind, ErrorKind::InvalidInput);
}
