//! Bodies of statements and events of every type.

use zhixing_protocol::canonical;
use zhixing_protocol::event::EventBody;
use zhixing_protocol::statement::Body;

/// The first byte names the type; the rest is its body.
pub fn check(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let Ok(value) = canonical::parse(rest) else {
        return;
    };
    let names: Vec<&str> = Body::TYPES
        .iter()
        .chain(EventBody::KINDS)
        .copied()
        .collect();
    let name = names[usize::from(*choice) % names.len()];
    if let Ok(body) = Body::read(name, &value) {
        assert_eq!(body == Body::Unknown, !Body::TYPES.contains(&name));
    }
    if let Ok(body) = EventBody::read(name, &value) {
        assert_eq!(
            body == EventBody::Unknown,
            !EventBody::KINDS.contains(&name)
        );
        if body != EventBody::Unknown {
            // What is written again says the same.
            let (kind, again) = body.write().expect("read from canonical JSON");
            assert_eq!(kind, name);
            assert_eq!(EventBody::read(kind, &again), Ok(body));
        }
    }
    // A name nobody knows is kept, whatever it holds (I14).
    assert_eq!(Body::read("later.kind/9", &value), Ok(Body::Unknown));
    assert_eq!(
        EventBody::read("later.kind", &value),
        Ok(EventBody::Unknown)
    );
}
