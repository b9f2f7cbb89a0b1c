//! The named fields of an act's record, for its printed form.

use super::book::ActBook;
use super::standing::{Answer, Standing};
use super::view::{ActView, LineView};
use crate::canonical::{Object, Value};
use crate::case::CaseState;
use crate::statement::{ActStep, PartyRole, SignedPaper};
use crate::time::UtcMillis;

/// Texts, and lists of objects of texts, by name: what the record and the inventory of an act say.
///
/// *Shape*: `case_number`, `court`, `act`, `record_title`, `began`, `ended`, `place`, `cause`, `party`, `officers`, `recorder`, `present`, `told`, `papers_shown`,
/// `recorders`, `words` (each `topic`, `person`, `text`), `answers` (each `name`, `value`, `text`), `inventory` (each line), `estimate_total_fen`, `signatures`
/// (each `name`, `how`, `at`, `papers`), `refusals` (each `name`, `what`, `witness`, `text`), `handed`, `corrections`, `record_hash`, `signature_note`. A value that this
/// copy does not hold is an empty text.
pub fn record_fields(standing: &Standing<'_>, case: &CaseState, now: UtcMillis) -> Object {
    let book = ActBook::bundled();
    let view = ActView::of(standing, case, now);
    let kind = standing.kind.and_then(|kind| book.kinds.get(&kind));
    let mut fields = Object::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    let filed = case.filed();
    put(
        "case_number",
        text(filed.map(|filed| filed.number.to_string())),
    );
    put("court", text(filed.map(|filed| filed.court.to_string())));
    put("act", Value::Text(standing.act.to_string()));
    put("kind", Value::Text(view.kind_zh.clone()));
    put(
        "record_title",
        text(kind.map(|kind| kind.record_zh.clone())),
    );
    put("began", text(view.began.map(|at| at.to_string())));
    put("ended", text(view.ended.map(|at| at.to_string())));
    put("place", text(view.place.clone()));
    let start = standing.state.start();
    put(
        "cause",
        text(start.and_then(|start| start.hidden_text("text").map(str::to_owned))),
    );
    let party = start.and_then(|start| case.party(start.fact.party?));
    let party = party.or_else(|| {
        case.parties()
            .find(|party| party.body.role == PartyRole::Respondent)
    });
    put(
        "party",
        text(party.and_then(|party| party.hidden_text("name").map(str::to_owned))),
    );
    put(
        "officers",
        people(standing, book, &["officer", "bailiff"], true),
    );
    put("recorder", people(standing, book, &["recorder"], true));
    put("present", people(standing, book, &[], true));
    put("told", people(standing, book, &[], false));
    let of = |what: &str| -> Vec<Value> {
        let steps = view
            .steps
            .iter()
            .filter(|step| step.what == what && !step.late);
        steps
            .map(|step| {
                row(&[
                    ("name", step.what_zh.clone()),
                    ("text", step.text.clone().unwrap_or_default()),
                    ("at", step.at.to_string()),
                ])
            })
            .collect()
    };
    put("papers_shown", Value::Array(of("shown")));
    put("recorders", Value::Array(of("recorder")));
    put("answers", Value::Array(of("set")));
    put("handed", Value::Array(of("handed")));
    put("read_back", Value::Array(of("read_back")));
    put("words", words(standing, book));
    put(
        "inventory",
        Value::Array(view.lines.iter().map(line).collect()),
    );
    let total = view
        .lines
        .iter()
        .filter_map(|line| line.estimate_fen)
        .fold(0_i64, i64::saturating_add);
    put("estimate_total_fen", Value::Integer(total));
    let marks = |refused: bool| -> Value {
        let marks = view
            .marks
            .iter()
            .filter(|mark| mark.current && mark.refused == refused);
        Value::Array(
            marks
                .map(|mark| {
                    row(&[
                        ("name", mark.name.clone().unwrap_or_default()),
                        ("how", mark.how_zh.clone()),
                        ("at", mark.at.to_string()),
                        ("papers", mark.papers_zh.join("、")),
                        ("witness", mark.witness.clone().unwrap_or_default()),
                    ])
                })
                .collect(),
        )
    };
    put("signatures", marks(false));
    put("refusals", marks(true));
    put("strokes", strokes(standing));
    let corrections = view.corrections.iter().map(|(at, words)| {
        row(&[
            ("at", at.to_string()),
            ("text", words.clone().unwrap_or_default()),
        ])
    });
    put("corrections", Value::Array(corrections.collect()));
    put("record_hash", Value::Text(standing.record.to_string()));
    put(
        "signature_note",
        Value::from(book.name("signature", "drawn_on_screen")),
    );
    fields
}

