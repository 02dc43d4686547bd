//! Templates for messages, `Success rate dropped to {{ mean | percent }}`, and expressions over numbers, `errors / calls > 0.1`.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Enumerator, Object, Serde};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Text;
use crate::store::Aggregate;
use crate::suggest::hint;

/// A message with places for values, of at most 500 bytes each and 3,000 together. It takes texts and numbers, and makes no lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

/// What templates and expressions know.
static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(50_000));
    environment.add_filter("abs", f64::abs);
    environment.add_filter(
        "default",
        |value: &minijinja::Value, other: &minijinja::Value| {
            if value.is_undefined() { other.clone() } else { value.clone() }
        },
    );
    environment.add_test("defined", |value: &minijinja::Value| !value.is_undefined());
    environment
});

/// The same, and how numbers are shown.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = LANGUAGE.clone();
    environment.add_filter("percent", |value: f64| format!("{:.1}%", value * 100.0));
    environment.add_filter("number", |value: f64, decimals: Option<usize>| {
        format!("{value:.*}", decimals.unwrap_or(2).min(20))
    });
    environment.add_filter("duration", |seconds: f64| {
        let length = if seconds.abs() < 60.0 { seconds.abs() } else { seconds.abs().round() };
        match std::time::Duration::try_from_secs_f64(length).map(crate::time::format_duration) {
            Ok(length) if seconds < 0.0 && length != "0s" => format!("-{length}"),
            Ok(length) => length,
            Err(_) => format!("{seconds:e}s"),
        }
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
        tame(source)?;
        let parsed = ENVIRONMENT.template_from_str(source).map_err(|error| TemplateError(describe(&error)))?;
        let known: Vec<&String> = values.keys().collect();
        // They come in no order.
        let unknown = parsed.undeclared_variables(false).into_iter().filter(|name| !values.contains_key(name));
        if let Some(name) = unknown.min() {
            return Err(TemplateError(format!("unknown value `{name}`: {}", hint(&name, &known))));
        }
        let template = Self { source: source.to_owned() };
        template.try_out(values)?;
        Ok(template)
    }

    /// Fills in these values, and any text for labels and annotations where they are empty: which there will be, nobody knows before
    /// there is data.
    ///
    /// # Errors
    /// When a value is missing or of the wrong kind for its filter.
    pub fn try_out(&self, values: &Map<String, Value>) -> Result<String, TemplateError> {
        let any = |value: &Value| value.as_object().is_some_and(Map::is_empty);
        let tried = |value| if any(value) { minijinja::Value::from_object(AnyLabel) } else { Serde(value).into() };
        self.fill(minijinja::Value::from_pairs(values.iter().map(|(name, value)| (name.as_str(), tried(value)))))
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
        self.fill(Serde(values).into())
    }

    fn fill(&self, values: minijinja::Value) -> Result<String, TemplateError> {
        tame(&self.source)?;
        ENVIRONMENT.render_str(&self.source, values).map_err(|error| TemplateError(describe(&error)))
    }
}

/// Has every label, each a text.
#[derive(Debug)]
struct AnyLabel;

impl Object for AnyLabel {
    fn get_value(self: &Arc<Self>, _: &minijinja::Value) -> Option<minijinja::Value> {
        Some("label".into())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["label"])
    }
}

/// Bytes of a place of a template at most, and of all together: each may be a level in the tree that they are parsed to, and each
/// `elif` is one.
const LONGEST_PLACE: usize = 500;
const LONGEST_PLACES: usize = 3_000;

