//! Makes histories of a case out of facts.

use std::collections::BTreeMap;

use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Event, EventBody, Visibility};
use zhixing_protocol::hash::{EventHash, StatementHash};
use zhixing_protocol::ids::{CaseId, MeasureId, PartyId, PauseId, StaffId, SubjectId};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::rules::pack::{Rule, Selector};
use zhixing_protocol::statement::{
    CaseAssigned, CaseFiled, CaseRole, MeasureKind, MeasureReleased, MeasureRenewed, MeasureTaken,
    MeasureTarget, NodeRecorded, NodeValue, Openings, PartyAdded, PartyRole, PauseBegun,
    PauseEnded,
};
use zhixing_protocol::time::{Date, UtcMillis};

/// A date of a test.
pub fn date(text: &str) -> Date {
    text.parse().expect("the test wrote a valid date")
}

/// Noon of a day in China.
pub fn noon(date: Date) -> UtcMillis {
    date.shanghai_noon()
}

/// A history that grows.
#[derive(Default)]
pub struct History {
    pub state: CaseState,
    seq: u64,
}

impl History {
    /// Adds an event; gives its number.
    pub fn add(&mut self, on: Date, body: &EventBody) -> u64 {
        self.correct(on, body, None)
    }

    /// Adds an event that replaces another.
    pub fn correct(&mut self, on: Date, body: &EventBody, corrects: Option<u64>) -> u64 {
        self.seq += 1;
        let (kind, value) = body.write().expect("a known kind");
        let event = Event {
            at_ms: noon(on),
            body: value,
            case: CaseId([1; 16]),
            cause: StatementHash([7; 32]),
            corrects,
            hidden: BTreeMap::new(),
            kind: kind.to_owned(),
            occurred_on: on,
            prev: EventHash::ZERO,
            seq: self.seq,
            visibility: Visibility::Table,
            unknown: BTreeMap::new(),
        };
        self.state.apply(&event, &Openings::new());
        self.seq
    }

    /// A money case, filed on a day.
    pub fn filed(on: Date, number: &str) -> Self {
        let mut history = Self::default();
        history.add(on, &filed(number, Some(2_000_000)));
        history
    }

    /// A node about nothing in particular.
    pub fn node(&mut self, code: &str, on: &str) -> u64 {
        self.node_with(code, on, None, &[])
    }

    /// A node with subject and values.
    pub fn node_with(
        &mut self,
        code: &str,
        at: &str,
        subject: Option<u8>,
        values: &[(&str, &str)],
    ) -> u64 {
        let body = node(code, at.parse().expect("a moment"), subject, values);
        let at: Moment = at.parse().expect("a moment");
        self.add(at.date(), &body)
    }

    /// A pause from a day to a day, or still running.
    pub fn pause(&mut self, id: u8, reason: &str, from: &str, to: Option<&str>) {
        let pause = PauseId([id; 16]);
        self.add(
            date(from),
            &EventBody::PauseBegun(PauseBegun {
                document: None,
                from: date(from),
                pause,
                reason: reason.to_owned(),
            }),
        );
        if let Some(to) = to {
            self.add(
                date(to),
                &EventBody::PauseEnded(PauseEnded {
                    document: None,
                    pause,
                    to: date(to),
                }),
            );
        }
    }

    /// A party.
    pub fn party(&mut self, on: &str, role: PartyRole, kind: &str) {
        self.add(
            date(on),
            &EventBody::PartyAdded(PartyAdded {
                party: PartyId([role as u8; 16]),
                person_kind: kind.to_owned(),
                role,
                village: None,
            }),
        );
    }
}

/// A filing.
pub fn filed(number: &str, amount_fen: Option<i64>) -> EventBody {
    EventBody::CaseFiled(CaseFiled {
        amount_fen,
        cause: "loan".to_owned(),
        court: "川0811".parse().expect("a court"),
        number: number.parse().expect("a number"),
    })
}

/// A node.
pub fn node(code: &str, at: Moment, subject: Option<u8>, values: &[(&str, &str)]) -> EventBody {
    let values = values.iter().map(|(name, value)| {
        let value = match *value {
            "true" => NodeValue::Flag(true),
            "false" => NodeValue::Flag(false),
            text => text
                .parse()
                .map_or_else(|_| NodeValue::Code(text.to_owned()), NodeValue::Number),
        };
        ((*name).to_owned(), value)
    });
    EventBody::NodeRecorded(NodeRecorded {
        at,
        document: None,
        node: code.to_owned(),
        subject: subject.map(|id| SubjectId([id; 16])),
        values: values.collect(),
    })
}

/// A fact that fits a selector, on a day (at noon where the rule counts hours), about `subject` where the rule asks for one.
pub fn fact_for(
    selector: &Selector,
    rule: &Rule,
    at: Moment,
    subject: u8,
    anchor: Option<(&str, Date)>,
) -> EventBody {
    let text = selector.to_string();
    let inside = text
        .split_once('[')
        .map_or("", |(_, rest)| rest.trim_end_matches(']'));
    let mut values: Vec<(String, String)> = inside
        .split(',')
        .filter_map(|part| part.split_once('='))
        .map(|(name, values)| {
            let first = values.split('|').next().expect("a value");
            (name.to_owned(), first.to_owned())
        })
        .collect();
    if let Some((name, date)) = anchor {
        values.push((name.to_owned(), date.to_string()));
    }
    if let Some(length) = &rule.trigger.length {
        values.push((length.clone(), "20".to_owned()));
    }
    let until = anchor.map_or(at.date().plus_days(300), |(_, date)| date);
    let measure = MeasureId([subject; 16]);
    match selector.code() {
        "case.filed" => filed("（2020）川0811执123号", Some(2_000_000)),
        "case.assigned" => EventBody::CaseAssigned(CaseAssigned {
            role: CaseRole::Handler,
            staff: StaffId([9; 16]),
        }),
        "measure.taken" => EventBody::MeasureTaken(MeasureTaken {
            at,
            document: None,
            kind: MeasureKind::Freeze,
            measure,
            rank: 1,
            target: match values.iter().find(|(name, _)| name == "target") {
                Some((_, target)) => {
                    serde_json::from_str(&format!("\"{target}\"")).expect("a target")
                }
                None => MeasureTarget::BankDeposit,
            },
            until,
            values: values
                .iter()
                .filter(|(name, _)| name != "target" && name != "until")
                .map(|(name, _)| (name.clone(), NodeValue::Flag(true)))
                .collect(),
        }),
        "measure.renewed" => EventBody::MeasureRenewed(MeasureRenewed {
            at,
            document: None,
            measure,
            until,
        }),
        "measure.released" => EventBody::MeasureReleased(MeasureReleased {
            at,
            document: None,
            measure,
            reason: "performed".to_owned(),
        }),
        code => {
            let values: Vec<(&str, &str)> = values
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            node(code, at, Some(subject), &values)
        }
    }
}
