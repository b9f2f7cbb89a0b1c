//! Exact bytes of events: reading, chains of them, projections.

use zhixing_protocol::canonical::Value;
use zhixing_protocol::event::{Audience, Event, Head, visible_event, visible_members};

/// Lines of exact bytes, as a feed brings them.
pub fn check(bytes: &[u8]) {
    let mut head = Head::EMPTY;
    let mut case = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(event) = Event::parse(line) else {
            continue;
        };
        assert_eq!(
            event.to_bytes().as_deref(),
            Ok(line),
            "unknown members survive (I14)"
        );
        let _ = event.body();
        projected(&event);
        let case = *case.get_or_insert(event.case);
        let before = head;
        match head.follow(case, line) {
            Ok(followed) => {
                assert_eq!(followed, event);
                assert_eq!((event.case, event.prev), (case, before.hash));
                assert_eq!(head.seq, before.seq + 1);
                // The same event does not follow itself (I4).
                assert!(head.clone().follow(case, line).is_err());
            }
            Err(_) => assert_eq!(head, before, "a refused event leaves the head as it was"),
        }
    }
}

/// A projection holds members of the original and of the table, and no others (I8).
fn projected(event: &Event) {
    assert_eq!(visible_event(event, Audience::Court).as_ref(), Some(event));
    assert_eq!(visible_event(event, Audience::Grid), None);
    for audience in [Audience::Applicant, Audience::Respondent] {
        let Some(seen) = visible_event(event, audience) else {
            continue;
        };
        let allowed = visible_members(audience, &event.kind).expect("it was shown");
        if let (Value::Object(seen), Value::Object(all)) = (&seen.body, &event.body) {
            for (name, value) in seen {
                assert!(allowed.contains(&name.as_str()));
                assert_eq!(all.get(name), Some(value));
            }
        } else {
            assert!(
                matches!(seen.body, Value::Object(_)),
                "a body without members shows nothing"
            );
        }
        assert!(
            seen.hidden
                .keys()
                .all(|name| allowed.contains(&name.as_str()))
        );
        assert!(seen.unknown.is_empty());
    }
}
