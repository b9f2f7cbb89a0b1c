//! Short texts with one spelling each: ids, digests, numbers, dates, keys, tickets, paths.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zhixing_protocol::age::{Identity, Recipient};
use zhixing_protocol::case::{CaseNumber, CourtWord};
use zhixing_protocol::hash::{Sha256Digest, from_hex, to_hex};
use zhixing_protocol::ids::{CaseId, KeyId};
use zhixing_protocol::keys::{PublicKey, Signature};
use zhixing_protocol::time::Date;
use zhixing_protocol::tlog::{TileCoordinate, VerifierKey};
use zhixing_protocol::wire::EnrolmentTicket;

use crate::choose;

/// The first byte chooses the parser.
pub fn check(bytes: &[u8]) {
    let Some((choice, rest)) = choose(bytes, 13) else {
        return;
    };
    if choice == 12 {
        return signature(rest);
    }
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    match choice {
        0 => one_spelling::<CaseId>(text),
        1 => one_spelling::<KeyId>(text),
        2 => one_spelling::<Sha256Digest>(text),
        3 => case_number(text),
        4 => one_spelling::<CourtWord>(text),
        5 => one_spelling::<Date>(text),
        6 => one_spelling_text(text, TileCoordinate::from_str),
        7 => one_spelling_text(text, VerifierKey::parse),
        8 => one_spelling_text(text, Recipient::from_str),
        9 => {
            if let Ok(identity) = text.parse::<Identity>() {
                assert_eq!(*identity.to_secret_text(), text);
            }
        }
        10 => ticket(text),
        _ => {
            one_spelling::<PublicKey>(text);
            if let Ok(bytes) = from_hex(text) {
                assert_eq!(to_hex(&bytes), text);
            }
        }
    }
}

fn one_spelling_text<T: Display + PartialEq, E>(text: &str, parse: impl Fn(&str) -> Result<T, E>) {
    if let Ok(value) = parse(text) {
        assert_eq!(value.to_string(), text);
    }
}

/// What parses prints as it was, in JSON as well.
fn one_spelling<T>(text: &str)
where
    T: FromStr + Display + PartialEq + Serialize + DeserializeOwned,
{
    let parsed = text.parse::<T>().ok();
    let json = serde_json::to_string(text).expect("a text");
    let read: Option<T> = serde_json::from_str(&json).ok();
    assert!(parsed == read, "JSON reads what the text parser reads");
    if let Some(value) = parsed {
        assert_eq!(value.to_string(), text);
        assert_eq!(serde_json::to_string(&value).ok(), Some(json));
    }
}

/// Tolerant for people, exact in JSON; the printed form is a fixed point.
fn case_number(text: &str) {
    let json = serde_json::to_string(text).expect("a text");
    let exact: Option<CaseNumber> = serde_json::from_str(&json).ok();
    match text.parse::<CaseNumber>() {
        Ok(number) => {
            let printed = number.to_string();
            assert_eq!(printed.parse().as_ref(), Ok(&number));
            assert_eq!(exact.is_some(), printed == text);
            assert_eq!(
                number.court().to_string().parse().as_ref(),
                Ok(number.court())
            );
        }
        Err(error) => {
            assert_eq!(exact, None);
            assert!(!error.to_string().is_empty());
        }
    }
}

fn ticket(text: &str) {
    if let Ok(ticket) = text.parse::<EnrolmentTicket>() {
        let printed = ticket.to_string();
        assert_eq!(printed.parse().as_ref(), Ok(&ticket));
    }
}

/// One spelling of DER, and the low twin of any other.
fn signature(der: &[u8]) {
    if let Ok(signature) = Signature::from_der(der) {
        assert_eq!(signature.as_der(), der);
        assert_eq!(Signature::normalise_der(der).as_ref(), Ok(&signature));
    }
    if let Ok(low) = Signature::normalise_der(der) {
        assert_eq!(Signature::from_der(low.as_der()), Ok(low));
    }
}
