//! Compares an answer with what the file expects.

use serde_json::Value;

use super::file::{Expected, Vector};
use super::{Failure, MALFORMED, Refused};

/// Texts of a failure longer than this are cut, so that one bad vector cannot flood a terminal.
const MAX_SHOWN_CHARS: usize = 400;
/// Of a long text that is the same in both, so much before the difference is shown.
const BEFORE_DIFFERENCE: usize = 40;

pub(super) fn judge(vector: &Vector<'_>, answer: Result<Value, Refused>) -> Result<(), Failure> {
    let (expected, got) = match (vector.expected, answer) {
        (Expected::Answer(expected), Ok(got)) if *expected == got => return Ok(()),
        (Expected::Refusal(Some(code)), Err(refused)) if refused.code == code => return Ok(()),
        (Expected::Refusal(None), Err(refused)) if refused.code != MALFORMED => return Ok(()),

        (Expected::Answer(expected), Ok(got)) => first_difference("", expected, &got),
        (Expected::Answer(expected), Err(refused)) => (expected.to_string(), shown(&refused)),
        (Expected::Refusal(code), answer) => (
            code.map_or("refused".to_owned(), |code| format!("refused ({code})")),
            answer.map_or_else(|refused| shown(&refused), |got| got.to_string()),
        ),
        (Expected::Unclear(missing), answer) => (
            format!("the file to give {missing}"),
            answer.map_or_else(|refused| shown(&refused), |got| got.to_string()),
        ),
    };
    let same = expected
        .chars()
        .zip(got.chars())
        .take_while(|(one, other)| one == other)
        .count();
    Err(Failure {
        id: vector.id.clone(),
        why: vector.why.clone(),
        expected: cut(&expected, same),
        got: cut(&got, same),
    })
}

fn shown(refused: &Refused) -> String {
    format!("refused ({}): {}", refused.code, refused.detail)
}

/// The first place where two values differ, each with its path; two different values differ somewhere.
fn first_difference(path: &str, expected: &Value, got: &Value) -> (String, String) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            let names = expected
                .keys()
                .chain(got.keys().filter(|name| !expected.contains_key(*name)));
            for name in names {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                match (expected.get(name), got.get(name)) {
                    (Some(expected), Some(got)) if expected == got => {}
                    (Some(expected), Some(got)) => return first_difference(&path, expected, got),
                    (expected, got) => return (at(&path, expected), at(&path, got)),
                }
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            for place in 0..expected.len().max(got.len()) {
                let path = format!("{path}[{place}]");
                match (expected.get(place), got.get(place)) {
                    (Some(expected), Some(got)) if expected == got => {}
                    (Some(expected), Some(got)) => return first_difference(&path, expected, got),
                    (expected, got) => return (at(&path, expected), at(&path, got)),
                }
            }
        }
        _ => {}
    }
    (at(path, Some(expected)), at(path, Some(got)))
}

fn at(path: &str, value: Option<&Value>) -> String {
    let value = value.map_or("(nothing)".to_owned(), Value::to_string);
    if path.is_empty() {
        value
    } else {
        format!("{path}: {value}")
    }
}

/// Cut to what can be shown; where that would hide the difference, what is the same in both goes, but for a little before it.
fn cut(text: &str, same: usize) -> String {
    let skipped = if same < MAX_SHOWN_CHARS {
        0
    } else {
        same.saturating_sub(BEFORE_DIFFERENCE)
    };
    let mut shown: String = text.chars().skip(skipped).take(MAX_SHOWN_CHARS).collect();
    if skipped > 0 {
        shown.insert(0, '…');
    }
    if text
        .chars()
        .nth(skipped.saturating_add(MAX_SHOWN_CHARS))
        .is_some()
    {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_behind_a_long_beginning_is_shown() {
        let same = "长".repeat(1_000);
        let (one, other) = (format!("{same}甲{same}"), format!("{same}乙"));
        let (one, other) = (cut(&one, 1_000), cut(&other, 1_000));
        assert!(one.contains('甲') && other.contains('乙'));
        assert!(one.starts_with('…') && one.ends_with('…') && !other.ends_with('…'));
        assert_eq!(one.chars().count(), MAX_SHOWN_CHARS + 2);
        assert_eq!(cut("short", 3), "short");
    }
}
