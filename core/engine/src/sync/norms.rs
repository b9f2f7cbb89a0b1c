//! The lane of norms: one document after the other, between the pull and the bytes. What does not come holds up nothing else (I9).

use zhixing_protocol::rules::norms::{MAX_NORM_BYTES, NormEntry};
use zhixing_protocol::time::UtcMillis;

use super::{Body, HttpRequest, HttpResponse, MAX_BACKOFF_MS, backoff_ms, part};
use crate::capture::Holdings;
use crate::error::Result;

/// Where the lane stands.
pub(super) struct NormsLane {
    /// Whether the queue is to be asked for what is not here: after a start and after each pull.
    wanted: bool,
    /// A norm did not come: the next try.
    at: Option<UtcMillis>,
    /// Failures in a row.
    tries: u32,
}

impl Default for NormsLane {
    fn default() -> Self {
        Self {
            wanted: true,
            at: None,
            tries: 0,
        }
    }
}

impl NormsLane {
    /// The next norm to fetch now.
    pub(super) fn next(
        &mut self,
        holdings: &Holdings,
        now: UtcMillis,
    ) -> Result<Option<NormEntry>> {
        // A clock set back must not delay it beyond the longest backoff.
        let horizon = now.plus_ms(MAX_BACKOFF_MS);
        self.at = self.at.filter(|at| now < *at && *at <= horizon);
        if self.at.is_some() || !self.wanted {
            return Ok(None);
        }
        let wanted = holdings.queue().wanted_norm()?;
        self.wanted = wanted.is_some();
        Ok(wanted)
    }

    /// When the next try is; none if nothing failed.
    pub(super) fn at(&self) -> Option<UtcMillis> {
        self.at
    }

    /// A pull came: there may be more to fetch.
    pub(super) fn look_again(&mut self) {
        self.wanted = true;
    }

    /// It did not come.
    pub(super) fn later(&mut self, now: UtcMillis) {
        self.at = Some(now.plus_ms(backoff_ms(self.tries)));
        self.tries = self.tries.saturating_add(1);
    }

    /// Takes the answer. True if the court should hear about it: other norms are in use now, or something stands against the newest.
    pub(super) fn came(
        &mut self,
        holdings: &Holdings,
        now: UtcMillis,
        entry: &NormEntry,
        response: &HttpResponse,
    ) -> Result<bool> {
        let part = holdings.vault.norm_part(entry.sha256);
        let given = (200..300).contains(&response.status);
        if !given || !part::is_whole(&part, response)? {
            if !given && response.status < 500 {
                part::discard(&part)?;
            }
            self.later(now);
            return Ok(false);
        }
        let fits = std::fs::metadata(&part)?.len() <= MAX_NORM_BYTES;
        let bytes = if fits {
            std::fs::read(&part)?
        } else {
            Vec::new()
        };
        self.tries = 0;
        let queue = holdings.queue();
        let kept = queue.keep_norm(entry, &bytes)?;
        let switched = kept && queue.use_newest_norms()?;
        let refused = queue.norms_held()?.refused.is_some();
        drop(queue);
        holdings.forget_norms();
        part::discard(&part)?;
        Ok(switched || refused)
    }
}

/// Asks for a norm, or for what is missing of it.
pub(super) fn request(holdings: &Holdings, entry: &NormEntry) -> Result<HttpRequest> {
    let part = holdings.vault.norm_part(entry.sha256);
    if let Some(folder) = part.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let request = HttpRequest {
        method: "GET",
        path: format!("/device/v1/norms/{}", entry.sha256),
        headers: Vec::new(),
        body: Body::Empty,
        sink: Some(part.clone()),
    };
    Ok(part::resume(request, &part))
}
