//! What the law asks, and recording what was done.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use zhixing_engine::Engine;
use zhixing_engine::EngineError;
use zhixing_engine::duty::{LegalRecord, Words};
use zhixing_engine::error::Result;
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::rules::checklist::{Item, ItemStanding, Step};
use zhixing_protocol::rules::delay_interest::{Claim, DelayInterest, STATUTORY_ORDER};
use zhixing_protocol::rules::evaluate::Standing;
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::rules::pack::RulePack;
use zhixing_protocol::rules::view::{PromptView, RuleVerdict};
use zhixing_protocol::statement::{
    MeasureKind, MeasureRelease, MeasureReleased, MeasureRenew, MeasureRenewed, MeasureTake,
    MeasureTaken, MeasureTarget, NodeRecord, NodeRecorded, NodeValue, PauseBegin, PauseBegun,
    PauseEnd, PauseEnded,
};
use zhixing_protocol::time::{Date, UtcMillis};

use crate::arguments::{Command, Ending, Measure, MeasureAct, PauseAct, Target};
use crate::commands::find_case;
use crate::exit;
use crate::output::{Output, yuan};

/// Runs one of the commands about duties and facts.
pub fn run(engine: &Engine, command: &Command, output: &Output) -> Result<u8> {
    match command {
        Command::Today { on, within } => today(engine, *on, *within, output),
        Command::Prompts { case, on, explain } => {
            let case = find_case(engine, case)?;
            if *explain {
                explained(engine, case, *on, output)
            } else {
                prompts(engine, case, *on, output)
            }
        }
        Command::Checklist { case, step, on } => {
            let case = find_case(engine, case)?;
            checklist(engine, case, *step, *on, output)
        }
        Command::Record {
            case,
            node,
            at,
            about,
            values,
            corrects,
            text,
        } => {
            let case = find_case(engine, case)?;
            let subject = match about.as_deref() {
                None => None,
                Some("new") => Some(engine.new_subject()?),
                Some(id) => Some(
                    id.parse()
                        .map_err(|error| EngineError::invalid(format!("--about {id}: {error}")))?,
                ),
            };
            let fact = NodeRecorded {
                at: moment_or_now(*at)?,
                document: None,
                node: node.clone(),
                subject,
                values: node_values(values)?,
            };
            let record = LegalRecord::Node(NodeRecord {
                corrects: *corrects,
                fact,
            });
            let words = Words {
                text: text.clone(),
                ..Words::default()
            };
            let about = subject.map(|subject| subject.to_string());
            recorded(engine, case, &record, &words, about, output)
        }
        Command::Measure { case, act } => measure(engine, find_case(engine, case)?, act, output),
        Command::Pause { case, act } => pause(engine, find_case(engine, case)?, act, output),
        _ => Err(EngineError::internal("not a command about the law")),
    }
}

fn measure(engine: &Engine, case: CaseId, act: &MeasureAct, output: &Output) -> Result<u8> {
    let mut words = Words::default();
    let (record, id) = match act {
        MeasureAct::Take {
            kind,
            target,
            until,
            at,
            rank,
            values,
            name,
        } => {
            words.name.clone_from(name);
            let measure = engine.new_measure()?;
            let fact = MeasureTaken {
                at: moment_or_now(*at)?,
                document: None,
                kind: match kind {
                    Measure::Freeze => MeasureKind::Freeze,
                    Measure::Seal => MeasureKind::Seal,
                    Measure::Seize => MeasureKind::Seize,
                },
                measure,
                rank: *rank,
                target: match target {
                    Target::BankDeposit => MeasureTarget::BankDeposit,
                    Target::Movable => MeasureTarget::Movable,
                    Target::RealEstate => MeasureTarget::RealEstate,
                    Target::OtherRight => MeasureTarget::OtherRight,
                },
                until: *until,
                values: node_values(values)?,
            };
            let take = MeasureTake {
                corrects: None,
                fact,
            };
            (LegalRecord::MeasureTake(take), measure)
        }
        MeasureAct::Renew { measure, until, at } => {
            let fact = MeasureRenewed {
                at: moment_or_now(*at)?,
                document: None,
                measure: *measure,
                until: *until,
            };
            let renew = MeasureRenew {
                corrects: None,
                fact,
            };
            (LegalRecord::MeasureRenew(renew), *measure)
        }
        MeasureAct::Release {
            measure,
            reason,
            at,
        } => {
            let fact = MeasureReleased {
                at: moment_or_now(*at)?,
                document: None,
                measure: *measure,
                reason: reason.clone(),
            };
            let release = MeasureRelease {
                corrects: None,
                fact,
            };
            (LegalRecord::MeasureRelease(release), *measure)
        }
    };
    recorded(engine, case, &record, &words, Some(id.to_string()), output)
}