/// Refuses what takes more stack or memory than there is: places that are too long, and lists, tuples and maps, of which a short
/// one shows gigabytes, `[[[1] * 300] * 300] * 300`, which no fuel is taken for.
fn tame(source: &str) -> Result<(), TemplateError> {
    let (mut rest, mut all) = (source, 0);
    // The marks as the parser finds them: of text whatever stands before the first.
    while let Some(at) = rest.find('{') {
        let inside = rest.get(at + 2..).unwrap_or_default();
        let end = match rest.as_bytes().get(at + 1) {
            Some(b'#') => {
                rest = inside.split_once("#}").map_or("", |(_, rest)| rest);
                continue;
            }
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => {
                rest = &rest[at + 1..];
                continue;
            }
        };
        let length = place(inside, end)?;
        all += length;
        if length > LONGEST_PLACE || all > LONGEST_PLACES {
            return Err(TemplateError(format!(
                "it is too long: a place for a value takes {LONGEST_PLACE} bytes at most, all together {LONGEST_PLACES}"
            )));
        }
        rest = inside.get(length + end.len()..).unwrap_or_default();
    }
    Ok(())
}

/// How long a place is, up to its end outside of texts.
fn place(inside: &str, end: &str) -> Result<usize, TemplateError> {
    let no_place = |what: &str| Err(TemplateError(format!("`{what}` has no place in it: there are no lists")));
    if end == "%}" && inside.trim_start_matches(['-', '+']).trim_start().starts_with("raw") {
        // What follows it is not what it looks like.
        return Err(TemplateError("`raw` has no place in it: write {{ '{{' }}".to_owned()));
    }
    let mut letters = inside.char_indices();
    while let Some((at, letter)) = letters.next() {
        let before = &inside[..at];
        match letter {
            _ if inside[at..].starts_with(end) => return Ok(at),
            '\'' | '"' => {
                while let Some((_, within)) = letters.next().filter(|(_, within)| *within != letter) {
                    if within == '\\' {
                        letters.next();
                    }
                }
            }
            '[' if before.ends_with("labels") || before.ends_with("annotations") => {}
            '[' | '{' | ',' => return no_place(&letter.to_string()),
            _ => {}
        }
    }
    Ok(inside.len())
}

/// A condition or a calculation over named numbers, in the language of the templates: `errors / calls > 0.1 and p99 > 30`.
///
/// There are numbers and conditions, and no texts, lists, functions or loops: nothing in it can take long or grow large.
///
/// ```
/// use monitor_core::template::{Answer, Expression};
///
/// let expression = Expression::new("errors / calls > 0.1", &["calls", "errors"])?;
/// assert_eq!(expression.evaluate([("errors", 2.0), ("calls", 10.0)])?, Answer::Holds(true));
/// assert!(expression.evaluate([("errors", 0.0), ("calls", 0.0)]).is_err(), "nothing is divided by zero");
/// # Ok::<_, monitor_core::template::TemplateError>(())
/// ```
#[derive(Debug)]
pub struct Expression {
    compiled: minijinja::Expression<'static, 'static>,
    names: BTreeSet<String>,
}

/// What an expression gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// Whether a condition holds.
    Holds(bool),
    /// A finite number.
    Number(f64),
}

/// Bytes of an expression at most: each may be a level in the tree that it is parsed to, which takes stack.
const LONGEST_EXPRESSION: usize = 1_000;

