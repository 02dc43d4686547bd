//! The store against a naive model, and its bounds.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::sample::{SeriesKey, SeriesSet};

/// One sample of a series.
pub(super) fn sample(metric: &str, labels: &[(&str, &str)], micros: i64, value: f64) -> Samples {
    let mut samples = Samples::default();
    samples.push(Timestamp::from_micros(micros), &series(metric, labels), &[value]);
    samples
}

fn series(metric: &str, labels: &[(&str, &str)]) -> Arc<SeriesSet> {
    let labels = labels.iter().map(|(name, value)| (*name, *value)).collect();
    SeriesSet::new([Arc::new(SeriesKey::new(metric, labels))])
}

pub(super) fn all(samples: impl IntoIterator<Item = Samples>) -> Samples {
    samples.into_iter().collect()
}

fn window(start: i64, end: i64) -> Window {
    Window { start: Timestamp::from_micros(start), end: Timestamp::from_micros(end) }
}

#[test]
fn no_metric_and_no_data_are_two_answers() {
    let store = Store::new(Limits::default());
    store.insert(&sample("latency", &[("model_name", "a")], 10, 1.0), Timestamp::MAX);
    let stats = |name: &str, window| store.stats(&name.parse().expect("a selector"), window);
    let unknown = stats("latencey", Window::ALL).expect_err("never seen");
    assert_eq!(unknown.to_string(), "no metric `latencey`; did you mean `latency`?");
    assert_eq!(stats("latency", window(11, 20)), Ok(None));
    assert_eq!(stats("latency{model_name=b}", Window::ALL), Ok(None));
    assert_eq!(stats("latency", window(10, 10)).map(|stats| stats.map(|stats| stats.count)), Ok(Some(1)));
    assert_eq!(stats("model_usage:x", Window::ALL).map_err(|error| error.name), Err("model_usage:x".into()));
}

#[test]
fn a_family_member_is_a_name_like_any_other() {
    let store = Store::new(Limits::default());
    store.insert(
        &all([
            sample("model_usage", &[("model_name", "a"), ("operation", "x")], 1, 1.0),
            sample("model_usage:a", &[], 2, 1.0),
            sample("model_usage:b", &[], 3, 1.0),
        ]),
        Timestamp::MAX,
    );
    let count = |name: &str| store.stats(&Selector::metric(name), Window::ALL).map(|stats| stats.map(|s| s.count));
    assert_eq!(
        [count("model_usage:a"), count("model_usage:b"), count("model_usage")],
        [Ok(Some(2)), Ok(Some(1)), Ok(Some(3))]
    );
    assert!(count("model_usage:c").is_err());
}

#[test]
fn conditions_on_labels() {
    let store = Store::new(Limits::default());
    for (at, model) in ["gpt-4o", "gpt-4o-mini", "o3"].into_iter().enumerate() {
        store.insert(&sample("m", &[("model_name", model)], at as i64, 1.0), Timestamp::MAX);
    }
    store.insert(&sample("m", &[], 9, 1.0), Timestamp::MAX);
    let count = |text: &str| {
        let selector: Selector = text.parse().expect("a selector");
        // What a selector is written as reads as the same.
        assert_eq!(selector.to_string().parse(), Ok(selector.clone()));
        store.stats(&selector, Window::ALL).expect("seen").map_or(0, |stats| stats.count)
    };
    assert_eq!(count("m{model_name=gpt-4o}"), 1);
    assert_eq!(count("m{model_name!=gpt-4o}"), 3);
    assert_eq!(count("m{model_name=~\"gpt-4o.*\"}"), 2);
    assert_eq!(count("m{model_name=~\"gpt-4o\"}"), 1, "the whole value must match");
    assert_eq!(count("m{model_name!~\"gpt-[0-9]o,?.*\"}"), 2);
    assert_eq!(count("m{model_name=}"), 1, "a label that is not there is empty");
    let any = Selector::metric("m").with_any("model_name", ["o3", "gpt-4o"]);
    assert_eq!(store.stats(&any, Window::ALL).expect("seen").expect("data").count, 2);
}