fn pause(engine: &Engine, case: CaseId, act: &PauseAct, output: &Output) -> Result<u8> {
    let mut words = Words::default();
    let (record, id) = match act {
        PauseAct::Begin { reason, from, text } => {
            words.text.clone_from(text);
            let pause = engine.new_pause()?;
            let fact = PauseBegun {
                document: None,
                from: *from,
                pause,
                reason: reason.clone(),
            };
            let begin = PauseBegin {
                corrects: None,
                fact,
            };
            (LegalRecord::PauseBegin(begin), pause)
        }
        PauseAct::End { pause, to } => {
            let fact = PauseEnded {
                document: None,
                pause: *pause,
                to: *to,
            };
            let end = PauseEnd {
                corrects: None,
                fact,
            };
            (LegalRecord::PauseEnd(end), *pause)
        }
    };
    recorded(engine, case, &record, &words, Some(id.to_string()), output)
}

fn recorded(
    engine: &Engine,
    case: CaseId,
    record: &LegalRecord,
    words: &Words,
    about: Option<String>,
    output: &Output,
) -> Result<u8> {
    let statement = engine.record(case, record, words)?;
    let value = json!({"statement": statement.to_string(), "about": about});
    output.show(&value, || {
        let mut lines = vec!["Recorded; it goes to the court with the next sync.".to_owned()];
        lines.extend(about.map(|id| format!("About     {id}")));
        lines
    });
    Ok(exit::DONE)
}

fn today(engine: &Engine, on: Option<Date>, within: u32, output: &Output) -> Result<u8> {
    let cases = engine.today(on.map(Date::shanghai_noon), within)?;
    output.show(&serde_json::to_value(&cases)?, || {
        let mut lines = Vec::new();
        for case in &cases {
            lines.push(case.number.clone());
            for prompt in &case.prompts {
                lines.push(format!("  {}", headline(prompt)));
            }
        }
        if lines.is_empty() {
            lines.push(format!("Nothing is due within {within} days."));
        }
        let prompts = cases.iter().flat_map(|case| &case.prompts);
        let versions: std::collections::BTreeSet<String> = prompts.map(version).collect();
        if !versions.is_empty() {
            let versions: Vec<String> = versions.into_iter().collect();
            lines.push(format!("Law: {}", versions.join("; ")));
        }
        lines
    });
    Ok(exit::DONE)
}

fn prompts(engine: &Engine, case: CaseId, on: Option<Date>, output: &Output) -> Result<u8> {
    let prompts = engine.prompts(case, on.map(Date::shanghai_noon))?;
    let warning = engine.rule_pack()?.warning.clone();
    output.show(&serde_json::to_value(&prompts)?, || {
        let mut lines: Vec<String> = prompts.iter().flat_map(described).collect();
        if lines.is_empty() {
            lines.push("The law asks nothing of this case now.".to_owned());
        }
        lines.push(warning);
        lines
    });
    Ok(exit::DONE)
}

fn checklist(
    engine: &Engine,
    case: CaseId,
    step: Ending,
    on: Option<Date>,
    output: &Output,
) -> Result<u8> {
    let step = match step {
        Ending::Termination => Step::Termination,
        Ending::Completion => Step::Completion,
    };
    let list = engine.checklist(case, step, on.map(Date::shanghai_noon))?;
    output.show(&serde_json::to_value(&list)?, || {
        let mut lines: Vec<String> = list.items.iter().flat_map(checked).collect();
        let open = list.in_the_way().count();
        lines.push(match open {
            0 => format!("{}: nothing is in the way.", list.name_zh),
            _ => format!("{}: {open} to do first.", list.name_zh),
        });
        lines
    });
    Ok(exit::DONE)
}

/// An item of a checklist: how it stands, what proves or closes it, the law.
fn checked(item: &Item) -> Vec<String> {
    let events = || {
        let numbers: Vec<String> = item.by.iter().map(u64::to_string).collect();
        format!("event {}", numbers.join(", "))
    };
    let (mark, proof) = match (item.standing, item.earliest) {
        (ItemStanding::Met, _) => ("done", events()),
        (ItemStanding::NotNeeded, _) => ("n/a", "the case does not call for it".to_owned()),
        (ItemStanding::Open, Some(day)) => ("wait", format!("from {day}")),
        (ItemStanding::Open, None) if item.open_about.is_empty() => {
            ("OPEN", format!("next: {}", item.action))
        }
        (ItemStanding::Open, None) => (
            "OPEN",
            format!(
                "next: {}, about {}",
                item.action,
                item.open_about.join(", ")
            ),
        ),
    };
    let soft = if item.stops {
        ""
    } else {
        " (does not stop the step)"
    };
    let basis: Vec<String> = item
        .basis
        .iter()
        .map(|basis| format!("{} {}", basis.name_zh, basis.article))
        .collect();
    vec![
        format!("{mark:5}{:7} {}{soft}", item.rule, item.asked_zh),
        format!("             {proof}; law {}", basis.join("; ")),
    ]
}

