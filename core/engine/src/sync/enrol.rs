//! Enrolment: from a ticket to a device that the court knows.

use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::ids::DeviceId;
use zhixing_protocol::statement::{ChainEnd, KeyEnroll};
use zhixing_protocol::trust::Trust;
use zhixing_protocol::wire::{
    AdmissionResult, EnrollRequest, EnrollResponse, EnrolmentTicket, WireStatement,
};

use super::{HttpRequest, HttpResponse};
use crate::capture::Holdings;
use crate::error::{EngineError, ErrorKind, Result};
use crate::queue::Identity;

/// Setting: where the chain of the officer's earlier device ended, as far as the court has it.
const OPEN_CHAIN: &str = "open_chain";

impl Holdings {
    /// Where the chain of an earlier device of the same officer ended at the court when this one was enrolled; none if
    /// there was none or it is closed.
    pub fn open_chain(&self) -> Result<Option<ChainEnd>> {
        Ok(self
            .queue()
            .setting::<Option<ChainEnd>>(OPEN_CHAIN)?
            .flatten())
    }

    /// Makes key, identity and statement 1, durable before anything is sent; the same ticket gives the same request.
    ///
    /// *Errors*: `InvalidInput` for an expired ticket; `Rejected` if the device is enrolled already.
    pub fn prepare_enrol(
        &self,
        ticket: &EnrolmentTicket,
        label: &str,
        previous: Option<ChainEnd>,
    ) -> Result<HttpRequest> {
        let mut queue = self.queue();
        let known = queue.identity()?;
        if known.as_ref().is_some_and(|known| known.officer.is_some()) {
            return Err(EngineError::new(
                ErrorKind::Rejected,
                "this device is enrolled already; use another folder for another officer",
            ));
        }
        let resumed = known.as_ref().is_some_and(|known| {
            known.ticket == Some(ticket.secret) && known.realm == ticket.realm
        });
        if !resumed {
            if ticket.expires_ms <= self.ports.clock.wall_ms() {
                return Err(EngineError::invalid(
                    "the ticket has expired; ask for a new one at the console",
                ));
            }
            // A new key for each ticket: statement 1 of a key is made once and never changes.
            queue.db.execute("DELETE FROM statement", [])?;
            let signer = self.ports.secrets.make_signer()?;
            queue.put_identity(&Identity {
                realm: ticket.realm,
                court: ticket.court.clone(),
                device: DeviceId::make(self.ports.clock.wall_ms(), self.ports.random()?),
                key: signer.public_key().key_id(),
                url: ticket.url.clone(),
                root: ticket.root,
                ticket: Some(ticket.secret),
                officer: None,
                revoked: false,
            })?;
        }
        let identity = queue
            .identity()?
            .ok_or_else(|| EngineError::internal("the identity just stored is missing"))?;
        let made = queue.statements_of_type("key.enroll/1")?;
        if made.is_empty() {
            let signer = queue.signer(&identity)?;
            let body = KeyEnroll {
                storage: self.ports.secrets.storage().to_owned(),
                platform: self.ports.platform.clone(),
                previous,
                public_key: signer.public_key().clone(),
                ticket: ticket.secret_digest(),
            };
            let hidden = Object::from([("label".to_owned(), Value::from(label))]);
            queue.make_statement_as(&identity, &body, None, hidden, |_, _| Ok(()))?;
        }
        let own = queue.statements_of_type("key.enroll/1")?.pop();
        let enroll = own
            .and_then(|own| WireStatement::from_signed(&own.signed))
            .ok_or_else(|| EngineError::internal("statement 1 is missing"))?;
        HttpRequest::json(
            "/device/v1/enroll",
            &EnrollRequest {
                secret: ticket.secret,
                enroll,
            },
        )
    }

    /// Believes the court's answer: its trust document must have the ticket's root, and it must have admitted statement 1.
    ///
    /// *Errors*: `Offline` where somebody else answered; `Rejected` with the court's reason; `Damaged` for a trust
    /// document of another root.
    pub fn accept_enrol(&self, answer: &HttpResponse) -> Result<EnrollResponse> {
        if answer.is_captive() {
            return Err(EngineError::new(
                ErrorKind::Offline,
                "captive_portal: a login page of the network answered; log in to the network and try again",
            ));
        }
        if !(200..300).contains(&answer.status) {
            let problem = answer.problem();
            let kind = if answer.status >= 500 || answer.status == 429 {
                ErrorKind::Offline
            } else {
                ErrorKind::Rejected
            };
            return Err(EngineError::new(
                kind,
                format!("{:?}: {}", problem.kind, problem.title),
            ));
        }
        let response: EnrollResponse = serde_json::from_slice(&answer.body).map_err(|_| {
            EngineError::new(
                ErrorKind::Offline,
                "the answer is not the court's; try again",
            )
        })?;
        let mut queue = self.queue();
        queue
            .identity()?
            .ok_or_else(|| EngineError::invalid("no enrolment was begun"))?;
        let own = queue.statement(response.result.hash)?;
        let admitted = matches!(
            response.result.admission,
            AdmissionResult::Admitted | AdmissionResult::Duplicate
        );
        if own.is_none() || !admitted {
            return Err(EngineError::new(
                ErrorKind::Rejected,
                "the court did not admit the enrolment; ask for a new ticket",
            ));
        }
        if !queue.accept_trust(&response.trust)? {
            let found = response.trust.peek::<Trust>();
            let found = found.map_or_else(
                |_| "unreadable trust document".to_owned(),
                |trust| format!("untrusted key {}", trust.root.fingerprint()),
            );
            return Err(EngineError::damaged(format!(
                "{found}: the server's trust document is not of the root that the ticket names; do not use this server, ask the court for a new ticket",
            )));
        }
        queue.record_results(std::slice::from_ref(&response.result))?;
        // As it stands now: the trust document may have named a root that follows the ticket's.
        let mut identity = queue
            .identity()?
            .ok_or_else(|| EngineError::internal("the identity is missing"))?;
        identity.officer = Some(response.officer.clone());
        identity.ticket = None;
        queue.put_identity(&identity)?;
        queue.put_setting(OPEN_CHAIN, &response.open_chain)?;
        queue.note_contact()?;
        Ok(response)
    }
}
