//! A seeded simulation: real engines against the real server, without sockets, on clocks and randomness of a seed.
//!
//! **What can go wrong in a schedule.** A request is lost before it arrives, or its answer after the commit; a
//! connection breaks within a body; a request arrives twice, or much later; 429, 503 with `Retry-After`, a captive
//! portal, a foreign certificate. A battery is pulled out at any moment between two calls: with a capture open, with a
//! request on its way, with the write-ahead logs unmerged. Writes to a table of the queue fail, the vault's folder is
//! away, the randomness gives out. Clocks of devices are ten years off, jump and step back, and boots change. The
//! server restarts; its intake and its log run late. Cases are granted, revoked and handed over while evidence is
//! pending; the import comes again; leases and uploads run out; case files are locked.
//!
//! **What is checked.** I1 and I2 at every restart and freeing, I6 after every synchronisation, I9 at every request;
//! at the quiet end I1–I8, I10 and I12 on the databases of both sides.
//!
//! **What is not.** Requests never overlap: races within the server have tests of their own. A killed device keeps all
//! that it gave to the system: lost sectors and torn pages are the matter of the crash tests. PostgreSQL, enrolment,
//! forks, revoked devices, recordings of several segments and rotated keys are not drawn here.

mod court;
mod device;
mod dice;
mod invariants;
mod network;
mod schedule;
mod template;
mod trace;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use court::SimCourt;
pub use dice::Dice;
use network::Network;
use schedule::World;
pub(crate) use template::copy_folder;
use template::{START_MS, fast_folder, template};
use trace::Trace;

/// A schedule in which everything held.
pub struct Run(Trace);

impl Run {
    /// Its trace: every step, request, statement, head and held item, digests by the number of their first appearance.
    pub fn into_lines(self) -> Vec<String> {
        self.0.into_lines()
    }
}

/// A schedule that violated something.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Its seed.
    pub seed: u64,
    /// What does not hold.
    pub what: String,
    /// What was done until then.
    pub steps: Vec<String>,
}

impl core::fmt::Display for Violation {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for step in &self.steps {
            writeln!(out, "  {}", step.trim_end())?;
        }
        writeln!(out, "seed {}: {}", self.seed, self.what)?;
        write!(out, "replay it with: scripts/simulate 1 {}", self.seed)
    }
}

/// Runs the schedule of a seed: the same at every run.
///
/// *Errors*: the first violation, with what was done until then.
pub fn run(seed: u64) -> Result<Run, Violation> {
    let template = template();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    zhixing_server::seeded::seed(Some(seed));
    let folder = fast_folder();
    copy_folder(&template.court, &folder.path().join("court"), &[]);
    let court = runtime.block_on(SimCourt::open(&folder.path().join("court"), START_MS));
    let mut world = World::new(
        seed,
        folder.path(),
        Network::new(seed ^ 0x6e65_7477, court),
        template,
    );
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(world.run())));
    let trace: Trace = world.network.take_trace();
    let what = match ended {
        Ok(Ok(())) => {
            runtime.block_on(world.network.close());
            zhixing_server::seeded::seed(None);
            return Ok(Run(trace));
        }
        Ok(Err(what)) => what,
        Err(panic) => panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "a panic".to_owned()),
    };
    zhixing_server::seeded::seed(None);
    Err(Violation {
        seed,
        what,
        steps: trace.into_lines(),
    })
}

/// Runs the schedules of `count` seeds from `first` on as many threads as there are processors, at most eight.
///
/// *Errors*: the violations, in the order of their seeds; after five of them no further schedule is begun.
pub fn run_many(first: u64, count: u64) -> Result<(), Vec<Violation>> {
    // Held throughout, so that it is made once.
    let _template = template();
    let next = AtomicU64::new(0);
    let violations = Mutex::new(Vec::new());
    let found = || violations.lock().unwrap_or_else(PoisonError::into_inner);
    let threads = std::thread::available_parallelism().map_or(1, |number| number.get().min(8));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || found().len() >= 5 {
                        break;
                    }
                    if let Err(violation) = run(first.wrapping_add(number)) {
                        found().push(violation);
                    }
                }
            });
        }
    });
    let mut violations = violations
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if violations.is_empty() {
        return Ok(());
    }
    violations.sort_by_key(|violation| violation.seed);
    Err(violations)
}
