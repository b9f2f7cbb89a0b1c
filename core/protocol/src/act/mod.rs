//! Acts on site (现场执法): what an inquiry, a seal, a search needs, what is there, and what is still missing.
//!
//! An act is the sum of its contributions, each a statement of its own. The sum does not depend on the order in which they arrive, nor on which of two
//! judges without signal made them: what contradicts is kept and shown, and stands in the list of what keeps the act from being closed until a person
//! decides. A closed record is never changed; a correction is added to it.

mod book;
mod closing;
mod facts;
mod fields;
mod missing;
mod standing;
mod state;
mod timer;
mod view;

pub use book::{ActBook, BookError, Check, Condition, Kind, LineCheck, Requirement, TimerRule};
pub use closing::{inventory_for_parties, last_day, targets};
pub use facts::facts_of;
pub use fields::record_fields;
pub use missing::{Missing, asked, missing};
pub use standing::{ActStatus, Attendee, Standing};
pub use state::{ActState, Acts, Contribution, record_hash};
pub use timer::{Timer, timers};
pub use view::{ActView, AttendeeView, LineView, MarkView, StepView};
