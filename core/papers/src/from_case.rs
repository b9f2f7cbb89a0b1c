//! Fields that the case itself gives.

use std::collections::BTreeMap;

use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::case::{CaseState, Entry};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::statement::{MeasureKind, MeasureTarget, PartyAdded, PartyRole};
use zhixing_protocol::time::Date;

use crate::template::{FieldKind, Template};

/// What the case and its clock give for a template's fields. Whoever makes the paper adds the rest, and may replace any.
///
/// `court` is the court's name in words, which events do not hold; without it the newest paper of the case is asked. `today` fills fields for the day of the
/// paper.
pub fn from_case(
    template: &Template,
    state: &CaseState,
    court: Option<&str>,
    today: Date,
) -> Object {
    let mut found = Object::new();
    for field in &template.fields {
        let value = match field.from.as_deref() {
            Some(source) => from(source, state, court),
            None if field.kind == FieldKind::Date && field.name == "on" => {
                Some(Value::Text(today.to_string()))
            }
            None => None,
        };
        if let Some(value) = value {
            found.insert(field.name.clone(), value);
        }
    }
    found
}

fn from(source: &str, state: &CaseState, court: Option<&str>) -> Option<Value> {
    let filing = state.filing();
    match source {
        "case.court" => court
            .map(|court| Value::Text(court.to_owned()))
            .or_else(|| court_of_papers(state)),
        "case.number" => filing.map(|filing| Value::Text(filing.body.number.to_string())),
        "case.title" => filing.and_then(|filing| filing.hidden.get("title").cloned()),
        "case.cause" => filing.map(|filing| Value::Text(cause(&filing.body.cause).to_owned())),
        "case.amount" => filing.and_then(|filing| filing.body.amount_fen.map(Value::Integer)),
        "case.filed_on" => filing.map(|filing| Value::Text(filing.occurred_on.to_string())),
        "case.applicants" => people(state, PartyRole::Applicant),
        "case.respondents" => people(state, PartyRole::Respondent),
        "case.handler" => state.handler().and_then(|(_, member)| {
            let name = Value::Text(member.name.clone()?);
            Some(Value::Array(vec![Value::Object(BTreeMap::from([(
                "name".to_owned(),
                name,
            )]))]))
        }),
        "case.measures" => measures(state),
        _ => None,
    }
}

/// The court as the newest paper of the case names it.
fn court_of_papers(state: &CaseState) -> Option<Value> {
    state
        .papers()
        .flat_map(|(_, versions)| versions)
        .max_by_key(|version| version.seq)
        .and_then(|version| version.hidden.get("fields")?.get("court").cloned())
}

/// Causes of action as imports code them; an unknown one is printed as it is.
fn cause(code: &str) -> &str {
    match code {
        "loan" => "民间借贷纠纷",
        "sale" => "买卖合同纠纷",
        "labour" => "劳动争议纠纷",
        "traffic" => "机动车交通事故责任纠纷",
        "lease" => "租赁合同纠纷",
        "construction" => "建设工程施工合同纠纷",
        "divorce" => "离婚纠纷",
        "maintenance" => "抚养费、赡养费纠纷",
        "tort" => "侵权责任纠纷",
        other => other,
    }
}

fn people(state: &CaseState, role: PartyRole) -> Option<Value> {
    let people: Vec<Value> = state
        .parties()
        .filter(|party| party.body.role == role)
        .filter_map(person)
        .collect();
    (!people.is_empty()).then_some(Value::Array(people))
}

fn person(party: &Entry<PartyAdded>) -> Option<Value> {
    party.hidden_text("name")?;
    let id = if party.body.person_kind == "person" {
        "id_number"
    } else {
        "credit_code"
    };
    let members = [
        ("name", "name"),
        ("id_number", id),
        ("address", "address"),
        ("phone", "phone"),
    ];
    let members = members.into_iter().filter_map(|(from, to)| {
        let text = party.hidden_text(from).filter(|text| !text.is_empty())?;
        Some((to.to_owned(), Value::Text(text.to_owned())))
    });
    Some(Value::Object(members.collect()))
}

fn measures(state: &CaseState) -> Option<Value> {
    let rows: Vec<Value> = state
        .facts()
        .measures()
        .into_iter()
        .map(|measure| {
            let kind = match measure.kind {
                MeasureKind::Freeze => "冻结",
                MeasureKind::Seal => "查封",
                MeasureKind::Seize => "扣押",
            };
            let target = match measure.target {
                MeasureTarget::BankDeposit => "银行存款",
                MeasureTarget::Movable => "动产",
                MeasureTarget::RealEstate => "不动产",
                MeasureTarget::OtherRight => "其他财产权",
            };
            let released = measure.released.map(Moment::date);
            let text = |text: String| Value::Text(text);
            let mut row = Object::from([
                ("measure".to_owned(), text(format!("{kind}{target}"))),
                (
                    "state".to_owned(),
                    text(
                        if released.is_some() {
                            "已解除"
                        } else {
                            "未解除"
                        }
                        .to_owned(),
                    ),
                ),
                ("remark".to_owned(), text(format!("至{}", measure.until))),
            ]);
            if let Some(day) = released {
                row.insert("released_on".to_owned(), text(day.to_string()));
            }
            Value::Object(row)
        })
        .collect();
    (!rows.is_empty()).then_some(Value::Array(rows))
}
