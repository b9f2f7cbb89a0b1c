//! What goes over the wire between devices and the court: requests, answers and the frames of the feed.
//!
//! Signed bytes travel verbatim inside the JSON (as raw values), so nothing re-encodes them. Unknown members are ignored
//! by whoever does not know them and unknown frames are skipped: old and new versions go on talking (I14).

mod device;
mod problem;
mod ticket;

pub use device::*;
pub use problem::{Problem, ProblemKind};
pub use ticket::{EnrolmentTicket, TicketError};
