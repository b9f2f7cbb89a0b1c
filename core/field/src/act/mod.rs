//! Acts on site: led by what is next.

mod arguments;
mod show;

use std::path::Path;

pub use arguments::ActCommand;
use arguments::Which;
use serde::de::DeserializeOwned;
use serde_json::json;
use zhixing_engine::act::{ActStart, LineEntry, Refused, Signing, StepWords};
use zhixing_engine::capture::CaptureRequest;
use zhixing_engine::error::Result;
use zhixing_engine::{Engine, EngineError};
use zhixing_protocol::act::{ActBook, ActStatus, ActView};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{ActId, AttendeeId, CaseId, LineId};
use zhixing_protocol::statement::{ActKind, ActStep, MediaKind, SignedPaper};

use crate::commands::{capture_one, find_case};
use crate::exit;
use crate::law::{fen, node_values};
use crate::output::Output;

/// Runs one of the commands about acts.
pub fn run(engine: &Engine, command: &ActCommand, output: &Output) -> Result<u8> {
    match command {
        ActCommand::Kinds { kind } => show::kinds(kind.as_deref(), output),
        ActCommand::Start { .. } => start(engine, command, output),
        ActCommand::List { case } => {
            let case = case.as_deref().map(|case| find_case(engine, case));
            show::list(engine, case.transpose()?, output)
        }
        ActCommand::Show { which } => {
            let place = Place::any(engine, which)?;
            let view = engine.act_view(place.case, place.act, None)?;
            let drafts = engine.act_drafts(place.case, place.act)?;
            show::show(&view, &drafts, output);
            Ok(exit::DONE)
        }
        ActCommand::Fields { which } => {
            let place = Place::any(engine, which)?;
            let fields = engine.act_fields(place.case, place.act, None)?;
            let value = serde_json::to_value(&fields)?;
            output.show(&value, || vec![value.to_string()]);
            Ok(exit::DONE)
        }
        ActCommand::Draft { which, topic, text } => {
            let place = Place::open(engine, which)?;
            draft(engine, &place, topic.as_deref(), text.as_deref(), output)
        }
        ActCommand::Present { which, .. }
        | ActCommand::Shown { which, .. }
        | ActCommand::Recorder { which, .. }
        | ActCommand::Note { which, .. }
        | ActCommand::Exempt { which, .. }
        | ActCommand::End { which, .. }
        | ActCommand::Withdraw { which, .. } => {
            let place = Place::open(engine, which)?;
            let (step, words) = step(engine, &place, command)?;
            let statement = engine.act_step(place.case, place.act, step, &words)?;
            told(engine, &place, statement, output)
        }
        // These may also come after the closing.
        ActCommand::Set { which, .. } | ActCommand::Hand { which, .. } => {
            let place = Place::any(engine, which)?;
            let (step, words) = step(engine, &place, command)?;
            let statement = engine.act_step(place.case, place.act, step, &words)?;
            told(engine, &place, statement, output)
        }
        ActCommand::Line { which, .. } => {
            let place = Place::open(engine, which)?;
            let entry = line(&place, command)?;
            let (_, statement) =
                engine.act_line(place.case, place.act, &entry, &StepWords::default())?;
            told(engine, &place, statement, output)
        }
        ActCommand::Shot { which, .. } => shot(engine, which, command, output),
        ActCommand::ReadBack {
            which,
            person,
            aloud,
        } => {
            let place = Place::open(engine, which)?;
            let person = place.person(*person)?;
            let statement = engine.act_read_back(place.case, place.act, person, *aloud)?;
            told(engine, &place, statement, output)
        }
        ActCommand::Sign { which, .. } => sign(engine, which, command, output),
        ActCommand::Refuse {
            which,
            person,
            what,
            witness,
            evidence,
            text,
        } => {
            let place = Place::open(engine, which)?;
            let refused = Refused {
                attendee: place.person(*person)?,
                what: code("--what", what)?,
                witness: witness.map(|number| place.person(number)).transpose()?,
                evidence: *evidence,
                text: text.clone(),
            };
            let statement = engine.act_refuse(place.case, place.act, &refused)?;
            told(engine, &place, statement, output)
        }
        ActCommand::Close { which, until, rank } => {
            let place = Place::any(engine, which)?;
            let statement = engine.act_close(place.case, place.act, *until, *rank)?;
            told(engine, &place, statement, output)
        }
        ActCommand::Countersign { which, text } => {
            let place = Place::any(engine, which)?;
            let statement = engine.act_countersign(place.case, place.act, text.as_deref())?;
            told(engine, &place, statement, output)
        }
        ActCommand::Correct { which, text, line } => {
            let place = Place::any(engine, which)?;
            let line = line.map(|number| place.line(number)).transpose()?;
            let statement = engine.act_correct(place.case, place.act, line, text)?;
            told(engine, &place, statement, output)
        }
    }
}