#[test]
fn a_few_series_of_many_are_found_by_their_labels() {
    let store = Store::new(Limits { max_series: usize::MAX, max_series_per_metric: usize::MAX, ..Limits::default() });
    let labels =
        |at: usize| [("id", format!("{at}")), ("third", format!("{}", at % 3)), ("part", format!("{}", at / 200))];
    let one = |at: usize| {
        let labels = labels(at);
        let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
        // Every tenth has no `part`.
        sample("m", &labels[..if at.is_multiple_of(10) { 2 } else { 3 }], 1, at as f64)
    };
    let insert = |numbers: Range<usize>| store.insert(&all(numbers.map(one)), Timestamp::MAX);
    let meant = |condition: &str, at: usize| {
        let part = if at.is_multiple_of(10) { usize::MAX } else { at / 200 };
        match condition {
            "id=777" => at == 777,
            "id=777,third=1" => false,
            "third=1,part=2" => at % 3 == 1 && part == 2,
            "third=1,part=" => at % 3 == 1 && part == usize::MAX,
            "third=2,part!=2" => at % 3 == 2 && part != 2,
            "part=~2|3" => part == 2 || part == 3,
            "id=1000" => at == 1000,
            other => unreachable!("{other}"),
        }
    };
    // The second time there are more of them, behind those that were asked already.
    for end in [1_000, 1_500] {
        insert(if end == 1_000 { 0..end } else { 1_000..end });
        for condition in
            ["id=777", "id=777,third=1", "third=1,part=2", "third=1,part=", "third=2,part!=2", "part=~2|3", "id=1000"]
        {
            let selector = condition.split(',').try_fold(Selector::metric("m"), Selector::and_text);
            let stats = store.stats(&selector.expect("conditions"), Window::ALL).expect("it is known");
            let values: Vec<usize> = (0..end).filter(|at| meant(condition, *at)).collect();
            let found = stats.map_or((0, 0.0), |stats| (stats.count as usize, stats.sum));
            assert_eq!(found, (values.len(), values.iter().sum::<usize>() as f64), "{condition} of {end}");
        }
    }
}

#[test]
fn an_expression_that_explodes_is_refused_and_a_slow_one_is_quick() {
    let error = Selector::metric("m").matching("l", "(((a{1,500}){1,500}){1,500}").expect_err("unbalanced");
    assert_eq!(error.to_string(), "`(((a{1,500}){1,500}){1,500}` is not a regular expression: unclosed group");
    assert!(Selector::metric("m").matching("l", "((a{1,500}){1,500}){1,500}").is_err());
    // Takes for ever where expressions are tried by going back.
    let slow = Selector::metric("m").matching("l", "(a*)*b").expect("an expression");
    assert!(!slow.matches(&[("l", "a".repeat(100_000))].into_iter().collect()));
}

#[test]
fn numbers_that_are_none_are_counted_and_in_no_aggregate() {
    let store = Store::new(Limits::default());
    for (at, value) in [f64::NAN, 1.0, f64::INFINITY, f64::NEG_INFINITY].into_iter().enumerate() {
        store.insert(&sample("m", &[], at as i64, value), Timestamp::MAX);
    }
    let stats = store.stats(&Selector::metric("m"), Window::ALL).expect("seen").expect("data");
    assert_eq!((stats.count, stats.sum, stats.max), (1, 1.0, 1.0));
    assert_eq!((store.bounds().not_finite, store.bounds().samples), (3, 1));
}

#[test]
fn windows_of_every_length() {
    let store = Store::new(Limits::default());
    let now = Timestamp::from_secs(1_777_903_202);
    store.insert(&sample("m", &[], now.as_micros(), 2.0), Timestamp::MAX);
    let stats = |window| store.stats(&Selector::metric("m"), window).expect("seen");
    let zero = stats(Window::last(Duration::ZERO, now)).expect("the sample of this moment");
    assert_eq!((zero.count, zero.rate), (1, 1.0));
    let negative = Window { start: now, end: now.minus(Duration::from_micros(1)) };
    assert_eq!(stats(negative), None);
    let thousand_years = Duration::from_secs(1_000 * 366 * 86_400);
    assert_eq!(stats(Window::last(thousand_years, now)).map(|stats| stats.count), Some(1));
    assert_eq!(stats(Window::last(Duration::MAX, Timestamp::MAX)).map(|stats| stats.count), Some(1));
}

