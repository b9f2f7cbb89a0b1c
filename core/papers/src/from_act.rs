//! Fields that an act on site gives: its record, its inventory, its receipts.

use zhixing_protocol::act::{ActBook, ActView, Attendee, Standing};
use zhixing_protocol::canonical::{Object, Value, to_value};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::statement::{
    ActKind, ActStep, AttendeeRole, NodeValue, Presence, Refusal, SignedPaper,
};
use zhixing_protocol::time::UtcMillis;

use crate::template::Template;

/// What an act gives for a template's fields; fields that the template does not have are left out, and so is what the act does not
/// hold. Whoever makes the paper adds the rest, and may replace any.
pub fn from_act(
    template: &Template,
    standing: &Standing<'_>,
    case: &CaseState,
    now: UtcMillis,
) -> Object {
    let act = Act {
        standing,
        view: ActView::of(standing, case, now),
        book: ActBook::bundled(),
    };
    let mut found = Object::new();
    for field in &template.fields {
        let columns: Vec<&str> = field
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        if let Some(value) = act.field(&field.name, &columns) {
            found.insert(field.name.clone(), value);
        }
    }
    found
}

/// Whether a template is about acts of this kind.
pub fn is_of_act(template: &Template, kind: ActKind) -> bool {
    let code = to_value(&kind).ok();
    let code = code.as_ref().and_then(Value::as_text);
    template
        .acts
        .iter()
        .any(|known| Some(known.as_str()) == code)
}

struct Act<'a> {
    standing: &'a Standing<'a>,
    view: ActView,
    book: &'static ActBook,
}

fn text(text: impl Into<String>) -> Option<Value> {
    let text = text.into();
    (!text.trim().is_empty()).then_some(Value::Text(text))
}

fn list(items: Vec<Value>) -> Option<Value> {
    (!items.is_empty()).then_some(Value::Array(items))
}

fn object(members: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let given = members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect())
}

