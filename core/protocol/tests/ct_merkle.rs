//! Every root and proof of small trees is compared with those of the crate `ct-merkle`, another implementation of
//! RFC 6962. Larger trees, notes and tiles are compared with Go's in `go_tlog.rs`.

use std::collections::BTreeMap;
use std::convert::Infallible;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use zhixing_protocol::hash::RootHash;
use zhixing_protocol::tlog::{
    Accumulator, TreeReader, consistency_proof, inclusion_proof, leaf_hash, verify_consistency,
    verify_inclusion,
};

/// Past 256, where the second level of tiles begins.
const LARGEST: u64 = 300;

struct Memory(BTreeMap<(u8, u64), RootHash>);

impl TreeReader for Memory {
    type Error = Infallible;
    fn node(&self, index: (u8, u64)) -> Result<RootHash, Infallible> {
        Ok(*self
            .0
            .get(&index)
            .expect("only complete subtrees are asked for"))
    }
}

fn record(index: u64) -> Vec<u8> {
    format!("record {index}").into_bytes()
}

#[test]
fn every_root_and_proof_up_to_300_leaves_is_that_of_ct_merkle() {
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut ours = Accumulator::new();
    let mut memory = Memory(BTreeMap::new());
    let mut roots = vec![ours.root()];
    assert_eq!(
        ours.root().0.as_slice(),
        theirs.root().as_bytes().as_slice()
    );
    for size in 1..=LARGEST {
        theirs.push(record(size - 1));
        ours.push(leaf_hash(&record(size - 1)), |at, hash| {
            memory.0.insert(at, hash);
        });
        let root = ours.root();
        roots.push(root);
        assert_eq!(
            root.0.as_slice(),
            theirs.root().as_bytes().as_slice(),
            "{size}"
        );
        for index in 0..size {
            let Ok(path) = inclusion_proof(&memory, index, size);
            let place = usize::try_from(index).expect("small");
            assert_eq!(
                path.iter().flat_map(|hash| hash.0).collect::<Vec<_>>(),
                theirs.prove_inclusion(place).as_bytes(),
                "record {index} of {size}"
            );
            let leaf = leaf_hash(&record(index));
            assert_eq!(verify_inclusion(leaf, index, size, &path, root), Ok(()));
        }
        for old in 1..=size {
            let Ok(path) = consistency_proof(&memory, old, size);
            let added = usize::try_from(size - old).expect("small");
            assert_eq!(
                path.iter().flat_map(|hash| hash.0).collect::<Vec<_>>(),
                theirs.prove_consistency(added).as_bytes(),
                "{old} to {size}"
            );
            let old_root = roots[usize::try_from(old).expect("small")];
            assert_eq!(verify_consistency(old, old_root, size, root, &path), Ok(()));
        }
    }
}
