#![doc = include_str!("../README.md")]

pub mod access;
pub mod audit;
pub mod auth;
pub mod cases;
pub mod config;
pub mod court;
pub mod cursors;
pub mod demo;
pub mod devices;
pub mod duties;
pub mod feed;
pub mod gate;
pub mod http;
pub mod import;
pub mod inbox;
pub mod intake;
pub mod keys;
pub mod log;
pub mod norms;
pub mod objects;
pub mod papers;
pub mod problem;
#[cfg(any(test, feature = "testing"))]
pub mod seeded;
pub mod serve;
pub mod staff;
pub mod store;
#[cfg(test)]
pub(crate) mod testing;
pub mod tickets;
pub mod uploads;

/// Random bytes from the operating system.
///
/// A machine without them cannot make keys or tokens; going on would be worse than stopping.
pub fn random<const N: usize>() -> [u8; N] {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; N];
    #[cfg(any(test, feature = "testing"))]
    if seeded::fill(&mut bytes) {
        return bytes;
    }
    ring::rand::SystemRandom::new()
        .fill(&mut bytes)
        .expect("the operating system gives random bytes");
    bytes
}
