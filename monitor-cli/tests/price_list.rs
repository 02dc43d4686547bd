//! The built-in prices, against the list that they were taken from.
//!
//! The list is not kept here: `pip download litellm==1.109.1 --no-deps`, unpack the wheel, and name the list in it with
//! `MONITOR_PRICE_LIST=…/litellm/model_prices_and_context_window_backup.json`, as `.ci/run` does.
#![cfg(feature = "real-components")]

use std::collections::BTreeMap;

use monitor_core::prices::{Price, Prices};
use serde_json::Value;

/// What the list says of the models that talk, by the token as it gives it, brought to the million.
fn list() -> BTreeMap<String, Price> {
    let path = std::env::var("MONITOR_PRICE_LIST").expect("MONITOR_PRICE_LIST names the list");
    let text = std::fs::read_to_string(path).expect("the list can be read");
    let list: BTreeMap<String, Value> = serde_json::from_str(&text).expect("the list is JSON");
    let price = |entry: &Value| {
        let part = |key: &str| entry[key].as_f64().map(|price| (price * 1e12).round() / 1e6);
        let output = part("output_cost_per_token")?;
        Some(Price {
            input: part("input_cost_per_token")?,
            cached_input: part("cache_read_input_token_cost"),
            output,
            reasoning: part("output_cost_per_reasoning_token").filter(|reasoning| reasoning.total_cmp(&output).is_ne()),
        })
    };
    list.iter()
        // A date that only another model has had.
        .filter(|(name, _)| *name != "anthropic.claude-3-7-sonnet-20240620-v1:0")
        .filter(|(_, entry)| entry["mode"] == "chat" || entry["mode"] == "responses")
        .filter_map(|(name, entry)| Some((name.clone(), price(entry)?)))
        .collect()
}

#[test]
fn no_model_has_another_price_than_the_list_gives_it() {
    let (prices, list) = (Prices::built_in(), list());
    assert!(list.len() > 3_000);
    let mut found = 0;
    let mut wrong = Vec::new();
    for (name, theirs) in &list {
        let Some(ours) = prices.of(name) else { continue };
        found += 1;
        let cached = theirs.cached_input.is_none() || ours.cached_input == theirs.cached_input;
        if (ours.input, ours.output) != (theirs.input, theirs.output) || !cached {
            wrong.push(format!("{name}: {ours:?}, not {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {found} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(found > 600, "only {found} names of the list have a price");
}

#[test]
fn every_row_stands_in_the_list() {
    let list = list();
    let stands = |row: &str, ours: Price| {
        let row = row.trim_matches('*');
        list.iter().any(|(name, theirs)| name.to_lowercase().contains(row) && *theirs == ours)
    };
    let invented: Vec<_> = Prices::built_in()
        .rows()
        .filter(|(row, ours)| *row != "*:free" && !stands(row, *ours))
        .map(|(row, _)| row.to_owned())
        .collect();
    assert_eq!(invented, Vec::<String>::new());
}
