//! The step function: what to send next, given what is stored and what was answered.

use std::collections::VecDeque;
use std::sync::Arc;

use zhixing_protocol::hash::{StoredDigest, to_hex};
use zhixing_protocol::ids::{CaseId, ItemId};
use zhixing_protocol::rules::norms::NormEntry;
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::wire::{
    AdmissionResult, ChallengeRequest, ChallengeResponse, MAX_BATCH_BYTES, MAX_BATCH_STATEMENTS,
    ProblemKind, PullRequest, SessionRequest, SessionResponse, StatementsRequest,
    StatementsResponse, WireStatement, digest_cursors, session_bytes,
};

use super::norms::NormsLane;
use super::slices::Slices;
use super::{
    HttpRequest, HttpResponse, Step, TransportError, TransportKind, backoff_ms, part, pull,
};
use crate::capture::Holdings;
use crate::casebook::Shelf;
use crate::error::{EngineError, ErrorKind, Result};

/// Most case events of one answer: some 1 KB each, so an answer stays far below the bound of I11.
const PULL_EVENTS: u32 = 2_000;
/// After so many answers that said there is more, own statements are sent in between.
const MOST_FOLLOWING: u32 = 16;
/// How long after everything was sent the receipts are asked for again.
const RECEIPT_POLL_MS: i64 = 2_000;
/// A session is renewed this long before it ends.
const SESSION_MARGIN_MS: i64 = 60_000;
/// So many times in a row the court may ask for the same statements again before it is left in peace for a while.
const MOST_GAPS: u32 = 3;
/// Code of the trouble with a statement that the court does not take.
const STATEMENTS_NOT_TAKEN: &str = "statements_not_taken";

/// What the runner waits for.
#[derive(Debug, Clone)]
enum InFlight {
    Challenge,
    Session,
    Statements(Vec<zhixing_protocol::hash::StatementHash>),
    Pull { nonce: String, by_digest: bool },
    Norm(NormEntry),
    Download(Download),
    Upload(super::upload::Sent),
}

/// A document that somebody wants to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Its case.
    pub case: CaseId,
    /// Its name at the court.
    pub stored: StoredDigest,
}

/// The state of one synchronisation; all that must survive a kill is in the databases.
pub struct Machine {
    holdings: Arc<Holdings>,
    shelf: Arc<Shelf>,
    in_flight: Option<InFlight>,
    challenge: Option<String>,
    token: Option<(String, i64)>,
    pull_wanted: bool,
    /// Answers in a row that said there is more.
    following: u32,
    pull_events: u32,
    /// The court did not know our cursors by their digest.
    name_cases: bool,
    norms: NormsLane,
    downloads: VecDeque<Download>,
    current: Option<CaseId>,
    slices: Slices,
    /// Failures in a row of the connection as a whole.
    tries: u32,
    /// Something was answered since the connection last broke, so that the next break is followed by one more request at
    /// once: a kept connection dies unseen when the network changes.
    answered: bool,
    wait_until: Option<UtcMillis>,
    gaps: u32,
    /// The court does not take the next statement: statements wait until then, everything else goes on.
    stalled_until: Option<UtcMillis>,
    unauthenticated: u32,
    /// When receipts may be asked for again.
    poll_at: Option<UtcMillis>,
    /// Why the connection does not work; none while it does.
    trouble: Option<String>,
}

impl Machine {
    /// A machine that has not sent anything.
    pub fn new(holdings: Arc<Holdings>, shelf: Arc<Shelf>) -> Self {
        Self {
            holdings,
            shelf,
            in_flight: None,
            challenge: None,
            token: None,
            pull_wanted: true,
            following: 0,
            pull_events: PULL_EVENTS,
            name_cases: false,
            norms: NormsLane::default(),
            downloads: VecDeque::new(),
            current: None,
            slices: Slices::default(),
            tries: 0,
            answered: false,
            wait_until: None,
            gaps: 0,
            stalled_until: None,
            unauthenticated: 0,
            poll_at: None,
            trouble: None,
        }
    }

