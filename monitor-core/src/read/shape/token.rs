//! A value of a line, by its place: where it ends, and what it is.

use std::borrow::Cow;

use serde_json::Number;

use crate::Text;
use crate::event::Scalar;
use crate::read::fields::LARGEST_COUNT;
use crate::time::Digits;

/// Where a value stands that is not nested.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    start: usize,
    end: usize,
    form: Form,
}

/// As wide as its neighbours in a token: the processor waits for bytes that are copied as padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Form {
    /// Between quotation marks, which do not belong to it.
    Text,
    /// With its quotation marks, for it holds escapes.
    Escaped,
    /// A number, a flag or null, if it is a value at all.
    Bare,
}

impl Token {
    /// The value that begins here, as far as it seems to reach.
    #[expect(clippy::inline_always, reason = "handed over in memory, a token costs more than the search for its end")]
    #[inline(always)]
    pub(super) fn at(line: &[u8], start: usize) -> Option<Self> {
        if *line.get(start)? == b'"' {
            let end = special(line, start + 1)?;
            if line[end] != b'"' {
                return Self::escaped_at(line, start, end);
            }
            return Some(Self { start: start + 1, end, form: Form::Text });
        }
        let length = line[start..].iter().position(|byte| matches!(byte, b',' | b'}' | b' ' | b']'))?;
        Some(Self { start, end: start + length, form: Form::Bare })
    }

    /// A text that holds `at` what has a meaning, and is no quotation mark.
    #[cold]
    fn escaped_at(line: &[u8], start: usize, mut at: usize) -> Option<Self> {
        while line[at] != b'"' {
            // A control character is for the long way to refuse.
            if line[at] != b'\\' {
                return None;
            }
            at = special(line, at + 2)?;
        }
        Some(Self { start, end: at + 1, form: Form::Escaped })
    }

    /// Where the line goes on behind it.
    pub(super) fn behind(self) -> usize {
        if self.form == Form::Text { self.end + 1 } else { self.end }
    }

    fn of(self, line: &str) -> Option<&str> {
        line.get(self.start..self.end)
    }

    pub(super) fn is_null(self, line: &str) -> bool {
        self.form == Form::Bare && self.of(line) == Some("null")
    }

    /// A text without escapes.
    pub(super) fn plain(self, line: &str) -> Option<&str> {
        if self.form == Form::Text { self.of(line) } else { None }
    }

    pub(super) fn text(self, line: &str) -> Option<Cow<'_, str>> {
        match self.form {
            Form::Text => self.of(line).map(Cow::Borrowed),
            Form::Escaped => serde_json::from_str(self.of(line)?).ok().map(Cow::Owned),
            Form::Bare => None,
        }
    }

    /// Whether it is text.
    #[inline]
    pub(super) fn is_text(self, line: &str) -> bool {
        self.form == Form::Text || self.text(line).is_some()
    }

    /// Whether it is a value at all.
    #[inline]
    pub(super) fn is_value(self, line: &str) -> bool {
        self.form == Form::Text || self.scalar(line).is_some()
    }

    pub(super) fn flag(self, line: &str) -> Option<bool> {
        match self.of(line)? {
            "true" if self.form == Form::Bare => Some(true),
            "false" if self.form == Form::Bare => Some(false),
            _ => None,
        }
    }

    /// A number as a float, as the long way makes one of it; always finite.
    pub(super) fn float(self, line: &str) -> Option<f64> {
        if self.form != Form::Bare {
            return None;
        }
        let token = self.of(line)?;
        match Decimal::of(token)? {
            Decimal::Exact { mantissa, scale } => Some(mantissa as f64 / POWERS[scale]),
            // Both round to the nearest.
            Decimal::Long => token.parse::<f64>().ok().filter(|value| value.is_finite()),
            Decimal::Other => number(token)?.as_f64(),
        }
    }

    fn number(self, line: &str) -> Option<Number> {
        let token = self.of(line)?;
        match Decimal::of(token)? {
            Decimal::Exact { mantissa, scale: 0 } => Some(mantissa.into()),
            Decimal::Exact { mantissa, scale } => Number::from_f64(mantissa as f64 / POWERS[scale]),
            Decimal::Long => Number::from_f64(token.parse().ok()?),
            Decimal::Other => number(token),
        }
    }

    /// A whole number that is exact as a float, however it is written.
    pub(super) fn count(self, line: &str) -> Option<u64> {
        if self.form == Form::Bare
            && let Some(Decimal::Exact { mantissa, scale: 0 }) = Decimal::of(self.of(line)?)
        {
            return Some(mantissa);
        }
        let number =
            self.float(line).filter(|number| (0.0..=LARGEST_COUNT).contains(number) && number.fract() == 0.0)?;
        Some(number as u64)
    }

    #[inline]
    pub(super) fn scalar(self, line: &str) -> Option<Scalar> {
        if self.form != Form::Bare {
            return self.text(line).map(|text| Scalar::Text(Text::new(text)));
        }
        Some(match self.of(line)? {
            "null" => Scalar::Null,
            "true" => Scalar::Bool(true),
            "false" => Scalar::Bool(false),
            _ => Scalar::Number(self.number(line)?),
        })
    }
}