fn explained(engine: &Engine, case: CaseId, on: Option<Date>, output: &Output) -> Result<u8> {
    let verdicts: Vec<RuleVerdict> = engine.explain(case, on.map(Date::shanghai_noon))?;
    output.show(&serde_json::to_value(&verdicts)?, || {
        verdicts.iter().map(ToString::to_string).collect()
    });
    Ok(exit::DONE)
}

/// Which version of the law asks for it.
fn version(prompt: &PromptView) -> String {
    let overlay = prompt.overlay_version.map_or_else(String::new, |version| {
        format!(", set by the court (settings {version})")
    });
    format!("pack {} ({}){overlay}", prompt.pack_version, prompt.pack_id)
}

/// One line: how it stands, the date, what to do.
fn headline(prompt: &PromptView) -> String {
    let standing = match prompt.standing {
        Standing::Overdue => "OVERDUE",
        Standing::Open => "open",
        Standing::Later => "later",
        Standing::Waiting => "waiting",
    };
    let date = match (prompt.due, prompt.days_left) {
        (Some(due), Some(days)) => format!("{due} ({days:+} d)"),
        _ => "no date".to_owned(),
    };
    let marks: String = [
        (!prompt.hard).then_some(" soft"),
        prompt.computation.provisional.then_some(" provisional"),
        prompt.computation.pause_runs.then_some(" clock stands"),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!(
        "{standing:8}{date:26}{:7} {}：{}{marks}",
        prompt.rule, prompt.name_zh, prompt.prompt_zh
    )
}

fn described(prompt: &PromptView) -> Vec<String> {
    let mut lines = vec![headline(prompt)];
    let basis: Vec<String> = prompt
        .basis
        .iter()
        .map(|basis| format!("{} {}", basis.name_zh, basis.article))
        .collect();
    lines.push(format!("          law     {}", basis.join("; ")));
    let count = &prompt.computation;
    let mut how = format!(
        "          count   from {} (event {})",
        count.counted_from, count.trigger_seq
    );
    if let (Some(n), Some(unit)) = (count.n, count.unit) {
        let unit = serde_json::to_value(unit).unwrap_or_default();
        how.push_str(&format!(", {n} {}", unit.as_str().unwrap_or_default()));
    }
    if let Some(bare) = count.moved_from {
        how.push_str(&format!(", moved from {bare} over rest days"));
    }
    for span in &count.pauses {
        how.push_str(&format!(", not counted {} to {}", span.from(), span.to()));
    }
    if let Some(problem) = &count.problem {
        how.push_str(&format!(", no date: {problem}"));
    }
    lines.push(how);
    let missed = if prompt.on_miss_zh.is_empty() {
        &prompt.on_miss
    } else {
        &prompt.on_miss_zh
    };
    if !missed.is_empty() {
        lines.push(format!("          missed  {missed}"));
    }
    let about = prompt
        .subject
        .as_deref()
        .map(|subject| format!(", about {subject}"))
        .unwrap_or_default();
    let checked = serde_json::to_value(prompt.confidence).unwrap_or_default();
    lines.push(format!(
        "          do      {}{about}; rule {} ({}), {}",
        prompt.action,
        checked.as_str().unwrap_or_default(),
        prompt.provenance,
        version(prompt)
    ));
    lines
}

/// Lists nodes.
pub fn nodes(word: Option<&str>, output: &Output) -> Result<u8> {
    let pack = RulePack::bundled();
    let wanted: BTreeMap<_, _> = pack
        .nodes
        .iter()
        .filter(|(code, node)| {
            word.is_none_or(|word| code.contains(word) || node.name_zh.contains(word))
        })
        .collect();
    if wanted.is_empty() {
        return Err(EngineError::not_found(
            "no node has this in its code or name; try another word",
        ));
    }
    output.show(&serde_json::to_value(&wanted)?, || {
        let line = |(code, node): (&&String, &&zhixing_protocol::rules::pack::Node)| {
            let fields = if node.fields.is_empty() {
                String::new()
            } else {
                format!("  [{}]", node.fields.join(", "))
            };
            format!("{code:45} {}{fields}", node.name_zh)
        };
        wanted.iter().map(line).collect()
    });
    Ok(exit::DONE)
}

/// Reckons delay interest.
pub fn interest(
    simple: Option<((&str, Date), Date)>,
    claim: Option<&Path>,
    output: &Output,
) -> Result<u8> {
    let claim: Claim = match (simple, claim) {
        (_, Some(path)) => serde_json::from_slice(&std::fs::read(path)?)
            .map_err(|error| EngineError::invalid(format!("{}: {error}", path.display())))?,
        (Some(((principal, due), until)), None) => Claim {
            debts: vec![zhixing_protocol::rules::delay_interest::Debt {
                id: "debt".to_owned(),
                principal_fen: fen(principal)?,
                due,
            }],
            ordinary: None,
            excluded: Vec::new(),
            payments: Vec::new(),
            as_of: until,
            order: STATUTORY_ORDER,
        },
        (None, None) => return Err(EngineError::invalid("give --principal, --due and --until")),
    };
    let owed = claim
        .reckon()
        .map_err(|error| EngineError::invalid(error.to_string()))?;
    output.show(&serde_json::to_value(&owed)?, || steps(&owed));
    Ok(exit::DONE)
}

fn steps(owed: &DelayInterest) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &owed.ordinary_segments {
        lines.push(format!(
            "ordinary  {} to {}  {} d × {} × {}  = {}",
            step.from,
            step.to,
            step.days,
            yuan(step.principal_fen),
            step.rate,
            yuan(step.fen)
        ));
    }
    for step in &owed.doubled_segments {
        lines.push(format!(
            "doubled   after {} to {}  {} d × {} × 1.75/10000  = {}",
            step.after,
            step.through,
            step.days,
            yuan(step.principal_fen),
            yuan(step.fen)
        ));
    }
    for paid in &owed.payments {
        lines.push(format!(
            "paid {}  interest {}, principal {}, doubled {}, left over {}",
            paid.stop,
            yuan(paid.ordinary_fen),
            yuan(paid.principal_fen),
            yuan(paid.doubled_fen),
            yuan(paid.surplus_fen)
        ));
    }
    let rest = owed.remaining;
    lines.push(format!(
        "owed      principal {}, ordinary interest {}, doubled part {}, together {}",
        yuan(rest.principal_fen),
        yuan(rest.ordinary_fen),
        yuan(rest.doubled_fen),
        yuan(rest.total_fen)
    ));
    lines
}

