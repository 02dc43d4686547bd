//! Whatever stands in a configuration or in a file of prices, it is read the same each time, and every fault is drawn and
//! points into the text.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use monitor_core::component::{DuplicateType, Registry};
use monitor_core::config::{Config, Faults};
use monitor_core::prices::Prices;

/// Every component that the program has.
static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::new();
    let crates: [fn(&mut Registry) -> Result<(), DuplicateType>; 4] =
        [monitor_core::register, monitor_sinks::register, monitor_alerts::register, monitor_viz::register];
    crates.iter().for_each(|register| register(&mut registry).expect("each type has a name of its own"));
    registry
});

fuzz_target!(|text: &str| {
    let parse = || Config::parse(text, "monitor.toml", PathBuf::from("base"), &REGISTRY);
    let config = parse();
    assert_eq!(format!("{:?}", parse()), format!("{config:?}"));
    match config {
        Ok(config) => _ = config.dirs(),
        Err(faults) => drawn(text, &faults),
    }

    match Prices::parse(text, "prices.toml") {
        // What a row says holds for what it names.
        Ok(prices) => prices.rows().for_each(|(model, _)| assert!(prices.of(model).is_some(), "{model}")),
        Err(faults) => drawn(text, &faults),
    }
    // Names of models come from outside, too.
    assert_eq!(Prices::built_in().of(text), Prices::built_in().of(&text.to_ascii_uppercase()));
});

fn drawn(text: &str, faults: &Faults) {
    assert!(!faults.faults.is_empty());
    assert!(faults.faults.is_sorted_by_key(|fault| fault.span.start));
    for fault in &faults.faults {
        let spans = std::iter::once(&fault.span).chain(fault.related.as_ref().map(|(span, _)| span));
        spans.for_each(|span| assert!(text.get(span.clone()).is_some(), "{fault:?}"));
        assert!(!fault.message.is_empty() && !fault.label.is_empty(), "{fault:?}");
    }
    let plain = faults.render(false);
    assert_eq!(plain.matches("error: ").count().min(1), 1);
    assert!(faults.render(true).len() > plain.len());
}
