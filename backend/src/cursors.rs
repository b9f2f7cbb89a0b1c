//! What the court remembers of the cases each device holds, so that a device need not name them all in each pull.
//!
//! This is a convenience that may be forgotten at any time: a device whose digest is not known is asked for its cursors, and what it gets is
//! always computed from cursors that it named or that lead to the digest it sent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::ids::DeviceId;
use zhixing_protocol::wire::{CaseCursor, digest_cursors};

/// Most cursors remembered of all devices together; some 80 bytes each.
const MOST: usize = 100_000;
/// States of one device: the one before the newest answer, for when that was lost, and the one after it.
const STATES: usize = 2;

type Cursors = Arc<Vec<CaseCursor>>;

/// The memory; see the module's words.
#[derive(Default)]
pub struct RememberedCursors(Mutex<HashMap<DeviceId, VecDeque<(Sha256Digest, Cursors)>>>);

impl RememberedCursors {
    /// The cursors of a device that have this digest.
    pub fn find(&self, device: DeviceId, digest: Sha256Digest) -> Option<Cursors> {
        let devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let states = devices.get(&device)?;
        let (_, cursors) = states.iter().find(|(known, _)| *known == digest)?;
        Some(Arc::clone(cursors))
    }

    /// Remembers where a device stands once it has taken in an answer.
    pub fn remember(&self, device: DeviceId, cursors: Vec<CaseCursor>) {
        let digest = digest_cursors(&cursors);
        let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held: usize = devices.values().flatten().map(|(_, held)| held.len()).sum();
        if held + cursors.len() > MOST {
            devices.clear(); // each device names its cursors once more
        }
        let states = devices.entry(device).or_default();
        states.retain(|(known, _)| *known != digest);
        states.push_back((digest, Arc::new(cursors)));
        while states.len() > STATES {
            states.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use zhixing_protocol::event::Head;
    use zhixing_protocol::hash::EventHash;
    use zhixing_protocol::ids::CaseId;

    use super::*;

    fn cursors(seq: u64, count: u8) -> Vec<CaseCursor> {
        (0..count)
            .map(|case| CaseCursor {
                case: CaseId([case; 16]),
                epoch: 1,
                head: Head {
                    seq,
                    hash: EventHash([3; 32]),
                },
            })
            .collect()
    }

    #[test]
    fn the_newest_two_states_of_a_device_are_known_and_no_others() {
        let memory = RememberedCursors::default();
        let (one, other) = (DeviceId([1; 16]), DeviceId([2; 16]));
        for seq in 1..=3 {
            memory.remember(one, cursors(seq, 4));
        }
        let known = |device, seq| {
            let found = memory.find(device, digest_cursors(&cursors(seq, 4)));
            found.is_some_and(|found| *found == cursors(seq, 4))
        };
        assert_eq!([1, 2, 3].map(|seq| known(one, seq)), [false, true, true]);
        assert!(!known(other, 3), "another device's cases are its own");
    }

    #[test]
    fn the_memory_does_not_grow_without_end() {
        let memory = RememberedCursors::default();
        for device in 0..=u8::MAX {
            for seq in 1..=4 {
                memory.remember(DeviceId([device; 16]), cursors(seq, 250));
            }
        }
        let devices = memory.0.lock().expect("no test panicked");
        let held: usize = devices.values().flatten().map(|(_, held)| held.len()).sum();
        assert!((250..=MOST).contains(&held), "{held}");
    }

    #[test]
    fn a_digest_is_of_the_cases_and_not_of_their_order() {
        let mut turned = cursors(5, 3);
        turned.reverse();
        assert_eq!(digest_cursors(&turned), digest_cursors(&cursors(5, 3)));
        assert_ne!(digest_cursors(&turned), digest_cursors(&cursors(6, 3)));
        assert_ne!(digest_cursors(&turned), digest_cursors(&cursors(5, 2)));
    }
}
