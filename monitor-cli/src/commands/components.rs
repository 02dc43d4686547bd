//! `monitor components`: what can be in a pipeline.

use std::collections::BTreeMap;
use std::io::Write;

use monitor_core::component::Registry;
use serde_json::json;

use crate::args::{ComponentsArgs, Format};
use crate::exit::Outcome;
use crate::registry::registry;
use crate::table::table;

/// Lists component types and presets.
pub(crate) fn components(args: &ComponentsArgs) -> Outcome {
    let registry = registry()?;
    let types = types(&registry);
    // A preset is made of parts; the first one's words tell what it is.
    let mut presets = BTreeMap::new();
    for preset in registry.presets() {
        presets.entry(preset.name).or_insert(preset.summary);
    }
    let mut out = std::io::stdout();
    match args.format {
        Format::Json => {
            let types: Vec<_> = types
                .iter()
                .map(|(kind, name, summary)| json!({ "kind": kind, "type": name, "summary": summary }))
                .collect();
            let presets: Vec<_> =
                presets.iter().map(|(name, summary)| json!({ "name": name, "summary": summary })).collect();
            let all = json!({ "components": types, "presets": presets });
            writeln!(out, "{}", serde_json::to_string_pretty(&all).expect("text is JSON"))?;
        }
        Format::Text => {
            let rows = types.iter().map(|(kind, name, summary)| vec![format!("{kind}.{name}"), (*summary).to_owned()]);
            writeln!(out, "{}\n", table(&["component", "what it does"], 2.., rows))?;
            let rows = presets.iter().map(|(name, summary)| vec![(*name).to_owned(), (*summary).to_owned()]);
            writeln!(out, "{}\n", table(&["preset", "what it holds"], 2.., rows))?;
            writeln!(out, "More of one: monitor explain sink.jsonl, monitor explain preset.recommended")?;
        }
    }
    Ok(())
}

fn types(registry: &Registry) -> Vec<(&'static str, &'static str, &'static str)> {
    let sources = registry.sources().values().map(|d| ("source", d.type_name, d.summary));
    let sinks = registry.sinks().values().map(|d| ("sink", d.type_name, d.summary));
    let rules = registry.rules().values().map(|d| ("rule", d.type_name, d.summary));
    let charts = registry.charts().values().map(|d| ("chart", d.type_name, d.summary));
    sources.chain(sinks).chain(rules).chain(charts).collect()
}