/// A whole number of no more than eight digits: where the line goes on behind it, and what it is.
#[inline]
pub(super) fn count_at(line: &[u8], start: usize) -> Option<(usize, u64)> {
    let digits = Digits::of(word_at(line, start)?);
    let end = start + digits.count;
    (is_whole(line, start, digits) && ends(line, end)).then_some((end, digits.value))
}

/// A number not below zero that has no more than eight digits before the point and behind it.
#[inline]
pub(super) fn decimal_at(line: &[u8], start: usize) -> Option<(usize, f64)> {
    let whole = Digits::of(word_at(line, start)?);
    let point = start + whole.count;
    if !is_whole(line, start, whole) {
        return None;
    }
    if line.get(point) != Some(&b'.') {
        return ends(line, point).then_some((point, whole.value as f64));
    }
    let fraction = Digits::of(word_at(line, point + 1)?);
    let end = point + 1 + fraction.count;
    if fraction.count == 0 || whole.count + fraction.count > EXACT_DIGITS || !ends(line, end) {
        return None;
    }
    let mantissa = whole.value * INTEGER_POWERS[fraction.count] + fraction.value;
    Some((end, mantissa as f64 / POWERS[fraction.count]))
}

/// A flag.
#[inline]
pub(super) fn flag_at(line: &[u8], start: usize) -> Option<(usize, bool)> {
    let (value, end) = match word_at(line, start)?.to_le_bytes() {
        [b't', b'r', b'u', b'e', ..] => (true, start + 4),
        [b'f', b'a', b'l', b's', b'e', ..] => (false, start + 5),
        _ => return None,
    };
    ends(line, end).then_some((end, value))
}

/// A text of this length without anything that has a meaning: whoever reads it looks at each byte.
#[inline]
pub(super) fn text_at<const LENGTH: usize>(line: &[u8], start: usize) -> Option<(usize, &[u8; LENGTH])> {
    let text = line.get(start + 1..)?.first_chunk::<LENGTH>()?;
    let end = start + 1 + LENGTH;
    (line[start] == b'"' && line.get(end) == Some(&b'"')).then_some((end + 1, text))
}

#[inline]
fn word_at(line: &[u8], start: usize) -> Option<u64> {
    line.get(start..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

/// Whether digits are a whole number as JSON writes them.
#[inline]
fn is_whole(line: &[u8], start: usize, digits: Digits) -> bool {
    digits.count > 0 && (digits.count == 1 || line[start] != b'0')
}

/// Whether a value that is not text ends here.
#[inline]
fn ends(line: &[u8], at: usize) -> bool {
    matches!(line.get(at), Some(b',' | b'}' | b' ' | b']'))
}

fn number(token: &str) -> Option<Number> {
    serde_json::from_str(token).ok()
}

/// A number that might be JSON.
enum Decimal {
    /// `mantissa / 10^scale`, both of which a float holds exactly, so that one division rounds right (Clinger 1990).
    Exact { mantissa: u64, scale: usize },
    /// A decimal fraction of more digits, valid as JSON.
    Long,
    /// Anything else: with an exponent, negative, very long, or none at all.
    Other,
}

/// Of so many digits every whole number is below 2^53.
const EXACT_DIGITS: usize = 15;
/// Each is exact as a float.
const POWERS: [f64; EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// As far as a fraction of eight digits needs them.
const INTEGER_POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

impl Decimal {
    #[inline]
    fn of(token: &str) -> Option<Self> {
        let bytes = token.as_bytes();
        let (mut mantissa, mut whole) = (0, 0);
        digits(bytes, &mut mantissa, &mut whole);
        let mut fraction = 0;
        if whole < bytes.len() {
            if bytes[whole] != b'.' {
                return Some(Self::Other);
            }
            digits(&bytes[whole + 1..], &mut mantissa, &mut fraction);
            if whole + 1 + fraction < bytes.len() {
                return Some(Self::Other);
            }
            if fraction == 0 {
                return None;
            }
        }
        if whole == 0 || (whole > 1 && bytes[0] == b'0') {
            return None;
        }
        Some(match fraction {
            scale if whole + scale <= EXACT_DIGITS => Self::Exact { mantissa, scale },
            0 => Self::Other,
            _ => Self::Long,
        })
    }
}

/// Reads the digits that `bytes` begins with.
#[inline]
fn digits(bytes: &[u8], value: &mut u64, count: &mut usize) {
    while let Some(digit) = bytes.get(*count).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        *value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        *count += 1;
    }
}

/// The place of the next quotation mark, backslash or control character.
#[inline]
fn special(line: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    const QUOTES: u64 = ONES * b'"' as u64;
    const BACKSLASHES: u64 = ONES * b'\\' as u64;
    const BLANKS: u64 = ONES * b' ' as u64;
    let mut at = from;
    // Eight bytes at once: the lowest set bit is right, those above it may be borrowed from it.
    while let Some(chunk) = line.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let (quote, backslash) = (word ^ QUOTES, word ^ BACKSLASHES);
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(BLANKS) & !word);
        let found = found & HIGHS;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = line.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    Some(at + rest)
}
