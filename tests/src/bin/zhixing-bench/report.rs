//! Figures, their medians, and the table.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::machine::{self, Machine};

/// One measured figure.
#[derive(Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// What is to be reached, in words; empty for figures that stand beside others.
    pub goal: String,
    /// Unit of the values.
    pub unit: String,
    /// One value a round, or one a sample.
    pub values: Vec<f64>,
    /// Whether the value shown is a percentile of samples instead of the median of rounds.
    pub percentile: Option<u8>,
    /// How it was measured.
    pub how: String,
}

impl Figure {
    /// The value that stands for all.
    pub fn value(&self) -> f64 {
        percentile(&self.values, self.percentile.unwrap_or(50))
    }
}

/// All figures of a run.
#[derive(Serialize, Deserialize)]
pub struct Report {
    machine: Machine,
    rounds: u32,
    load_before: f64,
    load_after: f64,
    figures: Vec<Figure>,
    missing: Vec<String>,
}

/// The value below which so many of a hundred lie.
pub fn percentile(values: &[f64], percent: u8) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len().saturating_sub(1)) * usize::from(percent) / 100;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// Milliseconds with their fraction.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

impl Report {
    /// An empty report of this machine.
    pub fn new(rounds: u32) -> Self {
        Self {
            machine: machine::describe(),
            rounds,
            load_before: machine::load(),
            load_after: 0.0,
            figures: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Adds a figure whose values are rounds.
    pub fn rounds(&mut self, name: &str, goal: &str, unit: &str, values: Vec<f64>, how: &str) {
        self.add(name, goal, unit, values, None, how);
    }

    /// Adds a percentile of samples.
    pub fn samples(
        &mut self,
        name: &str,
        goal: &str,
        unit: &str,
        values: &[f64],
        percent: u8,
        how: &str,
    ) {
        self.add(name, goal, unit, values.to_vec(), Some(percent), how);
    }

    fn add(
        &mut self,
        name: &str,
        goal: &str,
        unit: &str,
        values: Vec<f64>,
        percentile: Option<u8>,
        how: &str,
    ) {
        let figure = Figure {
            name: name.to_owned(),
            goal: goal.to_owned(),
            unit: unit.to_owned(),
            values,
            percentile,
            how: how.to_owned(),
        };
        crate::progress(&format!("{name}: {:.2} {unit}", figure.value()));
        self.figures.push(figure);
    }

    /// Says what could not be measured, and why.
    pub fn missing(&mut self, what: &str) {
        crate::progress(&format!("not measured: {what}"));
        self.missing.push(what.to_owned());
    }

    /// Notes the load at the end.
    pub fn finish(&mut self) {
        self.load_after = machine::load();
    }

    /// Reads a report. *Errors*: in words.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        serde_json::from_slice(&bytes).map_err(|error| error.to_string())
    }

    /// Writes the report. *Errors*: in words.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| error.to_string())?;
        std::fs::write(path, bytes).map_err(|error| error.to_string())
    }

    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "{}\n\nRounds: {}. Load average before and after: {:.2}, {:.2}.\n\n| What | Reach | Measured | Lowest and highest | How |\n| --- | --- | --- | --- | --- |\n",
            self.machine.line(),
            self.rounds,
            self.load_before,
            self.load_after
        );
        for figure in &self.figures {
            let low = percentile(&figure.values, 0);
            let high = percentile(&figure.values, 100);
            let which = match figure.percentile {
                None => "median".to_owned(),
                Some(percent) => format!("p{percent} of {}", figure.values.len()),
            };
            text.push_str(&format!(
                "| {} | {} | **{} {}** ({which}) | {} to {} | {} |\n",
                figure.name,
                figure.goal,
                number(figure.value()),
                figure.unit,
                number(low),
                number(high),
                figure.how
            ));
        }
        for missing in &self.missing {
            text.push_str(&format!("\nNot measured: {missing}\n"));
        }
        text
    }
}

fn number(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
