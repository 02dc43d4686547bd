//! `expression`: a condition over any number of aggregates.

use std::collections::BTreeMap;
use std::time::Duration;

use monitor_core::component::{
    BoxError, Context, Invalid, Reading, Rule, RuleConfig, RuleDefinition, Validate, Verdict,
};
use monitor_core::config::DurationText;
use monitor_core::event::Level;
use monitor_core::sample::Labels;
use monitor_core::store::{Aggregate, Store, Window, WindowStats};
use monitor_core::template::{Answer, Expression, TemplateError};
use monitor_core::{Text, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::limits::short;
use crate::measure::{Measure, check_length, check_metric};

/// The definition of `type = "expression"`.
pub static DEFINITION: RuleDefinition = RuleDefinition::rule::<Config>(
    "expression",
    "holds while a condition over several aggregates does",
    include_str!("sample.toml"),
);

/// The keys of an `expression` rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The condition: "errors / calls > 0.1 and p99 > 30".
    pub holds: String,
    /// A further condition: its alerts are critical while this one holds.
    pub critical: Option<String>,
    /// The number to tell, as "errors / calls"; without it that of `values`, if there is only one.
    pub value: Option<String>,
    /// The aggregates by the names that the conditions call them, each with `metric` and perhaps `aggregate` ("mean") and
    /// `window` ("5m").
    pub values: BTreeMap<String, Named>,
}

/// An aggregate of a metric.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The metric, perhaps with labels: "generation_time{operation=answer_generation}".
    pub metric: String,
    /// What of it.
    #[serde(default)]
    pub aggregate: Aggregate,
    /// Over how long.
    #[serde(default = "five_minutes")]
    pub window: DurationText,
}

fn five_minutes() -> DurationText {
    DurationText(Duration::from_secs(300))
}

/// Names that mean something in every message, or in the language.
const TAKEN: [&str; 17] = [
    "value", "limit", "name", "level", "labels", "and", "or", "not", "in", "is", "if", "else", "true", "false", "none",
    "loop", "self",
];

impl Config {
    fn expression(&self, key: &'static str, source: &str) -> Result<Expression, Invalid> {
        let names: Vec<&str> = self.values.keys().map(String::as_str).collect();
        let expression = Expression::new(source, &names).map_err(|error| Invalid::key(key, error.to_string()))?;
        if expression.names().next().is_none() {
            return Err(Invalid::key(key, "names none of `values`, so it would always say the same"));
        }
        Ok(expression)
    }

    /// Tries an expression with numbers of several kinds: it must be able to give an answer, and one that is wanted.
    fn tried(
        &self,
        key: &'static str,
        source: &str,
        wanted: fn(Answer) -> Result<(), &'static str>,
    ) -> Result<(), Invalid> {
        let expression = self.expression(key, source)?;
        let mut failed: Result<(), TemplateError> = Ok(());
        let mut answered = false;
        for (first, step) in [(1.37, 0.73), (0.0137, 0.0073), (1_370.5, 77.25)] {
            let numbers = self.values.keys().enumerate().map(|(at, name)| (name.as_str(), first + step * at as f64));
            match expression.evaluate(numbers) {
                Ok(answer) => {
                    wanted(answer).map_err(|wrong| Invalid::key(key, wrong))?;
                    answered = true;
                }
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        match failed {
            Err(error) if !answered => Err(Invalid::key(key, error.to_string())),
            _ => Ok(()),
        }
    }

    fn rule(&self, by: &[Text]) -> Result<Conditions, BoxError> {
        let values = self.values.iter().map(|(name, named)| {
            let measure = Measure::new(&named.metric, by.to_vec())?;
            Ok(Value { name: name.clone(), measure, aggregate: named.aggregate, window: named.window.0 })
        });
        Ok(Conditions {
            values: values.collect::<Result<_, BoxError>>()?,
            is_grouped: !by.is_empty(),
            sources: (self.holds.clone(), self.critical.clone()),
            holds: self.expression("holds", &self.holds)?,
            critical: self.critical.as_ref().map(|source| self.expression("critical", source)).transpose()?,
            value: self.value.as_ref().map(|source| self.expression("value", source)).transpose()?,
            fault: None,
        })
    }
}

fn condition(answer: Answer) -> Result<(), &'static str> {
    match answer {
        Answer::Holds(_) => Ok(()),
        Answer::Number(_) => Err("is a number, not a condition: compare it with something, as in \"x > 1\""),
    }
}

fn number(answer: Answer) -> Result<(), &'static str> {
    match answer {
        Answer::Number(_) => Ok(()),
        Answer::Holds(_) => Err("is a condition, not a number"),
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        if self.values.is_empty() {
            return Err(Invalid::key(
                "values",
                "must name at least one aggregate, as in `errors = { metric = \"error_rate\" }`",
            ));
        }
        for (name, named) in &self.values {
            let of = |invalid: Invalid| Invalid::key("values", format!("`{name}`: {}", invalid.message));
            let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_word || name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
                let message = format!("`{name}` is no name: write letters, digits and `_`, and no digit first");
                return Err(Invalid::key("values", message));
            }
            if TAKEN.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(Invalid::key(
                    "values",
                    format!("`{name}` means something else already: choose another name"),
                ));
            }
            check_metric("values", &named.metric).map_err(of)?;
            check_length("values", named.window.0).map_err(of)?;
        }
        self.tried("holds", &self.holds, condition)?;
        if let Some(critical) = &self.critical {
            self.tried("critical", critical, condition)?;
        }
        if let Some(value) = &self.value {
            self.tried("value", value, number)?;
        }
        Ok(())
    }
}

