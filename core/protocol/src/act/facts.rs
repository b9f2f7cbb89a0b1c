//! What an act means for the rules of law: its nodes of the procedure. They follow from the act and are recorded by nobody.

use std::collections::BTreeMap;

use super::book::{ActBook, FactRule, FactSource};
use super::missing::is_met;
use super::standing::{Answer, Standing, instant_of};
use crate::case::{CaseState, LegalFact};
use crate::rules::moment::Moment;
use crate::statement::{ActStep, SignedPaper};

/// The nodes that follow from an act as it stands. The same contributions give the same nodes, in whatever order they came.
///
/// The number of a node is that of the newest event it rests on.
pub fn facts_of(standing: &Standing<'_>, case: &CaseState) -> Vec<LegalFact> {
    let mut facts = Facts {
        standing,
        found: Vec::new(),
    };
    facts.of_course(case);
    facts.of_signing(case);
    for rule in &ActBook::bundled().facts {
        let kind = standing
            .kind
            .filter(|kind| rule.kinds.is_empty() || rule.kinds.contains(kind));
        if kind.is_some() {
            facts.of_rule(rule);
        }
    }
    facts.of_measures();
    facts.found
}

struct Facts<'s> {
    standing: &'s Standing<'s>,
    found: Vec<LegalFact>,
}

/// When and by which event.
type Point = (Moment, u64);

