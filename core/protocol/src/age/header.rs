//! The header: version line, recipient stanzas, MAC.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::{aead, hmac};

use super::AgeError;
use super::keys::{FileKey, Identity, Recipient, hkdf_sha256};

const VERSION_LINE: &str = "age-encryption.org/v1\n";
/// Separates what [`Header::derive`] derives from the other uses of a file key.
const DERIVED_LABEL: &[u8] = b"zx-age-header/1";
const X25519_LABEL: &[u8] = b"age-encryption.org/v1/X25519";
/// Wrapped body lines have 64 characters; a shorter one (possibly empty) ends the body.
const BODY_COLUMNS: usize = 64;
/// Most bytes of a header: 22 of version, 98 for each recipient, 48 of MAC: room for 668 recipients.
///
/// The format sets no bound; each stanza costs an X25519 per identity before anything is authenticated.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Plain file key and its tag.
const WRAPPED_KEY_LEN: usize = 32;

/// One recipient stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stanza {
    arguments: Vec<String>,
    body: Vec<u8>,
}

/// The header of an age file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    stanzas: Vec<Stanza>,
    mac: [u8; 32],
}

impl Header {
    /// Makes a header for `recipients`, drawing 32 random bytes for each.
    ///
    /// *Errors*: [`AgeError::NoRecipient`]; `HeaderTooLarge` beyond 668 recipients; `BadRecipient` for a point of small
    /// order.
    pub fn seal(
        file_key: &FileKey,
        recipients: &[Recipient],
        mut draw: impl FnMut() -> [u8; 32],
    ) -> Result<Self, AgeError> {
        if recipients.is_empty() {
            return Err(AgeError::NoRecipient);
        }
        let stanzas = recipients
            .iter()
            .map(|recipient| wrap(file_key, recipient, draw()))
            .collect::<Result<Vec<_>, _>>()?;
        let mut header = Self {
            stanzas,
            mac: [0; 32],
        };
        let mac = header.compute_mac(file_key);
        header.mac.copy_from_slice(mac.as_ref());
        if header.to_bytes().len() > MAX_HEADER_BYTES {
            return Err(AgeError::HeaderTooLarge);
        }
        Ok(header)
    }

    /// The header for one recipient, the same each time: a copy can be sent in parts that fit together. What would be
    /// random is derived from the file key, so it is secret to all but those who may open the file anyway.
    ///
    /// *Errors*: [`AgeError::BadRecipient`].
    pub fn derive(file_key: &FileKey, recipient: &Recipient) -> Result<Self, AgeError> {
        let ephemeral = file_key.derive(&recipient.0, DERIVED_LABEL);
        Self::seal(file_key, core::slice::from_ref(recipient), || *ephemeral)
    }

    /// The exact bytes, last newline included; the payload's nonce follows.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = self.text_before_mac();
        text.push(' ');
        text.push_str(&STANDARD_NO_PAD.encode(self.mac));
        text.push('\n');
        text.into_bytes()
    }

    /// Reads a header from the beginning of a file, and says how long it is.
    ///
    /// *Errors*: [`AgeError::BadHeader`], `HeaderTooLarge`.
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), AgeError> {
        let mut reader = Lines {
            rest: bytes,
            used: 0,
        };
        if reader.line()? != VERSION_LINE.trim_end() {
            return Err(AgeError::BadHeader);
        }
        let mut stanzas = Vec::new();
        loop {
            let line = reader.line()?;
            if let Some(mac) = line.strip_prefix("--- ") {
                let mac = decode(mac)?.try_into().map_err(|_| AgeError::BadHeader)?;
                let header = Self { stanzas, mac };
                if header.stanzas.is_empty() {
                    return Err(AgeError::BadHeader);
                }
                return Ok((header, reader.used));
            }
            let arguments: Vec<String> = line
                .strip_prefix("-> ")
                .ok_or(AgeError::BadHeader)?
                .split(' ')
                .map(str::to_owned)
                .collect();
            let proper = |argument: &String| {
                !argument.is_empty() && argument.bytes().all(|byte| (33..=126).contains(&byte))
            };
            if !arguments.iter().all(proper) {
                return Err(AgeError::BadHeader);
            }
            let mut body = Vec::new();
            loop {
                let line = reader.line()?;
                if line.len() > BODY_COLUMNS {
                    return Err(AgeError::BadHeader);
                }
                body.extend(decode(line)?);
                if line.len() < BODY_COLUMNS {
                    break;
                }
            }
            stanzas.push(Stanza { arguments, body });
        }
    }

    /// Finds the file key with one of the identities and checks that the header is unchanged.
    ///
    /// *Errors*: [`AgeError::NoMatch`], `BadMac`, `BadHeader` (a malformed X25519 stanza).
    pub fn open(&self, identities: &[&Identity]) -> Result<FileKey, AgeError> {
        for stanza in &self.stanzas {
            for identity in identities {
                if let Some(file_key) = unwrap(stanza, identity)? {
                    let key = hmac_key(&file_key);
                    let text = self.text_before_mac();
                    return match hmac::verify(&key, text.as_bytes(), &self.mac) {
                        Ok(()) => Ok(file_key),
                        Err(_) => Err(AgeError::BadMac),
                    };
                }
            }
        }
        Err(AgeError::NoMatch)
    }

    fn compute_mac(&self, file_key: &FileKey) -> hmac::Tag {
        hmac::sign(&hmac_key(file_key), self.text_before_mac().as_bytes())
    }

    /// What the MAC covers: everything up to and including `---`.
    fn text_before_mac(&self) -> String {
        let mut text = VERSION_LINE.to_owned();
        for stanza in &self.stanzas {
            text.push_str("-> ");
            text.push_str(&stanza.arguments.join(" "));
            text.push('\n');
            let body = STANDARD_NO_PAD.encode(&stanza.body);
            let mut rest = body.as_str();
            while let Some((line, more)) = rest.split_at_checked(BODY_COLUMNS) {
                text.push_str(line);
                text.push('\n');
                rest = more;
            }
            text.push_str(rest);
            text.push('\n');
        }
        text.push_str("---");
        text
    }
}