/// The act of a case that a word names: its id, or the end of it.
pub fn named(engine: &Engine, case: CaseId, end: &str) -> Result<ActId> {
    let which = Which {
        case: case.to_string(),
        act: Some(end.to_owned()),
    };
    Ok(Place::any(engine, &which)?.act)
}

/// One act and what is known of it.
struct Place {
    case: CaseId,
    act: ActId,
    view: ActView,
}

impl Place {
    /// The act that is meant; without a word the only open one.
    fn open(engine: &Engine, which: &Which) -> Result<Self> {
        Self::find(engine, which, |view| view.status == ActStatus::Open)
    }

    /// The act that is meant; without a word the only one, or the only open one.
    fn any(engine: &Engine, which: &Which) -> Result<Self> {
        let case = find_case(engine, &which.case)?;
        match (&which.act, engine.acts(case, None)?.len()) {
            (None, 1) => Self::find(engine, which, |_| true),
            _ => Self::open(engine, which),
        }
    }

    fn find(engine: &Engine, which: &Which, fits: impl Fn(&ActView) -> bool) -> Result<Self> {
        let case = find_case(engine, &which.case)?;
        let acts = engine.acts(case, None)?;
        let mut found = acts.into_iter().filter(|view| match &which.act {
            Some(end) => view.act.to_string().ends_with(end.as_str()),
            None => fits(view),
        });
        match (found.next(), found.next()) {
            (Some(view), None) => Ok(Self {
                case,
                act: view.act,
                view,
            }),
            (None, _) => Err(EngineError::not_found(
                "there is no such act; see `act list`, or begin one with `act start`",
            )),
            (Some(_), Some(_)) => Err(EngineError::invalid(
                "several acts fit; name one with --act, see `act list`",
            )),
        }
    }

    fn person(&self, number: usize) -> Result<AttendeeId> {
        let people = &self.view.attendees;
        let person = number.checked_sub(1).and_then(|place| people.get(place));
        let person = person.ok_or_else(|| {
            EngineError::not_found(format!("there is no person {number}; see `act show`"))
        })?;
        person
            .attendee
            .parse()
            .map_err(|error| EngineError::internal(format!("{error}")))
    }

    fn line(&self, number: usize) -> Result<LineId> {
        let lines = &self.view.lines;
        let line = number.checked_sub(1).and_then(|place| lines.get(place));
        let line = line.ok_or_else(|| {
            EngineError::not_found(format!("there is no line {number}; see `act show`"))
        })?;
        line.line
            .parse()
            .map_err(|error| EngineError::internal(format!("{error}")))
    }
}

/// A code as the protocol writes it.
fn code<T: DeserializeOwned>(option: &str, text: &str) -> Result<T> {
    serde_json::from_value(json!(text)).map_err(|_| {
        EngineError::invalid(format!(
            "{option} {text}: not known here; --help lists what is"
        ))
    })
}

/// A code of the list, with the choices if it is none.
fn listed(of: &str, text: &str) -> Result<String> {
    let book = ActBook::bundled();
    if book.knows(of, text) {
        return Ok(text.to_owned());
    }
    let names = book.names.get(of).map(|names| {
        let names: Vec<&str> = names.keys().map(String::as_str).collect();
        names.join(", ")
    });
    Err(EngineError::invalid(format!(
        "{text} is no {of}; there are {}",
        names.unwrap_or_default()
    )))
}

fn start(engine: &Engine, command: &ActCommand, output: &Output) -> Result<u8> {
    let ActCommand::Start {
        case,
        kind,
        place,
        cause,
        about,
        party,
        at,
    } = command
    else {
        return Err(EngineError::internal("not a start"));
    };
    let case = find_case(engine, case)?;
    let kind = ActKind::from_code(kind).ok_or_else(|| {
        let kinds: Vec<&str> = ActKind::ALL.iter().map(|kind| kind.code()).collect();
        EngineError::invalid(format!("{kind} is no act; there are {}", kinds.join(", ")))
    })?;
    let start = ActStart {
        kind,
        about: *about,
        party: *party,
        place: place.clone(),
        cause: cause.clone(),
        at: *at,
    };
    let (act, statement) = engine.act_start(case, &start)?;
    match engine.act_view(case, act, None) {
        Ok(view) => show::told(&view, statement, output),
        Err(_) => show::told_unseen(act, statement, output),
    }
    Ok(exit::DONE)
}

