//! Exit codes, so that scripts can act on what happened.

use zhixing_engine::{EngineError, ErrorKind};

/// Everything was done.
pub const DONE: u8 = 0;
/// A check failed: something is not proved, or a vector gave another answer.
pub const NOT_PROVED: u8 = 10;
/// The signatures fit, but nothing vouches for the key that made them.
pub const UNTRUSTED_KEY: u8 = 11;
/// Work is left for later because the court could not be reached.
pub const LATER: u8 = 12;

/// The exit code of an error. 1 and 2 are left to faults of the program and of the command line.
pub fn code_of(error: &EngineError) -> u8 {
    match error.kind {
        ErrorKind::Internal => 1,
        ErrorKind::InvalidInput => 3,
        ErrorKind::NotFound => 4,
        ErrorKind::Locked => 5,
        ErrorKind::Offline => 6,
        ErrorKind::Rejected => 7,
        ErrorKind::StorageFull => 8,
        ErrorKind::Damaged => 9,
    }
}

/// The table of `--help`.
pub const HELP: &str = "\
Exit codes:
  0   done                         6   the court was not reached
  1   fault of the program         7   refused
  2   wrong command line           8   disk full
  3   invalid input                9   damaged data
  4   not found                    10  something is not proved
  5   locked                       11  proved, but by a key that nothing vouches for
                                   12  some of it is left for later; nothing is lost";
