//! `deadline`: counting of time limits.

use serde::Deserialize;
use serde_json::{Value, json};

use super::file::Vector;
use super::{MALFORMED, Refused};
use crate::rules::calendar::Calendar;
use crate::rules::deadline::{Counted, Deadline};
use crate::rules::moment::Moment;
use crate::rules::span::Span;

#[derive(Deserialize)]
struct DeadlineVector {
    #[serde(flatten)]
    deadline: Deadline,
    trigger: Moment,
    #[serde(default)]
    pauses: Vec<Span>,
}

pub(super) fn is_like(vector: &Value) -> bool {
    vector.get("trigger").is_some() && vector.get("kind").is_some()
}

/// The dates counted, with the holidays of the file's own member `holidays` or else the bundled ones.
pub(super) fn answer(vector: &Vector<'_>) -> Result<Value, Refused> {
    let DeadlineVector {
        deadline,
        trigger,
        pauses,
    } = vector.read()?;
    let counted = match vector.beside("holidays") {
        None => deadline.count(trigger, &pauses, Calendar::bundled()),
        Some(holidays) => {
            let own =
                Calendar::from_value(holidays).map_err(|error| Refused::new(MALFORMED, &error))?;
            deadline.count(trigger, &pauses, &own)
        }
    };
    Ok(
        match counted.map_err(|error| Refused::new(error.code(), &error))? {
            Counted::Due(due) => json!({ "due": due }),
            Counted::LastDay(last_day) => json!({ "last_day": last_day }),
            Counted::Earliest(earliest) => json!({ "earliest": earliest }),
            Counted::ActBy(act_by) => json!({ "act_by": act_by }),
            Counted::Window { earliest, act_by } => {
                json!({ "earliest": earliest, "act_by": act_by })
            }
            Counted::NoDate => json!({}),
        },
    )
}
