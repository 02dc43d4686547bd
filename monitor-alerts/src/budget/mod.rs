//! `budget`: what a run, or a day of the calendar, may cost, in money, tokens or time.

mod period;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use monitor_core::component::{
    BoxError, Context, Invalid, Reading, Rule, RuleConfig, RuleDefinition, Validate, Verdict,
};
use monitor_core::config::DurationText;
use monitor_core::event::Level;
use monitor_core::sample::Labels;
use monitor_core::store::{Aggregate, Store, Window, WindowStats};
use monitor_core::template::thousands;
use monitor_core::time::format_duration;
use monitor_core::{Text, Timestamp, Zone};
use schemars::JsonSchema;
use serde::Deserialize;

pub use period::Period;

use crate::limits::short;
use crate::measure::{Measure, check_length, check_metric};

/// The definition of `type = "budget"`.
pub static DEFINITION: RuleDefinition = RuleDefinition::rule::<Config>(
    "budget",
    "holds once a run, an hour, a day, a week or a month has used what it may",
    include_str!("sample.toml"),
);

/// The keys of a `budget` rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The metric that is added up: "cost_usd", "total_token_count", or any other, perhaps with labels.
    pub metric: Option<String>,
    /// How much of it may be used; at this its alerts are critical.
    pub limit: Option<f64>,
    /// How long it may take, in place of `metric` and `limit`.
    pub wall_time: Option<DurationText>,
    /// What the budget is for: the run as a whole, or each hour, day, week (from Monday on) or month by the clocks of `timezone`.
    #[serde(default)]
    pub period: Period,
    /// It holds from this share of the limit on, as grave as the rule: 0.8.
    pub warn: Option<f64>,
    /// It also holds when, at the present rate, the limit will be passed before the period ends.
    #[serde(default)]
    pub forecast: bool,
    /// Over how long the present rate is found.
    #[serde(default = "hour")]
    pub window: DurationText,
}

fn hour() -> DurationText {
    DurationText(Duration::from_secs(3_600))
}

const COST: &str = "cost_usd";
const UNPRICED: &str = "unpriced_calls";

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        match (&self.metric, self.limit, &self.wall_time) {
            (None, None, None) => return Err(Invalid::table("set `metric` and `limit`, or `wall_time`")),
            (Some(_), None, None) => {
                return Err(Invalid::table("`limit` must be set: how much of the metric may be used"));
            }
            (None, Some(_), None) => return Err(Invalid::table("`metric` must be set: what the limit is for")),
            (Some(metric), Some(limit), None) => {
                check_metric("metric", metric)?;
                if !(limit > 0.0 && limit.is_finite()) {
                    return Err(Invalid::key("limit", "must be a number above 0"));
                }
            }
            (None, None, Some(length)) => {
                check_length("wall_time", length.0)?;
                if self.period.longest().is_some_and(|longest| length.0 > longest) {
                    return Err(Invalid::key("wall_time", "is longer than the `period`, so it can never be used up"));
                }
            }
            _ => {
                return Err(Invalid::table(
                    "`wall_time` cannot stand beside `metric` or `limit`: make two rules of it",
                ));
            }
        }
        if self.warn.is_some_and(|share| !(share > 0.0 && share < 1.0)) {
            return Err(Invalid::key("warn", "must be a share of the limit between 0 and 1, as 0.8"));
        }
        if self.forecast && self.period == Period::Run {
            return Err(Invalid::key("forecast", "needs a `period` of the calendar: nobody knows when a run ends"));
        }
        check_length("window", self.window.0)
    }
}

impl RuleConfig for Config {
    fn reach(&self) -> Option<Duration> {
        self.metric.as_ref().and(self.period.longest())
    }

