//! Papers of the court: made offline on the phone, printed the same in the court and on a colleague's laptop.

use std::sync::LazyLock;

use zhixing_engine::capture::CaptureRequest;
use zhixing_engine::papers::PaperOrder;
use zhixing_engine::{ErrorKind, SyncEnd};
use zhixing_papers::Fonts;
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Audience, Effect, visible_event};
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::ids::{CaseId, DocumentId};
use zhixing_protocol::statement::MediaKind;
use zhixing_server::cases;
use zhixing_tests::{CASE, Fault, Proxy, TestCourt, TestDevice, village};

/// Debian's fonts-noto-cjk.
const NOTO: &str = "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc";

fn fonts() -> &'static Fonts {
    static FONTS: LazyLock<Fonts> = LazyLock::new(|| {
        let bytes = std::fs::read(NOTO).expect("fonts-noto-cjk; scripts/setup installs it");
        Fonts::read(vec![bytes]).expect("a font")
    });
    &FONTS
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Object {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A visit record with what the case does not give.
fn visit(found: &str) -> PaperOrder {
    let signature = object([("role", text("执行人员")), ("name", text("何伟"))]);
    PaperOrder {
        template: "record.visit".into(),
        fields: object([
            ("began", text("2026-03-20T09:30")),
            ("ended", text("2026-03-20T10:05")),
            ("place", text("王家镇方山村三组")),
            ("officers", Value::Array(vec![text("何伟"), text("罗小兵")])),
            ("recorder", text("罗小兵")),
            ("answered_by", text("彭某之母")),
            ("visit_purpose", text("查明被执行人下落")),
            ("occupancy", text(found)),
            ("read_back", text("经宣读核对无误")),
            ("signatures", Value::Array(vec![Value::Object(signature)])),
        ]),
        act: None,
        revises: None,
        occurred_on: "2026-03-20".parse().ok(),
        court: Some("广元市昭化区人民法院".into()),
    }
}

async fn office() -> (TestCourt, Proxy, TestDevice, CaseId) {
    let (court, proxy, device) = village().await;
    let case = court.case(CASE).await;
    (court, proxy, device, case)
}

async fn court_state(court: &TestCourt, case: CaseId) -> CaseState {
    let mut tx = court.court.db.begin_read().await.expect("the store works");
    cases::opened_state(&mut tx, case)
        .await
        .expect("the store works")
}

/// The newest version as the court prints it.
async fn court_prints(court: &TestCourt, case: CaseId, paper: DocumentId) -> Vec<u8> {
    let state = court_state(court, case).await;
    let entry = state.paper(paper).expect("the court has it");
    let pdf = zhixing_server::papers::print(&court.court, &state, entry).await;
    pdf.expect("it can be printed").bytes
}

fn photo() -> Vec<u8> {
    let picture = image::RgbImage::from_fn(640, 480, |x, y| {
        let shade = |value: u32| u8::try_from(value % 256).unwrap_or(0);
        image::Rgb([shade(x), shade(y), 90])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .expect("a JPEG");
    bytes.into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_a_paper_made_offline_is_printed_with_the_same_bytes_by_court_and_colleague() {
    let (court, proxy, device, case) = office().await;
    let colleague = TestDevice::enrolled(&court.ticket("judge").await).await;
    assert_eq!(colleague.sync(2_000).await, SyncEnd::Done);
    proxy.set(Fault::Offline);
    let engine = device.engine();
    // What is missing is told at once, and nothing is signed.
    let before = engine.status().expect("a status").pending_statements;
    let mut order = visit("房屋无人居住，门前杂草丛生。");
    order.fields.remove("occupancy");
    order.fields.remove("place");
    let error = engine
        .make_paper(case, &order, fonts())
        .expect_err("two fields are missing");
    assert_eq!(error.kind, ErrorKind::InvalidInput);
    assert!(
        error.detail.contains("occupancy") && error.detail.contains("place"),
        "{error}"
    );
    assert_eq!(
        engine.status().expect("a status").pending_statements,
        before
    );

    // The parties, the number and the cause come from the case.
    let made = engine
        .make_paper(case, &visit("房屋无人居住，门前杂草丛生。"), fonts())
        .expect("made offline");
    assert_eq!(made.revision, 1);
    assert!(made.pdf.missing.is_empty());
    let again = engine
        .print_paper(case, made.document, None, fonts())
        .expect("printed");
    assert_eq!(again.bytes, made.pdf.bytes);
    let draft = engine
        .draft_paper(case, &visit("草稿"), fonts())
        .expect("a draft");
    assert_ne!(draft.bytes, made.pdf.bytes);

    proxy.set(Fault::None);
    device.sync_until_done().await;
    assert_eq!(
        court_prints(&court, case, made.document).await,
        made.pdf.bytes
    );
    colleague.sync_until_done().await;
    let there = colleague
        .engine()
        .print_paper(case, made.document, None, fonts())
        .expect("the colleague has the case");
    assert_eq!(there.bytes, made.pdf.bytes);

    // Two next versions made apart: the first to arrive holds, the other is told, and both print the same.
    let mut next = visit("邻居称其已外出务工。");
    next.revises = Some(made.document);
    let mut other = visit("邻居称其昨日回来过。");
    other.revises = Some(made.document);
    let second = engine.make_paper(case, &next, fonts()).expect("version 2");
    colleague
        .engine()
        .make_paper(case, &other, fonts())
        .expect("version 2 as well, as far as it knows");
    assert_eq!(second.revision, 2);
    for device in [&device, &colleague, &device] {
        device.sync_until_done().await;
    }
    let view = colleague.engine().case_view(case).expect("unlocked");
    let told = view.pending.iter().any(
        |act| matches!(&act.effect, Effect::Conflict { current } if current == "paper_revision"),
    );
    assert!(told, "{:?}", view.pending);
    let lines = colleague.engine().papers(case).expect("unlocked");
    assert_eq!(
        lines.iter().map(|line| line.revision).collect::<Vec<_>>(),
        [2, 1]
    );
    for bytes in [
        court_prints(&court, case, made.document).await,
        colleague
            .engine()
            .print_paper(case, made.document, None, fonts())
            .expect("printed")
            .bytes,
    ] {
        assert_eq!(bytes, second.pdf.bytes);
    }
    // The first version can still be had.
    let first = engine
        .print_paper(case, made.document, Some(1), fonts())
        .expect("printed");
    assert_eq!(first.bytes, made.pdf.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paper_with_a_photo_is_printed_where_the_photo_is() {
    let (court, _proxy, device, case) = office().await;
    let engine = device.engine();
    let mut open = engine
        .begin_capture(CaptureRequest::new(MediaKind::Photo, Some(case)))
        .expect("a capture");
    open.write(&photo()).expect("written");
    let sealed = open.finish().expect("sealed");
    let mut order = visit("见照片。");
    let shot = object([
        ("id", text(&sealed.statement.to_string())),
        ("caption", text("房屋正面")),
    ]);
    order
        .fields
        .insert("photos".into(), Value::Array(vec![Value::Object(shot)]));
    let made = engine
        .make_paper(case, &order, fonts())
        .expect("with a photo");
    device.sync_until_held(20).await;
    assert_eq!(
        court_prints(&court, case, made.document).await,
        made.pdf.bytes
    );
    // A colleague's device has the record and not the picture: no paper without it is given out.
    let colleague = TestDevice::enrolled(&court.ticket("judge").await).await;
    assert_eq!(colleague.sync(2_000).await, SyncEnd::Done);
    let error = colleague
        .engine()
        .print_paper(case, made.document, None, fonts())
        .expect_err("the photo is not here");
    assert!(error.detail.contains("at the court"), "{error}");
    // A photo that is none of this case is refused before anything is signed.
    let stranger = object([("id", text(&Sha256Digest([9; 32]).to_string()))]);
    order
        .fields
        .insert("photos".into(), Value::Array(vec![Value::Object(stranger)]));
    assert!(engine.make_paper(case, &order, fonts()).is_err());
    assert_eq!(engine.papers(case).expect("unlocked").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i8_no_party_learns_of_a_paper_by_its_making_and_inner_ones_stay_inside() {
    let (court, _proxy, device, case) = office().await;
    let inner = PaperOrder {
        template: "record.panel".into(),
        fields: object([
            ("began", text("2026-03-21T09:00")),
            ("ended", text("2026-03-21T09:40")),
            ("place", text("第三审判庭")),
            ("members", Value::Array(vec![text("何伟")])),
            ("recorder", text("罗小兵")),
            ("matter", text("是否拍卖")),
            ("facts", text("无异议。")),
            (
                "opinions",
                Value::Array(vec![Value::Object(object([
                    ("ask", text("何伟的意见")),
                    ("answer", text("同意")),
                ]))]),
            ),
            ("outcome", text("拍卖。")),
            ("read_back", text("核对无误")),
            (
                "signatures",
                Value::Array(vec![Value::Object(object([("role", text("审判长"))]))]),
            ),
        ]),
        ..visit("")
    };
    for order in [visit("无人。"), inner] {
        device
            .engine()
            .make_paper(case, &order, fonts())
            .expect("made");
    }
    device.sync_until_done().await;
    let mut tx = court.court.db.begin_read().await.expect("the store works");
    let events = cases::events(&mut tx, case, 0, None)
        .await
        .expect("the store works");
    let made: Vec<_> = events
        .into_iter()
        .map(|(event, _, _)| event)
        .filter(|event| event.kind == "paper.made")
        .collect();
    assert_eq!(made.len(), 2);
    for event in &made {
        for audience in [Audience::Applicant, Audience::Respondent, Audience::Grid] {
            assert_eq!(visible_event(event, audience), None);
        }
    }
    // Whatever a later table shows of papers, the inner volume says for itself that it stays inside.
    let inner = made.last().expect("two");
    assert_eq!(inner.visibility, zhixing_protocol::event::Visibility::Court);
}
