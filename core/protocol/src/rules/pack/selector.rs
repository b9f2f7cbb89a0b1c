//! Selectors: which facts of a case a rule means.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::case::LegalFact;

/// A code, and values that fields must have. *Shape*: `measure.taken[target=real_estate|other_right,co_owned=true]`.
///
/// Valid: `notice.sent`. Invalid: `notice.sent[]` (brackets without a field), `Notice` (codes are lower case with a dot).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Selector {
    code: String,
    fields: Vec<(String, Vec<String>)>,
}

/// A text that is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no selector; write a code such as notice.sent or measure.taken[target=movable]")]
pub struct SelectorError(String);

impl Selector {
    /// The code of the facts.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The names of the fields it asks for.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a fact of this code has the fields.
    pub fn fits_fields(&self, fact: &LegalFact) -> bool {
        self.fields.iter().all(|(name, values)| {
            fact.field(name)
                .is_some_and(|found| values.iter().any(|value| value == found))
        })
    }

    /// Whether a fact is meant.
    pub fn fits(&self, fact: &LegalFact) -> bool {
        fact.code == self.code && self.fits_fields(fact)
    }
}

impl FromStr for Selector {
    type Err = SelectorError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || SelectorError(text.to_owned());
        let (code, inside) = match text.split_once('[') {
            None => (text, None),
            Some((code, rest)) => (code, Some(rest.strip_suffix(']').ok_or_else(fault)?)),
        };
        let is_code = code.split('.').count() == 2
            && code.split('.').all(|part| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            });
        if !is_code {
            return Err(fault());
        }
        let mut fields = Vec::new();
        for part in inside.into_iter().flat_map(|inside| inside.split(',')) {
            let (name, values) = part.split_once('=').ok_or_else(fault)?;
            let values: Vec<String> = values.split('|').map(str::to_owned).collect();
            if name.is_empty() || values.iter().any(String::is_empty) {
                return Err(fault());
            }
            fields.push((name.to_owned(), values));
        }
        Ok(Self {
            code: code.to_owned(),
            fields,
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        for (place, (name, values)) in self.fields.iter().enumerate() {
            f.write_str(if place == 0 { "[" } else { "," })?;
            write!(f, "{name}={}", values.join("|"))?;
        }
        if self.fields.is_empty() {
            return Ok(());
        }
        f.write_str("]")
    }
}

impl TryFrom<String> for Selector {
    type Error = SelectorError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.to_string()
    }
}
