//! The shape that all vector files share.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::kinds::{KINDS, Kind};
use super::{MALFORMED, Refused, VectorFileError};

/// A vector file whose kind is known.
pub(super) struct VectorFile<'a> {
    pub(super) kind: &'static Kind,
    pub(super) subject: &'a str,
    pub(super) vectors: Vec<Vector<'a>>,
}

/// One vector of a file.
pub(super) struct Vector<'a> {
    pub(super) id: String,
    pub(super) why: String,
    pub(super) expected: Expected<'a>,
    fields: &'a Value,
    document: &'a Value,
}

/// What a vector says must come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected<'a> {
    /// Exactly this answer.
    Answer(&'a Value),
    /// A refusal, for this reason if one is named.
    Refusal(Option<&'a str>),
    /// The file does not say it, or says two things.
    Unclear(&'static str),
}

impl<'a> VectorFile<'a> {
    pub(super) fn open(document: &'a Value) -> Result<Self, VectorFileError> {
        let header = document.get("header").unwrap_or(&Value::Null);
        let named = document.get("kind").or_else(|| header.get("kind"));
        let vectors = read_vectors(document)?;
        let kind = match named {
            Some(name) => KINDS.iter().find(|kind| *name == kind.name),
            None => KINDS
                .iter()
                .find(|kind| vectors.iter().any(|vector| (kind.is_like)(vector.fields))),
        };
        let kind = kind.ok_or_else(|| {
            let known = super::kinds().collect::<Vec<_>>().join(", ");
            match named {
                Some(found) => VectorFileError::UnknownKind {
                    found: found.as_str().unwrap_or("(not a text)").to_owned(),
                    known,
                },
                None => VectorFileError::NotRecognised { known },
            }
        })?;
        Ok(Self {
            kind,
            subject: header
                .get("subject")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            vectors,
        })
    }
}

impl Vector<'_> {
    /// The vector as a type with the members it needs; other members are left alone. *Errors*: refused as malformed.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        T::deserialize(self.fields).map_err(|error| Refused::new(MALFORMED, &error))
    }

    /// A member of the file, beside the lists of vectors.
    pub(super) fn beside(&self, name: &str) -> Option<&Value> {
        self.document.get(name)
    }
}

fn read_vectors(document: &Value) -> Result<Vec<Vector<'_>>, VectorFileError> {
    let mut vectors = Vec::new();
    let mut ids = BTreeSet::new();
    for list in ["vectors", "valid", "invalid"] {
        let entries = match document.get(list) {
            None => continue,
            Some(entries) => entries.as_array().ok_or(VectorFileError::NoVectors)?,
        };
        for (place, fields) in (1_usize..).zip(entries) {
            let text = |name| fields.get(name).and_then(Value::as_str);
            let id = text("id").map_or_else(|| format!("{list} #{place}"), str::to_owned);
            let expected = if ids.insert(id.clone()) {
                read_expected(fields, list == "invalid")
            } else {
                Expected::Unclear("an id of its own; another vector of the file has the same")
            };
            vectors.push(Vector {
                id,
                why: text("why")
                    .or(text("reason"))
                    .unwrap_or_default()
                    .to_owned(),
                expected,
                fields,
                document,
            });
        }
    }
    if vectors.is_empty() {
        return Err(VectorFileError::NoVectors);
    }
    Ok(vectors)
}

fn read_expected(fields: &Value, must_fail: bool) -> Expected<'_> {
    match (fields.get("expect"), fields.get("error"), must_fail) {
        (Some(answer), None, false) => Expected::Answer(answer),
        (None, None, true) => Expected::Refusal(None),
        (None, Some(Value::String(code)), _) => Expected::Refusal(Some(code)),
        (None, Some(_), _) => Expected::Unclear("a reason code as text in `error`"),
        (None, None, false) => Expected::Unclear("a member `expect`, or `error` if it must fail"),
        (Some(_), _, _) => Expected::Unclear(
            "no `expect` in a vector that must fail (`error`, or listed under `invalid`)",
        ),
    }
}
