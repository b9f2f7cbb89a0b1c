#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

pub mod canonical;
pub mod hash;
pub mod ids;
pub mod keys;
pub mod time;
