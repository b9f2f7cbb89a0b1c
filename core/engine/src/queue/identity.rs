//! Who this device is.

use serde::{Deserialize, Serialize};
use zhixing_protocol::case::CourtWord;
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::ids::{DeviceId, KeyId, Nonce, RealmId};
use zhixing_protocol::wire::Officer;

use super::Queue;
use crate::error::{EngineError, Result};

const SETTING: &str = "identity";

/// The device's identity, made at the first enrolment attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Deployment.
    pub realm: RealmId,
    /// Court word of the officer's court.
    pub court: CourtWord,
    /// This device.
    pub device: DeviceId,
    /// Its key.
    pub key: KeyId,
    /// Address of the server.
    pub url: String,
    /// Fingerprint of the root that the ticket vouched for, or of the one that followed it and was believed last.
    pub root: Sha256Digest,
    /// The ticket's secret while the court has not answered yet.
    pub ticket: Option<Nonce>,
    /// The officer; none before the court has answered.
    pub officer: Option<Officer>,
    /// The court revoked the key: only pending evidence is still taken.
    #[serde(default)]
    pub revoked: bool,
}

impl Queue {
    /// Who this device is; none before the first enrolment attempt.
    pub fn identity(&self) -> Result<Option<Identity>> {
        self.setting(SETTING)
    }

    /// As [`Self::identity`]. *Errors*: `InvalidInput` before enrolment.
    pub fn enrolled(&self) -> Result<Identity> {
        self.identity()?
            .filter(|identity| identity.officer.is_some())
            .ok_or_else(|| {
                EngineError::invalid("this device is not enrolled; scan a ticket of the console")
            })
    }

    pub(crate) fn put_identity(&self, identity: &Identity) -> Result<()> {
        self.put_setting(SETTING, identity)
    }
}
