//! Means and bands against naive ones, gaps, alerts, groups, pictures.

use std::time::Duration;

use monitor_core::config::PictureFormat;
use monitor_core::pipeline::Builder;
use monitor_core::{Timestamp, Zone};
use proptest::prelude::*;

use super::*;
use crate::testing::{START, add, store_of};

fn lines(config: &Config, store: &Store) -> Option<(Lines, String)> {
    config.validate().expect("valid");
    let figure = config.figure(store, &Scope::all(Zone::UTC)).expect("valid")?;
    let Plot::Lines(lines) = figure.plot else { panic!("lines") };
    Some((lines, figure.caption))
}

fn values(line: &Line) -> Vec<f64> {
    line.points.iter().map(|(_, value)| *value).collect()
}

/// The samples that a window reaches, one by one.
fn naive(points: &[(i64, f64)], at: usize, rolling: Rolling) -> Vec<f64> {
    let inside = |(place, (time, _)): &(usize, &(i64, f64))| match rolling {
        Rolling::Samples(count) => *place <= at && place + count > at,
        Rolling::Time(length) => *place <= at && points[at].0 - time <= length.as_micros() as i64,
    };
    points.iter().enumerate().filter(inside).map(|(_, (_, value))| *value).collect()
}

proptest! {
    #[test]
    fn means_and_bands_are_of_the_samples_that_the_window_reaches(
        steps in prop::collection::vec((0..3_000_000_i64, -1e6..1e6_f64), 1..120),
        count in 1..20_usize,
        seconds in 0..10_u64,
    ) {
        let mut at = START * 1_000_000;
        let points: Vec<(i64, f64)> = steps.into_iter().map(|(step, value)| { at += step; (at, value) }).collect();
        for rolling in [Rolling::Samples(count), Rolling::Time(Duration::from_secs(seconds))] {
            let (means, extremes) = (rolling.means(&points), rolling.extremes(&points));
            for place in 0..points.len() {
                let window = naive(&points, place, rolling);
                let mean = window.iter().sum::<f64>() / window.len() as f64;
                prop_assert!((means[place].1 - mean).abs() < 1e-6, "{rolling:?} at {place}");
                let least = window.iter().copied().fold(f64::INFINITY, f64::min);
                let greatest = window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                prop_assert_eq!((extremes[place].1, extremes[place].2), (least, greatest));
            }
        }
    }
}

#[test]
fn a_huge_value_leaves_nothing_behind() {
    let points: Vec<_> =
        [1.0, 3.0, 5.0, 1e140, 1.0, 2.0].into_iter().zip(0..).map(|(value, time)| (time, value)).collect();
    let means: Vec<f64> = Rolling::Samples(2).means(&points).into_iter().map(|(_, value)| value).collect();
    assert_eq!(means, [1.0, 2.0, 4.0, 5e139, 5e139, 1.5]);
}

#[test]
fn what_is_drawn_is_what_the_store_holds() {
    let store = store_of(&[("m", &[], &[0.0, 1.0, 1.0])]);
    let series =
        vec![SeriesConfig { color: Some("green".into()), ..SeriesConfig::of("m") }, SeriesConfig::of("unknown")];
    let config = Config { series, rolling: Rolling::Samples(2), raw: true, ..Config::default() };
    let (lines, caption) = lines(&config, &store).expect("data");
    assert_eq!(lines.lines.len(), 1);
    assert_eq!(values(&lines.lines[0]), [0.0, 0.5, 1.0]);
    assert_eq!(lines.lines[0].raw.len(), 3);
    assert_eq!(caption, "3 samples, 2026-05-04 14:00:00 to 14:00:02, rolling mean of 2");
}

#[test]
fn a_line_a_group_and_the_rest_as_one() {
    let names: Vec<String> = (0..500).map(|at| format!("{at:03}")).collect();
    let labels: Vec<[(&str, &str); 1]> = names.iter().map(|name| [("model_name", name.as_str())]).collect();
    let series: Vec<_> = labels.iter().map(|labels| ("m", &labels[..], &[1.0, 2.0][..])).collect();
    let config = Config { by: Some("model_name".into()), ..Config::of("m") };
    let (lines, caption) = lines(&config, &store_of(&series)).expect("data");
    assert_eq!(lines.lines.len(), 13);
    assert_eq!((lines.lines[12].label.as_str(), lines.lines[12].points.len()), ("other", 976));
    assert!(caption.starts_with("1,000 samples, "), "{caption}");
    assert!(caption.ends_with(", the 12 largest of 500 by model_name, the rest as other"), "{caption}");
}

