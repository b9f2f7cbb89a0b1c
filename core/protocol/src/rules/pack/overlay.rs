//! What a court sets for itself over a pack: shorter limits, own soft limits, local rules off.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{DeadlineKind, RulePack, Unit};

/// A court's own settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// The court.
    pub court: String,
    /// By rule.
    pub rules: BTreeMap<String, OverlayRule>,
}

/// What a court sets for one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The rule has no number that could be set.
    #[error("the rule {0} has no length that a court could set")]
    NoLength(String),
}

impl RulePack {
    /// This pack with a court's settings. *Errors*: [`OverlayError`]; nothing is then changed.
    pub fn with_overlay(&self, overlay: &Overlay) -> Result<Self, OverlayError> {
        let mut pack = self.clone();
        for (id, set) in &overlay.rules {
            let Some(place) = pack.rules.iter().position(|rule| rule.id == *id) else {
                return Err(OverlayError::UnknownRule(id.clone()));
            };
            let Some(rule) = pack.rules.get_mut(place) else {
                continue;
            };
            let promptly = rule.deadline.kind == DeadlineKind::Promptly;
            let sets_length = set.n.is_some() || set.unit.is_some();
            if set.off && rule.hard {
                return Err(OverlayError::HardRule(id.clone()));
            }
            if sets_length && !promptly {
                let Some(n) = rule.deadline.n else {
                    return Err(OverlayError::NoLength(id.clone()));
                };
                let same_unit = set.unit.is_none() || set.unit == rule.deadline.unit;
                let stricter = same_unit && set.n.is_none_or(|set| set <= n);
                let shorter_is_stricter = rule.deadline.kind == DeadlineKind::WithinAfter;
                if rule.hard && !(stricter && shorter_is_stricter) {
                    return Err(OverlayError::HardRule(id.clone()));
                }
            }
            rule.deadline.n = set.n.or(rule.deadline.n);
            rule.deadline.unit = set.unit.or(rule.deadline.unit);
            rule.remind_days = set.remind_days.or(rule.remind_days);
            if set.off {
                pack.rules.remove(place);
            }
        }
        Ok(pack)
    }
}
