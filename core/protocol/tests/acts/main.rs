//! Acts on site: what they ask for, how they add up, and that order does not matter.

mod facts;
mod reducer;
mod requirements;
mod world;