#[test]
fn names_and_labels_of_any_text() {
    let store = Store::new(Limits::default());
    let names = ["", "\u{0}", "{}", "a\nb", "🦀", &"x".repeat(100_000)];
    for name in names {
        store.insert(&sample(name, &[(name, name)], 1, 1.0), Timestamp::MAX);
        let stats = store.stats_by(&Selector::metric(name), Window::ALL, &[name.into()]).expect("seen");
        assert_eq!(stats[0].labels.get(name).map(Text::as_str), Some(name));
    }
    assert_eq!(store.metrics().len(), names.len());
    assert!(store.bounds().bytes > 300_000, "long texts are counted: {:?}", store.bounds());
}

#[test]
fn a_query_over_time_in_groups_the_largest_first() {
    let store = Store::new(Limits::default());
    for second in 0..60_i64 {
        for (model, value) in [("a", 1.0), ("b", 3.0), ("c", 2.0)] {
            let time = second * 1_000_000;
            store.insert(&sample("m", &[("model_name", model)], time, value * second as f64), Timestamp::MAX);
        }
    }
    let query = Query::new(Selector::metric("m")).by(&["model_name".into()]).top(2, Aggregate::Mean);
    let steps = Steps {
        start: Timestamp::from_secs(10),
        end: Timestamp::from_secs(80),
        step: Duration::from_secs(20),
        window: Duration::from_secs(4),
    };
    let ranges = store.range(&query, &steps).expect("seen");
    let labels: Vec<_> = ranges.iter().map(|range| range.labels.to_string()).collect();
    assert_eq!(labels, ["{model_name=b}", "{model_name=c}"]);
    let means: Vec<_> =
        ranges[0].windows.iter().map(|(_, stats)| stats.map(|stats| (stats.count, stats.mean))).collect();
    // Seconds 6 to 10, 26 to 30, 46 to 50, and none at 66 to 70.
    assert_eq!(means, [Some((5, 24.0)), Some((5, 84.0)), Some((5, 144.0)), None]);
    let too_many = Steps { step: Duration::from_micros(1), ..steps };
    assert!(matches!(store.range(&query, &too_many), Err(RangeError::TooManySteps { .. })));
    assert!(matches!(
        store.range(&query, &Steps { step: Duration::ZERO, ..steps }),
        Err(RangeError::TooManySteps { .. })
    ));
}

pub(super) const SECOND: i64 = 1_000_000;
#[test]
fn how_often_each_value_occurs_in_groups() {
    // Enough for chunks, spans and what is open; a part of it in buckets.
    let limits = Limits { raw_retention: Duration::from_secs(6_000), ..Limits::default() };
    let store = Store::new(limits);
    let second = |second: i64| second * 1_000_000;
    let value = |at: i64| [0.0, 1.0, -3.0, 250.0][at as usize % 4];
    for at in 0..10_000 {
        let model = if at % 8 < 4 { "a" } else { "b" };
        store.insert(&sample("m", &[("model_name", model)], second(at), value(at)), Timestamp::MAX);
    }
    store.compact();
    let selector = Selector::metric("m");
    for (from, to, of_each) in [(9_992, 9_999, 1), (2_400, 9_999, 950), (5_000, 5_799, 100)] {
        let of_models = store.distributions(&selector, window(second(from), second(to)), &["model_name".into()]);
        let of_models = of_models.expect("seen");
        let labels: Vec<String> = of_models.iter().map(|group| group.labels.to_string()).collect();
        assert_eq!(labels, ["{model_name=a}", "{model_name=b}"]);
        for group in of_models {
            let counts: Vec<u64> = group.values.iter().map(|(_, count)| *count).collect();
            assert_eq!(counts, [of_each; 4]);
            for ((got, _), exact) in group.values.iter().zip([-3.0, 0.0, 1.0, 250.0_f64]) {
                assert!((got - exact).abs() <= 0.011 * exact.abs(), "{got} is not {exact}");
            }
        }
    }
    assert_eq!(store.distributions(&selector, window(second(20_000), second(30_000)), &[]), Ok(Vec::new()));
    assert!(store.distributions(&Selector::metric("n"), Window::ALL, &[]).is_err());
}