/// Yuan with at most two decimals as fen.
pub fn fen(text: &str) -> Result<i64> {
    let fault =
        || EngineError::invalid(format!("{text} is no amount; write yuan such as 20000.50"));
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if part.is_empty() || part.len() > 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault());
    }
    let whole: i64 = whole.parse().map_err(|_| fault())?;
    let part: i64 = format!("{part:0<2}").parse().map_err(|_| fault())?;
    whole
        .checked_mul(100)
        .and_then(|fen| fen.checked_add(part))
        .filter(|fen| *fen >= 0)
        .ok_or_else(fault)
}

fn moment_or_now(at: Option<Moment>) -> Result<Moment> {
    if let Some(at) = at {
        return Ok(at);
    }
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_err(|_| EngineError::invalid("the clock stands before 1970; give --at"))?;
    let seconds = i64::try_from(now.as_secs())
        .map_err(|_| EngineError::invalid("the clock stands too far ahead; give --at"))?;
    Ok(Moment::Instant(UtcMillis(seconds.saturating_mul(1000))))
}

/// Facts as `NAME=VALUE`.
pub fn node_values(texts: &[String]) -> Result<BTreeMap<String, NodeValue>> {
    texts
        .iter()
        .map(|text| {
            let (name, value) = text
                .split_once('=')
                .ok_or_else(|| EngineError::invalid(format!("--set {text}: write NAME=VALUE")))?;
            let value = match value {
                "true" => NodeValue::Flag(true),
                "false" => NodeValue::Flag(false),
                value => value
                    .parse()
                    .map_or_else(|_| NodeValue::Code(value.to_owned()), NodeValue::Number),
            };
            Ok((name.to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_to_the_fen_or_refused() {
        assert_eq!(fen("20000"), Ok(2_000_000));
        assert_eq!(fen("20000.5"), Ok(2_000_050));
        assert_eq!(fen("0.01"), Ok(1));
        for text in [
            "",
            "-1",
            "1.",
            "1.234",
            "1,000",
            "x",
            "99999999999999999999",
        ] {
            assert!(fen(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_are_flags_numbers_or_codes() {
        let values = node_values(&[
            "urgent=true".into(),
            "days=20".into(),
            "on=2020-03-01".into(),
        ]);
        let values = values.expect("all well formed");
        assert_eq!(values.get("urgent"), Some(&NodeValue::Flag(true)));
        assert_eq!(values.get("days"), Some(&NodeValue::Number(20)));
        assert_eq!(
            values.get("on"),
            Some(&NodeValue::Code("2020-03-01".into()))
        );
        assert!(node_values(&["urgent".into()]).is_err());
    }
}