fn told(engine: &Engine, place: &Place, statement: StatementHash, output: &Output) -> Result<u8> {
    let view = engine.act_view(place.case, place.act, None)?;
    show::told(&view, statement, output);
    Ok(exit::DONE)
}

fn words(members: &[(&str, &Option<String>)]) -> StepWords {
    let hidden = members.iter().filter_map(|(name, text)| {
        let text = text.as_ref()?;
        Some(((*name).to_owned(), text.clone()))
    });
    StepWords {
        hidden: hidden.collect(),
        ..StepWords::default()
    }
}

fn step(engine: &Engine, place: &Place, command: &ActCommand) -> Result<(ActStep, StepWords)> {
    Ok(match command {
        ActCommand::Present {
            role,
            name,
            badge,
            id_number,
            presence,
            woman,
            text,
            number,
            ..
        } => {
            let mut roles = role
                .iter()
                .map(|role| code("--role", role))
                .collect::<Result<Vec<_>>>()?;
            roles.sort_unstable();
            roles.dedup();
            let attendee = match number {
                Some(number) => place.person(*number)?,
                None => engine.new_attendee()?,
            };
            let step = ActStep::Present {
                attendee,
                female: woman.then_some(true),
                party: None,
                presence: code("--presence", presence)?,
                roles,
                staff: None,
            };
            let name = Some(name.clone());
            let members = [
                ("name", &name),
                ("badge", badge),
                ("id_number", id_number),
                ("text", text),
            ];
            (step, words(&members))
        }
        ActCommand::Shown {
            paper,
            document,
            text,
            ..
        } => {
            let step = ActStep::Shown {
                document: *document,
                evidence: None,
                paper: listed("paper", paper)?,
            };
            (step, words(&[("text", text)]))
        }
        ActCommand::Recorder { number, .. } => {
            let step = ActStep::Recorder {
                recorder: number.clone(),
                recording: None,
            };
            (step, StepWords::default())
        }
        ActCommand::Note {
            topic,
            text,
            person,
            ..
        } => {
            let topic = listed("topic", topic)?;
            let drafts = engine.act_drafts(place.case, place.act)?;
            let kept = drafts.into_iter().find(|(field, _)| *field == topic);
            let text = text.clone().or(kept.map(|(_, text)| text));
            let mut words = words(&[("text", &text), ("person", person)]);
            words.confirms = Some(topic.clone());
            (ActStep::Note { topic }, words)
        }
        ActCommand::Set {
            answer, text, at, ..
        } => {
            let mut values = node_values(std::slice::from_ref(answer))?.into_iter();
            let (field, value) = values
                .next()
                .ok_or_else(|| EngineError::invalid("write NAME=VALUE"))?;
            let field = listed("field", &field)?;
            let mut words = words(&[("text", text)]);
            words.at = *at;
            (ActStep::Set { field, value }, words)
        }
        ActCommand::Exempt {
            line,
            category,
            text,
            ..
        } => {
            let step = ActStep::Exempt {
                category: code("--category", category)?,
                line: place.line(*line)?,
            };
            (step, words(&[("text", text)]))
        }
        ActCommand::End { at, .. } => {
            let words = StepWords {
                at: *at,
                ..StepWords::default()
            };
            (ActStep::Ended {}, words)
        }
        ActCommand::Hand { person, paper, .. } => {
            let step = ActStep::Handed {
                attendee: place.person(*person)?,
                evidence: None,
                paper: listed("paper", paper)?,
            };
            (step, StepWords::default())
        }
        ActCommand::Withdraw {
            statement, text, ..
        } => {
            let mut words = StepWords::text(text);
            words.replaces = vec![*statement];
            (ActStep::Withdrawn {}, words)
        }
        _ => return Err(EngineError::internal("not a step")),
    })
}

fn line(place: &Place, command: &ActCommand) -> Result<LineEntry> {
    let ActCommand::Line {
        name,
        model,
        serial,
        place: at_place,
        seal,
        text,
        quantity,
        unit,
        condition,
        estimate,
        keeper,
        target,
        unregistered_vehicle,
        number,
        ..
    } = command
    else {
        return Err(EngineError::internal("not a line"));
    };
    Ok(LineEntry {
        line: number.map(|number| place.line(number)).transpose()?,
        name: name.clone(),
        model: model.clone(),
        serial: serial.clone(),
        place: at_place.clone(),
        seal_number: seal.clone(),
        text: text.clone(),
        quantity_milli: thousandths(quantity)?,
        unit: code("--unit", unit)?,
        condition: code("--condition", condition)?,
        estimate_fen: estimate.as_deref().map(fen).transpose()?,
        keeper: keeper.map(|number| place.person(number)).transpose()?,
        target: code("--target", target)?,
        unregistered_vehicle: *unregistered_vehicle,
    })
}

