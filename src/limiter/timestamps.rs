//! Times as providers write them: durations (`6m0s`), RFC 3339 and HTTP dates. Milliseconds; `None` for anything else.

/// A duration such as `1h2m3.5s`, `6m0s` or `120ms`.
pub fn duration(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        let unit = &rest[digits..];
        let length = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let scale = match &unit[..length] {
            "ns" => 1e-6,
            "us" | "µs" => 1e-3,
            "ms" => 1.0,
            "s" => 1000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return None,
        };
        total += value * scale;
        rest = &unit[length..];
    }
    (!text.trim().is_empty() && total.is_finite()).then_some(total)
}

/// `2026-01-31T12:00:00Z`, with fractions and offsets (RFC 3339), as milliseconds since 1970.
pub fn rfc3339(text: &str) -> Option<f64> {
    let text = text.trim();
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let separators = [(4, "-"), (7, "-"), (13, ":"), (16, ":")];
    if separators
        .iter()
        .any(|&(at, mark)| text.get(at..=at) != Some(mark))
    {
        return None;
    }
    let date = epoch_days(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
    let seconds = clock(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
    let rest = text.get(19..)?;
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let fraction = if zone_at == 0 {
        0.0
    } else {
        format!("0{}", &rest[..zone_at]).parse::<f64>().ok()?
    };
    let zone = &rest[zone_at..];
    let offset = if zone.eq_ignore_ascii_case("z") {
        0.0
    } else {
        let (hours, minutes) = zone[1..].split_once(':')?;
        let minutes = hours.parse::<u32>().ok()? * 60 + minutes.parse::<u32>().ok()?;
        f64::from(minutes) * if zone.starts_with('-') { -60.0 } else { 60.0 }
    };
    Some((date as f64 * 86_400.0 + f64::from(seconds) + fraction - offset) * 1000.0)
}

/// A date in any of the three forms of RFC 9110 as milliseconds since 1970:
///
/// - `Sun, 06 Nov 1994 08:49:37 GMT`;
/// - `Sunday, 06-Nov-94 08:49:37 GMT` (RFC 850);
/// - `Sun Nov  6 08:49:37 1994` (C's `asctime`).
pub fn http_date(text: &str) -> Option<f64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_millis() as f64)
}

fn clock(hour: u32, minute: u32, second: u32) -> Option<u32> {
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; years are counted from March, so that the leap day is last.
fn epoch_days(year: u32, month: u32, day: u32) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = i64::from(year) - i64::from(month <= 2);
    let day_of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    Some(365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468)
}
