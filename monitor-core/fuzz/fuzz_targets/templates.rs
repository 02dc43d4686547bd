//! A message is worded or refused, always the same, soon, and in little memory. The first line is a number and a label.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monitor_core::store::Aggregate;
use monitor_core::template::{Template, thousands};
use serde_json::{Map, Value};

fuzz_target!(|text: &str| {
    let (head, source) = text.split_once('\n').unwrap_or(("", text));
    let (number, label) = head.split_once(' ').unwrap_or((head, ""));
    let number: f64 = number.parse().unwrap_or(0.75);
    let commas = thousands(number as i64);
    assert_eq!(commas.replace(',', ""), (number as i64).to_string());

    let Ok(template) = Template::new(source) else { return };
    let number = serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number);
    let mut values: Map<String, Value> =
        Aggregate::ALL.iter().map(|aggregate| (aggregate.as_str().to_owned(), number.clone())).collect();
    values.insert("value".to_owned(), number);
    for name in ["name", "level"] {
        values.insert(name.to_owned(), label.into());
    }
    let labels = [("model_name".to_owned(), Value::from(label)), (label.to_owned(), Value::from(source))];
    values.insert("labels".to_owned(), Value::Object(labels.into_iter().collect()));
    let render = || template.render(&values).map_err(|error| error.to_string());
    let message = render();
    assert_eq!(render(), message);
    let message = message.unwrap_or_else(|error| error);
    assert!(message.len() < 4 << 20, "{} bytes of {}", message.len(), source.len());
    if !source.contains(['{', '\r', '\n']) {
        assert_eq!(message, source);
    }
});
