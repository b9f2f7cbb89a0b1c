//! What a closing says beside its hash: the measures that it takes, and the inventory in words for the parties.

use super::book::ActBook;
use super::standing::Standing;
use super::view::{code_of, quantity};
use crate::canonical::{Object, Value};
use crate::rules::calendar::Calendar;
use crate::rules::deadline::{Counted, Deadline, DeadlineKind, Unit};
use crate::rules::moment::Moment;
use crate::statement::MeasureTarget;
use crate::time::Date;

/// What measures the closing of this act takes hold of, each kind once; empty where it takes none.
pub fn targets(standing: &Standing<'_>) -> Vec<MeasureTarget> {
    let kind = standing
        .kind
        .and_then(|kind| ActBook::bundled().kinds.get(&kind));
    if kind.is_none_or(|kind| kind.measure.is_none()) {
        return Vec::new();
    }
    let mut targets: Vec<MeasureTarget> =
        standing.inventory().map(|line| line.fact.target).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// The last day on which a measure that begins on `from` may be in force.
///
/// *Source*: JI-CPL 485: one year for deposits, two for movables, three for land, buildings and other rights.
pub fn last_day(target: MeasureTarget, from: Date) -> Date {
    let years = match target {
        MeasureTarget::BankDeposit => 1,
        MeasureTarget::Movable => 2,
        MeasureTarget::RealEstate | MeasureTarget::OtherRight => 3,
    };
    let limit = Deadline::new(DeadlineKind::ValidityMax, years, Unit::Year);
    match limit.count(Moment::Day(from), &[], Calendar::bundled()) {
        Ok(Counted::LastDay(day)) => day,
        // Only a date at the end of the calendar of the program has no day years later.
        _ => from,
    }
}

/// The inventory as the parties get it when the act is closed: number, name, quantity, unit, condition and estimate of each line.
pub fn inventory_for_parties(standing: &Standing<'_>) -> Value {
    let book = ActBook::bundled();
    let lines = standing.inventory().zip(1_i64..).map(|(line, number)| {
        let unit = book.name("unit", &code_of(&line.fact.unit)).to_owned();
        let condition = book
            .name("condition", &code_of(&line.fact.condition))
            .to_owned();
        let name = line.hidden_text("name").unwrap_or_default();
        Value::Object(Object::from([
            ("number".to_owned(), Value::Integer(number)),
            ("name".to_owned(), Value::from(name)),
            (
                "quantity".to_owned(),
                Value::Text(quantity(line.fact.quantity_milli)),
            ),
            ("unit".to_owned(), Value::Text(unit)),
            ("condition".to_owned(), Value::Text(condition)),
            (
                "estimate_fen".to_owned(),
                line.fact.estimate_fen.map_or(Value::Null, Value::Integer),
            ),
        ]))
    });
    Value::Array(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_last_as_long_as_the_interpretation_allows() {
        let from: Date = "2020-03-20".parse().expect("a date");
        for (target, day) in [
            (MeasureTarget::BankDeposit, "2021-03-19"),
            (MeasureTarget::Movable, "2022-03-19"),
            (MeasureTarget::RealEstate, "2023-03-19"),
            (MeasureTarget::OtherRight, "2023-03-19"),
        ] {
            assert_eq!(last_day(target, from).to_string(), day);
        }
    }
}
