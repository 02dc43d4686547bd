//! `monitor explain` and `monitor sample`: a component type as its definition tells it.

use std::fmt::Write as _;
use std::io::Write;

use monitor_core::component::{ComponentKind, Registry};
use monitor_core::config::{
    common_schema, durability_schema, notify_schema, price_schema, prices_schema, schema_generator, store_schema,
    top_schema,
};
use monitor_core::pipeline::{ALERT_FIRING, OWN_METRICS};
use monitor_core::prices::Prices;
use monitor_core::suggest::hint;
use schemars::JsonSchema;
use serde_json::Value;

use super::test;
use crate::args::TypeArgs;
use crate::exit::{Failure, Outcome};
use crate::registry::registry;
use crate::table::table;

/// What `explain` knows beside the components and their kinds.
const TOPICS: [&str; 4] = ["config", "metrics", "prices", "test"];

/// What `explain` and `sample` need of a definition, whatever its kind.
struct Found {
    summary: &'static str,
    sample: &'static str,
    schema: Value,
}

const OWN_METRICS_HEAD: &str = "Metrics of a running pipeline itself, for rules and charts: a sample a series every metrics_interval. Of what happens\n\
     (offered, accepted, rejected, dropped, delivered, filtered, dead_letter, lost, retries, restarts) it says how often it\n\
     has since the sample before: ask for the sum over a window. Of what is, how much it is: ask for the last.";

/// Explains a component type, a kind, or the configuration as a whole.
pub(crate) fn explain(args: &TypeArgs) -> Outcome {
    let registry = registry()?;
    let mut out = std::io::stdout();
    if args.component == "config" {
        writeln!(out, "The keys at the top of monitor.toml:\n\n{}", keys(&top_schema().to_value()))?;
        writeln!(out, "\n[store]\n\n{}", keys(&store_schema().to_value()))?;
        writeln!(out, "\n[durability]\n\n{}", keys(&durability_schema().to_value()))?;
        writeln!(out, "\n[notify]\n\n{}", keys(&notify_schema().to_value()))?;
        writeln!(out, "\n[prices]\n\n{}", keys(&prices_schema().to_value()))?;
        writeln!(out, "\n[prices.models.\"NAME\"]\n\n{}", keys(&price_schema().to_value()))?;
        return Ok(());
    }
    if args.component == "prices" {
        write!(out, "{}", Prices::built_in_toml())?;
        return Ok(());
    }
    if args.component == "metrics" {
        let own = OWN_METRICS.into_iter().chain([ALERT_FIRING]);
        let rows = own.map(|own| vec![own.name.to_owned(), own.labels.join(", "), own.summary.to_owned()]);
        writeln!(out, "{OWN_METRICS_HEAD}\n\n{}", table(&["metric", "labels", "what its samples say"], 3.., rows))?;
        return Ok(());
    }
    if args.component == "test" {
        writeln!(out, "The keys at the top of a file of tests, for `monitor test`:\n\n{}", own::<test::File>())?;
        writeln!(out, "\n[[test]]\n\n{}", own::<test::Test>())?;
        writeln!(out, "\n[[test.input]]\n\n{}", own::<test::Input>())?;
        writeln!(out, "\n[[test.expect]]\n\n{}", own::<test::Expect>())?;
        writeln!(out, "\n[[test.messages]]\n\n{}", own::<test::Told>())?;
        return Ok(());
    }
    if let Some(kind) = ComponentKind::ALL.into_iter().find(|kind| kind.as_str() == args.component) {
        writeln!(out, "[{}.NAME]: type = {}\n", kind.table(), registry.types(kind).join(" | "))?;
        writeln!(out, "Keys of every {kind}:\n\n{}", common(kind))?;
        return Ok(());
    }
    if let Some(text) = preset(&registry, &args.component) {
        write!(out, "{text}")?;
        return Ok(());
    }
    let topics = ComponentKind::ALL.map(ComponentKind::as_str).into_iter().chain(TOPICS);
    let (kind, name, found) = find(&registry, &args.component, topics)?;
    writeln!(out, "{kind}.{name}: {}\n\n{}", found.summary, found.sample)?;
    writeln!(out, "Its keys:\n\n{}", keys(&found.schema))?;
    writeln!(out, "\nKeys of every {kind}:\n\n{}", common(kind))?;
    Ok(())
}

/// Prints the sample of a component type.
pub(crate) fn sample(args: &TypeArgs) -> Outcome {
    let registry = registry()?;
    if let Some(text) = preset(&registry, &args.component) {
        write!(std::io::stdout(), "{text}")?;
        return Ok(());
    }
    let (_, _, found) = find(&registry, &args.component, [])?;
    write!(std::io::stdout(), "{}", found.sample)?;
    Ok(())
}

