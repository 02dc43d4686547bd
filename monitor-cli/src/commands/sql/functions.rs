//! Functions that people expect and polars' SQL has not.

use monitor_core::suggest::hint;
use monitor_sinks::frames::polars_core::prelude::*;
use monitor_sinks::frames::polars_lazy::dsl::{BaseColumnUdf, UserDefinedFunction, col, lit};
use monitor_sinks::frames::polars_lazy::prelude::IntoLazy;
use polars_sql::function_registry::{FunctionOptions, FunctionRegistry};

/// `date_trunc`.
pub(super) struct Functions;

impl FunctionRegistry for Functions {
    fn register(&mut self, name: &str, _: UserDefinedFunction) -> PolarsResult<()> {
        Err(PolarsError::SQLInterface(format!("`{name}` cannot be added").into()))
    }

    fn get_udf(&self, name: &str) -> PolarsResult<Option<UserDefinedFunction>> {
        // Row by row, so that it gives one time for each, also of what groups have come to.
        let options = FunctionOptions::elementwise();
        let function = || UserDefinedFunction::new(name.into(), BaseColumnUdf::new(date_trunc, kind));
        Ok(self.contains(name).then(|| UserDefinedFunction { options, ..function() }))
    }

    fn contains(&self, name: &str) -> bool {
        name == "date_trunc"
    }
}

/// What times are cut to, and the lengths as polars writes them. Weeks begin on Monday.
const LENGTHS: [(&str, &str); 8] = [
    ("second", "1s"),
    ("minute", "1m"),
    ("hour", "1h"),
    ("day", "1d"),
    ("week", "1w"),
    ("month", "1mo"),
    ("quarter", "1q"),
    ("year", "1y"),
];

/// `date_trunc('minute', timestamp)`: the start of the minute, by the clock of the column's zone.
fn date_trunc(arguments: &mut [Column]) -> PolarsResult<Column> {
    let [length, times] = arguments else { return Err(wrong("takes a length and a time")) };
    if times.is_empty() {
        return Ok(times.clone());
    }
    let name = length.str()?.get(0).unwrap_or_default().to_lowercase();
    let Some((_, length)) = LENGTHS.iter().find(|(known, _)| *known == name) else {
        let hint = hint(&name, &LENGTHS.map(|(name, _)| name));
        return Err(wrong(&format!("knows no length `{name}`: {hint}")));
    };
    let column = times.name().clone();
    let frame = DataFrame::new(times.len(), vec![times.clone()])?.lazy();
    frame
        .select([col(column).dt().truncate(lit(*length))])
        .collect()?
        .into_columns()
        .pop()
        .ok_or_else(|| wrong("is empty"))
}

/// What it gives is called as the times are, and of their kind.
fn kind(_: &Schema, fields: &[Field]) -> PolarsResult<Field> {
    match fields {
        [_, times] => Ok(times.clone()),
        _ => Err(wrong("takes a length and a time")),
    }
}

fn wrong(what: &str) -> PolarsError {
    PolarsError::SQLInterface(format!("date_trunc {what}").into())
}
