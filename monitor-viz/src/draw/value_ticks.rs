//! Round numbers for the value axis: steps of 1, 2 or 5 times a power of ten, with just the
//! decimals that they need.

/// A mark on the value axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ValueTick {
    /// Where.
    pub(super) at: f64,
    /// What is written there.
    pub(super) label: String,
}

/// At most `most` marks from `low` to `high`.
pub(super) fn value_ticks((low, high): (f64, f64), most: usize) -> Vec<ValueTick> {
    let power_and_factor = step(high - low, most.max(1));
    let size = size_of(power_and_factor);
    let (first, last) = ((low / size - 1e-9).ceil(), (high / size + 1e-9).floor());
    let count = (last - first).clamp(-1.0, 1_000.0) as i64;
    let greatest = low.abs().max(high.abs());
    let label = |at: f64| {
        if (1e-5..1e12).contains(&greatest) {
            plain(at, power_and_factor.0)
        } else {
            scientific(at, greatest, power_and_factor.0)
        }
    };
    (0..=count)
        .map(|index| (first + index as f64) * size)
        .map(|at| if at.abs() < size / 2.0 { 0.0 } else { at })
        .map(|at| ValueTick { at, label: label(at) })
        .collect()
}

/// Marks on an axis by powers of ten: 1, 2 and 5 of each, or 1 of each, or of every so many, as `most` allows. Where that are
/// fewer than two, round numbers.
pub(super) fn log_ticks((low, high): (f64, f64), most: usize) -> Vec<ValueTick> {
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let inside = |value: &f64| *value >= low * (1.0 - 1e-9) && *value <= high * (1.0 + 1e-9);
    let marks = |factors: &[f64], every: i32| -> Vec<f64> {
        let powers = (first..=last).filter(|power| power.rem_euclid(every) == 0);
        powers.flat_map(|power| factors.iter().map(move |factor| size_of((power, *factor)))).filter(inside).collect()
    };
    let every = ((last - first) / most.max(1) as i32 + 1).max(1);
    let choices = [marks(&[1.0, 2.0, 5.0], 1), marks(&[1.0], 1), marks(&[1.0], every)];
    let chosen = choices.into_iter().find(|marks| marks.len() <= most.max(2)).unwrap_or_default();
    if chosen.len() < 2 {
        return value_ticks((low, high), most);
    }
    let label = |at: f64| {
        let power = at.log10().floor() as i32;
        if (1e-4..1e7).contains(&at) { plain(at, power) } else { scientific(at, at, power) }
    };
    chosen.into_iter().map(|at| ValueTick { at, label: label(at) }).collect()
}

