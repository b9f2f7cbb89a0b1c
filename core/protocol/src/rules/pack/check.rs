//! What is wrong or weak in a pack, before anybody works by it.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Condition, Confidence, DeadlineKind, Rule, RulePack, Scope, Selector};
use crate::event::EventBody;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A reviewer should look.
    Warning,
    /// The pack cannot be used.
    Fault,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Stable code.
    pub code: &'static str,
    /// The rule, if it is about one.
    pub rule: Option<String>,
    /// What was found.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rule) = &self.rule {
            write!(f, "{rule}: ")?;
        }
        write!(f, "{} ({})", self.detail, self.code)
    }
}

/// Kinds of events that are facts under their own name.
const FACT_KINDS: &[&str] = &[
    "case.assigned",
    "case.filed",
    "case.released",
    "document.added",
    "measure.released",
    "measure.renewed",
    "measure.taken",
    "party.added",
    "pause.begun",
    "pause.ended",
];

const ACTIONS: &[&str] = &[
    "act", "calc", "capture", "check", "form", "record", "request", "sign", "timer",
];

impl RulePack {
    /// Looks for faults (unknown codes, laws and stages, limits without length, rules without an action, ids used twice) and for what a reviewer
    /// should see (nothing closes a rule, a hard rule of low confidence, two rules of one trigger and limit, nodes that no rule uses).
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        let mut seen = BTreeSet::new();
        let mut used = BTreeSet::new();
        let mut alike: BTreeMap<(Vec<String>, String), &str> = BTreeMap::new();
        for rule in &self.rules {
            if seen.insert(&rule.id) {
                self.check_versions(rule, &mut findings);
            }
            self.check_one(rule, &mut findings);
            used.extend(selectors(rule).map(|selector| selector.code().to_owned()));
            let triggers: Vec<String> = rule.trigger.on.iter().map(Selector::to_string).collect();
            let closers: Vec<String> = rule.closed_by.iter().map(Selector::to_string).collect();
            if rule.deadline.n.is_some() {
                let key = (triggers, closers.join(","));
                let other = alike.insert(key, &rule.id);
                if let Some(other) = other.filter(|other| *other != rule.id) {
                    findings.warn(
                        "overlap",
                        Some(rule),
                        format!("has the trigger and the closing of {other}"),
                    );
                }
            }
        }
        for code in self.nodes.keys().filter(|code| !used.contains(*code)) {
            findings.warn("node_unused", None, format!("no rule uses the node {code}"));
        }
        for stage in &self.stages {
            if !self.rules.iter().any(|rule| rule.stage == stage.key) {
                let detail = format!("no rule is of the stage {}", stage.key);
                findings.warn("stage_empty", None, detail);
            }
        }
        if self.promptly.n == 0 {
            let detail = "\"promptly\" is 0; a limit has at least 1 unit".to_owned();
            findings.fault("promptly_zero", None, detail);
        }
        if self
            .effective_until
            .is_some_and(|until| until < self.effective_from)
        {
            let detail = "the pack ends before it takes effect".to_owned();
            findings.fault("validity_reversed", None, detail);
        }
        findings.0
    }

    /// What [`RulePack::check`] finds in a rule that is or will be of this pack.
    pub fn check_rule(&self, rule: &Rule) -> Vec<Finding> {
        let mut findings = Findings::default();
        self.check_one(rule, &mut findings);
        findings.0
    }

    /// Faults and gaps between packs that hold one after the other: days on which only a pack that has ended is there, and packs that take effect
    /// on the same day.
    pub fn check_sequence(packs: &[&Self]) -> Vec<Finding> {
        let mut findings = Findings::default();
        let mut sorted = packs.to_vec();
        sorted.sort_by_key(|pack| (pack.effective_from, pack.version));
        for (place, pack) in sorted.iter().enumerate() {
            let rest = sorted.get(place.saturating_add(1)..).unwrap_or_default();
            for other in rest {
                if other.version == pack.version {
                    let detail = format!("two packs have the version {}", pack.version);
                    findings.fault("version_twice", None, detail);
                } else if other.effective_from == pack.effective_from {
                    let (older, newer) = (
                        pack.version.min(other.version),
                        pack.version.max(other.version),
                    );
                    let detail = format!(
                        "pack {newer} takes the whole place of pack {older} from {}",
                        pack.effective_from
                    );
                    findings.warn("replaces", None, detail);
                }
            }
            let Some(until) = pack.effective_until else {
                continue;
            };
            let next = until.plus_days(1);
            let covered = sorted.iter().any(|other| {
                other.effective_from <= next
                    && other.effective_until.is_none_or(|until| next <= until)
            });
            if !covered {
                let detail = format!(
                    "pack {} ends on {until} and no pack holds on the next day; it goes on until another takes effect",
                    pack.version
                );
                findings.warn("gap", None, detail);
            }
        }
        findings.0
    }

    fn check_one(&self, rule: &Rule, findings: &mut Findings) {
        self.check_words(rule, findings);
        check_limit(rule, findings);
        for selector in selectors(rule) {
            self.check_selector(rule, selector, findings);
        }
    }

    /// Several rules of one id are versions of one rule: they follow each other in time.
    fn check_versions(&self, first: &Rule, findings: &mut Findings) {
        let mut versions: Vec<&Rule> = self
            .rules
            .iter()
            .filter(|rule| rule.id == first.id)
            .collect();
        if versions.len() < 2 {
            return;
        }
        versions.sort_by_key(|rule| rule.valid_from);
        for (older, newer) in versions.iter().zip(versions.iter().skip(1)) {
            let (Some(until), Some(from)) = (older.valid_to, newer.valid_from) else {
                let detail =
                    "this id is used twice; versions of a rule need dates that follow each other"
                        .to_owned();
                findings.fault("id_twice", Some(first), detail);
                continue;
            };
            if from <= until {
                let detail = format!("two versions hold from {from} to {until}");
                findings.fault("id_twice", Some(first), detail);
            } else if from > until.plus_days(1) {
                let detail = format!("no version holds between {until} and {from}");
                findings.warn("gap", Some(first), detail);
            }
        }
    }

    fn check_words(&self, rule: &Rule, findings: &mut Findings) {
        if !self.stages.iter().any(|stage| stage.key == rule.stage) {
            let detail = format!("the stage {} is not listed", rule.stage);
            findings.fault("unknown_stage", Some(rule), detail);
        }
        for basis in &rule.basis {
            if !self.laws.contains_key(&basis.law) {
                let detail = format!("the law {} is not listed", basis.law);
                findings.fault("unknown_law", Some(rule), detail);
            }
        }
        if rule.trigger.on.is_empty() {
            let detail = "nothing brings it about".to_owned();
            findings.fault("no_trigger", Some(rule), detail);
        }
        let action = rule.action.split(':').next().unwrap_or_default();
        match (ACTIONS.contains(&action), rule.closed_by.is_empty()) {
            (true, _) => {}
            (false, true) if rule.action == "none" => {}
            (false, true) => {
                let detail = format!("the action {} is unknown", rule.action);
                findings.fault("unknown_action", Some(rule), detail);
            }
            (false, false) => {
                let detail = "a prompt that can be closed must open something".to_owned();
                findings.fault("no_action", Some(rule), detail);
            }
        }
        if rule.closed_by.is_empty() && rule.scope == Scope::Case {
            let detail = "no fact closes it; it ends by its date alone".to_owned();
            findings.warn("never_closed", Some(rule), detail);
        }
        if rule.hard && rule.confidence == Confidence::Low {
            let detail = "hard, yet only remembered; prefer soft until read".to_owned();
            findings.warn("hard_and_unsure", Some(rule), detail);
        }
        if rule
            .valid_from
            .zip(rule.valid_to)
            .is_some_and(|(from, to)| to < from)
        {
            let detail = "it ends before it begins".to_owned();
            findings.fault("validity_reversed", Some(rule), detail);
        }
    }

    fn check_selector(&self, rule: &Rule, selector: &Selector, findings: &mut Findings) {
        let code = selector.code();
        let Some(node) = self.nodes.get(code) else {
            if !FACT_KINDS.contains(&code) || !EventBody::KINDS.contains(&code) {
                let detail = format!("{code} is neither a node of this pack nor a kind of event");
                findings.fault("unknown_code", Some(rule), detail);
            }
            return;
        };
        for name in selector.field_names() {
            if !node.fields.iter().any(|field| field == name) {
                let detail = format!("the node {code} has no field {name}");
                findings.fault("unknown_field", Some(rule), detail);
            }
        }
    }
}

