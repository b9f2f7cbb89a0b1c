//! Search words: pairs of neighbouring Chinese characters, whole words of everything else.

use zhixing_protocol::text::nfc;

/// Whether a character is written without spaces between words.
fn is_han(character: char) -> bool {
    matches!(u32::from(character),
        0x2E80..=0x2FDF | 0x3005..=0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Runs of one kind.
fn runs(text: &str) -> Vec<(bool, String)> {
    let mut runs: Vec<(bool, String)> = Vec::new();
    let mut open = false;
    for character in nfc(text).chars() {
        if !character.is_alphanumeric() && !is_han(character) {
            open = false;
            continue;
        }
        let han = is_han(character);
        match runs.last_mut() {
            Some((kind, run)) if open && *kind == han => run.extend(character.to_lowercase()),
            _ => runs.push((han, character.to_lowercase().collect())),
        }
        open = true;
    }
    runs
}

fn pairs(run: &str) -> Vec<String> {
    let characters: Vec<char> = run.chars().collect();
    characters
        .windows(2)
        .map(|pair| pair.iter().collect())
        .collect()
}

/// What goes into the index for a text.
pub fn index_tokens(text: &str) -> String {
    let mut tokens = Vec::new();
    for (han, run) in runs(text) {
        if han {
            tokens.extend(pairs(&run));
            // So that a search for one character finds the last one too.
            tokens.extend(run.chars().last().map(String::from));
        } else {
            tokens.push(run);
        }
    }
    tokens.join(" ")
}

/// The index query for what a person typed; none if it has no letters. All parts must occur.
pub fn match_query(typed: &str) -> Option<String> {
    let parts: Vec<String> = runs(typed)
        .into_iter()
        .map(|(han, run)| {
            let pairs = if han { pairs(&run) } else { Vec::new() };
            if pairs.is_empty() {
                // One character, or the beginning of a word. Only letters and digits come into the quotes.
                format!("\"{run}\"*")
            } else {
                format!("\"{}\"", pairs.join(" "))
            }
        })
        .collect();
    (!parts.is_empty()).then(|| parts.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_is_indexed_by_pairs_and_everything_else_by_words() {
        assert_eq!(index_tokens("人民法院 ABC-12"), "人民 民法 法院 院 abc 12");
        assert_eq!(match_query("法院").as_deref(), Some("\"法院\""));
        assert_eq!(match_query("民法院").as_deref(), Some("\"民法 法院\""));
        assert_eq!(match_query("张").as_deref(), Some("\"张\"*"));
        assert_eq!(match_query("\"* OR ("), Some("\"or\"*".to_owned()));
        assert_eq!(match_query(" \"*( "), None);
    }

    /// One name has one spelling, however a keyboard or a file system composed it.
    #[test]
    fn decomposed_text_is_found_by_composed_words_and_the_reverse() {
        for (composed, decomposed) in [
            ("Müller", "Mu\u{308}ller"),
            ("각하", "\u{1100}\u{1161}\u{11a8}\u{1112}\u{1161}"),
            ("凌來", "\u{f955}\u{f92d}"),
        ] {
            assert_ne!(composed, decomposed);
            assert_eq!(index_tokens(decomposed), index_tokens(composed));
            assert_eq!(match_query(decomposed), match_query(composed));
        }
    }
}
