//! How much of a file goes into one request, and whether the bytes of that request are checked on their own.
//!
//! A slice grows while the connection is good, so that a gibibyte is not a thousand round trips, and shrinks when it is
//! bad, so that a new statement does not wait behind it for long (I9). The court keeps what arrived of a slice that broke
//! off; the whole file is checked against its digest before the court takes it. A checksum for each slice would make the
//! court drop what had arrived of a broken one, so it is sent only where bytes came damaged before.

use std::collections::BTreeSet;

use zhixing_protocol::ids::ItemId;

/// Bytes of the first slice, and of each after trouble: 4 MiB.
pub const SMALLEST_SLICE: u64 = 4 << 20;
/// Most bytes of one slice: 64 MiB.
pub const LARGEST_SLICE: u64 = 64 << 20;
/// A slice that took less may grow.
const QUICK_MS: i64 = 1_000;
/// A slice that took longer shrinks.
const SLOW_MS: i64 = 4_000;

/// What the next slice of a file is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Most bytes of it.
    pub bytes: u64,
    /// It carries a checksum of its own.
    pub checked: bool,
}

/// What was learnt of the connection.
#[derive(Debug)]
pub struct Slices {
    bytes: u64,
    begun_ms: i64,
    damaged: BTreeSet<ItemId>,
}

impl Default for Slices {
    fn default() -> Self {
        Self {
            bytes: SMALLEST_SLICE,
            begun_ms: 0,
            damaged: BTreeSet::new(),
        }
    }
}

impl Slices {
    /// The next slice of an item, to be sent at `elapsed_ms` of a clock that only goes forward.
    pub fn plan(&mut self, item: ItemId, elapsed_ms: i64) -> Plan {
        self.begun_ms = elapsed_ms;
        let checked = self.damaged.contains(&item);
        Plan {
            bytes: if checked { SMALLEST_SLICE } else { self.bytes },
            checked,
        }
    }

    /// The court kept the newest slice whole, `bytes` long. A short one, the end of a file, tells nothing of more.
    pub fn kept(&mut self, bytes: u64, elapsed_ms: i64) {
        let took = elapsed_ms.saturating_sub(self.begun_ms);
        if took < QUICK_MS && bytes >= self.bytes {
            self.bytes = self.bytes.saturating_mul(2).min(LARGEST_SLICE);
        } else if took > SLOW_MS {
            self.bytes = (self.bytes / 2).max(SMALLEST_SLICE);
        }
    }

    /// The newest slice broke off or was not taken.
    pub fn broke(&mut self) {
        self.bytes = SMALLEST_SLICE;
    }

    /// The bytes of an item came damaged: from now on each of its slices is checked.
    pub fn came_damaged(&mut self, item: ItemId) {
        self.damaged.insert(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_grows_while_it_is_quick_and_shrinks_when_it_is_slow_or_breaks_off() {
        let mut slices = Slices::default();
        let item = ItemId([1; 16]);
        let mut sizes = Vec::new();
        for took in [10, 999, 1_000, 4_000, 10, 10, 10, 4_001, 60_000] {
            let bytes = slices.plan(item, 5).bytes;
            sizes.push(bytes >> 20);
            slices.kept(bytes, 5 + took);
        }
        assert_eq!(sizes, [4, 8, 16, 16, 16, 32, 64, 64, 32]);
        assert_eq!(slices.plan(item, 0).bytes, 16 << 20);
        slices.kept(1_000, 1);
        assert_eq!(slices.plan(item, 0).bytes, 16 << 20);
        slices.broke();
        assert_eq!(slices.plan(item, 0).bytes, SMALLEST_SLICE);
        for _ in 0..9 {
            slices.kept(1, 100_000);
        }
        assert_eq!(slices.plan(item, 0).bytes, SMALLEST_SLICE);
    }

    #[test]
    fn only_an_item_that_came_damaged_is_checked_slice_by_slice() {
        let mut slices = Slices::default();
        let (damaged, other) = (ItemId([1; 16]), ItemId([2; 16]));
        slices.kept(SMALLEST_SLICE, 0);
        slices.came_damaged(damaged);
        let plan = slices.plan(damaged, 0);
        assert_eq!(
            plan,
            Plan {
                bytes: SMALLEST_SLICE,
                checked: true
            }
        );
        let plan = slices.plan(other, 0);
        assert_eq!(
            plan,
            Plan {
                bytes: SMALLEST_SLICE * 2,
                checked: false
            }
        );
    }
}