struct Lines<'a> {
    rest: &'a [u8],
    used: usize,
}

impl<'a> Lines<'a> {
    fn line(&mut self) -> Result<&'a str, AgeError> {
        let room = MAX_HEADER_BYTES.saturating_sub(self.used);
        let window = self
            .rest
            .get(..room.min(self.rest.len()))
            .unwrap_or_default();
        let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
            let cut = window.len() < self.rest.len();
            return Err(if cut {
                AgeError::HeaderTooLarge
            } else {
                AgeError::BadHeader
            });
        };
        let (line, rest) = self.rest.split_at_checked(end).ok_or(AgeError::BadHeader)?;
        self.rest = rest.get(1..).unwrap_or_default();
        self.used = self.used.saturating_add(end).saturating_add(1);
        core::str::from_utf8(line).map_err(|_| AgeError::BadHeader)
    }
}

/// Canonical base64 without padding; anything else is another spelling of the same header.
fn decode(text: &str) -> Result<Vec<u8>, AgeError> {
    STANDARD_NO_PAD
        .decode(text)
        .map_err(|_| AgeError::BadHeader)
}

fn hmac_key(file_key: &FileKey) -> hmac::Key {
    hmac::Key::new(
        hmac::HMAC_SHA256,
        file_key.derive(b"", b"header").as_slice(),
    )
}

fn wrapping_key(
    shared: &[u8],
    ephemeral: &[u8; 32],
    recipient: &[u8; 32],
) -> Option<aead::LessSafeKey> {
    let salt = [ephemeral.as_slice(), recipient.as_slice()].concat();
    let key = hkdf_sha256(shared, &salt, X25519_LABEL);
    aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key.as_slice())
        .ok()
        .map(aead::LessSafeKey::new)
}

fn zero_nonce() -> aead::Nonce {
    // Each wrapping key is used once: the specification fixes a nonce of zeros.
    aead::Nonce::assume_unique_for_key([0; 12])
}

fn wrap(file_key: &FileKey, recipient: &Recipient, random: [u8; 32]) -> Result<Stanza, AgeError> {
    let ephemeral = Identity::make(random);
    let share = ephemeral.recipient().0;
    let shared = ephemeral
        .agree(&recipient.0)
        .ok_or(AgeError::BadRecipient)?;
    let key =
        wrapping_key(shared.as_slice(), &share, &recipient.0).ok_or(AgeError::BadRecipient)?;
    let mut body = file_key.as_bytes().to_vec();
    key.seal_in_place_append_tag(zero_nonce(), aead::Aad::empty(), &mut body)
        .map_err(|_| AgeError::BadRecipient)?;
    Ok(Stanza {
        arguments: vec!["X25519".to_owned(), STANDARD_NO_PAD.encode(share)],
        body,
    })
}

fn unwrap(stanza: &Stanza, identity: &Identity) -> Result<Option<FileKey>, AgeError> {
    let share = match stanza.arguments.as_slice() {
        [kind, share] if kind == "X25519" => decode(share)?,
        [kind, ..] if kind == "X25519" => return Err(AgeError::BadHeader),
        _ => return Ok(None),
    };
    let share: [u8; 32] = share.try_into().map_err(|_| AgeError::BadHeader)?;
    if stanza.body.len() != WRAPPED_KEY_LEN {
        return Err(AgeError::BadHeader);
    }
    let shared = identity.agree(&share).ok_or(AgeError::BadHeader)?;
    let Some(key) = wrapping_key(shared.as_slice(), &share, &identity.recipient().0) else {
        return Ok(None);
    };
    let mut body = zeroize::Zeroizing::new(stanza.body.clone());
    let Ok(plain) = key.open_in_place(zero_nonce(), aead::Aad::empty(), body.as_mut_slice()) else {
        return Ok(None);
    };
    Ok(<[u8; 16]>::try_from(&*plain).ok().map(FileKey::make))
}
