//! Receipts and the files they speak of.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::hash::{StatementHash, StoredDigest};
use zhixing_protocol::receipt::StorageReceipt;

use super::{Part, Run};
use crate::objects::{Digesting, ObjectError, Reader};
use crate::problem::{Answer, Failure};
use crate::store::Row;

impl Run<'_> {
    pub(super) async fn evidence(&mut self, deep: bool) -> Answer<()> {
        let items = self
            .tx
            .rows(
                "SELECT statement, stored_sha256, stored_bytes, outcome, receipt FROM stored_items ORDER BY statement",
                &[],
            )
            .await?;
        let mut named = BTreeSet::new();
        for row in &items {
            self.receipt(row)?;
            named.insert(row.parse(1)?);
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
            named.insert(row.parse(0)?);
            self.object(row.parse(0)?, None, deep).await?;
        }
        if deep {
            self.unnamed(&named).await?;
        }
        Ok(())
    }

    /// Counts files that no row names: a kill between keeping a file and storing the outcome leaves one.
    async fn unnamed(&mut self, named: &BTreeSet<StoredDigest>) -> Answer<()> {
        let mut names = self.court.objects.names();
        while let Some(name) = names.next().await {
            if !named.contains(&name?) {
                self.audit.unnamed_objects += 1;
            }
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
        self.audit.objects += 1;
        let objects = &self.court.objects;
        match objects.size_bytes(stored).await {
            Err(error) => {
                self.audit.find(Part::Object, stored, error);
                return Ok(());
            }
            Ok(found) if size.is_some_and(|size| size != found) => {
                let problem = format!("it has {found} bytes instead of {size:?}");
                self.audit.find(Part::Object, stored, problem);
            }
            Ok(_) => {}
        }
        if deep {
            match digest_of(objects.reader(stored).await).await? {
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

/// Reads an object to its end. The inner error is the object's.
async fn digest_of(
    reader: Result<Reader, ObjectError>,
) -> Answer<Result<(u64, StoredDigest), ObjectError>> {
    let reader = match reader {
        Ok(reader) => reader,
        Err(error) => return Ok(Err(error)),
    };
    tokio::task::spawn_blocking(move || Ok(Digesting::new(reader).finish()?))
        .await
        .map_err(Failure::internal)
}
