//! Acts as people and scripts see them.

use serde_json::{Value, json};
use zhixing_engine::Engine;
use zhixing_engine::EngineError;
use zhixing_engine::error::Result;
use zhixing_protocol::act::{ActBook, ActStatus, ActView, Missing, Timer};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{ActId, CaseId};
use zhixing_protocol::rules::pack::Basis;
use zhixing_protocol::statement::ActKind;

use crate::exit;
use crate::output::{Output, moment, short, yuan};

fn basis(basis: &[Basis]) -> String {
    let laws: Vec<String> = basis
        .iter()
        .map(|basis| format!("{} {}", basis.law, basis.article))
        .collect();
    laws.join("; ")
}

fn confidence(missing: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(missing).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// What a kind asks for.
pub fn kinds(kind: Option<&str>, output: &Output) -> Result<u8> {
    let book = ActBook::bundled();
    let wanted = match kind {
        None => ActKind::ALL.to_vec(),
        Some(code) => vec![ActKind::from_code(code).ok_or_else(|| {
            EngineError::not_found(format!("{code} is no act; leave it out to see all"))
        })?],
    };
    let values: Vec<Value> = wanted
        .iter()
        .map(|kind| {
            let asked: Vec<Value> = book
                .requirements(*kind)
                .map(|(code, asked)| json!({"requirement": code, "asked": asked}))
                .collect();
            json!({"kind": kind, "name_zh": book.kinds.get(kind).map(|kind| &kind.name_zh), "requires": asked})
        })
        .collect();
    output.show(&json!({"kinds": values, "warning": book.warning}), || {
        let mut lines = Vec::new();
        for kind in &wanted {
            let name = book.kinds.get(kind).map(|kind| kind.name_zh.as_str());
            lines.push(format!("{:22}{}", kind.code(), name.unwrap_or_default()));
            if wanted.len() > 1 {
                continue;
            }
            for (code, asked) in book.requirements(*kind) {
                let mark = if asked.hard { "must" } else { "soft" };
                lines.push(format!("  {mark}  {code:24}{}", asked.name_zh));
                if !asked.basis.is_empty() {
                    lines.push(format!(
                        "        law {} ({})",
                        basis(&asked.basis),
                        confidence(&asked.confidence)
                    ));
                }
            }
        }
        lines.push(book.warning.clone());
        lines
    });
    Ok(exit::DONE)
}

fn status(view: &ActView) -> &'static str {
    match view.status {
        ActStatus::Open if view.can_close => "can be closed",
        ActStatus::Open => "open",
        ActStatus::Closed => "closed",
        ActStatus::ClosedAndMore => "closed; more came later",
    }
}

/// The end of an id: enough to name it.
fn end(act: ActId) -> String {
    let text = act.to_string();
    text.get(text.len().saturating_sub(8)..)
        .unwrap_or_default()
        .to_owned()
}

/// Lists acts.
pub fn list(engine: &Engine, case: Option<CaseId>, output: &Output) -> Result<u8> {
    let mut found = Vec::new();
    for known in engine.cases()? {
        if case.is_none_or(|case| case == known.case) {
            for view in engine.acts(known.case, None)? {
                found.push((known.number.clone(), view));
            }
        }
    }
    let values: Vec<Value> = found
        .iter()
        .map(|(number, view)| json!({"number": number, "act": view.act, "kind": view.kind, "status": view.status, "next": view.next, "can_close": view.can_close}))
        .collect();
    output.show(&json!({"acts": values}), || {
        let mut lines: Vec<String> = found
            .iter()
            .map(|(number, view)| {
                format!(
                    "{number}  {}  {}  {}  {}",
                    end(view.act),
                    view.kind_zh,
                    view.began.map(|at| at.to_string()).unwrap_or_default(),
                    status(view)
                )
            })
            .collect();
        lines.push(format!("{} acts", found.len()));
        lines
    });
    Ok(exit::DONE)
}

fn next(view: &ActView) -> Option<&Missing> {
    let code = view.next.as_ref()?;
    view.missing.iter().find(|item| item.requirement == *code)
}

fn next_lines(view: &ActView) -> Vec<String> {
    let mut lines = Vec::new();
    for timer in view
        .timers
        .iter()
        .filter(|timer| timer.stopped_ms.is_none())
    {
        lines.push(clock(timer));
    }
    match next(view) {
        Some(item) if item.hard || !view.can_close => {
            lines.push(format!("Next      {}: {}", item.name_zh, item.do_zh));
        }
        _ if view.can_close => {
            lines.push("Next      close the record: zhixing-field act close".to_owned())
        }
        Some(item) => lines.push(format!("Next      {}: {}", item.name_zh, item.do_zh)),
        None => {}
    }
    lines
}

fn clock(timer: &Timer) -> String {
    let minutes = timer.left_ms / 60_000;
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let left = match (timer.over, timer.stopped_ms) {
        (true, _) => format!("OVER by {hours} h {rest:02} min"),
        (false, Some(_)) => "kept".to_owned(),
        (false, None) => format!("{hours} h {rest:02} min left"),
    };
    format!(
        "Clock     {} until {}: {left}. {} ({})",
        timer.name_zh,
        moment(timer.due_ms.0),
        timer.do_zh,
        basis(&timer.basis)
    )
}

