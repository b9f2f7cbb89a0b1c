//! Cases: what the events of one case add up to.

mod state;

pub use state::*;