/// A quantity with at most three decimals in thousandths.
fn thousandths(text: &str) -> Result<i64> {
    let fault = || {
        EngineError::invalid(format!(
            "--quantity {text}: write a number such as 3 or 12.5"
        ))
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if part.is_empty() || part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault());
    }
    let whole: i64 = whole.parse().map_err(|_| fault())?;
    let part: i64 = format!("{part:0<3}").parse().map_err(|_| fault())?;
    whole
        .checked_mul(1000)
        .and_then(|milli| milli.checked_add(part))
        .filter(|milli| *milli > 0)
        .ok_or_else(fault)
}

/// Captures a photo for the case and names its statement.
fn photo(engine: &Engine, case: CaseId, file: &Path, output: &Output) -> Result<StatementHash> {
    let request = CaptureRequest::new(MediaKind::Photo, Some(case));
    Ok(capture_one(engine, file, request, output)?.statement)
}

fn shot(engine: &Engine, which: &Which, command: &ActCommand, output: &Output) -> Result<u8> {
    let ActCommand::Shot {
        shot,
        line,
        file,
        evidence,
        ..
    } = command
    else {
        return Err(EngineError::internal("not a shot"));
    };
    let place = Place::any(engine, which)?;
    let shot = listed("shot", shot)?;
    let line = line.map(|number| place.line(number)).transpose()?;
    let evidence = match (evidence, file) {
        (Some(evidence), _) => *evidence,
        (None, Some(file)) => photo(engine, place.case, file, output)?,
        (None, None) => return Err(EngineError::invalid("give a file or --evidence")),
    };
    let step = ActStep::Shot {
        evidence,
        line,
        shot,
    };
    let statement = engine.act_step(place.case, place.act, step, &StepWords::default())?;
    told(engine, &place, statement, output)
}

fn sign(engine: &Engine, which: &Which, command: &ActCommand, output: &Output) -> Result<u8> {
    let ActCommand::Sign {
        person,
        papers,
        strokes,
        paper,
        fingerprint,
        ..
    } = command
    else {
        return Err(EngineError::internal("not a signature"));
    };
    let place = Place::open(engine, which)?;
    let person = place.person(*person)?;
    let papers = papers
        .iter()
        .map(|paper| code::<SignedPaper>("--for", paper))
        .collect::<Result<Vec<_>>>()?;
    let signing = match (strokes, paper, fingerprint) {
        (Some(file), None, None) => {
            let text = std::fs::read(file)?;
            Signing::Drawn(
                serde_json::from_slice(&text).map_err(|error| {
                    EngineError::invalid(format!("{}: {error}", file.display()))
                })?,
            )
        }
        (None, Some(file), None) => Signing::OnPaper(photo(engine, place.case, file, output)?),
        (None, None, Some(file)) => Signing::Fingerprint(photo(engine, place.case, file, output)?),
        _ => {
            return Err(EngineError::invalid(
                "give one of --strokes, --paper and --fingerprint",
            ));
        }
    };
    let statement = engine.act_sign(place.case, place.act, person, &papers, &signing)?;
    told(engine, &place, statement, output)
}

fn draft(
    engine: &Engine,
    place: &Place,
    topic: Option<&str>,
    text: Option<&str>,
    output: &Output,
) -> Result<u8> {
    if let Some(text) = text {
        let topic = topic.ok_or_else(|| EngineError::invalid("say what it is for with --topic"))?;
        let topic = listed("topic", topic)?;
        engine.act_keep_draft(place.case, place.act, &topic, text)?;
    }
    let drafts = engine.act_drafts(place.case, place.act)?;
    let list: Vec<_> = drafts
        .iter()
        .map(|(field, text)| json!({"topic": field, "text": text}))
        .collect();
    output.show(&json!({"drafts": list}), || {
        let lines = drafts
            .iter()
            .map(|(field, text)| format!("{field:16}{text}"));
        lines.collect()
    });
    Ok(exit::DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_to_the_thousandth_or_refused() {
        assert_eq!(thousandths("3"), Ok(3000));
        assert_eq!(thousandths("12.5"), Ok(12_500));
        assert_eq!(thousandths("0.001"), Ok(1));
        for text in ["", "0", "-1", "1.", "1.2345", "x", "9223372036854775807"] {
            assert!(thousandths(text).is_err(), "{text}");
        }
    }
}
