//! What is asked about: a metric, and what the labels of its series must be.

use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};

use crate::Text;
use crate::sample::{Labels, family};

/// A metric and what the labels of its series must be.
///
/// `model_usage:x` and `finish_reason:x` are names like any other. As text it is written as in Prometheus: `=`, `!=`, and
/// `=~`, `!~` with a regular expression that the whole value must match. A label that a series does not have is empty.
///
/// ```
/// use monitor_core::store::Selector;
///
/// let slow: Selector = "generation_time{operation=answer_generation, model_name=~\"gpt-4o.*\"}".parse()?;
/// let the_same = Selector::metric("generation_time").with("operation", "answer_generation");
/// assert_eq!(slow, the_same.matching("model_name", "gpt-4o.*")?);
/// # Ok::<_, monitor_core::store::ParseSelectorError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    name: Text,
    metric: Text,
    matchers: Vec<Matcher>,
    /// The first matcher stands in the name.
    is_member: bool,
}

/// What one label must be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Matcher {
    label: Text,
    test: Test,
    /// Whether the test must fail.
    negated: bool,
}

#[derive(Clone, Debug)]
enum Test {
    Is(Text),
    In(Vec<Text>),
    Matches(Regex),
}

impl PartialEq for Test {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Is(a), Self::Is(b)) => a == b,
            (Self::In(a), Self::In(b)) => a == b,
            (Self::Matches(a), Self::Matches(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

impl Eq for Test {}

/// Bytes that a compiled expression may take.
const REGEX_SIZE: usize = 1 << 20;

impl Selector {
    /// Every series of a metric.
    pub fn metric(name: impl Into<Text>) -> Self {
        let name = name.into();
        match family(&name) {
            Some((metric, label, value)) => {
                let matcher =
                    Matcher { label: Text::new_static(label), test: Test::Is(Text::new(value)), negated: false };
                Self { metric: Text::new_static(metric), matchers: vec![matcher], is_member: true, name }
            }
            None => Self { metric: name.clone(), matchers: Vec::new(), is_member: false, name },
        }
    }

    /// Only the series whose label is this value.
    pub fn with(self, label: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.and(label, Test::Is(value.into()), false)
    }

    /// Only the series whose label is not this value.
    pub fn without(self, label: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.and(label, Test::Is(value.into()), true)
    }

    /// Only the series whose label is one of these values.
    pub fn with_any<V: Into<Text>>(self, label: impl Into<Text>, values: impl IntoIterator<Item = V>) -> Self {
        self.and(label, Test::In(values.into_iter().map(Into::into).collect()), false)
    }

    /// Only the series whose label matches the expression as a whole. Matching takes time linear in the value's length.
    ///
    /// # Errors
    /// When it is no regular expression, or one that is too large.
    pub fn matching(self, label: impl Into<Text>, expression: &str) -> Result<Self, ParseSelectorError> {
        Ok(self.and(label, Test::Matches(regex(expression)?), false))
    }

    /// Only the series whose label does not match the expression.
    ///
    /// # Errors
    /// When it is no regular expression, or one that is too large.
    pub fn not_matching(self, label: impl Into<Text>, expression: &str) -> Result<Self, ParseSelectorError> {
        Ok(self.and(label, Test::Matches(regex(expression)?), true))
    }

    fn and(mut self, label: impl Into<Text>, test: Test, negated: bool) -> Self {
        self.matchers.push(Matcher { label: label.into(), test, negated });
        self
    }

    /// The name as it was asked for.
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// The metric in the store.
    pub fn stored_metric(&self) -> &Text {
        &self.metric
    }

    /// The labels that conditions are set to, but for the one that stands in the name.
    pub fn labels(&self) -> impl Iterator<Item = &Text> {
        self.matchers[usize::from(self.is_member)..].iter().map(|matcher| &matcher.label)
    }

    /// The labels that a series must have to be meant.
    pub(super) fn exact(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.matchers.iter().filter_map(|matcher| match &matcher.test {
            // Empty is what a series without the label has, too.
            Test::Is(value) if !matcher.negated && !value.is_empty() => Some((&matcher.label, value)),
            _ => None,
        })
    }

    /// Whether a series with these labels is of the metric, or the member of a family, that the name says.
    pub(super) fn is_named(&self, labels: &Labels) -> bool {
        self.matchers[..usize::from(self.is_member)].iter().all(|matcher| matcher.accepts(labels))
    }

    /// Whether a series with these labels is meant.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.accepts(labels))
    }

    /// Adds a condition as it is written: `model_name=gpt-4o`, `model_name!=x`, `operation=~"a|b"`.
    ///
    /// # Errors
    /// When it is none, or its regular expression is none.
    pub fn and_text(self, condition: &str) -> Result<Self, ParseSelectorError> {
        let wrong = || ParseSelectorError::Condition(condition.to_owned());
        let at = condition.find(['=', '!']).ok_or_else(wrong)?;
        let (label, rest) = condition.split_at(at);
        let (label, value) = (label.trim(), |prefix: &str| rest.strip_prefix(prefix).map(unquoted));
        // In quotes stand values: a quote before them would leave open where they end.
        if label.is_empty() || label.contains('"') {
            return Err(wrong());
        }
        if let Some(value) = value("=~") {
            return self.matching(label, &value);
        }
        if let Some(value) = value("!~") {
            return self.not_matching(label, &value);
        }
        match (value("!="), value("=")) {
            (Some(value), _) => Ok(self.without(label, value)),
            (None, Some(value)) => Ok(self.with(label, value)),
            (None, None) => Err(wrong()),
        }
    }
}

impl Matcher {
    fn accepts(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.label).map_or("", Text::as_str);
        let passed = match &self.test {
            Test::Is(known) => known == value,
            Test::In(known) => known.iter().any(|known| known == value),
            Test::Matches(expression) => expression.is_match(value),
        };
        passed != self.negated
    }
}