#[test]
fn a_sum_keeps_what_rounding_would_lose() {
    let store = Store::new(Limits::default());
    // Across chunks and the open samples; added one by one, the ones would be gone.
    let values = [1e17].into_iter().chain(std::iter::repeat_n(1.0, 2_000)).chain([-1e17]);
    for (at, value) in values.enumerate() {
        store.insert(&sample("m", &[], at as i64, value), Timestamp::MAX);
    }
    let stats = store.stats(&Selector::metric("m"), Window::ALL).expect("seen").expect("data");
    assert_eq!((stats.count, stats.sum), (2_002, 2_000.0));
}

#[test]
fn of_samples_of_one_time_the_first_and_the_last_are_those_that_came_so() {
    let store = Store::new(Limits::default());
    // More than a chunk, all at one time, so that it goes on from chunk to chunk and into the open one.
    for at in 0..1_300 {
        store.insert(&sample("m", &[], 7, f64::from(at)), Timestamp::MAX);
    }
    let stats = store.stats(&Selector::metric("m"), Window::ALL).expect("seen").expect("data");
    assert_eq!((stats.first, stats.last), (0.0, 1_299.0));
}

#[test]
fn tokens_and_cost_by_model_and_by_any_other_label() {
    let store = Store::new(Limits::default());
    let mut at = 0;
    let mut call = |model: &str, operation: &str, metrics: &[(&str, f64)]| {
        at += 1;
        for (metric, value) in metrics {
            store.insert(
                &sample(metric, &[("model_name", model), ("operation", operation)], at, *value),
                Timestamp::MAX,
            );
        }
    };
    call(
        "a",
        "x",
        &[("prompt_token_count", 10.0), ("cached_token_count", 4.0), ("total_token_count", 15.0), ("cost_usd", 0.5)],
    );
    call("a", "y", &[("prompt_token_count", 20.0), ("completion_token_count", 2.0), ("cost_usd", 0.25)]);
    call("b", "y", &[("total_token_count", 7.0), ("reasoning_token_count", 3.0), ("unpriced_calls", 1.0)]);
    let usage = |prompt, completion, total, cached, reasoning, calls, cost_usd, unpriced| Usage {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: total,
        cached_tokens: cached,
        reasoning_tokens: reasoning,
        calls,
        cost_usd,
        unpriced_calls: unpriced,
    };
    let by = |label: &str| store.token_usage_by(label, Window::ALL).into_iter().collect::<Vec<_>>();
    let (a, b) = (usage(30, 2, 15, 4, 0, 2, Some(0.75), 0), usage(0, 0, 7, 0, 3, 1, None, 1));
    assert_eq!(by("model_name"), [("a".into(), a), ("b".into(), b)]);
    let (x, y) = (usage(10, 0, 15, 4, 0, 1, Some(0.5), 0), usage(20, 2, 7, 0, 3, 2, Some(0.25), 1));
    assert_eq!(by("operation"), [("x".into(), x), ("y".into(), y)]);
    let all = store.token_usage(Window::ALL);
    assert_eq!((all.total_calls, all.total_unpriced_calls, all.total_cost_usd), (3, 1, Some(0.75)));
    assert_eq!((all.total_tokens, all.total_cached_tokens, all.total_reasoning_tokens), (22, 4, 3));
}

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn what_is_old_is_kept_in_buckets_and_then_not_at_all() {
    let hour = Duration::from_secs(3_600);
    let limits = Limits { raw_retention: hour, bucket_retention: 10 * DAY, ..Limits::default() };
    let store = Store::new(limits);
    let days = 20_i64;
    let count = days * 86_400 / 10;
    for at in 0..count {
        store.insert(&sample("m", &[], at * 10 * SECOND, (at % 1_000) as f64), Timestamp::MAX);
    }
    let bounds = store.bounds();
    assert_eq!((bounds.samples + bounds.in_buckets + bounds.expired) as i64, count, "{bounds:?}");
    // Buckets of a minute would take more room than six samples; those of an hour do not.
    assert!(bounds.samples >= 2 * 8_640 && bounds.samples < 3 * 8_640, "{bounds:?}");
    assert!(bounds.bytes < 256 << 10, "{bounds:?}");
    let stats = |start: i64, end: i64| {
        let window = Window { start: Timestamp::from_secs(start), end: Timestamp::from_secs(end) };
        store.stats(&Selector::metric("m"), window).expect("seen")
    };
    // Yesterday as it was.
    let from = (days - 1) * 86_400;
    let seconds = stats(from + 7, from + 3_605).expect("data");
    assert_eq!((seconds.count, seconds.resolution), (360, Duration::ZERO));
    // Eight days ago by the hour: one whole bucket, and two that are cut.
    let from = (days - 8) * 86_400;
    let one = stats(from, from + 3_599).expect("data");
    assert_eq!((one.count, one.resolution), (360, Duration::ZERO));
    let cut = stats(from + 600, from + 3_600 + 2_400).expect("data");
    assert_eq!((cut.count, cut.resolution), (720, hour));
    assert_eq!(stats(0, 86_400), None, "it is too old even for buckets");
    store.insert(&sample("m", &[], 0, 1.0), Timestamp::MAX);
    assert_eq!(store.bounds().too_old, 1);
}