impl Expression {
    /// An expression over the numbers of these names.
    ///
    /// # Errors
    /// When it cannot be parsed, names another number or a filter that there is not, or is longer than 1,000 bytes.
    pub fn new(source: &str, known: &[&str]) -> Result<Self, TemplateError> {
        // Without what makes texts and lists there are none: to compare two lists of lists takes no fuel for what is in them.
        let stranger =
            source.chars().find(|c| !(c.is_alphanumeric() || c.is_whitespace() || "_.+-*/%<>=!()|".contains(*c)));
        if let Some(stranger) = stranger {
            return Err(TemplateError(format!(
                "`{stranger}` has no place in it: there are numbers, names and operators"
            )));
        }
        if source.len() > LONGEST_EXPRESSION {
            return Err(TemplateError(format!("it is longer than {LONGEST_EXPRESSION} bytes")));
        }
        let compiled = LANGUAGE.compile_expression_owned(source.to_owned());
        let compiled = compiled.map_err(|error| TemplateError(describe(&error)))?;
        let names: BTreeSet<String> = compiled.undeclared_variables(false).into_iter().collect();
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(TemplateError(format!("unknown value `{name}`: {}", hint(name, known))));
        }
        Ok(Self { compiled, names })
    }

    /// The numbers that it names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Its answer where the numbers are these. One that is left out can only be asked for by `x is defined` and `x | default(0)`.
    ///
    /// # Errors
    /// When it names a number that is left out, divides by zero, goes beyond what a number can be, runs out of fuel, or gives
    /// something else than a condition or a number.
    pub fn evaluate<'a>(&self, numbers: impl IntoIterator<Item = (&'a str, f64)>) -> Result<Answer, TemplateError> {
        let numbers = numbers.into_iter().map(|(name, number)| (name, minijinja::Value::from(number)));
        let answer = self.compiled.eval(minijinja::Value::from_pairs(numbers));
        let answer = answer.map_err(|error| TemplateError(describe(&error)))?;
        if let Ok(holds) = bool::try_from(answer.clone()) {
            return Ok(Answer::Holds(holds));
        }
        match f64::try_from(answer.clone()) {
            Ok(number) if number.is_finite() => Ok(Answer::Number(number)),
            Ok(_) => Err(TemplateError("it is no finite number".to_owned())),
            Err(_) => Err(TemplateError(format!("it is a {}, neither a condition nor a number", answer.kind()))),
        }
    }
}

