//! Inclusion and consistency proofs.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::LazyLock;

use zhixing_protocol::hash::RootHash;
use zhixing_protocol::tlog::{
    Accumulator, TreeReader, consistency_proof, inclusion_proof, leaf_hash, verify_consistency,
    verify_inclusion,
};

use crate::source::Source;

const SIZE: u64 = 300;

struct Tree {
    nodes: BTreeMap<(u8, u64), RootHash>,
    roots: Vec<RootHash>,
}

impl TreeReader for Tree {
    type Error = Infallible;
    fn node(&self, index: (u8, u64)) -> Result<RootHash, Infallible> {
        Ok(*self
            .nodes
            .get(&index)
            .expect("only complete subtrees are asked for"))
    }
}

static TREE: LazyLock<Tree> = LazyLock::new(|| {
    let mut all = Accumulator::new();
    let mut nodes = BTreeMap::new();
    let mut roots = vec![all.root()];
    for index in 0..SIZE {
        all.push(leaf_hash(&index.to_be_bytes()), |at, hash| {
            nodes.insert(at, hash);
        });
        roots.push(all.root());
    }
    Tree { nodes, roots }
});

fn root(size: u64) -> RootHash {
    TREE.roots[usize::try_from(size).expect("a small tree")]
}

/// A made proof verifies; with anything changed it does not; arbitrary ones are refused without a panic.
pub fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    match source.below(3) {
        0 => inclusion(&mut source),
        1 => consistency(&mut source),
        _ => arbitrary(&mut source),
    }
}

fn hash_of(source: &mut Source<'_>) -> RootHash {
    let mut hash = RootHash([0; 32]);
    for (to, from) in hash.0.iter_mut().zip(source.take(32)) {
        *to = *from;
    }
    hash
}

/// Adds, drops, swaps or changes one hash; whether the path is another now.
fn change(path: &mut Vec<RootHash>, source: &mut Source<'_>) -> bool {
    let before = path.clone();
    let place = usize::from(source.byte()) % path.len().max(1);
    match source.below(4) {
        0 => path.insert(place, hash_of(source)),
        1 if !path.is_empty() => {
            path.remove(place);
        }
        2 if path.len() > 1 => path.swap(place, 0),
        _ if !path.is_empty() => {
            path[place].0[usize::from(source.below(32))] ^= 1 << source.below(8);
        }
        _ => {}
    }
    *path != before
}

fn inclusion(source: &mut Source<'_>) {
    let size = u64::from(source.short()) % SIZE + 1;
    let index = u64::from(source.short()) % size;
    let leaf = leaf_hash(&index.to_be_bytes());
    let Ok(mut path) = inclusion_proof(&*TREE, index, size);
    assert_eq!(
        verify_inclusion(leaf, index, size, &path, root(size)),
        Ok(())
    );
    // A proof speaks of one place, one size, one leaf and one root.
    let other = u64::from(source.short()) % (SIZE * 2);
    if other != index {
        assert!(verify_inclusion(leaf, other, size, &path, root(size)).is_err());
    }
    if other != size && other <= SIZE {
        assert!(verify_inclusion(leaf, index, other, &path, root(other)).is_err());
    }
    let mut wrong = root(size);
    wrong.0[usize::from(source.below(32))] ^= 1 << source.below(8);
    assert!(verify_inclusion(leaf, index, size, &path, wrong).is_err());
    assert!(verify_inclusion(leaf_hash(b"other"), index, size, &path, root(size)).is_err());
    if change(&mut path, source) {
        assert!(verify_inclusion(leaf, index, size, &path, root(size)).is_err());
    }
}

fn consistency(source: &mut Source<'_>) {
    let new = u64::from(source.short()) % SIZE + 1;
    let old = u64::from(source.short()) % (new + 1);
    let Ok(mut path) = consistency_proof(&*TREE, old, new);
    assert_eq!(
        verify_consistency(old, root(old), new, root(new), &path),
        Ok(())
    );
    let mut wrong = root(new);
    wrong.0[usize::from(source.below(32))] ^= 1 << source.below(8);
    // The empty tree is the beginning of every tree: there is nothing that could contradict.
    if old > 0 {
        assert!(verify_consistency(old, root(old), new, wrong, &path).is_err());
    }
    if old != new {
        let mut wrong = root(old);
        wrong.0[usize::from(source.below(32))] ^= 1 << source.below(8);
        assert!(verify_consistency(old, wrong, new, root(new), &path).is_err());
        assert!(verify_consistency(new, root(new), old, root(old), &path).is_err());
    }
    if change(&mut path, source) {
        assert!(verify_consistency(old, root(old), new, root(new), &path).is_err());
    }
}

/// Nobody finds a path to a root of ours by trying.
fn arbitrary(source: &mut Source<'_>) {
    let (index, size) = (source.long(), source.long());
    let (leaf, top) = (hash_of(source), hash_of(source));
    let mut path = Vec::new();
    while !source.is_empty() && path.len() < 80 {
        path.push(hash_of(source));
    }
    let included = verify_inclusion(leaf, index, size, &path, top);
    // One leaf alone is its own root; any longer path would be a collision of SHA-256.
    assert!(included.is_err() || (size == 1 && leaf == top) || !path.is_empty());
    let _ = verify_consistency(index, leaf, size, top, &path);
    assert!(verify_inclusion(leaf, index, size, &path, root(SIZE)).is_err() || leaf == root(SIZE));
}