impl Act<'_> {
    fn field(&self, name: &str, columns: &[&str]) -> Option<Value> {
        use AttendeeRole::{Asked, Keeper, Occupant, Payer, Recipient, Respondent};
        match name {
            "began" => text(self.view.began?.to_string()),
            "ended" => text(self.view.ended?.to_string()),
            "act_on" | "received_on" => text(self.view.began?.date().to_string()),
            "place" | "address" | "premises" | "searched" | "left_at" => {
                text(self.view.place.clone()?)
            }
            "officers" | "servers" | "receivers" => self
                .people(|person| person.is_one_of(&[AttendeeRole::Officer, AttendeeRole::Bailiff])),
            "recorder" => self.person(&[AttendeeRole::Recorder]),
            "present" => self.people(|person| !person.roles.iter().any(|role| role.is_of_court())),
            "witnesses" => self.people(|person| person.is_one_of(&[AttendeeRole::Witness])),
            "absent" => self.absent(),
            "person" => self.person(&[Asked, Respondent]),
            "answered_by" => self.person(&[Respondent, AttendeeRole::AdultFamily, Occupant]),
            "addressee" | "receiver" => {
                self.person(&[Recipient, AttendeeRole::Applicant, Respondent])
            }
            "payer" => self.person(&[Payer, Respondent]),
            "custodian" => self.custodian(Keeper),
            "female_officer" => self.female_officer(),
            "identity_shown" => self.shown("work_id").map(|_| Value::Bool(true)),
            "recording_announced" => self.yes("recording_told"),
            "filmed" => (!self.standing.recorders().is_empty()).then_some(Value::Bool(true)),
            "rights_told" => self.yes("rights_told").and_then(|_| {
                let said = self.said_to("rights_told");
                text(if said.is_empty() {
                    "已告知权利义务。".to_owned()
                } else {
                    said
                })
            }),
            "ruling" => self.shown("ruling"),
            "warrant" => self.shown("search_warrant"),
            "notice" => self.shown("eviction_notice"),
            "writ" => self.shown("compel_writ"),
            "decision" => self.shown("detention_decision"),
            "papers" => self.papers(),
            "course" | "inspectors_note" => self.notes(&["course"]),
            "findings" | "property_seen" => self.notes(&["findings"]),
            "next_step" => self.notes(&["next_step"]),
            "refusal" => self.notes(&["refusal_reason"]),
            "extended_reason" => self.notes(&["overtime_reason"]),
            "remarks" => self.notes(&["statement", "night_reason", "other"]),
            "visit_purpose" | "for_matter" => {
                text(self.standing.state.start()?.hidden_text("text")?)
            }
            "dialogue" => self.dialogue(),
            "items" => self.items(columns),
            "exempt_checked" => self.exempt(),
            "seal_numbers" => self.seal_numbers(),
            "copy_given_to" | "goods_to" | "premises_to" | "handed_to" => self.handed(),
            "read_back" => self.read_back(),
            "amount" => self.number("amount_fen"),
            "days" => self.number("days"),
            "arrived" => self.moment("brought_in"),
            "questioning_ended" => self.moment("inquiry_ended"),
            "deadline" => self.answer("vacate_by"),
            "occupancy" | "forced_open" => self.answer(name),
            "persons_cared" | "vulnerable" => self.answer("vulnerable_present"),
            "custody_place" => self.answer("place"),
            "family_told" => self
                .answer("family_told")
                .or_else(|| self.answer("family_unreachable")),
            "signatures" => self.signatures(),
            "photos" => self.photos(),
            _ => None,
        }
    }

    fn of(&self, person: &Attendee<'_>) -> Option<Value> {
        let name = text(person.said.hidden_text("name")?)?;
        let roles: Vec<String> = person.roles.iter().map(|role| self.role(*role)).collect();
        let of_court = person.roles.iter().any(|role| role.is_of_court());
        let badge = person.said.hidden_text("badge").and_then(text);
        Some(object([
            ("name", Some(name)),
            ("post", text(roles.join("、"))),
            ("badge", badge.filter(|_| of_court)),
        ]))
    }

    fn role(&self, role: AttendeeRole) -> String {
        let code = to_value(&role).ok();
        let code = code.as_ref().and_then(Value::as_text).unwrap_or_default();
        self.book.name("role", code).to_owned()
    }

    fn people(&self, fits: impl Fn(&Attendee<'_>) -> bool) -> Option<Value> {
        let people = self.standing.people();
        let came = people.filter(|person| person.presence == Presence::Attended && fits(person));
        list(came.filter_map(|person| self.of(person)).collect())
    }

    /// The first who is there as one of these, in the order of these.
    fn person(&self, roles: &[AttendeeRole]) -> Option<Value> {
        roles.iter().find_map(|role| {
            let mut people = self.standing.people();
            self.of(people.find(|person| person.attended_as(&[*role]))?)
        })
    }

    fn absent(&self) -> Option<Value> {
        let people = self.standing.people();
        let absent = people.filter(|person| person.presence != Presence::Attended);
        let lines: Vec<String> = absent
            .map(|person| {
                let code = to_value(&person.presence).ok();
                let code = code.as_ref().and_then(Value::as_text).unwrap_or_default();
                let roles: Vec<String> = person.roles.iter().map(|role| self.role(*role)).collect();
                let how = person.said.hidden_text("text").unwrap_or_default();
                format!(
                    "{}（{}）：{}。{how}",
                    person.said.hidden_text("name").unwrap_or("某人"),
                    roles.join("、"),
                    self.book.name("presence", code),
                )
            })
            .collect();
        text(lines.join("\n"))
    }

    fn custodian(&self, keeper: AttendeeRole) -> Option<Value> {
        let named = self.view.lines.iter().find_map(|line| line.keeper.clone());
        match named.and_then(text) {
            Some(name) => Some(object([("name", Some(name))])),
            None => self.person(&[keeper]),
        }
    }

    fn female_officer(&self) -> Option<Value> {
        let mut people = self.standing.people();
        let found = people.find(|person| {
            person.female && person.attended_as(&[AttendeeRole::Officer, AttendeeRole::Bailiff])
        })?;
        self.standing
            .says_yes("woman_searched")
            .then(|| self.of(found))?
    }

    /// Words that went with a paper that was shown; its name where there are none.
    fn shown(&self, code: &str) -> Option<Value> {
        self.standing
            .steps
            .iter()
            .find_map(|(_, said)| match &said.fact.step {
                ActStep::Shown { paper, .. } if paper == code => {
                    let number = said
                        .hidden_text("text")
                        .filter(|words| !words.trim().is_empty());
                    text(number.unwrap_or_else(|| self.book.name("paper", code)))
                }
                _ => None,
            })
    }

    fn papers(&self) -> Option<Value> {
        let mut papers = Vec::new();
        for (_, said) in &self.standing.steps {
            let code = match &said.fact.step {
                ActStep::Shown { paper, .. } if paper != "work_id" => paper,
                ActStep::Handed { paper, .. } => paper,
                _ => continue,
            };
            let words = said
                .hidden_text("text")
                .filter(|words| !words.trim().is_empty());
            papers.extend(text(words.unwrap_or_else(|| self.book.name("paper", code))));
        }
        list(papers)
    }

    fn notes(&self, topics: &[&str]) -> Option<Value> {
        let mut lines = Vec::new();
        for (_, said) in &self.standing.steps {
            if let ActStep::Note { topic } = &said.fact.step
                && topics.contains(&topic.as_str())
                && let Some(words) = said.hidden_text("text")
            {
                lines.push(match said.hidden_text("person") {
                    Some(person) => format!("{person}：{words}"),
                    None => words.to_owned(),
                });
            }
        }
        text(lines.join("\n"))
    }

    /// Questions with the answers that follow them.
    fn dialogue(&self) -> Option<Value> {
        let mut turns: Vec<(String, String)> = Vec::new();
        for (_, said) in &self.standing.steps {
            let ActStep::Note { topic } = &said.fact.step else {
                continue;
            };
            let words = said.hidden_text("text").unwrap_or_default().to_owned();
            match (topic.as_str(), turns.last_mut()) {
                ("question", _) => turns.push((words, String::new())),
                ("answer", Some((_, answer))) if answer.is_empty() => *answer = words,
                ("answer", _) => turns.push((String::new(), words)),
                _ => {}
            }
        }
        let turn = |(ask, answer): (String, String)| {
            object([("ask", text(ask)), ("answer", text(answer))])
        };
        list(turns.into_iter().map(turn).collect())
    }

    fn items(&self, columns: &[&str]) -> Option<Value> {
        let rows = self.view.lines.iter().map(|line| {
            let mut remark: Vec<String> = Vec::new();
            for (label, value) in [
                ("", &line.place),
                ("封条", &line.seal_number),
                ("", &line.text),
            ] {
                if let Some(value) = value.as_deref().filter(|value| !value.trim().is_empty()) {
                    remark.push(format!("{label}{value}"));
                }
            }
            remark.extend(line.exempt_zh.iter().cloned());
            let cells = [
                ("name", line.name.clone().and_then(text)),
                ("model", line.model.clone().and_then(text)),
                ("serial", line.serial.clone().and_then(text)),
                (
                    "quantity",
                    text(format!("{}{}", line.quantity, line.unit_zh)),
                ),
                ("condition", text(line.condition_zh.clone())),
                ("estimate", line.estimate_fen.map(Value::Integer)),
                ("remark", text(remark.join("；"))),
            ];
            object(cells.into_iter().filter(|(name, _)| columns.contains(name)))
        });
        list(rows.collect())
    }

    fn exempt(&self) -> Option<Value> {
        let mut lines = Vec::new();
        for line in &self.view.lines {
            if !line.exempt_zh.is_empty() {
                lines.push(format!(
                    "第{}项{}：{}",
                    line.number,
                    line.name.as_deref().unwrap_or_default(),
                    line.exempt_zh.join("、")
                ));
            }
        }
        text(lines.join("\n"))
    }

    fn seal_numbers(&self) -> Option<Value> {
        let mut numbers: Vec<&str> = Vec::new();
        for line in &self.view.lines {
            if let Some(number) = line.seal_number.as_deref()
                && !numbers.contains(&number)
            {
                numbers.push(number);
            }
        }
        text(numbers.join("、"))
    }

    fn name(&self, attendee: zhixing_protocol::ids::AttendeeId) -> String {
        let person = self.standing.person(attendee);
        let name = person.and_then(|person| person.said.hidden_text("name"));
        name.unwrap_or("某人").to_owned()
    }

    fn handed(&self) -> Option<Value> {
        let steps = self.standing.steps.iter();
        let mut given: Vec<String> = steps
            .filter_map(|(_, said)| match &said.fact.step {
                ActStep::Handed {
                    attendee, paper, ..
                } => Some(format!(
                    "{}已交{}",
                    self.book.name("paper", paper),
                    self.name(*attendee)
                )),
                _ => None,
            })
            .collect();
        for person in self.standing.people() {
            if self
                .standing
                .refusal(person.attendee, Refusal::Take)
                .is_some()
            {
                given.push(format!("{}拒绝接收", self.name(person.attendee)));
            }
        }
        text(given.join("；"))
    }

    fn read_back(&self) -> Option<Value> {
        let mut said = Vec::new();
        for person in self.standing.people() {
            let name = || self.name(person.attendee);
            if self.standing.has_read(person.attendee) {
                said.push(format!("{}核对无误", name()));
            } else if self
                .standing
                .refusal(person.attendee, Refusal::ReadBack)
                .is_some()
            {
                said.push(format!("{}拒绝核对", name()));
            }
        }
        text(said.join("；"))
    }

    fn yes(&self, field: &str) -> Option<Value> {
        self.standing.says_yes(field).then_some(Value::Bool(true))
    }

    /// Words that went with an answer.
    fn said_to(&self, wanted: &str) -> String {
        let mut steps = self.standing.steps.iter();
        let found = steps.find_map(|(_, said)| match &said.fact.step {
            ActStep::Set { field, .. } if field == wanted => said.hidden_text("text"),
            _ => None,
        });
        found.unwrap_or_default().trim().to_owned()
    }

    fn number(&self, field: &str) -> Option<Value> {
        match self.standing.answer(field)? {
            NodeValue::Number(number) => Some(Value::Integer(*number)),
            _ => None,
        }
    }

    /// When something was the case: the code says it, or it was said then.
    fn moment(&self, field: &str) -> Option<Value> {
        let said = match self.standing.answer(field)? {
            NodeValue::Code(code) => code.parse::<Moment>().ok(),
            _ => None,
        };
        text(
            said.or_else(|| self.standing.answered_at(field))?
                .to_string(),
        )
    }

    /// An answer as words: those that went with it, or what it is.
    fn answer(&self, field: &str) -> Option<Value> {
        let value = self.standing.answer(field)?;
        let words = self.said_to(field);
        if !words.is_empty() {
            return text(words);
        }
        match value {
            NodeValue::Flag(true) => text(self.book.name("field", field)),
            NodeValue::Flag(false) => None,
            other => text(other.text()),
        }
    }

    fn signatures(&self) -> Option<Value> {
        let papers = [
            SignedPaper::Record,
            SignedPaper::Inventory,
            SignedPaper::Receipt,
        ];
        let people = self
            .standing
            .people()
            .filter(|person| person.presence == Presence::Attended);
        let lines = people.map(|person| {
            let id = person.attendee;
            let signed = papers
                .iter()
                .find_map(|paper| self.standing.signature(id, *paper));
            let refusal = self.standing.refusal(id, Refusal::Sign);
            let on = signed
                .map(|signed| signed.fact.at)
                .or(refusal.map(|refused| refused.fact.at));
            let refused = refusal.filter(|_| signed.is_none()).map(|refused| {
                let witness = refused.fact.witness.map(|witness| self.name(witness));
                let witness = witness.map_or_else(String::new, |name| format!("，见证人{name}"));
                let why = refused.hidden_text("text").unwrap_or_default();
                format!(
                    "拒绝签名{}{why}{witness}",
                    if why.is_empty() { "" } else { "：" }
                )
            });
            let strokes = signed.and_then(|signed| signed.hidden.get("strokes").cloned());
            let role = person.roles.first().map(|role| self.role(*role));
            object([
                ("role", role.and_then(text)),
                ("name", person.said.hidden_text("name").and_then(text)),
                ("on", on.and_then(|at| text(at.date().to_string()))),
                ("strokes", strokes),
                ("refused", refused.and_then(text)),
            ])
        });
        list(lines.collect())
    }

    /// Pictures of the act in the order in which they were taken, each once.
    fn photos(&self) -> Option<Value> {
        let mut photos: Vec<Value> = Vec::new();
        let mut seen = Vec::new();
        for (_, said) in &self.standing.steps {
            let (evidence, what) = match &said.fact.step {
                ActStep::Shot {
                    evidence,
                    line,
                    shot,
                } => {
                    let line = line.and_then(|line| {
                        let id = line.to_string();
                        self.view.lines.iter().find(|known| known.line == id)
                    });
                    let what = self.book.name("shot", shot);
                    (
                        evidence,
                        match line {
                            Some(line) => format!(
                                "{what}：第{}项{}",
                                line.number,
                                line.name.as_deref().unwrap_or_default()
                            ),
                            None => what.to_owned(),
                        },
                    )
                }
                ActStep::Shown {
                    evidence: Some(evidence),
                    paper,
                    ..
                } => (evidence, format!("出示{}", self.book.name("paper", paper))),
                ActStep::Handed {
                    evidence: Some(evidence),
                    paper,
                    ..
                } => (evidence, format!("交付{}", self.book.name("paper", paper))),
                _ => continue,
            };
            if !seen.contains(evidence) {
                seen.push(*evidence);
                photos.push(object([
                    ("id", text(evidence.to_string())),
                    ("caption", text(what)),
                ]));
            }
        }
        list(photos)
    }
}
