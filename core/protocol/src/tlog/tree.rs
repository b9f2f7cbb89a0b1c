//! RFC 6962 §2.1: hashing, roots, inclusion and consistency proofs.

use crate::hash::RootHash;

/// Hash of a leaf: SHA-256(0x00 ‖ record).
pub fn leaf_hash(record: &[u8]) -> RootHash {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(&[0]);
    context.update(record);
    finish(context)
}

/// Hash of a node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &RootHash, right: &RootHash) -> RootHash {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(&[1]);
    context.update(&left.0);
    context.update(&right.0);
    finish(context)
}

fn finish(context: ring::digest::Context) -> RootHash {
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    RootHash(out)
}

/// Root of the empty tree: SHA-256 of nothing.
pub fn empty_root() -> RootHash {
    RootHash(crate::hash::sha256(b""))
}

/// Most leaves of a tree that can be continued: other implementations count in signed 64 bits.
pub const MAX_SIZE: u64 = (1 << 63) - 1;

/// Roots of the complete subtrees of a growing tree, widest first: O(log n) memory, whatever is appended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accumulator {
    size: u64,
    /// `peaks[i]` belongs to the i-th set bit of `size` from the top.
    peaks: Vec<RootHash>,
}

/// A complete subtree: `level` 0 are leaves; `index` counts subtrees of that level from the left.
pub type NodeIndex = (u8, u64);

impl Accumulator {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree of `size` leaves from the roots of its complete subtrees, widest first.
    ///
    /// None if the number of roots does not fit the size, or the size is above [`MAX_SIZE`].
    pub fn from_peaks(size: u64, peaks: Vec<RootHash>) -> Option<Self> {
        let fitting = usize::try_from(size.count_ones()).ok()? == peaks.len();
        (fitting && size <= MAX_SIZE).then_some(Self { size, peaks })
    }