fn selectors(rule: &Rule) -> impl Iterator<Item = &Selector> {
    let conditions = rule.trigger.conditions.iter();
    let in_conditions = conditions.filter_map(|condition| match condition {
        Condition::Exists(selector) | Condition::MissingBefore(selector) => Some(selector),
        _ => None,
    });
    rule.trigger
        .on
        .iter()
        .chain(&rule.closed_by)
        .chain(&rule.ended_by)
        .chain(in_conditions)
}

fn check_limit(rule: &Rule, findings: &mut Findings) {
    let limit = &rule.deadline;
    let has_length = limit.n.is_some() && limit.unit.is_some();
    let in_order = matches!(
        limit.kind,
        DeadlineKind::AsStatedInOrder | DeadlineKind::AsStatedInNotice
    );
    let timeless = matches!(limit.kind, DeadlineKind::None | DeadlineKind::Promptly);
    let at_once = matches!(limit.kind, DeadlineKind::Immediate | DeadlineKind::SameTime);
    if in_order && rule.trigger.length.is_none() {
        let detail = "the number stands in the document, yet no field holds it".to_owned();
        findings.fault("length_missing", Some(rule), detail);
    }
    if !in_order && !timeless && !at_once && !has_length {
        let detail = "its limit needs a number and a unit".to_owned();
        findings.fault("length_missing", Some(rule), detail);
    }
    if limit.kind == DeadlineKind::Periodic && limit.occurrences.is_none() {
        let detail = "a repeated duty needs to say how often".to_owned();
        findings.fault("occurrences_missing", Some(rule), detail);
    }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn fault(&mut self, code: &'static str, rule: Option<&Rule>, detail: String) {
        self.add(Severity::Fault, code, rule, detail);
    }

    fn warn(&mut self, code: &'static str, rule: Option<&Rule>, detail: String) {
        self.add(Severity::Warning, code, rule, detail);
    }

    fn add(&mut self, severity: Severity, code: &'static str, rule: Option<&Rule>, detail: String) {
        self.0.push(Finding {
            severity,
            code,
            rule: rule.map(|rule| rule.id.clone()),
            detail,
        });
    }
}
