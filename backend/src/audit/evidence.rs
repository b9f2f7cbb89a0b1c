//! Receipts and the files they speak of.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use ring::digest;
use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::hash::{StatementHash, StoredDigest};
use zhixing_protocol::receipt::StorageReceipt;

use super::{Part, Run};
use crate::objects;
use crate::problem::{Answer, Failure};
use crate::store::Row;

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

impl Run<'_> {
    pub(super) async fn evidence(&mut self, deep: bool) -> Answer<()> {
        let items = self
            .tx
            .rows(
                "SELECT statement, stored_sha256, stored_bytes, outcome, receipt FROM stored_items ORDER BY statement",
                &[],
            )
            .await?;
        for row in &items {
            self.receipt(row)?;
            let size = row.count(2)?;
            self.object(row.parse(1)?, Some(size), deep).await?;
        }
        let documents = self
            .tx
            .rows(
                "SELECT stored_sha256 FROM documents ORDER BY stored_sha256",
                &[],
            )
            .await?;
        for row in &documents {
            self.object(row.parse(0)?, None, deep).await?;
        }
        Ok(())
    }

    fn receipt(&mut self, row: &Row) -> Answer<()> {
        let statement: StatementHash = row.parse(0)?;
        let (outcome, text) = (row.text(3)?, row.optional_text(4)?);
        let Some(text) = text else {
            if outcome == "verified" {
                let problem = "its bytes were verified and there is no receipt";
                self.audit.find(Part::Receipt, statement, problem);
            }
            return Ok(());
        };
        self.audit.receipts += 1;
        let believed = serde_json::from_str::<SignedDocument>(&text)
            .map_err(|error| error.to_string())
            .and_then(|document| {
                StorageReceipt::verify(&document, &self.trust).map_err(|error| error.to_string())
            });
        match believed {
            Err(problem) => self.audit.find(Part::Receipt, statement, problem),
            Ok(receipt) => {
                let stored: StoredDigest = row.parse(1)?;
                let same = receipt.statement == statement
                    && receipt.stored_sha256 == stored
                    && receipt.stored_bytes == row.count(2)?;
                if !same {
                    let problem = "it is over another statement or other bytes";
                    self.audit.find(Part::Receipt, statement, problem);
                }
            }
        }
        Ok(())
    }

    async fn object(&mut self, stored: StoredDigest, size: Option<u64>, deep: bool) -> Answer<()> {
        let path = objects::path(&self.court.config.data, stored);
        self.audit.objects += 1;
        match std::fs::metadata(&path) {
            Err(error) => {
                self.audit.find(Part::Object, stored, error);
                return Ok(());
            }
            Ok(found) if size.is_some_and(|size| size != found.len()) => {
                let problem = format!("it has {} bytes instead of {size:?}", found.len());
                self.audit.find(Part::Object, stored, problem);
            }
            Ok(_) => {}
        }
        if deep {
            let read = tokio::task::spawn_blocking(move || digest_of(path))
                .await
                .map_err(Failure::internal)?;
            match read {
                Ok((bytes, digest)) => {
                    self.audit.read_bytes += bytes;
                    if digest != stored {
                        let problem = "its bytes have another SHA-256";
                        self.audit.find(Part::Object, stored, problem);
                    }
                }
                Err(error) => self.audit.find(Part::Object, stored, error),
            }
        }
        self.tell(Part::Object, self.audit.objects);
        Ok(())
    }
}

fn digest_of(path: PathBuf) -> std::io::Result<(u64, StoredDigest)> {
    let mut file = std::fs::File::open::<&Path>(path.as_ref())?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut piece = vec![0; PIECE];
    let mut bytes = 0;
    loop {
        let got = file.read(&mut piece)?;
        if got == 0 {
            break;
        }
        context.update(piece.get(..got).unwrap_or_default());
        bytes += got as u64;
    }
    let mut stored = [0; 32];
    stored.copy_from_slice(context.finish().as_ref());
    Ok((bytes, StoredDigest(stored)))
}