#[test]
fn many_old_samples_are_kept_in_buckets_of_a_minute() {
    let limits = Limits { raw_retention: Duration::from_secs(600), ..Limits::default() };
    let store = Store::new(limits);
    let series = series("m", &[]);
    let (minutes, a_minute) = (90, 6_000);
    for minute in 0..minutes {
        let mut batch = Samples::default();
        for at in 0..a_minute {
            batch.push(Timestamp::from_micros(minute * 60 * SECOND + at * 10_000), &series, &[at as f64]);
        }
        store.insert(&batch, Timestamp::MAX);
    }
    let bounds = store.bounds();
    assert_eq!((bounds.samples + bounds.in_buckets) as i64, minutes * a_minute, "{bounds:?}");
    assert!((10 * a_minute..20 * a_minute).contains(&bounds.samples.cast_signed()), "{bounds:?}");
    let stats = |from: i64, to: i64| {
        let stats = store.stats(&Selector::metric("m"), window(from * SECOND, to * SECOND - 1)).expect("seen");
        stats.map(|stats| (i64::try_from(stats.count).expect("few"), stats.resolution))
    };
    assert_eq!(stats(600, 1_200), Some((10 * a_minute, Duration::ZERO)), "whole minutes");
    // One is cut and in, for its middle is, and one is out.
    assert_eq!(stats(620, 1_220), Some((10 * a_minute, Duration::from_secs(60))));
}

#[test]
fn bytes_are_bounded_and_nothing_is_lost_without_being_counted() {
    let store = Store::new(Limits { max_bytes: 1 << 20, ..Limits::default() });
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for at in 0..400_000_i64 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        store.insert(&sample("m", &[], at * 1_000, random as f64), Timestamp::MAX);
        assert!(store.bounds().bytes <= (1 << 20) + 40_000, "{:?}", store.bounds());
    }
    let bounds = store.bounds();
    assert_eq!(bounds.samples + bounds.in_buckets + bounds.evicted, 400_000, "{bounds:?}");
    assert!(bounds.samples > 50_000, "{bounds:?}");
    let all = store.stats(&Selector::metric("m"), Window::ALL).expect("seen").expect("data");
    assert_eq!(all.count, bounds.samples + bounds.in_buckets);
}

#[test]
fn labels_without_end_leave_memory_at_the_cap_and_totals_right() {
    let limits = Limits { max_series: 1_000, max_series_per_metric: 400, max_bytes: 4 << 20, ..Limits::default() };
    let store = Store::new(limits);
    let count = 100_000_u32;
    for at in 0..count {
        let label = at.to_string();
        let sample = |metric| sample(metric, &[("request", &label)], i64::from(at), 1.0);
        store.insert(&all([sample("a"), sample("b")]), Timestamp::MAX);
    }
    let bounds = store.bounds();
    assert_eq!(bounds.samples, 2 * u64::from(count), "{bounds:?}");
    assert!(bounds.series <= 802 && bounds.bytes <= 4 << 20, "{bounds:?}");
    let told: u64 = store.overflowing().iter().map(|(_, count)| count).sum();
    assert_eq!(told, bounds.overflowed);
    for metric in ["a", "b"] {
        let stats = store.stats(&Selector::metric(metric), Window::ALL).expect("seen").expect("data");
        assert_eq!((stats.count, stats.sum), (u64::from(count), f64::from(count)), "{metric}");
    }
    let other = store.stats(&Selector::metric("a").with("overflow", "other"), Window::ALL).expect("seen");
    assert_eq!(other.expect("data").count, u64::from(count - 400));
}

