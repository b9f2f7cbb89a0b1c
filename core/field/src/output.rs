//! What people and scripts see. The one place that prints.

use std::io::Write;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use zhixing_engine::EngineError;

/// Text or JSON.
pub struct Output {
    /// JSON was asked for.
    pub json: bool,
}

/// Prints a line. Whoever reads may have stopped listening (`| head`): that is no fault.
fn print(mut to: impl Write, line: &dyn std::fmt::Display) {
    let _ = writeln!(to, "{line}");
}

impl Output {
    /// Prints the JSON value, or the lines of text.
    pub fn show(&self, value: &Value, text: impl FnOnce() -> Vec<String>) {
        if self.json {
            print(std::io::stdout(), value);
        } else {
            for line in text() {
                print(std::io::stdout(), &line);
            }
        }
    }

    /// Says what went wrong and what to do next.
    pub fn error(&self, error: &EngineError) {
        if self.json {
            let error =
                json!({"error": {"kind": format!("{:?}", error.kind), "detail": error.detail}});
            print(std::io::stdout(), &error);
        }
        print(
            std::io::stderr(),
            &format_args!("zhixing-field: {}", error.detail),
        );
    }

    /// A bar for bytes; hidden where nobody looks.
    pub fn bar(&self, total: u64, what: &str) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template(
            "{msg:14} {bar:40.cyan/blue} {bytes:>10}/{total_bytes:10} {bytes_per_sec:>12} {eta:>4}",
        ) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar
    }
}

/// Bytes for people.
pub fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// The first characters of a digest: enough to compare by eye.
pub fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Fen as yuan.
pub fn yuan(fen: i64) -> String {
    let (whole, rest) = (fen.unsigned_abs() / 100, fen.unsigned_abs() % 100);
    format!("{}¥{whole}.{rest:02}", if fen < 0 { "-" } else { "" })
}

/// A moment in Asia/Shanghai, to the second.
pub fn moment(ms: i64) -> String {
    let time = zhixing_protocol::time::UtcMillis(ms);
    let of_day = ms
        .saturating_add(zhixing_protocol::time::SHANGHAI_OFFSET_MS)
        .rem_euclid(86_400_000)
        / 1000;
    format!(
        "{} {:02}:{:02}:{:02}",
        time.shanghai_date(),
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_time_are_written_for_people() {
        assert_eq!(yuan(2_000_000), "¥20000.00");
        assert_eq!(yuan(-5), "-¥0.05");
        assert_eq!(moment(1_583_805_600_000), "2020-03-10 10:00:00");
    }
}