fn text(value: Option<String>) -> Value {
    Value::Text(value.unwrap_or_default())
}

fn row(members: &[(&str, String)]) -> Value {
    let members = members
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::Text(value.clone())));
    Value::Object(members.collect())
}

fn people(standing: &Standing<'_>, book: &ActBook, roles: &[&str], came: bool) -> Value {
    let mut rows = Vec::new();
    for person in standing.people() {
        let codes: Vec<String> = person.roles.iter().map(super::view::code_of).collect();
        let wanted = match roles.is_empty() {
            // Everybody else: the officers and the recorder have fields of their own.
            true => !person.roles.iter().any(|role| role.is_of_court()),
            false => codes.iter().any(|code| roles.contains(&code.as_str())),
        };
        if !wanted || came != (person.presence == crate::statement::Presence::Attended) {
            continue;
        }
        let names: Vec<&str> = codes.iter().map(|code| book.name("role", code)).collect();
        let said = |name| person.said.hidden_text(name).unwrap_or_default().to_owned();
        let presence = super::view::code_of(&person.presence);
        rows.push(row(&[
            ("name", said("name")),
            ("badge", said("badge")),
            ("roles", names.join("、")),
            ("presence", book.name("presence", &presence).to_owned()),
            ("text", said("text")),
        ]));
    }
    Value::Array(rows)
}

fn words(standing: &Standing<'_>, book: &ActBook) -> Value {
    let steps = standing.steps.iter();
    let rows = steps.filter_map(|(_, said)| {
        let ActStep::Note { topic } = &said.fact.step else {
            return None;
        };
        Some(row(&[
            ("topic", book.name("topic", topic).to_owned()),
            ("code", topic.clone()),
            (
                "person",
                said.hidden_text("person").unwrap_or_default().to_owned(),
            ),
            (
                "text",
                said.hidden_text("text").unwrap_or_default().to_owned(),
            ),
        ]))
    });
    Value::Array(rows.collect())
}

/// One line as texts; the estimate in fen.
fn line(line: &LineView) -> Value {
    let held = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut value = row(&[
        ("number", line.number.to_string()),
        ("name", held(&line.name)),
        ("model", held(&line.model)),
        ("serial", held(&line.serial)),
        ("place", held(&line.place)),
        ("seal_number", held(&line.seal_number)),
        ("quantity", line.quantity.clone()),
        ("unit", line.unit_zh.clone()),
        ("condition", line.condition_zh.clone()),
        ("keeper", held(&line.keeper)),
        ("exempt", line.exempt_zh.join("、")),
        ("photos", line.photos.len().to_string()),
        ("text", held(&line.text)),
    ]);
    if let Value::Object(members) = &mut value {
        members.insert(
            "estimate_fen".to_owned(),
            line.estimate_fen.map_or(Value::Null, Value::Integer),
        );
        let photos = line.photos.iter().map(|photo| Value::Text(photo.clone()));
        members.insert("photo_ids".to_owned(), Value::Array(photos.collect()));
    }
    value
}

/// Drawn signatures of the version that stands: each `name` and `strokes`.
fn strokes(standing: &Standing<'_>) -> Value {
    let mut rows = Vec::new();
    for person in standing.people() {
        let papers = [
            SignedPaper::Record,
            SignedPaper::Receipt,
            SignedPaper::Inventory,
        ];
        let drawn = papers
            .into_iter()
            .filter(|paper| standing.signs(person.attendee, *paper) == Some(Answer::Signed))
            .find_map(|paper| {
                standing
                    .signature(person.attendee, paper)?
                    .hidden
                    .get("strokes")
            });
        if let Some(drawn) = drawn {
            let name = person.said.hidden_text("name").unwrap_or_default();
            rows.push(Value::Object(Object::from([
                ("name".to_owned(), Value::from(name)),
                ("strokes".to_owned(), drawn.clone()),
            ])));
        }
    }
    Value::Array(rows)
}
