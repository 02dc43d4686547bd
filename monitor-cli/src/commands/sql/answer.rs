//! A query from the recordings to its rows.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use monitor_core::pipeline::Builder;
use monitor_core::suggest::{hint, nearest};
use monitor_core::{Text, Zone};
use monitor_sinks::frames::polars_core::prelude::*;
use monitor_sinks::frames::polars_lazy::dsl::dtype_col;
use monitor_sinks::frames::polars_lazy::frame::LazyFrame;
use monitor_sinks::frames::{Frames, Gather};
use polars_sql::SQLContext;
use polars_sql::keywords::all_functions;

use super::functions::Functions;
use super::query::Query;
use super::told;
use crate::args::SqlArgs;
use crate::commands::{add_data, drive, judged, query};
use crate::exit::{Failure, Outcome};
use crate::summary;

/// The tables that there are, whatever the data.
const SAMPLES: &str = "samples";
const EVENTS: &str = "events";
/// The columns that samples have anyway; every other word of a query may name an attribute.
const OWN: [&str; 4] = ["timestamp", "metric", "value", "feedback"];

/// Answers a query over the recordings.
pub(crate) fn sql(args: &SqlArgs) -> Outcome {
    let query = Query::parse(&args.query)?;
    let zone = zone_name(&args.timezone)?;
    // To make events of lines takes longer than to make samples.
    let gather = if query.names(EVENTS) { Gather::new() } else { Gather::new().without_events() };
    let labels = query.words.iter().filter(|word| !OWN.contains(&word.as_str())).map(Text::new);
    let builder = Builder::new().zone(args.timezone.clone()).event_time().without_store().labels(labels);
    let (summary, _) = drive(add_data(builder, &args.data)?.sink("frames", gather.sink()), |_, _| {})?;
    if summary.interrupted {
        return Err(Failure::Run(vec!["read all of it: it was interrupted".to_owned()]));
    }
    let mut notes = String::new();
    summary::not_used(&summary, &mut notes).expect("memory takes it");
    query::tell(&notes);
    judged(&summary)?;
    let frames = gather.take().and_then(|frames| frames.in_zone(&zone)).map_err(|error| failed(&error))?;
    let answer = ask(&frames, &query)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    told::tell(&mut out, &answer, &args.timezone, args.format)?;
    out.flush()?;
    Ok(())
}

fn ask(frames: &Frames, query: &Query) -> Result<DataFrame, Failure> {
    let mut context = SQLContext::new().with_function_registry(Arc::new(Functions));
    for metric in frames.metrics() {
        context.register(&metric, frames.metric(&metric));
    }
    context.register(SAMPLES, frames.samples_lazy());
    // What is subtracted from a count may be more than it.
    context.register(
        EVENTS,
        frames.events_lazy().with_columns([dtype_col(&DataType::UInt64).as_selector().as_expr().cast(DataType::Int64)]),
    );
    let answer = context.execute(&query.text).and_then(LazyFrame::collect);
    answer.map_err(|error| told_wrong(&error, frames, query))
}

/// What is wrong with a query, with the name that was meant if one is near.
fn told_wrong(error: &PolarsError, frames: &Frames, query: &Query) -> Failure {
    let text = error.to_string();
    // Behind it comes the plan that polars has made, which is nothing that the asker has written.
    let first = text.split("\n\n").next().unwrap_or_default().trim();
    let tables = || {
        let mut tables = frames.metrics();
        tables.extend([SAMPLES.to_owned(), EVENTS.to_owned()]);
        tables
    };
    let what = match (error_kind(error), quoted(first)) {
        (PolarsError::SQLInterface(_), Some(name)) if first.starts_with("relation") => {
            format!("there is no table `{name}`: {}", hint(name, &tables()))
        }
        (PolarsError::SQLInterface(_), Some(name)) if first.starts_with("unsupported function") => {
            let near = nearest(name, all_functions()).map(|near| format!(": did you mean `{near}`?"));
            format!("there is no function `{name}`{}", near.unwrap_or_default())
        }
        (kind, Some(name))
            if matches!(kind, PolarsError::ColumnNotFound(_) | PolarsError::SchemaFieldNotFound(_))
                || first.starts_with("no column named") =>
        {
            let mut known: Vec<&str> = Vec::new();
            if query.names(EVENTS) {
                known.extend(names(&frames.events));
            }
            if tables().iter().any(|table| table != EVENTS && query.names(table)) {
                known.extend(names(&frames.samples));
            }
            known.retain(|known| *known != name);
            format!("there is no column `{name}`: {}", hint(name, &known))
        }
        // What an aggregate gives has one row a group, and is no column of the answer.
        (PolarsError::ShapeMismatch(_), _) if first.contains("sort expressions") => {
            "`order by` takes columns of the answer by name or number, as in `order by 2 desc`".to_owned()
        }
        _ => first.to_owned(),
    };
    Failure::Usage(format!("the query: {what}"))
}

/// The error itself, whatever stands around it.
fn error_kind(error: &PolarsError) -> &PolarsError {
    match error {
        PolarsError::Context { error, .. } | PolarsError::ExprContext { error, .. } => error_kind(error),
        error => error,
    }
}

fn names(frame: &DataFrame) -> Vec<&str> {
    frame.get_column_names().into_iter().map(PlSmallStr::as_str).collect()
}

/// The first name in quotes.
fn quoted(text: &str) -> Option<&str> {
    let start = text.find(['\'', '"', '`'])?;
    let quote = text[start..].chars().next()?;
    text[start + 1..].split(quote).next()
}

fn failed(error: &PolarsError) -> Failure {
    Failure::Run(vec![format!("answer: {error}")])
}

/// The zone as polars knows it: by a name of the IANA database.
fn zone_name(zone: &Zone) -> Result<String, Failure> {
    let name = match zone {
        Zone::Named(zone) => Some(zone.name().to_owned()),
        Zone::Local => match std::env::var("TZ") {
            Ok(name) => Some(name).filter(|name| !name.is_empty()),
            // A machine that does not say is on UTC for chrono, too.
            Err(_) => iana_time_zone::get_timezone().ok(),
        }
        .map_or(Some("UTC".to_owned()), |name| match name.trim_start_matches(':').parse() {
            Ok(Zone::Named(zone)) => Some(zone.name().to_owned()),
            _ => None,
        }),
        // Their signs are those of POSIX.
        Zone::Fixed(east) => match east.local_minus_utc() {
            0 => Some("UTC".to_owned()),
            seconds if seconds % 3_600 == 0 => Some(format!("Etc/GMT{:+}", -seconds / 3_600)),
            _ => None,
        },
    };
    name.ok_or_else(|| {
        Failure::Usage("--timezone: SQL counts days and hours by a zone with a name, as Europe/Berlin".to_owned())
    })
}
