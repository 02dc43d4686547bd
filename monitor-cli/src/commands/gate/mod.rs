//! `monitor gate`: a recording is held against rules; a rule that has fired at any time is broken, and one of which it is
//! doubtful that it could.

mod observe;
mod report;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use monitor_core::Text;
use monitor_core::component::{Answer, sink_fn};
use monitor_core::config::{Config, NotifySettings};
use monitor_core::event::{AlertState, Body, Kind, Level};
use monitor_core::pipeline::{Builder, Filter, SinkOptions};

use super::query::tell;
use super::{add_data, drive, judged};
use crate::args::{GateArgs, GateFormat};
use crate::exit::{Failure, Outcome};
use crate::registry::registry;
use crate::summary;
use observe::{Observed, observe};
use report::{Broken, Report, Row};

/// The exit code of a gate that is closed.
const CLOSED: u8 = 2;

/// Reads the recordings, prints how each rule has fared, and fails if one is broken.
pub(crate) fn gate(args: &GateArgs) -> Outcome {
    let mut config = Config::load(&args.rules, &registry()?)?;
    if config.rules.is_empty() {
        let rules = args.rules.display();
        return Err(Failure::Refused(format!("error: `{rules}` has no rule to hold the data against\n")));
    }
    config.sources.clear();
    config.sinks.clear();
    config.charts.clear();
    // Nobody is told of anything here, and nothing is held back: each time that a rule fires counts.
    config.settings.notify = NotifySettings::default();
    let mut rules: Vec<(Text, Level, Arc<Mutex<Observed>>)> = Vec::new();
    for entry in &mut config.rules {
        entry.settings.mutes.clear();
        rules.push((entry.name.clone(), entry.settings.level, observe(entry)));
    }
    let zone = config.settings.timezone.0.clone();
    let broken = Arc::new(Mutex::new(BTreeMap::new()));
    let builder = Builder::for_replay(config)?.evaluate_at_end();
    let options = SinkOptions { filter: Filter::of_kinds(&[Kind::Alert]), ..SinkOptions::default() };
    let builder = add_data(builder.sink_with("gate", note(Arc::clone(&broken)), options), &args.data)?;
    let (summary, _) = drive(builder, |_, _| {})?;
    if summary.interrupted {
        return Err(Failure::Run(vec!["read all of it: it was interrupted".to_owned()]));
    }
    let mut notes = String::new();
    summary::not_used(&summary, &mut notes).expect("memory takes it");
    tell(&notes);
    judged(&summary)?;
    if summary.events == 0 {
        return Err(Failure::Run(vec!["hold the data against the rules: there is no event in it".to_owned()]));
    }
    let mut broken = std::mem::take(&mut *broken.lock().unwrap_or_else(PoisonError::into_inner));
    let rows = rules.into_iter().map(|(name, level, observed)| {
        let observed = std::mem::take(&mut *observed.lock().unwrap_or_else(PoisonError::into_inner));
        let broken = broken.remove(&name);
        Row { rule: name, level: broken.as_ref().map_or(level, |broken| broken.level), observed, broken }
    });
    let report = Report { events: summary.events, rejected: summary.rejected, rules: rows.collect() };
    let text = match args.format {
        GateFormat::Text => report.text(&zone),
        GateFormat::Json => format!("{}\n", serde_json::to_string_pretty(&report.json()).expect("a report is JSON")),
        GateFormat::Junit => report.junit(&args.rules.to_string_lossy()),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    match report.broken() {
        0 => Ok(()),
        1 => Err(Failure::Ended(CLOSED, "1 rule is broken\n".to_owned())),
        many => Err(Failure::Ended(CLOSED, format!("{many} rules are broken\n"))),
    }
}

/// Notes which rules have fired. Alerts that the recording holds itself are not of these rules, and come from a source.
fn note(broken: Arc<Mutex<BTreeMap<Text, Broken>>>) -> impl monitor_core::component::Sink {
    sink_fn(move |delivery| {
        let mut broken = broken.lock().unwrap_or_else(PoisonError::into_inner);
        for item in delivery.items().iter().filter(|item| item.source().is_none()) {
            let event = item.event();
            let Body::Alert(alert) = &event.body else { continue };
            if alert.state != AlertState::Firing || alert.repeat > 0 {
                continue;
            }
            let first = || Broken {
                since: event.time,
                level: alert.level,
                labels: alert.labels.clone(),
                message: alert.message.clone(),
                times: 0,
            };
            let broken = broken.entry(alert.name.clone()).or_insert_with(first);
            broken.level = broken.level.max(alert.level);
            broken.times += 1;
        }
        Answer::Ok
    })
}