    /// Why the connection does not work, as a stable code; none while it does.
    pub fn trouble(&self) -> Option<&str> {
        let stalled = self.stalled_until.map(|_| STATEMENTS_NOT_TAKEN);
        self.trouble.as_deref().or(stalled)
    }

    /// Whether nothing at all gets through; otherwise only the statements wait.
    pub fn is_cut_off(&self) -> bool {
        self.trouble.is_some()
    }

    /// Asks for news at the next step, whatever was waited for.
    pub fn wake(&mut self) {
        self.pull_wanted = true;
        self.wait_until = None;
        self.gaps = 0;
        self.stalled_until = None;
    }

    /// Uploads of this case go before those of others.
    pub fn set_current(&mut self, case: Option<CaseId>) {
        self.current = case;
    }

    /// Fetches a document at the next step.
    pub fn want(&mut self, download: Download) {
        if !self.downloads.contains(&download) {
            self.downloads.push_back(download);
        }
    }

    /// What to do now. A request whose answer never came (the process was stopped) is made anew.
    ///
    /// *Errors*: those of the store; nothing is lost by them.
    pub fn next(&mut self, now: UtcMillis) -> Result<Step> {
        self.in_flight = None;
        if self
            .holdings
            .queue()
            .identity()?
            .is_none_or(|identity| identity.officer.is_none())
        {
            return Ok(Step::Idle);
        }
        if let Some(until) = self.wait_until {
            if now < until && until <= now.plus_ms(super::MAX_BACKOFF_MS) {
                return Ok(Step::WaitUntil(until));
            }
            self.wait_until = None;
        }
        let elapsed = self.holdings.ports.clock.elapsed_ms();
        let Some(token) = self
            .token
            .as_ref()
            .filter(|(_, until)| elapsed < *until)
            .map(|(token, _)| token.clone())
        else {
            return self.without_session(now);
        };
        // A clock set back must not delay it beyond the longest backoff.
        let horizon = now.plus_ms(super::MAX_BACKOFF_MS);
        self.stalled_until = self
            .stalled_until
            .filter(|until| now < *until && *until <= horizon);
        // In the middle of a long answer the own statements, such as the key of each case just granted, wait to be sent together.
        let in_the_middle = self.pull_wanted && !self.following.is_multiple_of(MOST_FOLLOWING);
        let (in_flight, request) = if in_the_middle {
            self.pull()?
        } else if let Some(found) = self.statements()? {
            found
        } else if self.pull_wanted || self.poll_at.is_some_and(|at| at <= now) {
            self.pull()?
        } else if let Some(entry) = self.norms.next(&self.holdings, now)? {
            let request = super::norms::request(&self.holdings, &entry)?;
            (InFlight::Norm(entry), request)
        } else if let Some(download) = self.next_download()? {
            let request = self.download(&download)?;
            (InFlight::Download(download), request)
        } else {
            match self.next_upload(now)? {
                Some((sent, request)) => (InFlight::Upload(sent), request),
                None => return self.rest(now),
            }
        };
        let by_its_own = matches!(&in_flight, InFlight::Upload(sent) if sent.own_token);
        self.in_flight = Some(in_flight);
        Ok(Step::Request(if by_its_own {
            request
        } else {
            request.with("authorization", format!("Bearer {token}"))
        }))
    }

    /// A session has to be opened, but not for bytes that the court knows by a token of their own. Those go on where
    /// nothing else is to be done, and where the signing key wants the person first: what cannot go holds up nothing.
    fn without_session(&mut self, now: UtcMillis) -> Result<Step> {
        let only_bytes = !self.pull_wanted
            && self.poll_at.is_none()
            && self.norms.next(&self.holdings, now)?.is_none()
            && self.next_download()?.is_none()
            && self.statements()?.is_none();
        if only_bytes && let Some(step) = self.upload_by_token(now)? {
            return Ok(step);
        }
        match self.log_in() {
            Err(error) if error.kind == ErrorKind::Locked => {
                self.upload_by_token(now)?.ok_or(error)
            }
            other => other,
        }
    }

