//! Schedules of the simulation. `ZHIXING_SIMULATION_SEEDS` says how many, `ZHIXING_SIMULATION_FIRST` from which seed;
//! `scripts/simulate` sets both.

use zhixing_protocol::hash::Sha256Digest;
use zhixing_tests::simulation::{run, run_many};

/// Schedules of `make test`.
const SEEDS: u64 = 2_000;
/// Their first seed.
const FIRST: u64 = 1;
/// Seeds that are run twice.
const REPLAYED: u64 = 8;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, not {text}")),
        Err(_) => default,
    }
}

#[test]
fn simulation_i1_to_i12_hold_in_every_schedule() {
    let first = number("ZHIXING_SIMULATION_FIRST", FIRST);
    let count = number("ZHIXING_SIMULATION_SEEDS", SEEDS);
    if let Err(violations) = run_many(first, count) {
        let texts: Vec<_> = violations.iter().map(ToString::to_string).collect();
        panic!("{}", texts.join("\n\n"));
    }
}

/// Seeds that found a fault which was mended since.
const FOUND: [u64; 2] = [
    // A document asked for before its case was revoked brought the case's folder back (I7).
    1165, 1228,
];

#[test]
fn simulation_i7_seeds_that_found_a_fault_hold_now() {
    for seed in FOUND {
        if let Err(violation) = run(seed) {
            panic!("{violation}");
        }
    }
}

#[test]
fn simulation_a_seed_replays_exactly() {
    let first = number("ZHIXING_SIMULATION_FIRST", FIRST);
    let mut digests = std::collections::BTreeSet::new();
    for seed in first..first + REPLAYED {
        let replay = || match run(seed) {
            Ok(run) => run.into_lines(),
            Err(violation) => panic!("{violation}"),
        };
        let (once, again) = (replay(), replay());
        let differ = once.iter().zip(&again).find(|(one, two)| one != two);
        assert_eq!(differ, None, "seed {seed} went another way the second time");
        let digest = Sha256Digest::of(once.concat().as_bytes());
        let second = Sha256Digest::of(again.concat().as_bytes());
        assert_eq!(
            digest, second,
            "seed {seed} had another end the second time"
        );
        digests.insert(digest);
    }
    let different = digests.len() as u64;
    assert_eq!(different, REPLAYED, "different seeds do different things");
}
