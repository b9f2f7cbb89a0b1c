//! What a run did, in a form that is the same whenever its seed is run.

use std::collections::HashMap;
use std::fmt::Write as _;

/// Hexadecimal runs of this length or more are digests, keys, signatures and what contains them.
const DIGEST_CHARACTERS: usize = 32;

/// Lines of a run.
#[derive(Default)]
pub struct Trace(Vec<String>);

impl Trace {
    /// Adds a line.
    pub fn add(&mut self, line: &str) {
        self.0.push(line.to_owned());
    }

    /// Its lines in a form that each run of the seed gives.
    ///
    /// Signatures are randomised, and through the roots of the log they get into statements, events and heads. So each
    /// digest stands here as the number of its first appearance: which digests are equal is kept, their value is not.
    pub fn into_lines(self) -> Vec<String> {
        let mut names = HashMap::new();
        self.0.iter().map(|line| normal(line, &mut names)).collect()
    }
}

fn normal(line: &str, names: &mut HashMap<String, usize>) -> String {
    let mut out = String::with_capacity(line.len());
    let mut run = String::new();
    for character in line.chars().chain(['\n']) {
        if matches!(character, '0'..='9' | 'a'..='f') {
            run.push(character);
            continue;
        }
        if run.len() >= DIGEST_CHARACTERS {
            let next = names.len();
            let number = *names.entry(std::mem::take(&mut run)).or_insert(next);
            write!(out, "#{number}").expect("a string takes text");
        } else {
            out.push_str(&run);
            run.clear();
        }
        out.push(character);
    }
    out
}
