//! Times in the columns of SQLite: the forms that Prisma and plain SQL write, and their ms since 1970.

use std::fmt::Write as _;

const MS_PER_DAY: i64 = 86_400_000;

/// The form in which a store's times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeForm {
    /// `2026-01-02T03:04:05.678+00:00`, as Prisma 7 writes.
    Text,
    /// Integer ms since 1970, as Prisma wrote up to version 6.
    Integer,
}

/// Days since 1970 of a civil date, by H. Hinnant, *chrono-Compatible Low-Level Date Algorithms* (2013).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The civil date of days since 1970, by the same source.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Writes ms since 1970 as `2026-01-02T03:04:05.678`, with `suffix` behind.
pub fn format(ms: i64, suffix: &str) -> String {
    let (year, month, day) = civil_from_days(ms.div_euclid(MS_PER_DAY));
    let rest = ms.rem_euclid(MS_PER_DAY);
    let (hours, minutes) = (rest / 3_600_000, rest / 60_000 % 60);
    let (seconds, ms) = (rest / 1000 % 60, rest % 1000);
    let mut text = String::with_capacity(30);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{ms:03}{suffix}"
    );
    text
}

/// Reads a time in one of the forms
///
/// - `YYYY-MM-DDTHH:MM:SS.sss` with `Z`, an offset or neither, and with fewer or more digits;
/// - `YYYY-MM-DD HH:MM:SS`, as `CURRENT_TIMESTAMP` gives it, in UTC;
/// - digits alone, ms since 1970.
///
/// Returns `None` for anything else.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(ms) = text.parse() {
        return Some(ms);
    }
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || text.get(4..5) != Some("-")
        || text.get(7..8) != Some("-")
    {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * MS_PER_DAY;
    if text.len() == 10 {
        return Some(midnight);
    }
    if !matches!(text.get(10..11), Some("T" | "t" | " ")) || text.get(13..14) != Some(":") {
        return None;
    }
    let (hours, minutes) = (number(11..13)?, number(14..16)?);
    let mut rest = text.get(16..)?;
    let (mut seconds, mut ms) = (0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        seconds = number(17..19)?;
        rest = after.get(2..)?;
        if let Some(after) = rest.strip_prefix('.') {
            let end = after
                .bytes()
                .position(|byte| !byte.is_ascii_digit())
                .unwrap_or(after.len());
            let digits = after.get(..end)?;
            ms = format!("{digits:0<3}").get(..3)?.parse().ok()?;
            rest = after.get(end..)?;
        }
    }
    if hours > 24 || minutes > 59 || seconds > 60 {
        return None;
    }
    let offset = offset_minutes(rest.trim_start())?;
    Some(midnight + ((hours * 60 + minutes - offset) * 60 + seconds) * 1000 + ms)
}

fn offset_minutes(text: &str) -> Option<i64> {
    if text.is_empty() || text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let hours: i64 = text.get(1..3)?.parse().ok()?;
    let minutes: i64 = match text.get(3..)? {
        "" => 0,
        rest => rest.trim_start_matches(':').parse().ok()?,
    };
    Some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_is_read() {
        let ms = 1_767_323_045_678;
        for (text, expected) in [
            ("2026-01-02T03:04:05.678+00:00", ms),
            ("2026-01-02T03:04:05.678Z", ms),
            ("2026-01-02T04:04:05.678+01:00", ms),
            ("2026-01-02 03:04:05", ms - 678),
            ("2026-01-02T03:04:05.6789123", ms),
            ("1767323045678", ms),
            ("2026-01-02", 1_767_312_000_000),
            ("1969-12-31T23:59:59.999Z", -1),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in ["", "now", "2026-13-02", "2026-01-02T03", "2026-01-02T03:04:05.6x"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_form_of_prisma_is_written() {
        assert_eq!(
            format(1_767_323_045_678, "+00:00"),
            "2026-01-02T03:04:05.678+00:00"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in -60_000_000_000_000i64..200_000_000_000_000) {
            prop_assert_eq!(parse(&format(ms, "+00:00")), Some(ms));
        }
    }
}