    fn upload_by_token(&mut self, now: UtcMillis) -> Result<Option<Step>> {
        loop {
            let next = self
                .holdings
                .queue()
                .next_upload_by_token(now, self.current)?;
            let Some(item) = next else { return Ok(None) };
            if let Some((sent, request)) =
                super::upload::request(&self.holdings, &mut self.slices, &item)?
            {
                self.in_flight = Some(InFlight::Upload(sent));
                return Ok(Some(Step::Request(request)));
            }
        }
    }

    /// The next request of the upload lane; files that are missing are set aside on the way.
    fn next_upload(
        &mut self,
        now: UtcMillis,
    ) -> Result<Option<(super::upload::Sent, HttpRequest)>> {
        loop {
            let next = self.holdings.queue().next_upload(now, self.current)?;
            let Some(item) = next else { return Ok(None) };
            let request = super::upload::request(&self.holdings, &mut self.slices, &item)?;
            if request.is_some() {
                return Ok(request);
            }
        }
    }

    /// Nothing to send now: wait for receipts or the next retry.
    fn rest(&mut self, now: UtcMillis) -> Result<Step> {
        let queue = self.holdings.queue();
        let retry = queue.next_retry()?;
        let outstanding = queue.count(
            "SELECT count(*) FROM item WHERE upload = 'sent' AND freed = 0
               AND (item NOT IN (SELECT item FROM receipt) OR statement NOT IN (SELECT statement FROM proof))",
        )?;
        if outstanding > 0 && self.poll_at.is_none() {
            self.poll_at = Some(now.plus_ms(RECEIPT_POLL_MS));
        } else if outstanding == 0 {
            self.poll_at = None;
        }
        let next = [retry, self.poll_at, self.stalled_until, self.norms.at()];
        Ok(match next.into_iter().flatten().min() {
            Some(at) => Step::WaitUntil(at.max(now.plus_ms(1))),
            None => Step::Idle,
        })
    }

    fn log_in(&mut self) -> Result<Step> {
        let queue = self.holdings.queue();
        let identity = queue.enrolled()?;
        let (in_flight, request) = match &self.challenge {
            None => (
                InFlight::Challenge,
                HttpRequest::json(
                    "/device/v1/challenge",
                    &ChallengeRequest {
                        device: identity.device,
                    },
                )?,
            ),
            Some(challenge) => {
                let signer = queue.signer(&identity)?;
                let bytes = session_bytes(identity.realm, identity.device, challenge);
                (
                    InFlight::Session,
                    HttpRequest::json(
                        "/device/v1/session",
                        &SessionRequest {
                            challenge: challenge.clone(),
                            device: identity.device,
                            key: identity.key,
                            signature: signer.sign(&bytes)?,
                        },
                    )?,
                )
            }
        };
        drop(queue);
        self.in_flight = Some(in_flight);
        Ok(Step::Request(request))
    }