#[test]
fn a_sample_from_the_future_makes_no_other_old() {
    let limits = Limits { raw_retention: Duration::from_micros(100), ..Limits::default() };
    let store = Store::new(limits);
    for time in 0..500 {
        store.insert(&all([sample("m", &[], time, 1.0), sample("m", &[], 10_000, 1.0)]), Timestamp::from_micros(time));
    }
    assert_eq!(store.bounds().too_old, 0);
    let inside = store.stats(&Selector::metric("m"), window(401, 499)).expect("seen").expect("data");
    assert_eq!(inside.count, 99);
}

#[test]
fn a_recording_of_a_run_takes_few_bytes_a_sample() {
    let store = Store::new(Limits::whole_recording());
    let count = 100_000_i64;
    for at in 0..count {
        let time = 1_777_903_202_000_000 + at * 731_370 + at * at % 10_007;
        let value = (at * 7_919 % 30_000) as f64 / 1_000.0;
        store.insert(&sample("duration", &[], time, value), Timestamp::MAX);
    }
    store.compact();
    let bounds = store.bounds();
    assert!(bounds.bytes < 8 * bounds.samples, "{} bytes a sample", bounds.bytes as f64 / bounds.samples as f64);
}

/// What a store is held against: all samples in a list.
#[derive(Debug, Default)]
struct Naive(Vec<(u8, i64, f64)>);