    /// Where the complete subtrees of a tree of `size` leaves stand, widest first.
    pub fn peak_positions(size: u64) -> Vec<NodeIndex> {
        let mut start = 0_u64;
        (0..64_u8)
            .rev()
            .filter(|level| size >> level & 1 == 1)
            .map(|level| {
                let index = start >> level;
                start = start.saturating_add(1 << level);
                (level, index)
            })
            .collect()
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, widest first.
    pub fn peaks(&self) -> &[RootHash] {
        &self.peaks
    }

    /// Appends one leaf and reports each subtree that became complete, the leaf first.
    pub fn push(&mut self, leaf: RootHash, mut completed: impl FnMut(NodeIndex, RootHash)) {
        completed((0, self.size), leaf);
        let mut node = leaf;
        let mut level = 0_u8;
        while self.size >> level & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            node = node_hash(&left, &node);
            level = level.saturating_add(1);
            completed((level, self.size >> level), node);
        }
        self.peaks.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// Root of the tree.
    pub fn root(&self) -> RootHash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

/// Root over leaf hashes.
pub fn root_of(leaves: impl IntoIterator<Item = RootHash>) -> RootHash {
    let mut tree = Accumulator::new();
    for leaf in leaves {
        tree.push(leaf, |_, _| ());
    }
    tree.root()
}

/// Where hashes of complete subtrees come from: rows of a database, tiles, memory.
pub trait TreeReader {
    /// What can go wrong there.
    type Error;
    /// The root of a complete subtree.
    fn node(&self, index: NodeIndex) -> Result<RootHash, Self::Error>;
}

/// Root of leaves `start..end`, where `start` is a multiple of the width of the range's widest subtree.
fn range_root<R: TreeReader>(reader: &R, start: u64, end: u64) -> Result<RootHash, R::Error> {
    let mut parts = Vec::new();
    let mut at = start;
    while at < end {
        let fitting = 63_u32.saturating_sub(end.saturating_sub(at).leading_zeros());
        let level = if at == 0 {
            fitting
        } else {
            fitting.min(at.trailing_zeros())
        };
        let level = u8::try_from(level).unwrap_or(63);
        parts.push(reader.node((level, at >> level))?);
        at = at.saturating_add(1 << level);
    }
    let mut parts = parts.into_iter().rev();
    Ok(match parts.next() {
        None => empty_root(),
        Some(last) => parts.fold(last, |right, left| node_hash(&left, &right)),
    })
}

/// Largest power of two below `n`, for `n` ≥ 2.
fn split(n: u64) -> u64 {
    1 << 63_u32.saturating_sub(n.saturating_sub(1).leading_zeros())
}

/// Audit path of leaf `index` in the tree of `size` leaves, leaf to root. Empty if `index` is outside.
///
/// *Errors*: those of the reader.
pub fn inclusion_proof<R: TreeReader>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<RootHash>, R::Error> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0_u64, size);
    if index >= size {
        return Ok(path);
    }
    while end.saturating_sub(start) > 1 {
        let middle = start.saturating_add(split(end.saturating_sub(start)));
        if index < middle {
            path.push(range_root(reader, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(reader, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Proof that the tree of `old` leaves is a prefix of that of `new` leaves (RFC 6962 §2.1.2).
///
/// *Errors*: those of the reader.
pub fn consistency_proof<R: TreeReader>(
    reader: &R,
    old: u64,
    new: u64,
) -> Result<Vec<RootHash>, R::Error> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return Ok(path);
    }
    let (mut start, mut end) = (0_u64, new);
    while end != old {
        let middle = start.saturating_add(split(end.saturating_sub(start)));
        if old <= middle {
            path.push(range_root(reader, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(reader, start, middle)?);
            start = middle;
        }
    }
    if start != 0 {
        path.push(range_root(reader, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// A proof that proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index lies outside the tree, or the old tree is larger than the new one.
    #[error("the proof speaks of a leaf or tree outside the log")]
    OutOfRange,
    /// Too few or too many hashes.
    #[error("the proof has a wrong number of hashes")]
    WrongLength,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    WrongRoot,
}

/// Checks that `leaf` stands at `index` in the tree with `root` (RFC 9162 §2.1.3.2).
///
/// *Errors*: [`ProofError`].
pub fn verify_inclusion(
    leaf: RootHash,
    index: u64,
    size: u64,
    path: &[RootHash],
    root: RootHash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut at, mut last) = (index, size.saturating_sub(1));
    let mut hash = leaf;
    for part in path {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(part, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, part);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::WrongLength);
    }
    if hash == root {
        Ok(())
    } else {
        Err(ProofError::WrongRoot)
    }
}

/// Checks that the tree (`old`, `old_root`) is a prefix of the tree (`new`, `new_root`) (RFC 9162 §2.1.4.2).
///
/// *Errors*: [`ProofError`].
pub fn verify_consistency(
    old: u64,
    old_root: RootHash,
    new: u64,
    new_root: RootHash,
    path: &[RootHash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::OutOfRange);
    }
    if old == 0 || old == new {
        if !path.is_empty() {
            return Err(ProofError::WrongLength);
        }
        let expected = if old == 0 { empty_root() } else { new_root };
        return if old_root == expected {
            Ok(())
        } else {
            Err(ProofError::WrongRoot)
        };
    }
    let mut parts = path.iter();
    let first = if old.is_power_of_two() {
        old_root
    } else {
        *parts.next().ok_or(ProofError::WrongLength)?
    };
    let (mut at, mut last) = (old.saturating_sub(1), new.saturating_sub(1));
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (first, first);
    for part in parts {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if at & 1 == 1 || at == last {
            old_hash = node_hash(part, &old_hash);
            new_hash = node_hash(part, &new_hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, part);
        }
        at >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::WrongLength);
    }
    if old_hash == old_root && new_hash == new_root {
        Ok(())
    } else {
        Err(ProofError::WrongRoot)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    struct Memory(HashMap<NodeIndex, RootHash>);

    impl TreeReader for Memory {
        type Error = Infallible;
        fn node(&self, index: NodeIndex) -> Result<RootHash, Infallible> {
            Ok(*self
                .0
                .get(&index)
                .expect("only complete subtrees are asked for"))
        }
    }

    fn leaf(number: u64) -> RootHash {
        leaf_hash(&number.to_be_bytes())
    }

    /// RFC 6962 §2.1 word for word.
    fn naive_root(leaves: &[RootHash]) -> RootHash {
        match leaves.len() {
            0 => empty_root(),
            1 => leaves[0],
            n => {
                let k = (n as u64).next_power_of_two() / 2;
                let (left, right) = leaves.split_at(usize::try_from(k).expect("small"));
                node_hash(&naive_root(left), &naive_root(right))
            }
        }
    }

    /// RFC 6962 §2.1.1 word for word.
    fn naive_path(index: usize, leaves: &[RootHash]) -> Vec<RootHash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let k = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(k);
        let (mut path, other) = if index < k {
            (naive_path(index, left), naive_root(right))
        } else {
            (naive_path(index - k, right), naive_root(left))
        };
        path.push(other);
        path
    }

    fn grown(size: u64) -> (Memory, Vec<RootHash>) {
        let mut tree = Accumulator::new();
        let mut nodes = HashMap::new();
        let mut roots = vec![tree.root()];
        for number in 0..size {
            tree.push(leaf(number), |index, hash| {
                nodes.insert(index, hash);
            });
            roots.push(tree.root());
        }
        (Memory(nodes), roots)
    }

    #[test]
    fn roots_are_those_published_for_certificate_transparency() {
        // Leaves and roots of the reference tests of RFC 6962 (certificate-transparency, merkle_tree_test).
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ]
        .map(|hex| leaf_hash(&crate::hash::from_hex(hex).expect("hexadecimal")));
        let root = |size| root_of(leaves.into_iter().take(size)).to_string();
        for (size, published) in [
            (
                0,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                1,
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            ),
            (
                2,
                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            ),
            (
                8,
                "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
            ),
        ] {
            assert_eq!(root(size), published, "{size}");
        }
    }

    #[test]
    fn roots_and_paths_are_those_of_the_rfc() {
        let leaves: Vec<_> = (0..70).map(leaf).collect();
        let (memory, roots) = grown(70);
        for size in 0..=70 {
            assert_eq!(roots[size], naive_root(&leaves[..size]));
            let peaks = Accumulator::peak_positions(size as u64);
            let peaks = peaks.into_iter().map(|at| memory.0[&at]).collect();
            let tree = Accumulator::from_peaks(size as u64, peaks).expect("as many as bits");
            assert_eq!(tree.root(), roots[size]);
            for index in 0..size {
                let path = inclusion_proof(&memory, index as u64, size as u64).expect("in memory");
                assert_eq!(path, naive_path(index, &leaves[..size]));
            }
        }
    }

    #[test]
    fn sizes_near_the_largest_number_are_refused_without_panic() {
        for size in [u64::MAX, 1 << 63, MAX_SIZE + 1] {
            let peaks = vec![leaf(1); size.count_ones().try_into().expect("small")];
            assert_eq!(Accumulator::from_peaks(size, peaks), None);
        }
        let peaks = vec![leaf(1); MAX_SIZE.count_ones().try_into().expect("small")];
        let mut tree = Accumulator::from_peaks(MAX_SIZE, peaks).expect("as many as bits");
        assert_eq!(
            Accumulator::peak_positions(MAX_SIZE).len(),
            tree.peaks().len()
        );
        let mut completed = Vec::new();
        tree.push(leaf(2), |at, _| completed.push(at));
        assert_eq!(completed.last(), Some(&(63, 0)));
        for size in [0, 1, 3, 1 << 63, u64::MAX - 1, u64::MAX] {
            for other in [0, 1, 2, 1 << 62, 1 << 63, u64::MAX - 1, u64::MAX] {
                for path in [vec![], vec![leaf(3)], vec![leaf(3); 64], vec![leaf(3); 200]] {
                    let (a, b) = (leaf(1), leaf(2));
                    assert!(verify_inclusion(a, size, other, &path, b).is_err());
                    assert!(verify_consistency(size, a, other, b, &path).is_err());
                }
            }
        }
    }

    #[test]
    fn every_inclusion_and_consistency_of_small_trees_verifies() {
        let (memory, roots) = grown(130);
        for new in 0..=130_u64 {
            let root = roots[usize::try_from(new).expect("small")];
            for index in 0..new {
                let path = inclusion_proof(&memory, index, new).expect("in memory");
                assert_eq!(
                    verify_inclusion(leaf(index), index, new, &path, root),
                    Ok(())
                );
                assert_eq!(
                    verify_inclusion(leaf(index + 1), index, new, &path, root),
                    Err(ProofError::WrongRoot)
                );
            }
            for old in 0..=new {
                let path = consistency_proof(&memory, old, new).expect("in memory");
                let old_root = roots[usize::try_from(old).expect("small")];
                assert_eq!(
                    verify_consistency(old, old_root, new, root, &path),
                    Ok(()),
                    "{old} {new}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn i12_a_changed_shortened_or_lengthened_proof_proves_nothing(
            size in 2..600_u64, a in any::<u64>(), byte in 0..32_usize, bit in 0..8_u8, place in any::<prop::sample::Index>(),
        ) {
            let (memory, roots) = grown(size);
            let root = roots[usize::try_from(size).expect("small")];
            let index = a % size;
            let path = inclusion_proof(&memory, index, size).expect("in memory");
            let mut bad = path.clone();
            bad[place.index(path.len())].0[byte] ^= 1 << bit;
            prop_assert!(verify_inclusion(leaf(index), index, size, &bad, root).is_err());
            prop_assert!(verify_inclusion(leaf(index), index, size, &path[1..], root).is_err());
            let mut long = path.clone();
            long.push(root);
            prop_assert!(verify_inclusion(leaf(index), index, size, &long, root).is_err());
            prop_assert!(verify_inclusion(leaf(index), index ^ 1, size, &path, root).is_err());

            let old = index.max(1);
            let old_root = roots[usize::try_from(old).expect("small")];
            let path = consistency_proof(&memory, old, size).expect("in memory");
            if !path.is_empty() {
                let mut bad = path.clone();
                bad[place.index(path.len())].0[byte] ^= 1 << bit;
                prop_assert!(verify_consistency(old, old_root, size, root, &bad).is_err());
                prop_assert!(verify_consistency(old, old_root, size, root, &path[1..]).is_err());
            }
            let fork = leaf(size);
            prop_assert!(verify_consistency(old, fork, size, root, &path).is_err());
        }
    }
}
