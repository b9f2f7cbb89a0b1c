//! Randomness of a simulation: the same in each run of a seed. Never for real keys.

use std::cell::Cell;

use zhixing_protocol::hash::sha256;

thread_local! {
    static STATE: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}

/// From now on this thread draws from a seed; none: from the operating system again.
pub fn seed(seed: Option<u64>) {
    STATE.set(seed.map(|seed| (seed, 0)));
}

/// Fills `out` if this thread draws from a seed.
pub(crate) fn fill(out: &mut [u8]) -> bool {
    let Some((seed, mut drawn)) = STATE.get() else {
        return false;
    };
    for block in out.chunks_mut(32) {
        let mut input = seed.to_be_bytes().to_vec();
        input.extend_from_slice(&drawn.to_be_bytes());
        drawn = drawn.wrapping_add(1);
        for (to, from) in block.iter_mut().zip(sha256(&input)) {
            *to = from;
        }
    }
    STATE.set(Some((seed, drawn)));
    true
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        super::seed(Some(7));
        let first: [u8; 40] = crate::random();
        let second: [u8; 40] = crate::random();
        super::seed(Some(7));
        assert_eq!(crate::random::<40>(), first);
        assert_ne!(first, second);
        super::seed(None);
        assert_ne!(crate::random::<40>(), crate::random::<40>());
    }
}
