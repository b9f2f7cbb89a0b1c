//! What this device can prove: giving up originals that the court holds, and folders that anybody can check.

mod examine;
mod export;
mod free;
mod held;
mod verify;

pub use examine::{Examination, examine};
pub use export::export;
pub use free::{Freed, Kept, free};
pub use held::{Held, held};
pub use verify::{Check, Report, Verdict, verify_folder};

#[cfg(test)]
mod tests;
