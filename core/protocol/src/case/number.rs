//! Case numbers of enforcement cases, such as （2020）川0811执123号.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The first year in which numbers have this form.
const FIRST_YEAR: u16 = 2016;
/// The highest further number: 之九十九.
const LAST_SUB: u8 = 99;
/// Court word of the Supreme People's Court.
const SUPREME: &str = "最高法";
/// Court words of the high courts; 内 is Inner Mongolia, 黔 Guizhou, 兵 the production and construction corps, 军 the military court.
const PROVINCES: &str = "京津冀晋内辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔云藏陕甘青宁新兵军";
/// The numerals of 1 to 9.
const NUMERALS: [char; 9] = ['一', '二', '三', '四', '五', '六', '七', '八', '九'];
/// Characters that read as a Chinese number, right or wrong.
const NUMERAL_LIKE: &str = "一二三四五六七八九十百千万零〇两廿卅";

/// How people begin a court word instead of with the court word, and what to write. No entry is the beginning of a right one.
const MISTAKEN_COURTS: [(&str, &str); 35] = [
    ("最高法院", "最高法"),
    ("最高人民", "最高法"),
    ("蒙", "内"),
    ("贵", "黔"),
    ("北京", "京"),
    ("天津", "津"),
    ("河北", "冀"),
    ("山西", "晋"),
    ("内蒙", "内"),
    ("辽宁", "辽"),
    ("吉林", "吉"),
    ("黑龙", "黑"),
    ("上海", "沪"),
    ("江苏", "苏"),
    ("浙江", "浙"),
    ("安徽", "皖"),
    ("福建", "闽"),
    ("江西", "赣"),
    ("山东", "鲁"),
    ("河南", "豫"),
    ("湖北", "鄂"),
    ("湖南", "湘"),
    ("广东", "粤"),
    ("广西", "桂"),
    ("海南", "琼"),
    ("重庆", "渝"),
    ("四川", "川"),
    ("云南", "云"),
    ("西藏", "藏"),
    ("陕西", "陕"),
    ("甘肃", "甘"),
    ("青海", "青"),
    ("宁夏", "宁"),
    ("新疆", "新"),
    ("兵团", "兵"),
];

/// The number of an enforcement case or of a further document in it.
///
/// Reading accepts what people type and typesetters print: full- or half-width brackets and digits, spaces anywhere. Printing gives the one
/// normalised form: full-width brackets, digits 0-9, no spaces. As JSON it is that normalised text, and nothing else is read from JSON, so
/// that signed bytes know one spelling; what a person typed or an import brings goes through [`str::parse`].
///
/// Valid: `（2020）川0811执123号`, `(2020) 川0811 执恢 123 号之十`. Invalid: `（2020）四川0811执123号` (the court word is 川).
///
/// *Source*: 法〔2015〕137号, articles 3 (form), 5 (court words), 7 (type words), 10 (serials).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseNumber {
    year: u16,
    court: CourtWord,
    kind: CaseKind,
    serial: u64,
    sub: Option<u8>,
}

impl CaseNumber {
    /// A number from its parts. *Errors*: the part that is out of range (year 2016 to 9999, serial from 1, `sub` 1 to 99).
    pub fn new(
        year: u16,
        court: CourtWord,
        kind: CaseKind,
        serial: u64,
        sub: Option<u8>,
    ) -> Result<Self, CaseNumberError> {
        if year > 9999 {
            return Err(CaseNumberError::YearNotFourDigits);
        }
        if year < FIRST_YEAR {
            return Err(CaseNumberError::YearBefore2016);
        }
        if serial == 0 {
            return Err(CaseNumberError::SerialStartsWithZero);
        }
        if sub.is_some_and(|sub| !(1..=LAST_SUB).contains(&sub)) {
            return Err(CaseNumberError::SubNotNumeral);
        }
        Ok(Self {
            year,
            court,
            kind,
            serial,
            sub,
        })
    }

    /// Calendar year in which the case was received, 2016 to 9999.
    pub fn year(&self) -> u16 {
        self.year
    }