impl Facts<'_> {
    fn add(
        &mut self,
        code: &str,
        point: Option<Point>,
        subject: String,
        fields: &[(&str, String)],
    ) {
        let Some((at, seq)) = point else { return };
        let fields: BTreeMap<String, String> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        self.found.push(LegalFact {
            seq,
            code: code.to_owned(),
            at,
            subject: Some(subject),
            fields,
        });
    }

    fn about_act(&mut self, code: &str, point: Option<Point>) {
        let subject = self.standing.act.to_string();
        self.add(code, point, subject, &[]);
    }

    /// What the act is about, or the act where it is about nothing else.
    fn about(&self) -> String {
        let about = self
            .standing
            .state
            .start()
            .and_then(|start| start.fact.about);
        about.map_or_else(|| self.standing.act.to_string(), |about| about.to_string())
    }

    /// The newest of the steps that fit.
    fn newest(&self, fits: impl Fn(&ActStep) -> bool) -> Option<Point> {
        let steps = self.standing.steps.iter();
        let fitting = steps.filter(|(_, said)| fits(&said.fact.step));
        fitting
            .map(|(_, said)| (said.fact.at, said.seq))
            .reduce(later)
    }

    /// The first of the steps that fit.
    fn first(&self, fits: impl Fn(&ActStep) -> bool) -> Option<Point> {
        let mut steps = self.standing.steps.iter();
        steps
            .find(|(_, said)| fits(&said.fact.step))
            .map(|(_, said)| (said.fact.at, said.seq))
    }

    fn of_course(&mut self, case: &CaseState) {
        let standing = self.standing;
        let Some(kind) = standing.kind else { return };
        let act = standing.act.to_string();
        let kind_field = [("act", kind.code().to_owned())];
        let begun = standing
            .state
            .start()
            .map(|start| (start.fact.at, start.seq));
        self.add("act.started", begun, act.clone(), &kind_field);
        let shown =
            self.first(|step| matches!(step, ActStep::Shown { paper, .. } if paper == "work_id"));
        self.about_act("act.identity_shown", shown);
        if is_met(standing, case, "presence") {
            let there = self.newest(|step| matches!(step, ActStep::Present { .. }));
            self.about_act("act.presence_recorded", there);
        }
        let runs = |step: &ActStep| matches!(step, ActStep::Recorder { .. });
        if !standing.recorders().is_empty() {
            let point = self.first(runs);
            self.about_act("recording.started", point);
        }
        if standing.recorders().len() > 1 {
            let point = self.newest(runs);
            self.about_act("recording.second_started", point);
        }
        let all_have_keepers = standing.inventory().all(|line| line.fact.keeper.is_some());
        if !standing.lines.is_empty() && all_have_keepers {
            let point = self.lines(later);
            self.about_act("custodian.named", point);
        }
        let all_checked = standing
            .lines
            .keys()
            .all(|line| !standing.exemptions(*line).is_empty());
        if !standing.lines.is_empty() && all_checked {
            let point = self.newest(|step| matches!(step, ActStep::Exempt { .. }));
            let about = self.about();
            self.add("exempt_property.checked", point, about, &[]);
        }
        let ended = self.first(|step| matches!(step, ActStep::Ended {}));
        self.add("act.finished", ended, act, &kind_field);
    }

    fn of_signing(&mut self, case: &CaseState) {
        let standing = self.standing;
        if is_met(standing, case, "signatures") || is_met(standing, case, "receipt_signed") {
            let refused = standing.people().any(|person| {
                standing.signs(person.attendee, SignedPaper::Record) == Some(Answer::Refused)
            });
            let code = match refused {
                true => "record.refusal_noted",
                false => "record.signed",
            };
            let point = self.signing();
            self.about_act(code, point);
        }
        if is_met(standing, case, "inventory_signed") {
            let point = self.signing();
            self.about_act("inventory.signed", point);
        }
    }

    /// The newest signature or refusal of the version that stands.
    fn signing(&self) -> Option<Point> {
        let record = self.standing.record;
        let signed = self.standing.state.signatures.values();
        let signed = signed
            .filter(|said| said.fact.record == record)
            .map(|said| (said.fact.at, said.seq));
        let refused = self.standing.state.refusals.values();
        let refused = refused
            .filter(|said| said.fact.record == record)
            .map(|said| (said.fact.at, said.seq));
        signed.chain(refused).reduce(later)
    }

    fn lines(&self, choose: fn(Point, Point) -> Point) -> Option<Point> {
        let lines = self.standing.inventory();
        lines.map(|line| (line.fact.at, line.seq)).reduce(choose)
    }

    fn of_rule(&mut self, rule: &FactRule) {
        let standing = self.standing;
        let point = match rule.on {
            FactSource::Field => {
                self.first(|step| matches!(step, ActStep::Set { field, .. } if *field == rule.name))
            }
            FactSource::Handed => self
                .first(|step| matches!(step, ActStep::Handed { paper, .. } if *paper == rule.name)),
            FactSource::Lines => self.lines(earlier),
            FactSource::Ended => self.first(|step| matches!(step, ActStep::Ended {})),
            FactSource::Closed => standing
                .closing
                .map(|(_, closing)| (closing.fact.at, closing.seq)),
        };
        let fields: Vec<(&str, String)> = rule
            .fields
            .iter()
            .filter_map(|name| Some((name.as_str(), standing.answer(name)?.text())))
            .collect();
        let subject = match rule.about {
            true => self.about(),
            false => standing.act.to_string(),
        };
        self.add(&rule.node, point, subject, &fields);
    }

    /// What a closing's measures need and the act has: the seal was put on, the engine number was written down.
    fn of_measures(&mut self) {
        let standing = self.standing;
        let Some((_, closing)) = standing.closing else {
            return;
        };
        let sealed = self
            .first(|step| matches!(step, ActStep::Shot { shot, .. } if shot == "seal_in_place"));
        for measure in &closing.fact.measures {
            let id = measure.measure.to_string();
            self.add("measure.publicised", sealed, id.clone(), &[]);
            let mut vehicles = standing.inventory().filter(|line| {
                line.fact.unregistered_vehicle && line.fact.target == measure.target
            });
            let numbered = vehicles.find(|line| line.members.contains("serial"));
            let point = numbered.map(|line| (line.fact.at, line.seq));
            self.add("engine_number.recorded", point, id, &[]);
        }
    }
}

fn later(one: Point, other: Point) -> Point {
    // The number of the newest event and the latest moment, each for itself: neither depends on the order of arrival of the other.
    let at = match instant_of(other.0) > instant_of(one.0) {
        true => other.0,
        false => one.0,
    };
    (at, one.1.max(other.1))
}

fn earlier(one: Point, other: Point) -> Point {
    match instant_of(other.0) < instant_of(one.0) {
        true => other,
        false => one,
    }
}