    fn names(&self) -> Vec<Text> {
        NAMES.map(Text::new_static).to_vec()
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError> {
        Ok(Box::new(self.rule(context)?))
    }
}

const NAMES: [&str; 7] = ["used", "left", "share", "rate", "forecast", "runs_out", "unpriced"];

impl Config {
    fn rule(&self, context: &Context) -> Result<Budget, BoxError> {
        let measure = |metric: &str| Measure::new(metric, context.by.clone());
        let spent = match &self.metric {
            None => None,
            Some(metric) => {
                let unpriced = metric.strip_prefix(COST).filter(|labels| labels.is_empty() || labels.starts_with('{'));
                Some(Spent {
                    amount: measure(metric)?,
                    whole: Measure::new(metric.split('{').next().unwrap_or_default(), Vec::new())?,
                    first: None,
                    unpriced: unpriced.map(|labels| measure(&format!("{UNPRICED}{labels}"))).transpose()?,
                    unit: Unit::of(metric),
                })
            }
        };
        Ok(Budget {
            spent,
            is_grouped: !context.by.is_empty(),
            limit: self.wall_time.as_ref().map_or(self.limit.unwrap_or_default(), |length| length.0.as_secs_f64()),
            warn: self.warn,
            period: self.period,
            forecast: self.forecast,
            window: self.window.0,
            zone: context.zone.clone(),
            // What follows the time of events has not begun before the first of them.
            began: (!context.clock.is_manual()).then(|| context.clock.now()),
            seen: Seen::default(),
            unpriced: 0.0,
        })
    }
}

struct Budget {
    /// None where time itself is what is spent.
    spent: Option<Spent>,
    is_grouped: bool,
    limit: f64,
    warn: Option<f64>,
    period: Period,
    forecast: bool,
    window: Duration,
    zone: Zone,
    /// When the run began, as far as is known.
    began: Option<Timestamp>,
    seen: Seen,
    /// How many calls of unknown cost there were, as of the last evaluation.
    unpriced: f64,
}

struct Spent {
    amount: Measure,
    /// The same, of all labels.
    whole: Measure,
    first: Option<Timestamp>,
    /// Calls without a price, where the amount is what calls cost.
    unpriced: Option<Measure>,
    unit: Unit,
}

impl Spent {
    /// When something was spent first.
    fn first(&mut self, store: &Store) -> Option<Timestamp> {
        let mut read = || {
            let groups = self.whole.groups(store, Window::ALL, Aggregate::First);
            groups.into_values().next().map(|stats| stats.first_time)
        };
        self.first = self.first.or_else(&mut read);
        self.first
    }
}

/// The groups of this period and of the one before: what a group has used that is not seen in a new period yet is nothing.
#[derive(Default)]
struct Seen {
    start: Option<Timestamp>,
    now: BTreeSet<Labels>,
    before: BTreeSet<Labels>,
}

/// What is used of one budget.
#[derive(Clone, Copy, Default)]
struct Used {
    amount: f64,
    /// A second.
    rate: Option<f64>,
    unpriced: f64,
    stats: Option<WindowStats>,
}

impl Budget {
    /// When it began: when the rule was opened, or first asked where time is that of events, or with the first sample if that is
    /// earlier.
    fn began(&mut self, first: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let began = [first, self.began.or(Some(now))].into_iter().flatten().min().unwrap_or(now);
        self.began = Some(began);
        began.min(now)
    }

    /// How long the window is over which the rate is found, in seconds: at the beginning, as long as there is something.
    fn rated(&mut self, store: &Store, now: Timestamp) -> f64 {
        let first = self.spent.as_mut().and_then(|spent| spent.first(store));
        let began = self.began(first, now);
        now.since(began.max(now.minus(self.window))).as_secs_f64()
    }

    fn groups(&mut self, store: &Store, start: Timestamp, now: Timestamp) -> BTreeMap<Labels, Option<Used>> {
        let seconds = self.rated(store, now);
        let Some(spent) = &mut self.spent else { unreachable!("asked where something is spent") };
        let sums = |measure: &mut Measure, window| measure.groups(store, window, Aggregate::Sum);
        let recent = sums(&mut spent.amount, Window::last(self.window, now));
        let period = Window { start, end: now };
        let amounts = sums(&mut spent.amount, period);
        let unpriced = spent.unpriced.as_mut().map(|measure| sums(measure, period)).unwrap_or_default();
        self.unpriced = unpriced.values().map(|stats| stats.sum).sum();
        let known = self.seen.with(start, amounts.keys());
        let mut groups: BTreeSet<Labels> = known.chain(unpriced.keys()).cloned().collect();
        if !self.is_grouped {
            groups.insert(Labels::NONE);
        }
        let used = |labels: Labels| {
            let (stats, without) =
                (amounts.get(&labels).copied(), unpriced.get(&labels).map_or(0.0, |stats| stats.sum));
            // Nothing was used of a metric that there is, and that of no call the cost is unknown.
            let is_known = stats.is_some() || (!spent.amount.is_unknown() && without == 0.0);
            let used = is_known.then(|| Used {
                amount: stats.map_or(0.0, |stats| stats.sum),
                rate: (seconds > 0.0).then(|| recent.get(&labels).map_or(0.0, |stats| stats.sum) / seconds),
                unpriced: without,
                stats,
            });
            (labels, used)
        };
        groups.into_iter().map(used).collect()
    }

    fn reading(&self, labels: Labels, used: Option<Used>, left: Option<Duration>) -> Reading {
        let Some(used) = used else { return Reading { limit: Some(self.limit), ..Reading::no_data(labels) } };
        let remaining = self.limit - used.amount;
        let forecast = left.zip(used.rate).map(|(left, rate)| used.amount + rate * left.as_secs_f64());
        let is_used_up = remaining <= 0.0;
        let is_warned = self.warn.is_some_and(|share| used.amount >= share * self.limit);
        let will_be = self.forecast && forecast.is_some_and(|forecast| forecast > self.limit);
        let holds = is_used_up || is_warned || will_be;
        let mut reading = Reading::new(labels, if holds { Verdict::Breached } else { Verdict::Clear });
        reading.level = is_used_up.then_some(Level::Critical);
        (reading.value, reading.limit, reading.stats) = (Some(used.amount), Some(self.limit), used.stats);
        let mut more = |name, number: Option<f64>| {
            reading
                .more
                .extend(number.filter(|number| number.is_finite()).map(|number| (Text::new_static(name), number)));
        };
        more("used", Some(used.amount));
        more("left", Some(remaining));
        more("share", Some(used.amount / self.limit));
        more("rate", used.rate.map(|rate| rate * 3_600.0));
        more("forecast", forecast);
        more("runs_out", used.rate.filter(|rate| *rate > 0.0).map(|rate| remaining.max(0.0) / rate));
        more("unpriced", Some(used.unpriced));
        reading
    }