    /// The court.
    pub fn court(&self) -> &CourtWord {
        &self.court
    }

    /// The kind of proceeding.
    pub fn kind(&self) -> CaseKind {
        self.kind
    }

    /// Number in order of receipt, per court, kind and year; from 1.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Which further document of the case this is (之一 is 1), 1 to 99; none for the case itself.
    pub fn sub(&self) -> Option<u8> {
        self.sub
    }
}

impl fmt::Display for CaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "（{:04}）{}{}{}号",
            self.year,
            self.court,
            self.kind.word(),
            self.serial
        )?;
        match self.sub {
            None => Ok(()),
            Some(sub) => write!(f, "之{}", numeral(sub)),
        }
    }
}

impl FromStr for CaseNumber {
    type Err = CaseNumberError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text: String = text
            .chars()
            .filter(|c| !matches!(c, '\u{20}' | '\u{3000}'))
            .map(half_width_digit)
            .collect();
        let (year, rest) = read_year(&text)?;
        let (court, rest) = read_court(rest)?;
        let (kind, rest) = read_kind(rest)?;
        let (serial, rest) = read_serial(rest)?;
        Self::new(year, court, kind, serial, read_sub(rest)?)
    }
}

impl Serialize for CaseNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CaseNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let number: Self = text.parse().map_err(D::Error::custom)?;
        if number.to_string() != text {
            return Err(D::Error::custom(
                "case number: write it normalised, with full-width brackets, digits 0-9 and no spaces",
            ));
        }
        Ok(number)
    }
}

/// The word by which a court stands in case numbers: `最高法`, `川`, `川08`, `川0811`.
///
/// Only the form is known here; whether there is such a court is answered by the court table. Never computed from a region: when a region
/// gets a new code the court keeps its old one.
///
/// Valid: `川0811`. Invalid: `川081` (none, two or four digits), `蒙01` (the word is 内).
///
/// *Source*: 法〔2015〕137号, articles 5 and 13.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CourtWord(String);

impl CourtWord {
    /// The text, as it stands in numbers.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Level of the court, told by the form of the word alone.
    pub fn level(&self) -> CourtLevel {
        match self.0.bytes().filter(u8::is_ascii_digit).count() {
            4 => CourtLevel::Basic,
            2 => CourtLevel::Intermediate,
            _ if self.0 == SUPREME => CourtLevel::Supreme,
            _ => CourtLevel::High,
        }
    }
}

impl fmt::Display for CourtWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CourtWord {
    type Err = CaseNumberError;
    /// Reads exactly one court word, normalised: digits 0-9, no spaces.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match read_court(text)? {
            (word, "") => Ok(word),
            _ => Err(CaseNumberError::CourtUnknown),
        }
    }
}

impl Serialize for CourtWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CourtWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Level of a court in the tree of courts, highest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CourtLevel {
    /// 最高人民法院.
    Supreme,
    /// 高级人民法院, one for each province.
    High,
    /// 中级人民法院.
    Intermediate,
    /// 基层人民法院.
    Basic,
}

impl CourtLevel {
    /// The name in vectors and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Supreme => "supreme",
            Self::High => "high",
            Self::Intermediate => "intermediate",
            Self::Basic => "basic",
        }
    }
}

/// The kind of an enforcement case, told by its type word. *Source*: 法〔2015〕137号, article 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// 执: first enforcement.
    First,
    /// 执恢: resumed after the current enforcement was terminated.
    Resumed,
    /// 执保: enforcement of a preservation order.
    Preservation,
    /// 执异: objection.
    Objection,
    /// 执复: reconsideration.
    Reconsideration,
    /// 执监: supervision.
    Supervision,
    /// 执协: coordination between courts.
    Coordination,
    /// 执请: request for instructions.
    Instructions,
    /// 执他: any other enforcement case.
    Other,
}

impl CaseKind {
    /// All kinds. 执 stands last because the others begin with it and the longest word wins.
    const BY_LENGTH: [Self; 9] = [
        Self::Resumed,
        Self::Preservation,
        Self::Objection,
        Self::Reconsideration,
        Self::Supervision,
        Self::Coordination,
        Self::Instructions,
        Self::Other,
        Self::First,
    ];

