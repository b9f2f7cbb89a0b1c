//! The paper of a reckoning of delay interest: every step as a row.

use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::rules::delay_interest::{Claim, DelayInterest};
use zhixing_protocol::time::Date;

/// Fields of `calculation.delay_interest` for a claim and what was reckoned of it.
pub fn from_interest(claim: &Claim, owed: &DelayInterest) -> Object {
    let number = Value::Integer;
    let day = |day: Date| Value::Text(day.to_string());
    let row = |members: Vec<(&str, Value)>| {
        let members = members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Value::Object(members.collect())
    };
    let ordinary = owed.ordinary_segments.iter().map(|step| {
        row(vec![
            ("from", day(step.from)),
            ("to", day(step.to)),
            ("days", number(step.days)),
            ("principal", number(step.principal_fen)),
            ("rate", Value::Text(format!("日{}", step.rate))),
            ("amount", number(step.fen)),
        ])
    });
    let doubled = owed.doubled_segments.iter().map(|step| {
        // Counted from the day after the one on which performance was due.
        row(vec![
            ("from", day(step.after.plus_days(1))),
            ("to", day(step.through)),
            ("days", number(step.days)),
            ("principal", number(step.principal_fen)),
            ("rate", Value::Text("日1.75/10000".into())),
            ("amount", number(step.fen)),
        ])
    });
    let payments = owed.payments.iter().map(|paid| {
        let amount = [
            paid.ordinary_fen,
            paid.principal_fen,
            paid.doubled_fen,
            paid.surplus_fen,
        ];
        row(vec![
            ("paid_on", day(paid.stop)),
            ("amount", number(amount.iter().sum())),
            ("interest", number(paid.ordinary_fen)),
            ("principal", number(paid.principal_fen)),
            ("doubled", number(paid.doubled_fen)),
            ("surplus", number(paid.surplus_fen)),
        ])
    });
    let principal = claim.debts.iter().map(|debt| debt.principal_fen).sum();
    let mut fields = Object::from(
        [
            ("principal", number(principal)),
            ("until", day(claim.as_of)),
            ("ordinary", Value::Array(ordinary.collect())),
            ("doubled", Value::Array(doubled.collect())),
            ("payments", Value::Array(payments.collect())),
            ("owed_principal", number(owed.remaining.principal_fen)),
            ("owed_ordinary", number(owed.remaining.ordinary_fen)),
            ("owed_doubled", number(owed.remaining.doubled_fen)),
            ("owed_total", number(owed.remaining.total_fen)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    if let Some(due) = claim.debts.iter().map(|debt| debt.due).min() {
        fields.insert("due".into(), day(due));
    }
    fields
}
