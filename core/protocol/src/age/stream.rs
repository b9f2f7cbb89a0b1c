//! The payload: a nonce of 16 bytes, then ChaCha20-Poly1305 in chunks of 64 KiB (STREAM).

use ring::aead;

use super::AgeError;
use super::keys::FileKey;

/// Plain bytes of a whole chunk.
pub const CHUNK_PLAIN: usize = 64 * 1024;
/// Sealed bytes of a whole chunk: 16 of them are its tag.
pub const CHUNK_SEALED: usize = CHUNK_PLAIN + TAG_LEN;
/// Bytes of the payload's nonce.
pub const NONCE_LEN: usize = 16;
const TAG_LEN: usize = 16;

fn payload_key(file_key: &FileKey, nonce: &[u8; NONCE_LEN]) -> aead::LessSafeKey {
    let key = file_key.derive(nonce, b"payload");
    // A key of 32 bytes always fits ChaCha20-Poly1305.
    aead::LessSafeKey::new(
        aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key.as_slice())
            .expect("ChaCha20-Poly1305 takes every key of 32 bytes"),
    )
}

/// Eleven bytes of counter, one of "this is the last chunk".
fn chunk_nonce(index: u64, last: bool) -> aead::Nonce {
    let [a, b, c, d, e, f, g, h] = index.to_be_bytes();
    aead::Nonce::assume_unique_for_key([0, 0, 0, a, b, c, d, e, f, g, h, u8::from(last)])
}

/// Length of the payload (nonce included) for so many plain bytes.
pub fn sealed_size(plain: u64) -> u64 {
    let chunks = plain.div_ceil(CHUNK_PLAIN as u64).max(1);
    plain
        .saturating_add(chunks.saturating_mul(TAG_LEN as u64))
        .saturating_add(NONCE_LEN as u64)
}

/// Plain length of a payload of so many bytes (nonce included); none if no payload has that length.
pub fn plain_size(sealed: u64) -> Option<u64> {
    let chunks_len = sealed.checked_sub(NONCE_LEN as u64)?;
    let chunks = chunks_len.div_ceil(CHUNK_SEALED as u64).max(1);
    let plain = chunks_len.checked_sub(chunks.checked_mul(TAG_LEN as u64)?)?;
    (sealed_size(plain) == sealed).then_some(plain)
}

/// Encrypts a payload as its plain bytes come. Whole chunks are given out when the next byte shows they are not the last.
pub struct StreamSealer {
    key: aead::LessSafeKey,
    index: u64,
    pending: zeroize::Zeroizing<Vec<u8>>,
}

impl StreamSealer {
    /// Begins a payload. The nonce is written before the first chunk by the caller.
    pub fn new(file_key: &FileKey, nonce: &[u8; NONCE_LEN]) -> Self {
        Self {
            key: payload_key(file_key, nonce),
            index: 0,
            pending: zeroize::Zeroizing::new(Vec::with_capacity(CHUNK_SEALED)),
        }
    }

    /// Takes plain bytes and appends the chunks that became whole to `out`.
    pub fn push(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            if self.pending.len() == CHUNK_PLAIN {
                self.seal(false, out);
            }
            let room = CHUNK_PLAIN
                .saturating_sub(self.pending.len())
                .min(plain.len());
            let (now, later) = plain.split_at(room);
            self.pending.extend_from_slice(now);
            plain = later;
        }
    }

    /// Number of chunks given out so far.
    pub fn chunks(&self) -> u64 {
        self.index
    }

    /// Plain bytes taken and not yet given out: what a crash would lose.
    pub fn tail(&self) -> &[u8] {
        &self.pending
    }

    /// Appends the last chunk.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.seal(true, out);
    }

    fn seal(&mut self, last: bool, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.pending);
        let body = out.get_mut(start..).unwrap_or_default();
        // Sealing at most 64 KiB with a fresh counter cannot fail.
        let tag = self
            .key
            .seal_in_place_separate_tag(chunk_nonce(self.index, last), aead::Aad::empty(), body)
            .expect("ChaCha20-Poly1305 seals 64 KiB");
        out.extend_from_slice(tag.as_ref());
        self.pending.clear();
        self.index = self.index.saturating_add(1);
    }
}

/// Decrypts a payload as its bytes come, nonce first.
pub struct StreamOpener {
    file_key: FileKey,
    key: Option<aead::LessSafeKey>,
    index: u64,
    pending: Vec<u8>,
}

impl StreamOpener {
    /// Begins a payload.
    pub fn new(file_key: FileKey) -> Self {
        Self {
            file_key,
            key: None,
            index: 0,
            pending: Vec::with_capacity(CHUNK_SEALED),
        }
    }