    /// The type word, as it stands in numbers.
    pub fn word(self) -> &'static str {
        match self {
            Self::First => "执",
            Self::Resumed => "执恢",
            Self::Preservation => "执保",
            Self::Objection => "执异",
            Self::Reconsideration => "执复",
            Self::Supervision => "执监",
            Self::Coordination => "执协",
            Self::Instructions => "执请",
            Self::Other => "执他",
        }
    }
}

/// A part of a case number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NumberPart {
    /// The brackets around the year.
    Bracket,
    /// The year.
    Year,
    /// The court word.
    Court,
    /// The type word.
    Type,
    /// The serial.
    Serial,
    /// 号.
    Ending,
    /// What follows 之.
    Sub,
    /// Text around the number, or nothing at all.
    Extra,
}

impl NumberPart {
    /// The name in vectors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bracket => "bracket",
            Self::Year => "year",
            Self::Court => "court",
            Self::Type => "type",
            Self::Serial => "serial",
            Self::Ending => "ending",
            Self::Sub => "sub",
            Self::Extra => "extra",
        }
    }
}

/// Why a text is no case number, and what to write instead. Says nothing of the text itself, which may be personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CaseNumberError {
    /// There is nothing.
    #[error("case number: nothing was given; write one such as （2020）川0811执123号")]
    Empty,
    /// Something stands before the opening bracket.
    #[error("case number: leave out the text before the opening bracket of the year")]
    TextBefore,
    /// Something stands after the number.
    #[error("case number: leave out the text after 号; give one number at a time")]
    TextAfter,
    /// The year is not in round brackets.
    #[error("case number, bracket: put the year in round brackets, such as （2020）")]
    BracketsMissing,
    /// The year is not four digits.
    #[error("case number, year: write four digits, such as 2020")]
    YearNotFourDigits,
    /// Numbers of that year had another form.
    #[error(
        "case number, year: this form is in use since 2016; numbers of earlier years are not covered"
    )]
    YearBefore2016,
    /// The court word does not begin with 最高法 or the word of a province.
    #[error(
        "case number, court: write the court word, such as 川0811: one character for the province, then no, two or four digits"
    )]
    CourtUnknown,
    /// A common mistake for a court word.
    #[error("case number, court: the court word begins with {write}")]
    CourtMistaken {
        /// The word to write.
        write: &'static str,
    },
    /// The supreme court with digits.
    #[error("case number, court: leave out the digits after 最高法")]
    CourtSupremeWithDigits,
    /// A wrong number of digits.
    #[error(
        "case number, court: write no digits for a high court, two for an intermediate court, four for a basic court"
    )]
    CourtDigits,
    /// A pair of digits is 00.
    #[error("case number, court: 00 is no code of a court; check the digits")]
    CourtZeroPair,
    /// None of the nine type words.
    #[error(
        "case number, type: write one of 执 执恢 执保 执异 执复 执监 执协 执请 执他 between court and serial, without 字第"
    )]
    TypeUnknown,
    /// The serial is missing or not made of digits.
    #[error(
        "case number, serial: write one number in digits, such as 123; further documents are written 号之一"
    )]
    SerialNotDigits,
    /// The serial is zero or has leading zeroes.
    #[error("case number, serial: serials start at 1 and have no leading zero")]
    SerialStartsWithZero,
    /// The serial has more digits than any court needs.
    #[error("case number, serial: too many digits; check the number")]
    SerialTooLong,
    /// 号 is missing.
    #[error("case number, ending: end with 号")]
    EndingMissing,
    /// What follows 之 is no Chinese numeral from 1 to 99.
    #[error("case number, sub: after 之 write a Chinese numeral from 一 to 九十九, such as 之十一")]
    SubNotNumeral,
}

