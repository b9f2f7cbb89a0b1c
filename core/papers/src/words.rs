//! Chinese words for numbers: dates, amounts in capital figures, numbers of paragraphs.

use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::time::{Date, UtcMillis};

const DIGITS: [char; 10] = ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
const CAPITALS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];
/// Names of the groups of four digits. An i64 of fen needs five of them.
const GROUPS: [&str; 5] = ["", "万", "亿", "兆", "京"];

/// A number up to 9999 as it is counted: 十一, 一百零五.
pub fn counted(number: usize) -> String {
    if number >= 10_000 {
        return number.to_string();
    }
    let mut text = String::new();
    let mut zero = false;
    let mut rest = number;
    for (unit, name) in [(1000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = rest / unit;
        rest %= unit;
        if digit == 0 {
            zero = !text.is_empty() && rest > 0;
            continue;
        }
        if zero {
            text.push('零');
            zero = false;
        }
        // 十一, not 一十一.
        if !(unit == 10 && digit == 1 && text.is_empty()) {
            text.push(DIGITS.get(digit).copied().unwrap_or('〇'));
        }
        text.push_str(name);
    }
    if text.is_empty() { "〇".into() } else { text }
}

/// 2020年3月10日.
pub fn date(date: Date) -> String {
    let (year, month, day) = parts(date);
    format!("{year}年{month}月{day}日")
}

/// 二〇二〇年三月十日.
pub fn date_in_chinese(date: Date) -> String {
    let (year, month, day) = parts(date);
    let year: String = year
        .to_string()
        .chars()
        .filter_map(|digit| DIGITS.get(digit.to_digit(10)? as usize))
        .collect();
    format!("{year}年{}月{}日", counted(month), counted(day))
}

/// 2020年3月10日9时30分, without seconds; a day alone if no time is given.
pub fn moment(moment: Moment) -> String {
    let Moment::Instant(at) = moment else {
        return date(moment.date());
    };
    let (hour, minute) = time_of_day(at);
    format!("{}{hour}时{minute:02}分", date(moment.date()))
}

/// 2020-03-10 09:30, for the cells of tables.
pub fn short_moment(moment: Moment) -> String {
    let Moment::Instant(at) = moment else {
        return moment.date().to_string();
    };
    let (hour, minute) = time_of_day(at);
    format!("{} {hour:02}:{minute:02}", moment.date())
}

fn time_of_day(at: UtcMillis) -> (i64, i64) {
    let minutes = (at.0 - at.shanghai_date().shanghai_start().0) / 60_000;
    (minutes / 60, minutes % 60)
}

fn parts(date: Date) -> (usize, usize, usize) {
    let text = date.to_string();
    let mut numbers = text.split('-').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

/// 20,000.50, exact to the fen.
pub fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let whole = (fen.unsigned_abs() / 100).to_string();
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{:02}", fen.unsigned_abs() % 100)
}

/// 人民币贰万元伍角整: the amount in capital figures, as banks and courts write it against changes.
pub fn yuan_in_capitals(fen: i64) -> String {
    let mut text = String::from("人民币");
    if fen < 0 {
        text.push('负');
    }
    let total = fen.unsigned_abs();
    let (whole, jiao, cent) = (total / 100, total / 10 % 10, total % 10);
    let digit = |value: u64| {
        usize::try_from(value)
            .ok()
            .and_then(|value| CAPITALS.get(value).copied())
            .unwrap_or('零')
    };
    if whole > 0 {
        text.push_str(&groups(whole, &digit));
        text.push('元');
    }
    match (jiao, cent) {
        (0, 0) if whole == 0 => text.push_str("零元整"),
        (0, 0) => text.push('整'),
        (0, cent) => {
            if whole > 0 {
                text.push('零');
            }
            text.push(digit(cent));
            text.push('分');
        }
        (jiao, cent) => {
            text.push(digit(jiao));
            text.push('角');
            if cent == 0 {
                text.push('整');
            } else {
                text.push(digit(cent));
                text.push('分');
            }
        }
    }
    text
}

fn groups(whole: u64, digit: &impl Fn(u64) -> char) -> String {
    let mut text = String::new();
    let mut zero = false;
    for (place, name) in GROUPS.iter().enumerate().rev() {
        let place = u32::try_from(place).unwrap_or(0);
        let group = whole / 10_000_u64.pow(place) % 10_000;
        if group == 0 {
            zero = !text.is_empty();
            continue;
        }
        for (unit, unit_name) in [(1000, "仟"), (100, "佰"), (10, "拾"), (1, "")] {
            let value = group / unit % 10;
            if value == 0 {
                zero = zero || !text.is_empty();
                continue;
            }
            if zero {
                text.push('零');
                zero = false;
            }
            text.push(digit(value));
            text.push_str(unit_name);
        }
        // A zero at the end of the group is said only if a digit follows.
        zero = group.is_multiple_of(10) && zero;
        text.push_str(name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_stand_in_capital_figures() {
        for (fen, text) in [
            (0, "人民币零元整"),
            (1, "人民币壹分"),
            (10, "人民币壹角整"),
            (2_000_000, "人民币贰万元整"),
            (2_000_050, "人民币贰万元伍角整"),
            (2_000_005, "人民币贰万元零伍分"),
            (100_100, "人民币壹仟零壹元整"),
            (1_000_000_100, "人民币壹仟万零壹元整"),
            (101_000_000, "人民币壹佰零壹万元整"),
            (10_050_000, "人民币壹拾万零伍佰元整"),
            (
                1_234_567_890_123,
                "人民币壹佰贰拾叁亿肆仟伍佰陆拾柒万捌仟玖佰零壹元贰角叁分",
            ),
            (-150, "人民币负壹元伍角整"),
            (
                i64::MAX,
                "人民币玖京贰仟贰佰叁拾叁兆柒仟贰佰零叁亿陆仟捌佰伍拾肆万柒仟柒佰伍拾捌元零柒分",
            ),
        ] {
            assert_eq!(yuan_in_capitals(fen), text, "{fen}");
        }
        assert_eq!(yuan(2_000_050), "20,000.50");
        assert_eq!(yuan(-123_456_789), "-1,234,567.89");
        assert_eq!(yuan(i64::MIN), "-92,233,720,368,547,758.08");
    }

    #[test]
    fn dates_and_numbers_stand_in_chinese() {
        let day: Date = "2020-03-10".parse().expect("a date");
        assert_eq!(date(day), "2020年3月10日");
        assert_eq!(date_in_chinese(day), "二〇二〇年三月十日");
        let day: Date = "2019-11-30".parse().expect("a date");
        assert_eq!(date_in_chinese(day), "二〇一九年十一月三十日");
        let time: Moment = "2020-03-10T09:05".parse().expect("a time");
        assert_eq!(moment(time), "2020年3月10日9时05分");
        for (number, text) in [
            (0, "〇"),
            (1, "一"),
            (10, "十"),
            (12, "十二"),
            (20, "二十"),
            (105, "一百零五"),
            (110, "一百一十"),
            (1001, "一千零一"),
        ] {
            assert_eq!(counted(number), text, "{number}");
        }
    }
}