fn regex(expression: &str) -> Result<Regex, ParseSelectorError> {
    let build = |text: &str| RegexBuilder::new(text).size_limit(REGEX_SIZE).dot_matches_new_line(true).build();
    // On its own first: `a)|(?:b` is one only with the brackets around it.
    build(expression)
        .and_then(|_| build(&format!("^(?:{expression})$")))
        .map_err(|error| ParseSelectorError::Expression(expression.to_owned(), last_line(&error)))
}

/// The error in one line: the others draw the expression.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default();
    line.trim().trim_start_matches("error: ").to_owned()
}

/// The value without its quotes, in which `\"` and `\\` stand for `"` and `\`.
fn unquoted(value: &str) -> Text {
    let value = value.trim();
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        None => Text::new(value),
        Some(value) if !value.contains('\\') => Text::new(value),
        Some(value) => {
            let mut text = String::with_capacity(value.len());
            let mut rest = value.chars().peekable();
            while let Some(c) = rest.next() {
                let next = (c == '\\').then(|| rest.next_if(|next| matches!(next, '"' | '\\'))).flatten();
                text.push(next.unwrap_or(c));
            }
            Text::from(text)
        }
    }
}

/// The value as it reads back: in quotes, unless it is plain.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':');
    if value.chars().all(plain) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let matchers = &self.matchers[usize::from(self.is_member)..];
        for (at, Matcher { label, test, negated }) in matchers.iter().enumerate() {
            f.write_str(if at == 0 { "{" } else { ", " })?;
            let word = |plain: &'static str, not: &'static str| if *negated { not } else { plain };
            match test {
                Test::Is(value) => write!(f, "{label}{}{}", word("=", "!="), quoted(value))?,
                Test::In(values) => {
                    let values: Vec<_> = values.iter().map(|value| regex::escape(value)).collect();
                    write!(f, "{label}{}{}", word("=~", "!~"), quoted(&values.join("|")))?;
                }
                Test::Matches(expression) => {
                    let text = expression.as_str();
                    let inner = text.strip_prefix("^(?:").and_then(|text| text.strip_suffix(")$")).unwrap_or(text);
                    write!(f, "{label}{}{}", word("=~", "!~"), quoted(inner))?;
                }
            }
        }
        f.write_str(if matchers.is_empty() { "" } else { "}" })
    }
}

/// A selector that could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseSelectorError {
    /// It has another form.
    #[error(
        "`{0}` is not a metric: write a name, or a name with labels as in \"generation_time{{model_name=gpt-4o}}\""
    )]
    Unreadable(String),
    /// One of its conditions has another form.
    #[error("`{0}` is not a condition: write label=value, label!=value, label=~expression or label!~expression")]
    Condition(String),
    /// A regular expression is none, or too large.
    #[error("`{0}` is not a regular expression: {1}")]
    Expression(String, String),
}

impl FromStr for Selector {
    type Err = ParseSelectorError;

    fn from_str(text: &str) -> Result<Self, ParseSelectorError> {
        let wrong = || ParseSelectorError::Unreadable(text.to_owned());
        let (name, conditions) = match text.split_once('{') {
            Some((name, rest)) => (name, rest.strip_suffix('}').ok_or_else(wrong)?),
            None => (text, ""),
        };
        if name.trim().is_empty() {
            return Err(wrong());
        }
        conditions_of(conditions).filter(|condition| !condition.trim().is_empty()).try_fold(
            Self::metric(name.trim()),
            |selector, condition| {
                selector.and_text(condition).map_err(|error| match error {
                    expression @ ParseSelectorError::Expression(..) => expression,
                    _ => wrong(),
                })
            },
        )
    }
}

/// What stands between commas, but for commas in quotes.
fn conditions_of(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        c == ',' && !quoted
    })
}
