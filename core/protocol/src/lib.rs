#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

pub mod act;
pub mod age;
pub mod canonical;
pub mod case;
pub mod document;
pub mod event;
pub mod evidence;
pub mod hash;
pub mod ids;
pub mod keys;
pub mod receipt;
pub mod rules;
pub mod statement;
pub mod text;
pub mod time;
pub mod tlog;
pub mod trust;
pub mod vectors;
pub mod wire;
