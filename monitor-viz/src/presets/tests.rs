//! The presets of a recorded run: which charts there are, and that a check finds nothing wrong with them.

use monitor_core::config::PictureFormat;

use super::*;
use crate::testing::store_of;

fn names(preset: &Preset, store: &Store) -> Vec<String> {
    let settings = ChartSettings { size: (240, 160), formats: vec![PictureFormat::Svg], ..ChartSettings::default() };
    let drawn = draw(preset, store, &settings, Timestamp::MAX, &Zone::UTC).expect("draws");
    drawn.into_iter().map(|(name, _)| name.to_string()).collect()
}

#[test]
fn the_reference_has_its_seven_charts() {
    let store = store_of(&[
        ("success_rate", &[], &[1.0, 0.0]),
        ("error_rate", &[], &[0.0, 1.0]),
        ("generation_time", &[], &[1.0, 2.0]),
        ("total_token_count", &[], &[10.0]),
        ("prompt_token_count", &[], &[5.0]),
        ("completion_token_count", &[], &[5.0]),
        ("evaluation_score_tone", &[], &[0.5]),
        ("evaluation_time", &[], &[1.0]),
    ]);
    assert_eq!(
        names(&REFERENCE, &store),
        [
            "success_error_rate",
            "generation_time",
            "total_token_count",
            "prompt_token_count",
            "completion_token_count",
            "evaluation_scores",
            "evaluation_time"
        ]
    );
}

#[test]
fn charts_without_data_are_left_out() {
    assert_eq!(names(&REFERENCE, &store_of(&[])), [""; 0]);
    let store = store_of(&[("error_rate", &[("error_type", "x")], &[1.0])]);
    assert_eq!(names(&RECOMMENDED, &store), ["success_error_rate", "errors_by_type"]);
}

#[test]
fn settings_that_are_set_hold_and_the_others_leave_a_charts_own() {
    let store = store_of(&[("total_token_count", &[], &[10.0])]);
    let svg = |settings: ChartSettings| {
        let settings = ChartSettings { formats: vec![PictureFormat::Svg], ..settings };
        let drawn = draw(&REFERENCE, &store, &settings, Timestamp::MAX, &Zone::UTC).expect("draws");
        String::from_utf8(drawn[0].1[0].bytes.clone()).expect("text")
    };
    let own = svg(ChartSettings::default());
    assert!(own.contains("<title>Total Token Usage Over Time</title>") && own.contains("width=\"1200\""));
    let set = svg(ChartSettings { title: Some("Mine".into()), size: (480, 240), ..ChartSettings::default() });
    assert!(set.contains("<title>Mine</title>") && set.contains("width=\"480\""));
}