impl CaseNumberError {
    /// The first part that is wrong.
    pub fn part(self) -> NumberPart {
        match self {
            Self::Empty | Self::TextBefore | Self::TextAfter => NumberPart::Extra,
            Self::BracketsMissing => NumberPart::Bracket,
            Self::YearNotFourDigits | Self::YearBefore2016 => NumberPart::Year,
            Self::CourtUnknown
            | Self::CourtMistaken { .. }
            | Self::CourtSupremeWithDigits
            | Self::CourtDigits
            | Self::CourtZeroPair => NumberPart::Court,
            Self::TypeUnknown => NumberPart::Type,
            Self::SerialNotDigits | Self::SerialStartsWithZero | Self::SerialTooLong => {
                NumberPart::Serial
            }
            Self::EndingMissing => NumberPart::Ending,
            Self::SubNotNumeral => NumberPart::Sub,
        }
    }
}

/// Full-width ０-９ become 0-9; anything else stays.
fn half_width_digit(c: char) -> char {
    match c {
        '０'..='９' => u32::from(c)
            .checked_sub(u32::from('０'))
            .and_then(|value| char::from_digit(value, 10))
            .unwrap_or(c),
        _ => c,
    }
}

/// The leading digits 0-9 of `text` and what follows them.
fn split_digits(text: &str) -> (&str, &str) {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (text.strip_suffix(rest).unwrap_or_default(), rest)
}

fn read_year(text: &str) -> Result<(u16, &str), CaseNumberError> {
    if text.is_empty() {
        return Err(CaseNumberError::Empty);
    }
    let Some(inside) = text.strip_prefix(['（', '(']) else {
        return Err(if text.contains(['（', '(']) {
            CaseNumberError::TextBefore
        } else {
            CaseNumberError::BracketsMissing
        });
    };
    let (year, rest) = inside
        .split_once(['）', ')'])
        .ok_or(CaseNumberError::BracketsMissing)?;
    match split_digits(year) {
        (digits, "") if digits.len() == 4 => {
            let year = digits
                .parse()
                .map_err(|_| CaseNumberError::YearNotFourDigits)?;
            if year < FIRST_YEAR {
                return Err(CaseNumberError::YearBefore2016);
            }
            Ok((year, rest))
        }
        _ => Err(CaseNumberError::YearNotFourDigits),
    }
}

fn read_court(text: &str) -> Result<(CourtWord, &str), CaseNumberError> {
    if let Some((_, write)) = MISTAKEN_COURTS
        .iter()
        .find(|(mistake, _)| text.starts_with(mistake))
    {
        return Err(CaseNumberError::CourtMistaken { write });
    }
    if let Some(rest) = text.strip_prefix(SUPREME) {
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(CaseNumberError::CourtSupremeWithDigits);
        }
        return Ok((CourtWord(SUPREME.to_owned()), rest));
    }
    let Some(after_province) = text.strip_prefix(|c| PROVINCES.contains(c)) else {
        return Err(CaseNumberError::CourtUnknown);
    };
    let (digits, rest) = split_digits(after_province);
    let pairs: &[&str] = match digits.len() {
        0 => &[],
        2 => &[digits],
        4 => {
            let (first, second) = digits.split_at(2);
            &[first, second]
        }
        // Court and serial have run together: what is missing stands between them.
        _ if rest.starts_with('号') => return Err(CaseNumberError::TypeUnknown),
        _ => return Err(CaseNumberError::CourtDigits),
    };
    if pairs.contains(&"00") {
        return Err(CaseNumberError::CourtZeroPair);
    }
    let word = text.strip_suffix(rest).unwrap_or_default();
    Ok((CourtWord(word.to_owned()), rest))
}

fn read_kind(text: &str) -> Result<(CaseKind, &str), CaseNumberError> {
    let (kind, rest) = CaseKind::BY_LENGTH
        .into_iter()
        .find_map(|kind| Some((kind, text.strip_prefix(kind.word())?)))
        .ok_or(CaseNumberError::TypeUnknown)?;
    // 执行 and 执字第 are unknown type words; 执一百二十三号 has a serial in the wrong digits.
    let longer_word =
        |c: char| c.is_alphabetic() && !c.is_ascii() && c != '号' && !NUMERAL_LIKE.contains(c);
    if rest.starts_with(longer_word) {
        return Err(CaseNumberError::TypeUnknown);
    }
    Ok((kind, rest))
}