    /// Takes bytes of the file after the header and appends plain bytes to `out`.
    ///
    /// *Errors*: [`AgeError::BadChunk`]; what was appended before is authentic, nothing after it is.
    pub fn push(&mut self, mut sealed: &[u8], out: &mut Vec<u8>) -> Result<(), AgeError> {
        while !sealed.is_empty() {
            let wanted = if self.key.is_none() {
                NONCE_LEN
            } else {
                CHUNK_SEALED
            };
            if self.pending.len() == wanted {
                self.take(false, out)?;
                continue;
            }
            let room = wanted.saturating_sub(self.pending.len()).min(sealed.len());
            let (now, later) = sealed.split_at(room);
            self.pending.extend_from_slice(now);
            sealed = later;
        }
        Ok(())
    }

    /// Opens the last chunk. *Errors*: [`AgeError::BadChunk`] if the file was cut off or goes on.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), AgeError> {
        if self.key.is_none() && self.pending.len() == NONCE_LEN {
            self.take(false, out)?;
        }
        let first = self.index == 0;
        let length = out.len();
        self.take(true, out)?;
        // An empty last chunk is only allowed where the whole payload is empty.
        if out.len() == length && !first {
            return Err(AgeError::BadChunk);
        }
        Ok(())
    }

    fn take(&mut self, last: bool, out: &mut Vec<u8>) -> Result<(), AgeError> {
        let Some(key) = &self.key else {
            let nonce = self
                .pending
                .as_slice()
                .try_into()
                .map_err(|_| AgeError::BadChunk)?;
            self.key = Some(payload_key(&self.file_key, &nonce));
            self.pending.clear();
            return Ok(());
        };
        let plain = key
            .open_in_place(
                chunk_nonce(self.index, last),
                aead::Aad::empty(),
                &mut self.pending,
            )
            .map_err(|_| AgeError::BadChunk)?;
        out.extend_from_slice(plain);
        self.pending.clear();
        self.index = self.index.saturating_add(1);
        Ok(())
    }
}

