//! Messages between device and court.

use serde::Serialize;
use serde::de::DeserializeOwned;
use zhixing_protocol::statement::Statement;
use zhixing_protocol::wire::{
    ChallengeRequest, EnrollRequest, EnrollResponse, Frame, Problem, PullRequest, SessionRequest,
    SessionResponse, StatementCopy, StatementsRequest, StatementsResponse, TimeMarks,
    WireStatement,
};

use crate::choose;

/// The first byte chooses the message.
pub fn check(bytes: &[u8]) {
    let Some((choice, rest)) = choose(bytes, 13) else {
        return;
    };
    match choice {
        0 => rest.split(|byte| *byte == b'\n').for_each(stable::<Frame>),
        1 => stable::<PullRequest>(rest),
        2 => stable::<StatementsRequest>(rest),
        3 => stable::<StatementsResponse>(rest),
        4 => stable::<EnrollRequest>(rest),
        5 => stable::<EnrollResponse>(rest),
        6 => stable::<Problem>(rest),
        7 => stable::<SessionRequest>(rest),
        8 => stable::<SessionResponse>(rest),
        9 => stable::<ChallengeRequest>(rest),
        10 => stable::<TimeMarks>(rest),
        11 => stable::<StatementCopy>(rest),
        _ => verbatim(rest),
    }
}

/// What is read and written again is a fixed point.
fn stable<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(message) = serde_json::from_slice::<T>(bytes) else {
        return;
    };
    let once = serde_json::to_vec(&message).expect("a message can be written");
    let again: T = serde_json::from_slice(&once).expect("our own writing is read");
    assert_eq!(
        serde_json::to_vec(&again).expect("a message can be written"),
        once
    );
}

/// The signed bytes come out as they went in, into the very statement and back.
fn verbatim(bytes: &[u8]) {
    let Ok(message) = serde_json::from_slice::<WireStatement>(bytes) else {
        return;
    };
    let signed = message.into_signed();
    assert!(std::str::from_utf8(&signed.bytes).is_ok());
    // The message around it need not be UTF-8: members that nobody knows are passed over unread.
    assert!(
        bytes
            .windows(signed.bytes.len())
            .any(|part| part == signed.bytes)
    );
    if Statement::parse(&signed.bytes).is_ok() {
        let back = WireStatement::from_signed(&signed).expect("statements are JSON");
        assert_eq!(back.into_signed(), signed);
    }
}