    fn statements(&self) -> Result<Option<(InFlight, HttpRequest)>> {
        if self.stalled_until.is_some() {
            return Ok(None);
        }
        let batch = self
            .holdings
            .queue()
            .pending_batch(MAX_BATCH_STATEMENTS, MAX_BATCH_BYTES)?;
        if batch.is_empty() {
            return Ok(None);
        }
        let hashes = batch.iter().map(|own| own.hash).collect();
        let statements = batch
            .iter()
            .map(|own| WireStatement::from_signed(&own.signed))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| EngineError::damaged("a stored statement is no JSON"))?;
        let request =
            HttpRequest::json("/device/v1/statements", &StatementsRequest { statements })?;
        Ok(Some((InFlight::Statements(hashes), request)))
    }

    fn pull(&self) -> Result<(InFlight, HttpRequest)> {
        let queue = self.holdings.queue();
        let nonce = to_hex(&self.holdings.ports.random::<16>()?);
        let trust_version = queue.trust()?.map_or(0, |trust| trust.version);
        let log_size = queue.newest_checkpoint()?.map_or(0, |held| held.size);
        let device_cursor = queue.setting("device_cursor")?.unwrap_or(0);
        let norms = queue.norms_held()?;
        drop(queue);
        let cases = self.shelf.cursors()?;
        let device_only = cases.is_none();
        let mut cases = cases.unwrap_or_default();
        let by_digest = !cases.is_empty() && !self.name_cases;
        let cases_sha256 = by_digest.then(|| digest_cursors(&cases));
        if by_digest {
            cases.clear();
        }
        let request = PullRequest {
            anchor_nonce: Some(nonce.clone()),
            device_only,
            cases,
            cases_sha256,
            device_cursor,
            log_size,
            max_events: Some(self.pull_events),
            norms: Some(norms),
            trust_version,
        };
        Ok((
            InFlight::Pull { nonce, by_digest },
            HttpRequest::json("/device/v1/pull", &request)?,
        ))
    }

    /// The next document to fetch. One of a case that was revoked meanwhile is not asked for: nothing of that case, not
    /// even a folder with its name, may come back (I7).
    fn next_download(&mut self) -> Result<Option<Download>> {
        while let Some(download) = self.downloads.front() {
            let known = self.holdings.queue().known_case(download.case)?;
            if known.is_some_and(|known| !known.purging) {
                return Ok(Some(download.clone()));
            }
            self.downloads.pop_front();
        }
        Ok(None)
    }

    fn download(&self, download: &Download) -> Result<HttpRequest> {
        let path = self.holdings.vault.cached(download.case, download.stored);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let part = path.with_extension("part");
        let request = HttpRequest {
            method: "GET",
            path: format!(
                "/device/v1/blobs/{}?case={}",
                download.stored, download.case
            ),
            headers: Vec::new(),
            body: super::Body::Empty,
            sink: Some(part.clone()),
        };
        Ok(part::resume(request, &part))
    }

    /// Takes the answer to the newest request. *Errors*: those of the store.
    pub fn answer(
        &mut self,
        now: UtcMillis,
        answer: core::result::Result<HttpResponse, TransportError>,
    ) -> Result<()> {
        let Some(in_flight) = self.in_flight.take() else {
            return Ok(());
        };
        let response = match answer {
            Ok(response) if response.is_captive() => {
                self.offline(now, "captive_portal");
                return Ok(());
            }
            Ok(response) => response,
            Err(error) => return self.no_answer(now, &in_flight, error),
        };
        if let InFlight::Upload(sent) = &in_flight
            && response.status == 401
            && sent.own_token
        {
            // The court does not know the token any more: by the session then.
            return self.holdings.queue().put_upload_token(sent.item, "");
        }
        if response.status == 401 && !matches!(in_flight, InFlight::Challenge) {
            self.token = None;
            self.challenge = None;
            self.unauthenticated = self.unauthenticated.saturating_add(1);
            if self.unauthenticated > 1 {
                self.offline(now, "not_accepted_by_the_court");
            }
            return Ok(());
        }
        // A court that opens sessions and then does not honour them must not be asked in a tight loop.
        let honoured = !matches!(in_flight, InFlight::Challenge | InFlight::Session);
        let taken = match in_flight {
            InFlight::Upload(sent) => {
                super::upload::answer(&self.holdings, &mut self.slices, now, &sent, &response)?;
                self.pull_wanted |= self.upload_lane_is_done(now)?;
                Ok(())
            }
            InFlight::Norm(entry) => {
                let news = self.norms.came(&self.holdings, now, &entry, &response)?;
                self.pull_wanted |= news;
                Ok(())
            }
            InFlight::Download(download) => self.downloaded(&download, &response),
            other if response.status >= 400 => self.problem(now, &other, &response),
            InFlight::Challenge => read::<ChallengeResponse>(&response)
                .map(|answer| self.challenge = Some(answer.challenge)),
            InFlight::Session => read::<SessionResponse>(&response).map(|session| {
                let elapsed = self.holdings.ports.clock.elapsed_ms();
                let good = session
                    .expires_in_ms
                    .saturating_sub(SESSION_MARGIN_MS)
                    .max(0);
                self.token = Some((session.token, elapsed.saturating_add(good)));
                self.challenge = None;
            }),
            InFlight::Statements(sent) => self.took_statements(&sent, &response),
            InFlight::Pull { nonce, by_digest } => self.pulled(now, &nonce, by_digest, &response),
        };
        match taken {
            Ok(()) if self.wait_until.is_none() => {
                self.answered = true;
                self.tries = 0;
                self.trouble = None;
                if response.status < 400 && honoured {
                    self.unauthenticated = 0;
                }
                Ok(())
            }
            Err(error) if error.kind == ErrorKind::Offline => {
                self.offline(now, &error.detail);
                Ok(())
            }
            other => other,
        }
    }

    fn no_answer(
        &mut self,
        now: UtcMillis,
        in_flight: &InFlight,
        error: TransportError,
    ) -> Result<()> {
        match (error.kind, in_flight) {
            (TransportKind::AnswerTooLarge, InFlight::Pull { .. }) if self.pull_events > 1 => {
                self.pull_events = (self.pull_events / 2).max(1);
                return Ok(());
            }
            (TransportKind::File, InFlight::Upload(sent)) => {
                super::upload::file_failed(&self.holdings, now, sent)?;
                return Ok(());
            }
            (_, InFlight::Upload(sent)) => {
                self.slices.broke();
                self.holdings.queue().upload_ask_offset(sent.item)?;
            }
            (_, InFlight::Norm(_)) => self.norms.later(now),
            _ => {}
        }
        if error.kind == TransportKind::Unreachable && std::mem::take(&mut self.answered) {
            return Ok(());
        }
        self.offline(
            now,
            match error.kind {
                TransportKind::Unreachable => "unreachable",
                TransportKind::Tls => "certificate_not_trusted",
                TransportKind::Timeout => "timeout",
                TransportKind::AnswerTooLarge => "answer_too_large",
                TransportKind::File => "file",
            },
        );
        Ok(())
    }

    fn offline(&mut self, now: UtcMillis, code: &str) {
        self.wait_until = Some(now.plus_ms(backoff_ms(self.tries)));
        self.tries = self.tries.saturating_add(1);
        self.trouble = Some(code.to_owned());
    }

    /// The court refused a request that is not an upload: wait, or resend from where it asks.
    fn problem(&mut self, now: UtcMillis, asked: &InFlight, response: &HttpResponse) -> Result<()> {
        let problem = response.problem();
        if let (InFlight::Statements(_), Some(seq)) = (asked, problem.expected_seq)
            && problem.kind == ProblemKind::ChainGap
        {
            self.gaps = self.gaps.saturating_add(1);
            if self.gaps <= MOST_GAPS {
                self.holdings.queue().resend_from(seq)?;
            } else {
                // It was sent and not taken, again and again. Receipts, revocations and files of what was admitted
                // must not wait for a person who looks into it.
                self.stalled_until = Some(now.plus_ms(super::MAX_BACKOFF_MS));
            }
            return Ok(());
        }
        if problem.kind == ProblemKind::Revoked {
            let queue = self.holdings.queue();
            let mut identity = queue.enrolled()?;
            identity.revoked = true;
            queue.put_identity(&identity)?;
        }
        if matches!(asked, InFlight::Session | InFlight::Challenge) {
            self.challenge = None;
        }
        let code = serde_json::to_string(&problem.kind)?;
        self.offline(now, code.trim_matches('"'));
        if let Some(wait) = response.retry_after_ms() {
            self.wait_until = Some(now.plus_ms(wait.clamp(1, super::MAX_BACKOFF_MS)));
        }
        Ok(())
    }

    fn took_statements(
        &mut self,
        sent: &[zhixing_protocol::hash::StatementHash],
        response: &HttpResponse,
    ) -> Result<()> {
        let answer: StatementsResponse = read(response)?;
        // An answer that speaks of nothing that was sent would make us send it for ever.
        if !answer
            .results
            .iter()
            .any(|result| sent.contains(&result.hash))
        {
            return Err(EngineError::new(
                ErrorKind::Offline,
                "answer_without_results",
            ));
        }
        self.holdings.queue().record_results(&answer.results)?;
        // A refusal is no progress: what follows it meets a gap, and would be sent again for ever.
        if answer
            .results
            .iter()
            .any(|result| result.admission != AdmissionResult::Refused)
        {
            self.gaps = 0;
        }
        self.pull_wanted = true;
        Ok(())
    }

    fn pulled(
        &mut self,
        now: UtcMillis,
        nonce: &str,
        by_digest: bool,
        response: &HttpResponse,
    ) -> Result<()> {
        let outcome = pull::apply(&self.holdings, &self.shelf, nonce, &response.body)?;
        self.norms.look_again();
        // Named once, they are known by their digest again.
        self.name_cases = by_digest && outcome.cases_wanted;
        self.pull_wanted = outcome.more || self.name_cases;
        self.following = if outcome.more && outcome.progress {
            self.following.saturating_add(1)
        } else {
            0
        };
        self.poll_at = None;
        if outcome.revoked {
            let queue = self.holdings.queue();
            let mut identity = queue.enrolled()?;
            identity.revoked = true;
            queue.put_identity(&identity)?;
        }
        if outcome.more && !outcome.progress {
            // Frames that do not verify come again and again: leave the court in peace for a while.
            self.pull_wanted = false;
            self.poll_at = Some(now.plus_ms(backoff_ms(6)));
        }
        Ok(())
    }

    fn downloaded(&mut self, download: &Download, response: &HttpResponse) -> Result<()> {
        let path = self.holdings.vault.cached(download.case, download.stored);
        let part = path.with_extension("part");
        if response.status >= 500 || response.status == 429 {
            return Err(EngineError::new(ErrorKind::Offline, "internal"));
        }
        if response.status == 416 {
            // What is here is longer than what the court has: begin anew.
            part::discard(&part)?;
            return Ok(());
        }
        let given = (200..300).contains(&response.status);
        if given && !part::is_whole(&part, response)? {
            return Err(EngineError::new(ErrorKind::Offline, "unreachable"));
        }
        self.downloads.retain(|other| other != download);
        if given {
            part::publish(&part, &path)?;
        } else {
            part::discard(&part)?;
            self.holdings.queue().count_refusal("document_not_given")?;
        }
        Ok(())
    }

    fn upload_lane_is_done(&self, now: UtcMillis) -> Result<bool> {
        Ok(self
            .holdings
            .queue()
            .next_upload(now, self.current)?
            .is_none())
    }

    /// The item whose bytes are on the way, for a progress display.
    pub fn uploading(&self) -> Option<ItemId> {
        match &self.in_flight {
            Some(InFlight::Upload(sent)) => Some(sent.item),
            _ => None,
        }
    }
}

/// Reads a JSON answer. *Errors*: `Offline`: whoever wrote this is not the court's server.
fn read<T: serde::de::DeserializeOwned>(response: &HttpResponse) -> Result<T> {
    serde_json::from_slice(&response.body)
        .map_err(|_| EngineError::new(ErrorKind::Offline, "answer_not_understood"))
}
