//! What people type and what times are written as: selectors, lengths of time, moments and zones are read back as they are
//! shown.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use monitor_core::fuzzing::parse_by_chrono;
use monitor_core::sample::Labels;
use monitor_core::store::Selector;
use monitor_core::time::{format_duration, parse_duration};
use monitor_core::{Text, Timestamp, Zone};

fuzz_target!(|text: &str| {
    if let Ok(selector) = text.parse::<Selector>() {
        let shown = selector.to_string();
        assert_eq!(shown.parse().as_ref(), Ok(&selector), "{shown}");
        // Both mean the same series.
        let named: Vec<Text> = selector.labels().cloned().collect();
        for value in ["", "a", "gpt-4o", text] {
            let labels: Labels = named.iter().map(|name| (name.clone(), value)).collect();
            let again: Selector = shown.parse().expect("it was read before");
            assert_eq!(again.matches(&labels), selector.matches(&labels), "{shown} of {labels}");
        }
    }
    _ = Selector::metric("m").and_text(text).map(|selector| selector.to_string());

    if let Ok(length) = parse_duration(text) {
        let whole = Duration::from_secs(length.as_secs());
        assert_eq!(parse_duration(&format_duration(whole)), Ok(whole), "{text}");
        assert!(!format_duration(length).is_empty());
    }

    let (zone, moment) = text.split_once('\n').unwrap_or(("UTC", text));
    let zone = zone.parse().unwrap_or(Zone::UTC);
    let read = Timestamp::parse(moment, &zone);
    assert_eq!(read, parse_by_chrono(moment, &zone));
    if let Ok(read) = read {
        assert_eq!(Timestamp::parse(&read.to_rfc3339(), &zone), Ok(read));
        assert!((Timestamp::MIN..=Timestamp::MAX).contains(&read));
        // The clock of a zone shows what is read as the same moment, but in the hour that comes twice.
        let back = zone.to_utc(read.to_local(&zone)).timestamp_micros();
        assert!((read.as_micros() - back).abs() <= 86_400_000_000, "{read} is {back}");
    }
});