/// What a step did, and what is next.
pub fn told(view: &ActView, statement: StatementHash, output: &Output) {
    let hard = view.missing.iter().filter(|item| item.hard).count();
    let value = json!({
        "statement": statement.to_string(), "act": view.act, "status": view.status, "record": view.record,
        "next": view.next, "can_close": view.can_close, "missing_hard": hard, "timers": view.timers,
    });
    output.show(&value, || {
        let mut lines = vec![format!(
            "Recorded; it goes to the court with the next sync. {} {}: {}, {hard} still needed.",
            view.kind_zh,
            end(view.act),
            status(view)
        )];
        lines.extend(next_lines(view));
        lines
    });
}

/// As [`told`], while the case files are locked.
pub fn told_unseen(act: ActId, statement: StatementHash, output: &Output) {
    let value = json!({"statement": statement.to_string(), "act": act});
    output.show(&value, || {
        vec![format!(
            "Recorded as {}; unlock the case files to see what is next.",
            end(act)
        )]
    });
}

/// The whole act: what is next at the top.
pub fn show(view: &ActView, drafts: &[(String, String)], output: &Output) {
    let mut value = serde_json::to_value(view).unwrap_or_default();
    if let Value::Object(members) = &mut value {
        let drafts: Vec<Value> = drafts
            .iter()
            .map(|(topic, text)| json!({"topic": topic, "text": text}))
            .collect();
        members.insert("drafts".to_owned(), Value::Array(drafts));
    }
    output.show(&value, || {
        let mut lines = vec![format!(
            "{} {}  {}  {}",
            view.kind_zh,
            end(view.act),
            view.began.map(|at| at.to_string()).unwrap_or_default(),
            status(view)
        )];
        lines.extend(view.place.iter().map(|place| format!("Place     {place}")));
        lines.extend(next_lines(view));
        for item in &view.missing {
            let mark = if item.hard { "MISSING" } else { "missing" };
            lines.push(format!("{mark}   {}: {}", item.name_zh, item.do_zh));
            if !item.basis.is_empty() {
                lines.push(format!(
                    "          law {} ({})",
                    basis(&item.basis),
                    confidence(&item.confidence)
                ));
            }
            if !item.about.is_empty() {
                lines.push(format!("          about {}", about(view, item)));
            }
        }
        lines.extend(
            drafts
                .iter()
                .map(|(topic, text)| format!("Draft     {topic}: {text}")),
        );
        for (number, person) in (1..).zip(&view.attendees) {
            let signed = match (person.signed, person.refused) {
                (true, _) => "  signed",
                (false, true) => "  refused",
                (false, false) => "",
            };
            lines.push(format!(
                "Person {number:2} {}  {}  {}{signed}",
                person.name.as_deref().unwrap_or("—"),
                person.roles_zh.join("、"),
                person.presence_zh
            ));
        }
        for line in &view.lines {
            lines.push(format!(
                "Line {:4} {}  {} {}  {}  {}  {} photos",
                line.number,
                line.name.as_deref().unwrap_or("—"),
                line.quantity,
                line.unit_zh,
                line.condition_zh,
                line.estimate_fen.map(yuan).unwrap_or_default(),
                line.photos.len()
            ));
        }
        for step in &view.steps {
            lines.push(format!(
                "Done      {}  {}  {}  {}{}",
                step.at,
                step.what_zh,
                step.text.as_deref().unwrap_or_default(),
                short(&step.statement),
                if step.late { "  not in the record" } else { "" }
            ));
        }
        for mark in &view.marks {
            let old = if mark.current {
                ""
            } else {
                "  of another version"
            };
            lines.push(format!(
                "{} {}  {}  {}{old}",
                if mark.refused {
                    "Refused  "
                } else {
                    "Signed   "
                },
                mark.name.as_deref().unwrap_or("—"),
                mark.how_zh,
                mark.papers_zh.join("、")
            ));
        }
        for (at, text) in &view.corrections {
            lines.push(format!(
                "Corrected {at}  {}",
                text.as_deref().unwrap_or("—")
            ));
        }
        lines.push(format!(
            "Record    {}{}",
            view.record,
            if view.countersigned {
                "  countersigned"
            } else {
                ""
            }
        ));
        lines.push(view.warning.clone());
        lines
    });
}

/// Numbers of the persons or lines that something is about; statements by their first characters.
fn about(view: &ActView, item: &Missing) -> String {
    let names: Vec<String> = item
        .about
        .iter()
        .map(|id| {
            let person = view
                .attendees
                .iter()
                .position(|person| person.attendee == *id);
            let line = view.lines.iter().find(|line| line.line == *id);
            match (person, line) {
                (Some(place), _) => format!("person {}", place + 1),
                (None, Some(line)) => format!("line {}", line.number),
                (None, None) => short(id).to_owned(),
            }
        })
        .collect();
    names.join(", ")
}