impl RuleConfig for Config {
    fn reach(&self) -> Option<Duration> {
        self.values.values().map(|named| named.window.0).max()
    }

    fn names(&self) -> Vec<Text> {
        self.values.keys().map(Text::new).collect()
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError> {
        Ok(Box::new(self.rule(&context.by)?))
    }
}

struct Conditions {
    values: Vec<Value>,
    is_grouped: bool,
    /// `holds` and `critical` as they are written.
    sources: (String, Option<String>),
    holds: Expression,
    critical: Option<Expression>,
    value: Option<Expression>,
    /// Why the last evaluation said nothing although every number was there.
    fault: Option<TemplateError>,
}

struct Value {
    name: String,
    measure: Measure,
    aggregate: Aggregate,
    window: Duration,
}

impl Conditions {
    fn reading(&mut self, labels: Labels, row: &[Option<(f64, WindowStats)>]) -> Reading {
        let named = self.values.iter().zip(row);
        let numbers: Vec<(&str, f64)> =
            named.filter_map(|(value, found)| Some((value.name.as_str(), (*found)?.0))).collect();
        let mut fault = None;
        let mut ask = |expression: &Expression| match expression.evaluate(numbers.iter().copied()) {
            Ok(answer) => Some(answer),
            Err(error) => {
                let is_there = |wanted: &str| numbers.iter().any(|(name, _)| *name == wanted);
                fault = Some(error).filter(|_| expression.names().all(is_there)).or(fault.take());
                None
            }
        };
        let holds = ask(&self.holds);
        let critical = self.critical.as_ref().and_then(&mut ask) == Some(Answer::Holds(true));
        let value = self.value.as_ref().and_then(&mut ask);
        let verdict = match holds {
            _ if critical => Verdict::Breached,
            Some(Answer::Holds(true)) => Verdict::Breached,
            Some(Answer::Holds(false)) => Verdict::Clear,
            Some(Answer::Number(_)) | None => Verdict::NoData,
        };
        let mut reading = Reading::new(labels, verdict);
        reading.level = critical.then_some(Level::Critical);
        reading.more = numbers.iter().map(|(name, number)| (Text::new(name), *number)).collect();
        if let [Some((only, stats))] = row {
            (reading.value, reading.stats) = (Some(*only), Some(*stats));
        }
        if self.value.is_some() {
            reading.value = match value {
                Some(Answer::Number(value)) => Some(value),
                Some(Answer::Holds(_)) | None => None,
            };
        }
        self.fault = fault.or(self.fault.take());
        reading
    }
}

impl Rule for Conditions {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        self.fault = None;
        let count = self.values.len();
        let mut rows: BTreeMap<Labels, Vec<Option<(f64, WindowStats)>>> = BTreeMap::new();
        if !self.is_grouped {
            rows.insert(Labels::NONE, vec![None; count]);
        }
        for (at, value) in self.values.iter_mut().enumerate() {
            for (labels, stats) in value.measure.groups(store, Window::last(value.window, now), value.aggregate) {
                rows.entry(labels).or_insert_with(|| vec![None; count])[at] = Some((stats.get(value.aggregate), stats));
            }
        }
        rows.into_iter().map(|(labels, row)| self.reading(labels, &row)).collect()
    }

    fn message(&self, reading: &Reading) -> Option<String> {
        let numbers: Vec<String> =
            reading.more.iter().map(|(name, number)| format!("{name} {}", short(*number))).collect();
        let (holds, critical) = &self.sources;
        let source = critical.as_ref().filter(|_| reading.level.is_some()).unwrap_or(holds);
        Some(format!("{source} ({})", numbers.join(", ")))
    }

    fn doubt(&self) -> Option<String> {
        let fault = || self.fault.as_ref().map(|fault| format!("`{}` gives no answer: {fault}", self.sources.0));
        self.values.iter().find_map(|value| value.measure.doubt()).or_else(fault)
    }
}

#[cfg(test)]
mod tests;