/// The serial and what follows 号.
fn read_serial(text: &str) -> Result<(u64, &str), CaseNumberError> {
    let (digits, rest) = split_digits(text);
    if digits.is_empty() {
        return Err(CaseNumberError::SerialNotDigits);
    }
    if digits.starts_with('0') {
        return Err(CaseNumberError::SerialStartsWithZero);
    }
    let Some(after) = rest.strip_prefix('号') else {
        return Err(if rest.contains('号') {
            CaseNumberError::SerialNotDigits
        } else {
            CaseNumberError::EndingMissing
        });
    };
    let serial = digits.parse().map_err(|_| CaseNumberError::SerialTooLong)?;
    Ok((serial, after))
}

fn read_sub(text: &str) -> Result<Option<u8>, CaseNumberError> {
    let Some(after) = text.strip_prefix('之') else {
        return if text.is_empty() {
            Ok(None)
        } else {
            Err(CaseNumberError::TextAfter)
        };
    };
    let rest = after.trim_start_matches(|c| NUMERAL_LIKE.contains(c));
    let written = after.strip_suffix(rest).unwrap_or_default();
    let sub = (1..=LAST_SUB)
        .find(|&value| numeral(value) == written)
        .ok_or(CaseNumberError::SubNotNumeral)?;
    if rest.is_empty() {
        Ok(Some(sub))
    } else if rest.starts_with(|c: char| c.is_ascii_digit()) {
        Err(CaseNumberError::SubNotNumeral)
    } else {
        Err(CaseNumberError::TextAfter)
    }
}

