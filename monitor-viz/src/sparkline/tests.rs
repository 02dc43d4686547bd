//! The lines of a few values, as they were looked at.

use super::*;
use crate::testing::store_of;

#[test]
fn a_line_a_group_of_one_width() {
    let rising: Vec<f64> = (0..80).map(f64::from).collect();
    let store =
        store_of(&[("m", &[("model_name", "a longer name")], &rising), ("m", &[("model_name", "b")], &[2.0, 2.0])]);
    let config = Config { by: Some("model_name".into()), width: 8, ..Config::of("m") };
    config.validate().expect("valid");
    let text = config.text(&store, &Scope::all(Zone::UTC)).expect("valid").expect("data");
    assert_eq!(
        text,
        "a longer name  ▁▂▃▄▅▆▇█  last 79, 0 to 79\n\
         b              ▄         last 2, 2 to 2\n\
         82 samples, 2026-05-04 14:00:00 to 14:01:19\n"
    );
}

#[test]
fn a_mean_is_of_its_stretch() {
    let points: Vec<(i64, f64)> = (0..12).map(|at| (at * 10, f64::from(at as i32))).collect();
    let span = Window { start: Timestamp::from_micros(0), end: Timestamp::from_micros(110) };
    // Stretches of 110/4 µs: 0 to 2, 3 to 5, 6 to 8, 9 to 11.
    assert_eq!(means(&points, span, 4), [1.0, 4.0, 7.0, 10.0]);
}

#[test]
fn odd_values() {
    assert_eq!(sparkline(&[]), "");
    assert_eq!(sparkline(&[f64::NAN]), " ");
    assert_eq!(sparkline(&[f64::MAX, f64::MIN, 0.0, f64::INFINITY]), "█▁▅ ");
    assert!(Config::of("m").text(&store_of(&[]), &Scope::all(Zone::UTC)).expect("valid").is_none());
    let control = store_of(&[("m", &[("model_name", "a\u{1b}[31m\nb")], &[1.0])]);
    let config = Config { by: Some("model_name".into()), ..Config::of("m") };
    let text = config.text(&control, &Scope::all(Zone::UTC)).expect("valid").expect("data");
    assert!(text.starts_with("a [31m b ") && !text.contains('\u{1b}'), "{text:?}");
}