fn describe(error: &minijinja::Error) -> String {
    match error.detail() {
        None if error.kind() == minijinja::ErrorKind::TooManyArguments => {
            "too many arguments: `number` takes the decimals, `default` another value, the other filters none"
                .to_owned()
        }
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
        assert_eq!(rendered("{{ -5 | duration }} {{ (0 - 90.4) | duration }} {{ -0.0 | duration }}"), "-5s -1m 30s 0s");
        assert_eq!(rendered("{{ 1e300 | duration }}"), "1e300s");
        assert_eq!(
            rendered("{{ labels['model_name'] }}{% for name in labels %} {{ name }}{% endfor %}"),
            "m model_name"
        );
    }

    #[test]
    fn faults() {
        assert_eq!(rendered("{{ men | percent }}"), "unknown value `men`: did you mean `mean`?");
        for _ in 0..20 {
            assert!(rendered("{{ zz + men + b }}").starts_with("unknown value `b`"), "it is always the same one");
        }
        assert_eq!(rendered("{{ mean | percnt }}"), "unknown filter: filter percnt is unknown");
        assert_eq!(rendered("{{ labels.model_name | upper }}"), "unknown filter: filter upper is unknown");
        assert!(rendered("{{ labels.model_name | number }}").starts_with("invalid operation"));
        assert_eq!(rendered("{{ labels.other }}"), "undefined value", "it could have been there");
        assert!(rendered("{{ mean | percent(1) }}").starts_with("too many arguments: `number` takes the decimals"));
        assert!(rendered("{{ mean").starts_with("syntax error"));
        assert!(rendered("{% for a in range(9) %}{% endfor %}").starts_with("unknown value `range`: there are "));
    }

    #[test]
    fn expressions_end_whatever_they_say() {
        let evaluated = |source: &str| {
            Expression::new(source, &["a", "b"])
                .and_then(|expression| expression.evaluate([("a", 2.0)]))
                .map_or_else(|error| error.to_string(), |answer| format!("{answer:?}"))
        };
        let expected = [
            ("a > 1 and b | default(0) < 1", "Holds(true)"),
            ("b is defined or a is not defined", "Holds(false)"),
            ("1 < a <= 2", "Holds(true)"),
            ("(-a) | abs ** 2", "Number(4.0)"),
            ("a / 0", "invalid operation: unable to calculate 2.0 / 0"),
            ("b > 1", "undefined value"),
            ("calls > 1", "unknown value `calls`: there are a and b"),
            ("a >", "syntax error: unexpected end of input, expected expression"),
            ("a | percent", "unknown filter: filter percent is unknown"),
            ("a.b.c > 1", "undefined value"),
            ("'a'", "`'` has no place in it: there are numbers, names and operators"),
            ("a, b", "`,` has no place in it: there are numbers, names and operators"),
            ("()", "it is a sequence, neither a condition nor a number"),
            ("10.0 ** 400", "it is no finite number"),
            ("10 ** 10 ** 10", "invalid operation: unable to calculate 10000000000 ** 10"),
            ("range(10**9)", "unknown value `range`: there are a and b"),
            // Each of its three levels is small.
            ("[[[1] * 300] * 300] * 300 == 1", "`[` has no place in it: there are numbers, names and operators"),
        ];
        assert_eq!(expected.map(|(source, _)| evaluated(source)), expected.map(|(_, answer)| answer.to_owned()));
        for (many, of) in
            [("(", 999), ("-", 999), ("not ", 249), ("a+", 499), ("a**", 333), ("a.", 499), ("a|abs|", 166)]
        {
            assert!(evaluated(&format!("{}a", many.repeat(of))).len() < 200, "{many}");
        }
        assert_eq!(evaluated(&" ".repeat(1_001)), "it is longer than 1000 bytes");
    }

    #[test]
    fn templates_end_whatever_they_say() {
        for (many, of) in [("-", 480), ("not ", 120), ("(", 480), ("mean+", 95), ("mean|abs|", 50), ("name.", 95)] {
            assert!(rendered(&format!("{{{{ {}mean }}}}", many.repeat(of))).len() < 200, "{many}");
            let longer = format!("{{{{ {}mean }}}}", many.repeat(of * 20));
            assert!(rendered(&longer).starts_with("it is too long"), "{many}");
        }
        let deep = |of| format!("{{%if zz%}}{}{{{{ {}a }}}}{{%endif%}}", "{%elif a%}".repeat(of), "-".repeat(480));
        assert!(rendered(&deep(415)).starts_with("unknown value `a`"));
        assert!(rendered(&deep(4_000)).starts_with("it is too long"));
        let text = "a [long, {text}] ' of 50,000 letters ".repeat(1_500);
        assert_eq!(rendered(&text), text);
    }

    #[test]
    fn there_are_no_lists() {
        for source in [
            "{{ [[[1] * 300] * 300] * 300 }}",
            "{{ ((1, 1) * 300, 1) * 300 }}",
            "{% set a = {} %}",
            "{% set a = name or[1] %}",
            "{{ ' }} ' ~ \"'\\\" }}\" ~ [1] }}",
            "{# {{ ' #}{{ [1] }}",
            "{% set a = ' %} {{ ' %}{{ [1] }}",
            "{ {# #}{{{ [1] }}}",
        ] {
            assert!(
                rendered(source).ends_with("has no place in it: there are no lists"),
                "{source}: {}",
                rendered(source)
            );
        }
        assert!(rendered("{%- raw %}{{ ' {% endraw %}{{ [1] }}").starts_with("`raw` has no place in it"));
        assert_eq!(rendered("[{{ name }}, {{ '[,{}' }}] {# [1] #}{ {"), "[r, [,{}] { {");
    }

    #[test]
    fn what_would_grow_without_end_runs_out_of_fuel() {
        let doubled = format!("{{% set a = name ~ name ~ 'x' %}}{}{{{{ a }}}}", "{% set a = a ~ a %}".repeat(64));
        for source in [
            doubled.as_str(),
            "{{ 'x' * 10000000 }}",
            "{% for a in 'x' * 10000 %}{% for b in 'x' * 10000 %}{% endfor %}{% endfor %}",
        ] {
            assert_eq!(rendered(source), "engine ran out of fuel", "{source}");
        }
    }
}