impl Naive {
    fn values(&self, label: Option<u8>, start: i64, end: i64) -> Vec<f64> {
        let inside =
            |(l, time, _): &&(u8, i64, f64)| label.is_none_or(|label| label == *l) && (start..=end).contains(time);
        let mut values: Vec<f64> = self.0.iter().filter(inside).map(|(_, _, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        values
    }
}

/// The first and the last sample: which of several of one time that is, the order in which they came decides, where it
/// is the order of time; here any of them will do.
fn check_ends(
    naive: &Naive,
    label: Option<u8>,
    stats: Option<&WindowStats>,
    start: i64,
    end: i64,
) -> Result<(), TestCaseError> {
    let Some(stats) = stats else { return Ok(()) };
    let inside =
        naive.0.iter().filter(|(l, time, _)| label.is_none_or(|label| label == *l) && (start..=end).contains(time));
    let times = || inside.clone().map(|(_, time, _)| *time);
    prop_assert_eq!(Some(stats.first_time.as_micros()), times().min());
    prop_assert_eq!(Some(stats.last_time.as_micros()), times().max());
    let holds = |time: Timestamp, value: f64| {
        inside.clone().any(|(_, t, v)| *t == time.as_micros() && v.to_bits() == value.to_bits())
    };
    prop_assert!(holds(stats.first_time, stats.first) && holds(stats.last_time, stats.last));
    Ok(())
}

fn check(stats: Option<&WindowStats>, values: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(stats.map_or(0, |stats| stats.count), values.len() as u64);
    let Some(stats) = stats else { return Ok(()) };
    let count = values.len() as f64;
    prop_assert_eq!((stats.min, stats.max), (values[0], values[values.len() - 1]));
    // Sorted by size and added with what rounding lost kept aside: as right as a double can be.
    let (mut sum, mut lost, mut size) = (0.0_f64, 0.0_f64, 0.0_f64);
    let mut by_size = values.to_vec();
    by_size.sort_by(|a, b| b.abs().total_cmp(&a.abs()));
    for value in by_size {
        let next = sum + value;
        lost += (sum - next) + value;
        if sum.abs() < value.abs() {
            lost += ((value - next) + sum) - ((sum - next) + value);
        }
        sum = next;
        size += value.abs();
    }
    let exact = sum + lost;
    prop_assert!((stats.sum - exact).abs() <= 1e-12 * exact.abs().max(size * 1e-3), "sum {} is not {exact}", stats.sum);
    let mean = exact / count;
    prop_assert!((stats.mean - mean).abs() <= 1e-12 * size / count);
    if values.len() > 1 {
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        prop_assert!((stats.stddev - variance.sqrt()).abs() <= 1e-9 * (1.0 + variance.sqrt()));
    }
    for (share, got) in [(0.5, stats.p50), (0.9, stats.p90), (0.95, stats.p95), (0.99, stats.p99)] {
        let place = share * (count - 1.0);
        let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
        let exact = below + (above - below) * place.fract();
        let error = stats.percentile_error * below.abs().max(above.abs()) + 1e-9;
        prop_assert!((got - exact).abs() <= error, "{got} is not {exact} within {error}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_naive_model(
        batches in prop::collection::vec(
            (0..3_000_i64, prop::collection::vec((0..3_u8, 0..200_i64, prop_oneof![-1e6..1e6_f64, (0..50_i32).prop_map(f64::from)]), 1..300)),
            1..24,
        ),
        queries in prop::collection::vec((-10..3_300_i64, 0..3_300_i64), 1..8),
        shuffled in any::<bool>(),
        compact in any::<bool>(),
    ) {
        let store = Store::new(Limits::default());
        let mut naive = Naive::default();
        let labels = ["a", "b", "c"];
        let sets = labels.map(|label| series("m", &[("l", label)]));
        let mut batches = batches;
        if !shuffled {
            batches.sort_by_key(|(time, _)| *time);
        }
        for (start, batch) in &batches {
            // Many samples of few series, so that chunks and spans come to be.
            for round in 0..4 {
                let mut samples = Samples::default();
                for (label, time, value) in batch {
                    let (time, value) = (start + time, value + f64::from(round));
                    naive.0.push((*label, time, value));
                    samples.push(Timestamp::from_micros(time), &sets[usize::from(*label)], &[value]);
                }
                store.insert(&samples, Timestamp::MAX);
            }
        }
        if compact {
            store.compact();
        }
        for (start, length) in queries {
            let (window, by) = (window(start, start + length), ["l".into()]);
            for percentiles in [Percentiles::Sketched, Percentiles::Exact] {
                let query = Query::new(Selector::metric("m")).percentiles(percentiles);
                let whole = store.query(&query, window).expect("seen");
                check(whole.first().map(|group| &group.stats), &naive.values(None, start, start + length))?;
                check_ends(&naive, None, whole.first().map(|group| &group.stats), start, start + length)?;
                let groups = store.query(&query.by(&by), window).expect("seen");
                for (at, label) in labels.iter().enumerate() {
                    let group = groups.iter().find(|group| group.labels.get("l").is_some_and(|value| value == label));
                    if percentiles == Percentiles::Exact {
                        prop_assert!(group.is_none_or(|group| group.stats.percentile_error == 0.0));
                    }
                    check(group.map(|group| &group.stats), &naive.values(Some(at as u8), start, start + length))?;
                    check_ends(&naive, Some(at as u8), group.map(|group| &group.stats), start, start + length)?;
                }
            }
            let points = store.points(&Selector::metric("m"), window).expect("seen");
            prop_assert!(points.is_sorted_by_key(|(time, _)| *time));
            let mut values: Vec<f64> = points.into_iter().map(|(_, value)| value).collect();
            values.sort_by(f64::total_cmp);
            prop_assert_eq!(values, naive.values(None, start, start + length));
        }
    }

    #[test]
    fn buckets_agree_with_a_naive_model(
        samples in prop::collection::vec((0..3_u8, 0..500_000_i64, -100.0..100.0_f64), 1..3_000),
        start in 0..140_i64,
        hours in 1..140_i64,
    ) {
        let limits = Limits { raw_retention: Duration::from_secs(600), lateness: 30 * DAY, ..Limits::default() };
        let store = Store::new(limits);
        let sets = ["a", "b", "c"].map(|label| series("m", &[("l", label)]));
        let mut naive = Naive::default();
        for chunk in samples.chunks(100) {
            let mut batch = Samples::default();
            for (label, second, value) in chunk {
                naive.0.push((*label, second * SECOND, *value));
                batch.push(Timestamp::from_secs(*second), &sets[usize::from(*label)], &[*value]);
            }
            store.insert(&batch, Timestamp::MAX);
        }
        // Whole hours are whole buckets, however old, and however late the samples came.
        let (start, end) = (start * 3_600 * SECOND, (start + hours) * 3_600 * SECOND - 1);
        let stats = store.stats(&Selector::metric("m"), window(start, end)).expect("seen");
        check(stats.as_ref(), &naive.values(None, start, end))?;
        let bounds = store.bounds();
        prop_assert_eq!(bounds.samples + bounds.in_buckets, samples.len() as u64);
    }
}