#[test]
fn a_long_time_without_samples_is_a_gap() {
    let second = 1_000_000;
    let at = |seconds: i64| (START + seconds) * second;
    let points: Vec<(i64, f64)> = (0..60).chain(300..360).map(|seconds| (at(seconds), 1.0)).collect();
    let store = store_of(&[]);
    add(&store, "m", &[], &points);
    let gaps = |gap: Gap| {
        let config = Config { gap, band: true, ..Config::of("m") };
        let (lines, _) = lines(&config, &store).expect("data");
        let band = lines.lines[0].band.iter().filter(|(_, low, _)| low.is_nan()).count();
        let places: Vec<usize> =
            (0..lines.lines[0].points.len()).filter(|place| lines.lines[0].points[*place].1.is_nan()).collect();
        assert_eq!(places.len(), band);
        places
    };
    assert_eq!(gaps(Gap::Auto), [60]);
    assert_eq!(gaps(Gap::Never), [0_usize; 0]);
    assert_eq!(gaps(Gap::From(Duration::from_secs(240))), [60]);
    assert_eq!(gaps(Gap::From(Duration::from_secs(241))), [0_usize; 0], "not longer than that");
    assert_eq!(gaps(Gap::From(Duration::from_millis(999))).len(), 119);
}

#[test]
fn evenly_spaced_samples_and_bursts_have_no_gap_at_any_distance() {
    let bursts: Vec<(i64, f64)> =
        (0..400).map(|at| (START * 1_000_000 + at / 20 * 600_000_000 + at % 20 * 1_000, 1.0)).collect();
    let store = store_of(&[]);
    add(&store, "m", &[], &bursts);
    assert!(values(&lines(&Config::of("m"), &store).expect("data").0.lines[0]).iter().all(|value| value.is_finite()));
    for step in [1, 1_000_000, 86_400_000_000] {
        let points: Vec<(i64, f64)> = (0..30).map(|at| (START * 1_000_000 + at * step, 1.0)).collect();
        let store = store_of(&[]);
        add(&store, "m", &[], &points);
        assert!(
            values(&lines(&Config::of("m"), &store).expect("data").0.lines[0]).iter().all(|value| value.is_finite())
        );
    }
}

#[test]
fn marked_is_when_a_rule_fired_as_far_as_the_axis_goes() {
    let store = store_of(&[("m", &[], &[1.0; 100])]);
    let at = |second: i64| (START + second) * 1_000_000;
    let firing = |rule: &str, changes: &[(i64, f64)]| {
        let changes: Vec<_> = changes.iter().map(|(second, groups)| (at(*second), *groups)).collect();
        add(&store, "alert_firing", &[("rule", rule)], &changes);
    };
    firing("a", &[(10, 1.0), (12, 3.0), (20, 0.0), (90, 1.0)]);
    firing("b", &[(-50, 1.0), (5, 0.0), (200, 1.0)]);
    firing("c", &[(30, 1.0), (40, 0.0)]);
    let shades = |rules: &[&str]| {
        let alerts = rules.iter().map(Text::new).collect();
        let (lines, _) = lines(&Config { alerts, ..Config::of("m") }, &store).expect("data");
        let second = |micros: i64| micros / 1_000_000 - START;
        lines.shades.into_iter().map(|shade| (shade.label, second(shade.from), second(shade.to))).collect::<Vec<_>>()
    };
    assert_eq!(shades(&["a"]), [("a".to_owned(), 10, 20), ("a".to_owned(), 90, 99)]);
    assert_eq!(shades(&["*"]).len(), 4);
    assert_eq!(shades(&["b", "d"]), [("b".to_owned(), 0, 5)]);
    assert!(shades(&[]).is_empty());
}

#[test]
fn what_means_nothing_is_refused() {
    let key = |config: Config| config.validate().expect_err("refused").key;
    assert_eq!(key(Config::default()), Some("series"));
    assert_eq!(key(Config::of("m{")), Some("series"));
    assert_eq!(key(Config { by: Some(" ".into()), ..Config::of("m") }), Some("by"));
    assert_eq!(key(Config { top: 0, ..Config::of("m") }), Some("top"));
}

#[test]
fn pictures_as_the_settings_say_and_none_without_data() {
    let context = Builder::new().zone(Zone::UTC).context(&"c".into());
    let formats = vec![PictureFormat::Png, PictureFormat::Svg];
    let settings = ChartSettings {
        formats,
        dpi: 200,
        title: Some("A title".into()),
        window: Some(monitor_core::config::DurationText(Duration::from_secs(2))),
        ..ChartSettings::default()
    };
    let mut chart = Config::of("m").open(&context, &settings).expect("opens");
    let store = store_of(&[("m", &[], &[0.0, 1.0, 2.0, 3.0, 4.0])]);
    let pictures = chart.draw(&store, Timestamp::from_secs(START + 4)).expect("draws");
    assert_eq!(pictures[0].bytes[..4], *b"\x89PNG");
    assert_eq!(pictures[0].bytes[16..24], [0, 0, 9, 96, 0, 0, 4, 176], "2,400 by 1,200 pixels");
    let svg = String::from_utf8(pictures[1].bytes.clone()).expect("text");
    assert!(svg.contains("<title>A title</title>") && svg.contains("<desc>3 samples, 2026-05-04 14:00:02 to 14:00:04"));
    assert_eq!(chart.draw(&store, Timestamp::from_secs(START + 400)).expect("draws"), []);
}
