//! Values drawn from the bytes of the fuzzer, so that it can steer structured input; zero when they run out.

/// Bytes to draw from.
pub struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    /// Draws from `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `count`.
    pub fn below(&mut self, count: u8) -> u8 {
        self.byte() % count.max(1)
    }

    /// Sixteen bits.
    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// Sixty-four bits; small numbers come up often.
    pub fn long(&mut self) -> u64 {
        match self.byte() {
            0xff => u64::from_be_bytes(std::array::from_fn(|_| self.byte())),
            0xfe => u64::from(self.short()),
            small => u64::from(small),
        }
    }

    /// Up to `limit` bytes.
    pub fn take(&mut self, limit: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(limit.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
