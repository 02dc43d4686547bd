//! Templates for messages: `Success rate dropped to {{ mean | percent }}`.

use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Text;
use crate::store::Aggregate;
use crate::suggest::hint;

/// A message with places for values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(50_000));
    environment.add_filter("percent", |value: f64| format!("{:.1}%", value * 100.0));
    environment.add_filter("number", |value: f64, decimals: Option<usize>| {
        format!("{value:.*}", decimals.unwrap_or(2).min(20))
    });
    environment.add_filter("duration", |seconds: f64| {
        let seconds = if seconds < 60.0 { seconds } else { seconds.round() };
        let length = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
        crate::time::format_duration(length)
    });
    environment.add_filter("tokens", |value: f64| thousands(value.round() as i64));
    environment.add_filter("json", |value: minijinja::Value| {
        serde_json::to_string(&value).map_err(|error| {
            minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, format!("it is no JSON: {error}"))
        })
    });
    environment.add_filter("usd", |value: f64| format!("${value:.2}"));
    environment
});

impl Template {
    /// A template. It is tried with all values that a rule can give, so that a wrong name is found here.
    ///
    /// # Errors
    /// When it cannot be parsed, or names a value or a filter that there is not.
    pub fn new(source: &str) -> Result<Self, TemplateError> {
        Self::with_names(source, &[])
    }

    /// As [`new`](Self::new), of a rule that gives further numbers by these names.
    ///
    /// # Errors
    /// When it cannot be parsed, or names a value or a filter that there is not.
    pub fn with_names(source: &str, names: &[Text]) -> Result<Self, TemplateError> {
        let numbers = Aggregate::ALL.iter().map(|aggregate| aggregate.as_str());
        let numbers = numbers.chain(["value", "limit"]).chain(names.iter().map(Text::as_str));
        let mut values: Map<String, Value> = numbers.map(|name| (name.to_owned(), json!(1.0))).collect();
        for (name, value) in [("name", json!("")), ("level", json!("")), ("labels", json!({}))] {
            values.insert(name.to_owned(), value);
        }
        Self::with_values(source, &values)
    }

    /// A template that is tried with these values: it knows no others.
    ///
    /// # Errors
    /// When it cannot be parsed, or names a value or a filter that there is not.
    pub fn with_values(source: &str, values: &Map<String, Value>) -> Result<Self, TemplateError> {
        let parsed = ENVIRONMENT.template_from_str(source).map_err(|error| TemplateError(describe(&error)))?;
        let known: Vec<&String> = values.keys().collect();
        // They come in no order.
        let unknown = parsed.undeclared_variables(false).into_iter().filter(|name| !values.contains_key(name));
        if let Some(name) = unknown.min() {
            return Err(TemplateError(format!("unknown value `{name}`: {}", hint(&name, &known))));
        }
        let template = Self { source: source.to_owned() };
        // Which labels there will be, nobody knows before there is data.
        if !source.contains("labels") {
            template.render(values)?;
        }
        Ok(template)
    }

    /// A template that is not tried: what is wrong with it is found when it is filled in.
    pub(crate) fn unchecked(source: &str) -> Self {
        Self { source: source.to_owned() }
    }

    /// Fills in the values.
    ///
    /// # Errors
    /// When a value is missing or of the wrong kind for its filter.
    pub fn render(&self, values: &impl Serialize) -> Result<String, TemplateError> {
        ENVIRONMENT.render_str(&self.source, Serde(values)).map_err(|error| TemplateError(describe(&error)))
    }
}

fn describe(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// 1234567 as 1,234,567.
pub fn thousands(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(source: &str) -> String {
        let values = json!({ "mean": 0.75, "value": 1_234_567.4, "name": "r", "labels": { "model_name": "m" } });
        Template::new(source).and_then(|template| template.render(&values)).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn filters() {
        assert_eq!(rendered("Success rate dropped to {{ mean | percent }}"), "Success rate dropped to 75.0%");
        assert_eq!(
            rendered("{{ value | number(0) }} {{ value | tokens }} {{ mean | usd }}"),
            "1234567 1,234,567 $0.75"
        );
        assert_eq!(rendered("{{ (mean * 85.32) | duration }} {{ labels.model_name }}"), "1m 4s m");
    }

    #[test]
    fn faults() {
        assert_eq!(rendered("{{ men | percent }}"), "unknown value `men`: did you mean `mean`?");
        for _ in 0..20 {
            assert!(rendered("{{ zz + men + b }}").starts_with("unknown value `b`"), "it is always the same one");
        }
        assert_eq!(rendered("{{ mean | percnt }}"), "unknown filter: filter percnt is unknown");
        assert!(rendered("{{ mean").starts_with("syntax error"));
        assert!(rendered("{% for a in range(9) %}{% endfor %}").starts_with("unknown value `range`: there are "));
    }

    #[test]
    fn what_would_grow_without_end_runs_out_of_fuel() {
        let doubled = format!("{{% set a = name ~ name ~ 'x' %}}{}{{{{ a }}}}", "{% set a = a ~ a %}".repeat(64));
        for source in [
            doubled.as_str(),
            "{{ 'x' * 10000000 }}",
            "{% for a in [1] * 100000 %}{% for b in [1] * 100000 %}{% endfor %}{% endfor %}",
        ] {
            assert_eq!(rendered(source), "engine ran out of fuel", "{source}");
        }
    }
}
