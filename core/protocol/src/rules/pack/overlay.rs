//! What a court sets for itself over a pack: shorter limits, own soft limits, soft rules off, local rules.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DeadlineKind, Rule, RulePack, Severity, SoftLimit, Unit};
use crate::time::Date;

/// How the ids of a court's own rules begin, so that no pack's rule ever meets one.
const LOCAL_MARK: char = 'L';

/// A court's own settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// The court.
    pub court: String,
    /// Triggers from this day on are judged by it.
    pub effective_from: Date,
    /// What this court takes for "promptly" (及时).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promptly: Option<SoftLimit>,
    /// By rule.
    #[serde(default)]
    pub rules: BTreeMap<String, OverlayRule>,
    /// Rules of this court alone; always soft.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub local: Vec<Rule>,
}

/// What a court sets for one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverlayRule {
    /// Another number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// Another unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The rule does not hold here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
    /// Earlier reminder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_days: Option<u32>,
}

/// A setting that no court may make.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    /// No such rule.
    #[error("the overlay names the rule {0}, which the pack does not have")]
    UnknownRule(String),
    /// A hard rule may be made stricter, never looser.
    #[error(
        "the rule {0} is hard: a court may set a shorter limit in the same unit, not a longer one, another unit or none"
    )]
    HardRule(String),
    /// A hard rule may be remembered earlier, never later.
    #[error("the rule {0} is hard: a court may be reminded of it earlier, not later")]
    LaterReminder(String),
    /// The rule has no number that could be set.
    #[error("the rule {0} has no length that a court could set")]
    NoLength(String),
    /// Nobody can do anything in no time.
    #[error("the limit of {0} is 0; a limit has at least 1 unit")]
    Zero(String),
    /// A court's own rule binds nobody by law.
    #[error("the local rule {0} is marked hard; a court's own rule is soft")]
    LocalHard(String),
    /// It could be taken for a rule of a pack.
    #[error("the local rule {0} needs an id that begins with L and that no other rule has")]
    LocalId(String),
    /// It has a fault.
    #[error("the local rule {rule}: {fault}")]
    LocalFault {
        /// The rule.
        rule: String,
        /// What [`RulePack::check`] says.
        fault: String,
    },
}

impl OverlayError {
    /// The rule that it is about; `promptly` for that number.
    pub fn rule(&self) -> &str {
        match self {
            Self::UnknownRule(rule)
            | Self::HardRule(rule)
            | Self::LaterReminder(rule)
            | Self::NoLength(rule)
            | Self::Zero(rule)
            | Self::LocalHard(rule)
            | Self::LocalId(rule)
            | Self::LocalFault { rule, .. } => rule,
        }
    }
}

impl Overlay {
    /// Settings of a court that sets nothing.
    pub fn empty(court: &str, effective_from: Date) -> Self {
        Self {
            court: court.to_owned(),
            effective_from,
            promptly: None,
            rules: BTreeMap::new(),
            local: Vec::new(),
        }
    }

    /// Whether it sets nothing.
    pub fn is_empty(&self) -> bool {
        self.promptly.is_none() && self.rules.is_empty() && self.local.is_empty()
    }

    /// The rules of `pack` that it changes, and its own.
    pub fn touched(&self, pack: &RulePack) -> BTreeSet<String> {
        let mut touched: BTreeSet<String> = self.rules.keys().cloned().collect();
        touched.extend(self.local.iter().map(|rule| rule.id.clone()));
        if self.promptly.is_some() {
            let promptly = pack.rules.iter().filter(|rule| {
                rule.deadline.kind == DeadlineKind::Promptly && rule.deadline.n.is_none()
            });
            touched.extend(promptly.map(|rule| rule.id.clone()));
        }
        touched
    }
}

impl RulePack {
    /// This pack with a court's settings. *Errors*: [`OverlayError`], the first; nothing is then changed.
    pub fn with_overlay(&self, overlay: &Overlay) -> Result<Self, OverlayError> {
        let (pack, left_out) = self.with_what_fits(overlay);
        match left_out.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(pack),
        }
    }

    /// This pack with those of a court's settings that it may make, and what was left out. A rule left out stays as the pack has it, so nothing is
    /// ever loosened by settings that were made for another pack.
    pub fn with_what_fits(&self, overlay: &Overlay) -> (Self, Vec<OverlayError>) {
        let mut pack = self.clone();
        let mut left_out = Vec::new();
        match overlay.promptly {
            Some(promptly) if promptly.n == 0 => {
                left_out.push(OverlayError::Zero("promptly".to_owned()));
            }
            Some(promptly) => pack.promptly = promptly,
            None => {}
        }
        for (id, set) in &overlay.rules {
            left_out.extend(set_rule(&mut pack, id, set).err());
        }
        for rule in &overlay.local {
            left_out.extend(add_local(&mut pack, rule).err());
        }
        (pack, left_out)
    }
}

/// Sets every version of a rule, or none.
fn set_rule(pack: &mut RulePack, id: &str, set: &OverlayRule) -> Result<(), OverlayError> {
    let versions = || pack.rules.iter().filter(|rule| rule.id == *id);
    if versions().next().is_none() {
        return Err(OverlayError::UnknownRule(id.to_owned()));
    }
    for rule in versions() {
        may_set(rule, set)?;
    }
    for rule in pack.rules.iter_mut().filter(|rule| rule.id == *id) {
        rule.deadline.n = set.n.or(rule.deadline.n);
        rule.deadline.unit = set.unit.or(rule.deadline.unit);
        rule.remind_days = set.remind_days.or(rule.remind_days);
    }
    if set.off {
        pack.rules.retain(|rule| rule.id != *id);
    }
    Ok(())
}

fn may_set(rule: &Rule, set: &OverlayRule) -> Result<(), OverlayError> {
    let id = || rule.id.clone();
    if set.n == Some(0) {
        return Err(OverlayError::Zero(id()));
    }
    if set.off && rule.hard {
        return Err(OverlayError::HardRule(id()));
    }
    let promptly = rule.deadline.kind == DeadlineKind::Promptly;
    let sets_length = set.n.is_some() || set.unit.is_some();
    if sets_length && !promptly {
        let Some(n) = rule.deadline.n else {
            return Err(OverlayError::NoLength(id()));
        };
        let same_unit = set.unit.is_none() || set.unit == rule.deadline.unit;
        let stricter = same_unit && set.n.is_none_or(|set| set <= n);
        let shorter_is_stricter = rule.deadline.kind == DeadlineKind::WithinAfter;
        if rule.hard && !(stricter && shorter_is_stricter) {
            return Err(OverlayError::HardRule(id()));
        }
    }
    let later = set.remind_days.zip(rule.remind_days);
    if rule.hard && later.is_some_and(|(set, own)| set < own) {
        return Err(OverlayError::LaterReminder(id()));
    }
    Ok(())
}

fn add_local(pack: &mut RulePack, rule: &Rule) -> Result<(), OverlayError> {
    if !rule.id.starts_with(LOCAL_MARK) || pack.rule(&rule.id).is_some() {
        return Err(OverlayError::LocalId(rule.id.clone()));
    }
    if rule.hard {
        return Err(OverlayError::LocalHard(rule.id.clone()));
    }
    let fault = pack
        .check_rule(rule)
        .into_iter()
        .find(|finding| finding.severity == Severity::Fault);
    if let Some(fault) = fault {
        return Err(OverlayError::LocalFault {
            rule: rule.id.clone(),
            fault: fault.detail,
        });
    }
    pack.rules.push(rule.clone());
    Ok(())
}
