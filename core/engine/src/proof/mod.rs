//! What this device can prove: giving up originals that the court holds, and folders that anybody can check.

mod export;
mod free;
mod verify;

pub use export::export;
pub use free::{Freed, Kept, free};
pub use verify::{Check, Report, Verdict, verify_folder};

#[cfg(test)]
mod tests;