/// A number in a sentence: whole above a thousand, else to four digits.
#[must_use]
pub fn in_words(value: f64) -> String {
    if !value.is_finite() {
        return "—".to_owned();
    }
    // Powers of ten that small are none any more.
    let value = if value.abs() < 1e-290 { 0.0 } else { value };
    let size = value.abs();
    if size >= 1e12 || (size > 0.0 && size < 1e-6) {
        return scientific(value, size, size.log10().floor() as i32 - 3);
    }
    let power = if size > 0.0 { size.log10().floor() as i32 } else { 0 };
    let text = plain(value, if size >= 1_000.0 { 0 } else { power - 3 });
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The least step `(power of ten, 1 | 2 | 5)` of which no more than `most` marks fall into a span.
fn step(span: f64, most: usize) -> (i32, f64) {
    let wanted = span / most as f64;
    let power = wanted.log10().floor().clamp(-300.0, 300.0) as i32;
    [(power, 1.0), (power, 2.0), (power, 5.0)]
        .into_iter()
        .find(|candidate| size_of(*candidate) >= wanted * (1.0 - 1e-9))
        .unwrap_or((power + 1, 1.0))
}

/// The step as a number; divided rather than multiplied below one, so that 0.1 is the 0.1 that people write.
fn size_of((power, factor): (i32, f64)) -> f64 {
    if power < 0 { factor / 10_f64.powi(-power) } else { factor * 10_f64.powi(power) }
}

/// `-12,345.50`, with as many decimals as a step of this power of ten needs.
fn plain(value: f64, step_power: i32) -> String {
    let decimals = usize::try_from(-step_power).unwrap_or(0).min(15);
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::with_capacity(text.len() + 4);
    if value < 0.0 {
        grouped.push('−');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped.push_str(rest);
    grouped
}

/// `2.5×10¹³`, all marks of an axis with the same exponent.
fn scientific(value: f64, greatest: f64, step_power: i32) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let exponent = greatest.log10().floor() as i32;
    let mantissa = plain(value / 10_f64.powi(exponent), step_power - exponent);
    let exponent = exponent.to_string();
    let raised = exponent.chars().map(|digit| match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' => '⁰',
        digit => char::from_u32('⁰' as u32 + (digit as u32 - '0' as u32)).unwrap_or(digit),
    });
    format!("{mantissa}×10{}", raised.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: (f64, f64), most: usize) -> Vec<String> {
        value_ticks(range, most).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn steps_are_round_and_have_the_decimals_they_need() {
        assert_eq!(labels((0.0, 1.06), 6), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(
            labels((0.0, 1.0), 12),
            ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"]
        );
        assert_eq!(labels((0.9, 1.1), 4), ["0.90", "0.95", "1.00", "1.05", "1.10"]);
        assert_eq!(labels((0.0, 50_000.0), 5), ["0", "10,000", "20,000", "30,000", "40,000", "50,000"]);
        assert_eq!(labels((-3.0, 3.0), 3), ["−2", "0", "2"]);
        assert_eq!(labels((2_000_000.0, 2_000_001.0), 2), ["2,000,000.0", "2,000,000.5", "2,000,001.0"]);
    }

    #[test]
    fn very_large_and_very_small_numbers_get_an_exponent() {
        assert_eq!(labels((0.0, 5e13), 5), ["0", "1×10¹³", "2×10¹³", "3×10¹³", "4×10¹³", "5×10¹³"]);
        assert_eq!(labels((0.0, 2e-7), 4), ["0", "0.5×10⁻⁷", "1.0×10⁻⁷", "1.5×10⁻⁷", "2.0×10⁻⁷"]);
    }

    #[test]
    fn powers_of_ten_have_marks_at_one_two_and_five_or_only_at_one() {
        let labels = |range, most| log_ticks(range, most).into_iter().map(|tick| tick.label).collect::<Vec<_>>();
        assert_eq!(labels((0.5, 20.0), 6), ["0.5", "1", "2", "5", "10", "20"]);
        assert_eq!(labels((0.03, 2_000.0), 6), ["0.1", "1", "10", "100", "1,000"]);
        assert_eq!(labels((1e-9, 1e9), 6), ["1×10⁻⁸", "0.0001", "1", "10,000", "1×10⁸"]);
        assert_eq!(labels((31.0, 39.0), 4), ["32", "34", "36", "38"], "between two powers, round numbers");
        for exponent in -290..290 {
            for factor in [1.01, 3.0, 1e5, 1e10] {
                let low = 1.7 * 10_f64.powi(exponent);
                let ticks = log_ticks((low, low * factor), 7);
                assert!((2..=9).contains(&ticks.len()), "{low} × {factor}: {ticks:?}");
            }
        }
    }

    #[test]
    fn numbers_in_sentences() {
        let cases =
            [(0.0, "0"), (2.5, "2.5"), (1_284_300.4, "1,284,300"), (0.042_137, "0.04214"), (94.0, "94"), (-3.0, "−3")];
        for (value, words) in cases {
            assert_eq!(in_words(value), words);
        }
        assert_eq!([f64::NAN, 5e-324, 2.5e13].map(in_words), ["—", "0", "2.500×10¹³"]);
    }

    #[test]
    fn every_range_has_marks_inside_it_and_not_too_many() {
        for exponent in -290..290 {
            for factor in [1.0, 1.7, 3.3, 9.99] {
                let high = factor * 10_f64.powi(exponent);
                for low in [0.0, -high, high / 3.0] {
                    let ticks = value_ticks((low, high), 7);
                    assert!((2..=9).contains(&ticks.len()), "{low} to {high}: {}", ticks.len());
                    let slack = (high - low) * 1e-6;
                    assert!(ticks.iter().all(|tick| tick.at >= low - slack && tick.at <= high + slack));
                }
            }
        }
    }
}
