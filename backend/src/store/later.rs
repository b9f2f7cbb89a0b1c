//! Writes that wait, so that the rows of a batch become one statement each table instead of one each row.
//!
//! Whatever waits is written before the transaction answers a question, runs another statement or commits: nobody inside it can tell.

use super::{Arg, StoreError, StoreResult, Tx};

/// Most rows of one insertion. SQLite looks each value's name up in a list, so that the work of one statement grows with the square of
/// its values: at 512 rows that was the largest single item of an import.
const MOST_ROWS: usize = 64;

/// An insertion of rows.
#[derive(Debug)]
pub struct Insert {
    /// Up to the rows: `INSERT INTO t (a, b) VALUES`.
    pub head: &'static str,
    /// Values of a row.
    pub columns: usize,
    /// After the rows: empty, or `ON CONFLICT …`.
    pub tail: &'static str,
}

/// A number that rises with each taking.
#[derive(Debug)]
pub struct Counter {
    /// Adds one and returns the number; `$1` says which.
    pub take: &'static str,
    /// Sets the number to `$2`.
    pub set: &'static str,
}

/// What waits, and the counters that this transaction holds.
#[derive(Default)]
pub(super) struct Later {
    rows: Vec<(&'static Insert, Vec<Arg>)>,
    updates: Vec<(&'static str, Vec<Arg>)>,
    counters: Vec<(&'static Counter, String, u64)>,
}

impl Tx {
    /// Adds a row before the next question of this transaction. Insertions into different tables keep the order of their first rows.
    pub fn insert_later(&mut self, insert: &'static Insert, row: impl IntoIterator<Item = Arg>) {
        let place = self
            .later
            .rows
            .iter()
            .position(|(waiting, _)| core::ptr::eq(*waiting, insert));
        let place = place.unwrap_or_else(|| {
            self.later.rows.push((insert, Vec::new()));
            self.later.rows.len() - 1
        });
        if let Some((_, rows)) = self.later.rows.get_mut(place) {
            rows.extend(row);
        }
    }

    /// Changes a row that still waits, found by its first value: its values from column `from` (counted from 0) on become `values`. False if no such
    /// row waits, and then nothing is done: it is in the table, or was never added.
    pub fn amend_later(
        &mut self,
        insert: &'static Insert,
        first: &Arg,
        from: usize,
        values: &[Arg],
    ) -> bool {
        let rows = self
            .later
            .rows
            .iter_mut()
            .find(|(waiting, _)| core::ptr::eq(*waiting, insert));
        let Some((_, rows)) = rows else {
            return false;
        };
        let row = rows
            .chunks_mut(insert.columns.max(1))
            .rev()
            .find(|row| row.first() == Some(first));
        let Some(places) = row.and_then(|row| row.get_mut(from..from + values.len())) else {
            return false;
        };
        places.clone_from_slice(values);
        true
    }

    /// Runs an update before the next question of this transaction, after all rows that wait. Of those with the same text and the same first
    /// argument the last counts.
    pub fn update_later(&mut self, sql: &'static str, args: Vec<Arg>) {
        self.later
            .updates
            .retain(|(waiting, other)| *waiting != sql || other.first() != args.first());
        self.later.updates.push((sql, args));
    }

    /// The next number of a counter. The first taking locks it; the others of the same transaction cost nothing.
    ///
    /// *Errors*: [`StoreError::Damaged`] if there is no such counter.
    pub async fn take_number(
        &mut self,
        counter: &'static Counter,
        which: &str,
    ) -> StoreResult<u64> {
        let held = self
            .later
            .counters
            .iter_mut()
            .find(|(known, name, _)| core::ptr::eq(*known, counter) && name == which);
        if let Some((_, _, value)) = held {
            *value = value.saturating_add(1);
            let value = *value;
            self.update_later(counter.set, vec![which.into(), value.into()]);
            return Ok(value);
        }
        let row = self.row(counter.take, &[which.into()]).await?;
        let value = row
            .ok_or_else(|| StoreError::Damaged(format!("no counter {which}")))?
            .count(0)?;
        self.later.counters.push((counter, which.to_owned(), value));
        Ok(value)
    }

    /// Writes what waits.
    pub(super) async fn settle(&mut self) -> StoreResult<()> {
        for (insert, values) in core::mem::take(&mut self.later.rows) {
            for rows in values.chunks(insert.columns.saturating_mul(MOST_ROWS)) {
                self.open
                    .execute_made(text(insert, rows.len()), rows)
                    .await?;
            }
        }
        for (sql, args) in core::mem::take(&mut self.later.updates) {
            self.open.execute(sql, &args).await?;
        }
        Ok(())
    }
}

/// `head ($1, $2), ($3, $4) tail`.
fn text(insert: &Insert, values: usize) -> String {
    let mut text = String::from(insert.head);
    for value in 1..=values {
        let first = value % insert.columns.max(1) == 1 || insert.columns == 1;
        let before = match (first, value) {
            (true, 1) => " (",
            (true, _) => "), (",
            (false, _) => ", ",
        };
        text.push_str(before);
        text.push('$');
        text.push_str(&value.to_string());
    }
    text.push_str(") ");
    text.push_str(insert.tail);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insertion_of_rows_numbers_its_values() {
        let insert = Insert {
            head: "INSERT INTO t (a, b) VALUES",
            columns: 2,
            tail: "ON CONFLICT (a) DO NOTHING",
        };
        assert_eq!(
            text(&insert, 4),
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT (a) DO NOTHING"
        );
        let single = Insert {
            head: "INSERT INTO t (a) VALUES",
            columns: 1,
            tail: "",
        };
        assert_eq!(text(&single, 2), "INSERT INTO t (a) VALUES ($1), ($2) ");
    }
}