/// Reads the whole chunks at the beginning of a payload that was never finished (nonce not included in `sealed`).
///
/// Appends the plain bytes to `out` and says how many chunks were authentic. What follows the first chunk that is cut
/// or does not fit is left out: after a kill that is the part which was never synced.
pub fn recover_prefix(
    file_key: &FileKey,
    nonce: &[u8; NONCE_LEN],
    sealed: &[u8],
    first_index: u64,
    out: &mut Vec<u8>,
) -> u64 {
    let key = payload_key(file_key, nonce);
    let mut whole = 0_u64;
    for chunk in sealed.chunks_exact(CHUNK_SEALED) {
        let mut chunk = chunk.to_vec();
        let index = first_index.saturating_add(whole);
        let Ok(plain) =
            key.open_in_place(chunk_nonce(index, false), aead::Aad::empty(), &mut chunk)
        else {
            break;
        };
        out.extend_from_slice(plain);
        whole = whole.saturating_add(1);
    }
    whole
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Header, Identity};
    use super::*;

    fn sealed(plain: &[u8], pieces: &[usize]) -> Vec<u8> {
        let mut sealer = StreamSealer::new(&FileKey::make([7; 16]), &[9; NONCE_LEN]);
        let mut out = vec![9; NONCE_LEN];
        let mut rest = plain;
        for piece in pieces {
            let (now, later) = rest.split_at((*piece).min(rest.len()));
            sealer.push(now, &mut out);
            rest = later;
        }
        sealer.push(rest, &mut out);
        sealer.finish(&mut out);
        out
    }

    fn opened(bytes: &[u8], step: usize) -> Result<Vec<u8>, AgeError> {
        let mut opener = StreamOpener::new(FileKey::make([7; 16]));
        let mut out = Vec::new();
        for piece in bytes.chunks(step) {
            opener.push(piece, &mut out)?;
        }
        opener.finish(&mut out)?;
        Ok(out)
    }

    #[test]
    fn sizes_at_the_edges_of_chunks_come_back() {
        for size in [
            0,
            1,
            CHUNK_PLAIN - 1,
            CHUNK_PLAIN,
            CHUNK_PLAIN + 1,
            2 * CHUNK_PLAIN,
            2 * CHUNK_PLAIN + 1,
        ] {
            let plain = vec![5; size];
            let bytes = sealed(&plain, &[]);
            assert_eq!(bytes.len() as u64, sealed_size(size as u64));
            assert_eq!(plain_size(bytes.len() as u64), Some(size as u64));
            assert_eq!(opened(&bytes, 70_001).as_ref(), Ok(&plain));
            assert_eq!(
                opened(&bytes[..bytes.len() - 1], 4096),
                Err(AgeError::BadChunk)
            );
            let mut longer = bytes.clone();
            longer.push(0);
            assert_eq!(opened(&longer, 4096), Err(AgeError::BadChunk));
        }
        assert_eq!(plain_size(15), None);
        assert_eq!(plain_size(31), None);
        assert_eq!(plain_size(32), Some(0));
        assert_eq!(plain_size(16 + CHUNK_SEALED as u64 + 16), None);
    }

    #[test]
    fn i1_whole_chunks_of_a_file_never_finished_are_recovered() {
        let plain: Vec<u8> = (0..3 * CHUNK_PLAIN + 10)
            .map(|n| u8::try_from(n % 251).expect("below 256"))
            .collect();
        let bytes = sealed(&plain, &[]);
        let payload = &bytes[NONCE_LEN..];
        for cut in [0, 100, CHUNK_SEALED, 2 * CHUNK_SEALED + 5, 3 * CHUNK_SEALED] {
            let mut out = Vec::new();
            let whole = recover_prefix(
                &FileKey::make([7; 16]),
                &[9; NONCE_LEN],
                &payload[..cut],
                0,
                &mut out,
            );
            assert_eq!(whole, (cut / CHUNK_SEALED) as u64);
            assert_eq!(out, plain[..out.len()]);
            assert_eq!(out.len() as u64, whole * CHUNK_PLAIN as u64);
        }
    }

    fn random(byte: u8) -> impl FnMut() -> [u8; 32] {
        let mut next = byte;
        move || {
            next = next.wrapping_add(1);
            [next; 32]
        }
    }

    #[test]
    fn a_header_opens_for_each_recipient_and_can_be_wrapped_again() {
        let (court, device, reader) = (
            Identity::make([1; 32]),
            Identity::make([2; 32]),
            Identity::make([3; 32]),
        );
        let file_key = FileKey::make([4; 16]);
        let header = Header::seal(
            &file_key,
            &[court.recipient(), device.recipient()],
            random(10),
        )
        .expect("proper keys");
        let bytes = header.to_bytes();
        let (parsed, length) =
            Header::parse(&[bytes.as_slice(), b"rest"].concat()).expect("our own header");
        assert_eq!((&parsed, length), (&header, bytes.len()));
        assert_eq!(parsed.open(&[&device]), Ok(file_key.clone()));
        assert_eq!(parsed.open(&[&reader]), Err(AgeError::NoMatch));
        let key = parsed.open(&[&reader, &court]).expect("one fits");
        let again = Header::seal(&key, &[reader.recipient()], random(20)).expect("proper keys");
        assert_eq!(again.open(&[&reader]), Ok(file_key));
    }

    #[test]
    fn a_changed_header_is_refused() {
        let court = Identity::make([1; 32]);
        let header = Header::seal(&FileKey::make([4; 16]), &[court.recipient()], random(1))
            .expect("proper keys");
        let text = String::from_utf8(header.to_bytes()).expect("ASCII");
        let with_line = text.replacen("---", "-> other\nAAAA\n---", 1);
        let (changed, _) = Header::parse(with_line.as_bytes()).expect("well formed");
        assert_eq!(changed.open(&[&court]), Err(AgeError::BadMac));
        for bad in [
            text.replace("v1\n", "v2\n"),
            text.replace("-> X25519 ", "-> X25519  "),
            text.replace("--- ", "---"),
            text.replace('\n', "\r\n"),
            text[..text.len() - 1].to_owned(),
        ] {
            assert!(Header::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let endless = format!(
            "age-encryption.org/v1\n-> x\n{}",
            format!("{}\n", "A".repeat(64)).repeat(2000)
        );
        assert_eq!(
            Header::parse(endless.as_bytes()),
            Err(AgeError::HeaderTooLarge)
        );
    }

    #[test]
    fn keys_have_the_text_of_the_stock_tool() {
        let secret = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        let identity: Identity = secret.parse().expect("from the specification's test kit");
        assert_eq!(*identity.to_secret_text(), secret);
        let text = identity.recipient().to_string();
        assert_eq!(text.parse(), Ok(identity.recipient()));
        for bad in [
            "",
            "age1",
            &text.to_uppercase(),
            &text[..text.len() - 1],
            secret,
        ] {
            assert_eq!(
                bad.parse::<super::super::Recipient>(),
                Err(AgeError::BadRecipient),
                "{bad}"
            );
        }
        assert!(secret.to_lowercase().parse::<Identity>().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_split_gives_the_same_file_and_any_changed_bit_is_seen(
            size in 0..3 * CHUNK_PLAIN, pieces in prop::collection::vec(0..CHUNK_PLAIN * 2, 0..6),
            place in any::<prop::sample::Index>(), bit in 0..8_u8,
        ) {
            let plain: Vec<u8> = (0..size).map(|n| u8::try_from(n % 253).expect("below 256")).collect();
            let bytes = sealed(&plain, &pieces);
            prop_assert_eq!(&bytes, &sealed(&plain, &[]));
            let mut bad = bytes.clone();
            bad[place.index(bytes.len())] ^= 1 << bit;
            prop_assert!(opened(&bad, 10_000).is_err());
        }
    }
}