    fn unit(&self) -> Unit {
        self.spent.as_ref().map_or(Unit::Time, |spent| spent.unit)
    }
}

impl Seen {
    /// The groups of this period, which are `now`, and those of the one before.
    fn with<'a>(&mut self, start: Timestamp, now: impl Iterator<Item = &'a Labels>) -> impl Iterator<Item = &Labels> {
        if self.start.replace(start).is_some_and(|known| known != start) {
            self.before = std::mem::take(&mut self.now);
        }
        self.now.extend(now.cloned());
        self.now.iter().chain(&self.before)
    }
}

/// How an amount is told.
#[derive(Clone, Copy)]
enum Unit {
    Dollars,
    Tokens,
    Time,
    Other,
}

impl Unit {
    fn of(metric: &str) -> Self {
        let name = metric.split('{').next().unwrap_or_default();
        match name {
            COST => Self::Dollars,
            _ if name.ends_with("token_count") => Self::Tokens,
            _ => Self::Other,
        }
    }

    fn show(self, amount: f64, limit: f64) -> String {
        match self {
            // Of a budget of cents, hundredths of a cent.
            Self::Dollars if limit < 1.0 => format!("${amount:.4}"),
            Self::Dollars => format!("${amount:.2}"),
            Self::Tokens => thousands(amount.round() as i64),
            Self::Time => rounded(amount),
            Self::Other => short(amount),
        }
    }
}

/// A length of time for people: seconds below an hour, minutes below two days, else hours.
fn rounded(seconds: f64) -> String {
    let step = match seconds {
        _ if seconds < 3_600.0 => 1.0,
        _ if seconds < 2.0 * 86_400.0 => 60.0,
        _ => 3_600.0,
    };
    format_duration(Duration::try_from_secs_f64((seconds / step).round() * step).unwrap_or_default())
}

impl Rule for Budget {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        let bounds = self.period.around(now, &self.zone);
        let left = bounds.map(|bounds| bounds.next.since(now));
        if self.spent.is_none() {
            let first = store.extent().map(|extent| extent.start);
            let began =
                self.began(first, now).max(bounds.map_or(Timestamp::from_micros(i64::MIN), |bounds| bounds.start));
            let used = Used { amount: now.since(began).as_secs_f64(), rate: Some(1.0), ..Used::default() };
            return vec![self.reading(Labels::NONE, Some(used), left)];
        }
        // All that the store knows is of this run.
        let start = bounds.map_or(Window::ALL.start, |bounds| bounds.start);
        let groups = self.groups(store, start, now);
        groups.into_iter().map(|(labels, used)| self.reading(labels, used, left)).collect()
    }

    fn message(&self, reading: &Reading) -> Option<String> {
        let number = |wanted: &str| reading.more.iter().find(|(name, _)| name == wanted).map(|(_, number)| *number);
        let (used, limit, unit) = (number("used")?, self.limit, self.unit());
        let kind = if matches!(unit, Unit::Tokens) { " tokens" } else { "" };
        let (amount, of) = (unit.show(used, limit), unit.show(limit, limit));
        let share = (number("share")? * 100.0).floor();
        let mut message = format!("{amount} of {of}{kind} used{} ({share}%)", self.period.words());
        let ends = number("forecast").is_none_or(|forecast| forecast > limit);
        match number("runs_out") {
            Some(seconds) if seconds > 0.0 && ends && !matches!(unit, Unit::Time) => {
                message += &format!(", at this rate it runs out in {}", rounded(seconds));
            }
            _ => {}
        }
        let unpriced = number("unpriced")?;
        if unpriced > 0.0 {
            let calls = if unpriced > 1.0 { "calls" } else { "call" };
            message += &format!("; what {} {calls} cost is unknown", thousands(unpriced as i64));
        }
        Some(message)
    }

    fn doubt(&self) -> Option<String> {
        let unpriced = || {
            let message = "calls without a price are not in what was used: give their models one under `[prices]`";
            (self.unpriced > 0.0).then(|| format!("{} {message}", thousands(self.unpriced as i64)))
        };
        self.spent.as_ref().and_then(|spent| spent.amount.doubt()).or_else(unpriced)
    }
}

#[cfg(test)]
mod tests;
