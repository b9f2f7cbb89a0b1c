//! A look over bytes that says in one pass, without building anything, that they are canonical.
//!
//! It knows the usual spellings only: a text with an escape makes it give up, and the slow way decides.

use super::{MAX_DEPTH, MAX_INTEGER};

/// Whether `bytes` are surely canonical. False says nothing: they may be canonical with escapes in a text.
pub(super) fn is_surely_canonical(bytes: &[u8]) -> bool {
    let mut scan = Scan { bytes, at: 0 };
    core::str::from_utf8(bytes).is_ok() && scan.value(1).is_some() && scan.at == bytes.len()
}

struct Scan<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Scan<'b> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, expected: &[u8]) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        rest.starts_with(expected)
            .then(|| self.advance(expected.len()))
    }

    fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'"' => self.text().map(|_| ()),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'n' => self.skip(b"null"),
            b't' => self.skip(b"true"),
            b'f' => self.skip(b"false"),
            _ => self.integer(),
        }
    }

    /// The bytes between the quotes.
    fn text(&mut self) -> Option<&'b [u8]> {
        self.skip(b"\"")?;
        let rest = self.bytes.get(self.at..)?;
        let end = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '))?;
        let text = rest.get(..end)?;
        self.advance(end);
        self.skip(b"\"").map(|()| text)
    }

    fn integer(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.advance(1);
            // There is no -0, and no sign alone.
            if !matches!(self.peek()?, b'1'..=b'9') {
                return None;
            }
        }
        let rest = self.bytes.get(self.at..)?;
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let digits = rest.get(..len)?;
        self.advance(len);
        if digits.len() > 1 && digits.starts_with(b"0") {
            return None;
        }
        let number: i64 = core::str::from_utf8(digits).ok()?.parse().ok()?;
        (number <= MAX_INTEGER).then_some(())
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.skip(b"[")?;
        if self.peek()? == b']' {
            return self.skip(b"]");
        }
        loop {
            self.value(depth.saturating_add(1))?;
            if self.peek()? == b']' {
                return self.skip(b"]");
            }
            self.skip(b",")?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.skip(b"{")?;
        if self.peek()? == b'}' {
            return self.skip(b"}");
        }
        let mut before: Option<&[u8]> = None;
        loop {
            let name = self.text()?;
            if !name.is_ascii() || before.is_some_and(|before| before >= name) {
                return None;
            }
            before = Some(name);
            self.skip(b":")?;
            self.value(depth.saturating_add(1))?;
            if self.peek()? == b'}' {
                return self.skip(b"}");
            }
            self.skip(b",")?;
        }
    }
}