/// The tables of `preset.NAME`, as they could stand in monitor.toml.
fn preset(registry: &Registry, component: &str) -> Option<String> {
    let name = component.strip_prefix("preset.")?;
    let parts: Vec<&str> = registry.presets().iter().filter(|part| part.name == name).map(|part| part.toml).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

fn find<'a>(
    registry: &Registry,
    component: &'a str,
    others: impl IntoIterator<Item = &'static str>,
) -> Result<(ComponentKind, &'a str, Found), Failure> {
    let known: Vec<String> = ComponentKind::ALL
        .into_iter()
        .flat_map(|kind| registry.types(kind).into_iter().map(move |name| format!("{kind}.{name}")))
        .chain(registry.presets().iter().map(|preset| format!("preset.{}", preset.name)))
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .chain(others.into_iter().map(str::to_owned))
        .collect();
    let unknown = || Failure::Usage(format!("unknown component `{component}`: {}", hint(component, &known)));
    let (kind, name) = component.split_once('.').ok_or_else(unknown)?;
    let kind = ComponentKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or_else(unknown)?;
    let found = match kind {
        ComponentKind::Source => registry.sources().get(name).map(|d| Found {
            summary: d.summary,
            sample: d.sample,
            schema: d.schema().to_value(),
        }),
        ComponentKind::Sink => registry.sinks().get(name).map(|d| Found {
            summary: d.summary,
            sample: d.sample,
            schema: d.schema().to_value(),
        }),
        ComponentKind::Rule => registry.rules().get(name).map(|d| Found {
            summary: d.summary,
            sample: d.sample,
            schema: d.schema().to_value(),
        }),
        ComponentKind::Chart => registry.charts().get(name).map(|d| Found {
            summary: d.summary,
            sample: d.sample,
            schema: d.schema().to_value(),
        }),
    };
    found.map(|found| (kind, name, found)).ok_or_else(unknown)
}

fn common(kind: ComponentKind) -> String {
    let mut schema = common_schema(kind).to_value();
    if schema["properties"].is_null() {
        schema["properties"] = Value::Object(serde_json::Map::new());
    }
    schema["properties"]["enabled"] = serde_json::json!({
        "type": "boolean",
        "default": true,
        "description": "Whether it is there at all; false switches off what a preset brings.",
    });
    keys(&schema)
}

/// The keys of a table of ours, two lines each.
fn own<T: JsonSchema>() -> String {
    keys(&schema_generator().into_root_schema_for::<T>().to_value())
}

/// The keys of a schema, two lines each.
fn keys(schema: &Value) -> String {
    let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
        return "  none".to_owned();
    };
    let required = |key: &str| schema["required"].as_array().is_some_and(|keys| keys.iter().any(|known| known == key));
    let mut out = String::new();
    for (key, property) in properties {
        let default = match &property["default"] {
            Value::Null if required(key) => ", must be set".to_owned(),
            Value::Null | Value::Object(_) => String::new(),
            Value::Array(items) if items.is_empty() => String::new(),
            default => format!(", {default} without it"),
        };
        let text = property["description"].as_str().unwrap_or_default().replace('\n', " ");
        writeln!(out, "  {key}: {}{default}\n      {text}", type_name(property)).expect("memory takes it");
    }
    out.trim_end().to_owned()
}

/// The type of a key, in words.
fn type_name(property: &Value) -> String {
    if let Some(format) = property["format"].as_str().filter(|f| !f.contains("int") && *f != "double") {
        return format.to_owned();
    }
    let options = property["enum"].as_array().cloned().or_else(|| {
        let options = property["oneOf"].as_array()?;
        Some(options.iter().map(|option| option["const"].clone()).collect())
    });
    if let Some(options) = options {
        return options.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
    }
    if let Some(options) = property["anyOf"].as_array() {
        return options
            .iter()
            .filter(|option| option["type"] != "null")
            .map(type_name)
            .collect::<Vec<_>>()
            .join(" or ");
    }
    let plain = |name: &str| match name {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true | false".to_owned(),
        "array" => match &property["items"] {
            Value::Object(_) => format!("list of {}", type_name(&property["items"])),
            _ => "list".to_owned(),
        },
        "object" => "table".to_owned(),
        other => other.to_owned(),
    };
    match &property["type"] {
        Value::String(name) => plain(name),
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| *name != "null")
            .map(plain)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => String::new(),
    }
}