/// The one Chinese numeral of 1 to 99: 一, 十, 十一, 二十, 二十三.
fn numeral(value: u8) -> String {
    let unit = |value: u8| {
        value
            .checked_sub(1)
            .and_then(|index| NUMERALS.get(usize::from(index)))
    };
    let (tens, ones) = (value / 10, value % 10);
    let ten = (tens > 0).then_some('十');
    let many = unit(tens).filter(|_| tens > 1);
    many.copied()
        .into_iter()
        .chain(ten)
        .chain(unit(ones).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> CaseNumberError {
        text.parse::<CaseNumber>()
            .expect_err("the test wrote a wrong number")
    }

    #[test]
    fn a_number_typed_by_hand_prints_normalised() {
        let number: CaseNumber = " (２０２０) 川0811 执恢　123 号之十一"
            .parse()
            .expect("a valid number");
        assert_eq!(number.to_string(), "（2020）川0811执恢123号之十一");
        assert_eq!(number.kind(), CaseKind::Resumed);
        assert_eq!(number.sub(), Some(11));
        assert_eq!(number.court().level(), CourtLevel::Basic);
    }

    #[test]
    fn a_mistaken_court_word_is_answered_with_the_right_one() {
        for (text, write) in [
            ("（2020）蒙01执12号", "内"),
            ("（2020）黑龙江0102执12号", "黑"),
            ("（2020）四川0811执12号", "川"),
            ("（2020）最高人民法院执监12号", "最高法"),
        ] {
            assert_eq!(error(text), CaseNumberError::CourtMistaken { write });
        }
    }

    #[test]
    fn no_entry_of_the_mistakes_hides_a_right_court_word() {
        for province in PROVINCES.chars() {
            for word in [
                format!("{province}"),
                format!("{province}01"),
                format!("{province}0102"),
            ] {
                assert_eq!(word.parse().map(|word: CourtWord| word.0), Ok(word));
            }
        }
        assert_eq!(PROVINCES.chars().count(), 33);
    }

    #[test]
    fn numerals_of_1_to_99_are_all_different_and_read_back() {
        let all: std::collections::BTreeSet<_> = (1..=LAST_SUB).map(numeral).collect();
        assert_eq!(all.len(), 99);
        assert_eq!(numeral(10), "十");
        assert_eq!(numeral(23), "二十三");
        assert_eq!(numeral(99), "九十九");
        for wrong in ["一十", "十十", "二十〇", "一百", "〇", "二十二十"] {
            let text = format!("（2020）川0811执123号之{wrong}");
            assert_eq!(error(&text), CaseNumberError::SubNotNumeral, "{wrong}");
        }
    }

    #[test]
    fn parts_out_of_range_are_refused() {
        let court: CourtWord = "川0811".parse().expect("a court word");
        let make = |year, serial, sub| {
            CaseNumber::new(year, court.clone(), CaseKind::First, serial, sub)
                .map_err(CaseNumberError::part)
        };
        assert!(make(2016, u64::MAX, Some(99)).is_ok());
        assert_eq!(make(2015, 1, None), Err(NumberPart::Year));
        assert_eq!(make(10_000, 1, None), Err(NumberPart::Year));
        assert_eq!(make(2016, 0, None), Err(NumberPart::Serial));
        assert_eq!(make(2016, 1, Some(0)), Err(NumberPart::Sub));
        assert_eq!(make(2016, 1, Some(100)), Err(NumberPart::Sub));
        assert_eq!(
            error("（2020）川0811执99999999999999999999号"),
            CaseNumberError::SerialTooLong
        );
    }

    #[test]
    fn json_knows_one_spelling() {
        let json = "\"（2020）川0811执123号\"";
        let number: CaseNumber = serde_json::from_str(json).expect("normalised");
        assert_eq!(serde_json::to_string(&number).expect("a string"), json);
        for other in [
            "\"(2020)川0811执123号\"",
            "\"（2020）川0811执 123号\"",
            "\"\"",
        ] {
            assert!(
                serde_json::from_str::<CaseNumber>(other).is_err(),
                "{other}"
            );
        }
        assert!(serde_json::from_str::<CourtWord>("\"川081\"").is_err());
        assert!(serde_json::from_str::<CourtWord>("\"川0811执\"").is_err());
    }

    /// The runner checks the refusal only, as the file says; our messages also name the part the file names.
    #[test]
    fn the_part_named_by_each_invalid_vector_is_the_part_refused() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../vectors/case-number-vectors.json"))
                .expect("the file is JSON");
        let invalid = file["invalid"].as_array().expect("a list");
        assert_eq!(invalid.len(), 40);
        for vector in invalid {
            let input = vector["input"].as_str().expect("a text");
            assert_eq!(vector["part"], error(input).part().as_str(), "{vector}");
        }
    }

    prop_compose! {
        fn any_number()(
            year in FIRST_YEAR..=9999,
            province in 0..33_usize,
            digits in prop_oneof![Just(String::new()), "(0[1-9]|[1-9][0-9]){1,2}"],
            kind in 0..9_usize,
            serial in 1..=u64::MAX,
            sub in proptest::option::of(1..=LAST_SUB),
        ) -> CaseNumber {
            let province = PROVINCES.chars().nth(province).expect("33 words");
            let court = format!("{province}{digits}").parse().expect("a court word");
            CaseNumber::new(year, court, CaseKind::BY_LENGTH[kind], serial, sub).expect("in range")
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_the_same(number in any_number()) {
            prop_assert_eq!(number.to_string().parse(), Ok(number));
        }

        #[test]
        fn spaces_and_widths_change_nothing(number in any_number(), at in 0..20_usize) {
            let mut text: String = number.to_string().chars().map(|c| match c {
                '（' => '(',
                '0'..='9' => char::from_u32(u32::from('０') + u32::from(c) - u32::from('0')).expect("a digit"),
                _ => c,
            }).collect();
            let at = text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
            text.insert(at, '\u{3000}');
            prop_assert_eq!(text.parse(), Ok(number));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "[（()）0-9０川内最高法执恢号之一十百 ]{0,24}|\\PC{0,40}") {
            if let Ok(number) = text.parse::<CaseNumber>() {
                prop_assert_eq!(number.to_string().parse(), Ok(number));
            }
        }
    }
}
