//! `burn_rate`: how fast the error budget of an objective is used up, over a long and a short window at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use monitor_core::component::{
    BoxError, Context, Invalid, Reading, Rule, RuleConfig, RuleDefinition, Validate, Verdict,
};
use monitor_core::config::DurationText;
use monitor_core::event::Level;
use monitor_core::sample::Labels;
use monitor_core::store::{Aggregate, Store, Window, WindowStats};
use monitor_core::time::format_duration;
use monitor_core::{Text, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::limits::short;
use crate::measure::{Measure, check_length, check_metric};

/// The definition of `type = "burn_rate"`.
pub static DEFINITION: RuleDefinition = RuleDefinition::rule::<Config>(
    "burn_rate",
    "holds while errors use up the error budget of an objective too fast",
    include_str!("sample.toml"),
);

/// The keys of a `burn_rate` rule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What share of the events is to be good: 0.99. The others, 1 %, are the error budget.
    pub objective: f64,
    /// Over how long the objective is to be met, for what is left of the budget.
    #[serde(default = "thirty_days")]
    pub period: DurationText,
    /// A metric that is 1 for a good event and 0 for a bad one; with `bad`, any metric that each event has one sample of.
    #[serde(default = "success_rate")]
    pub metric: String,
    /// Which events are bad, where the metric does not say so: "generation_time{finish_reason=length}".
    pub bad: Option<String>,
    /// Pairs of windows. Without it 1h and 5m at 14.4, 6h and 30m at 6, which are critical, and 3d and 6h at 1.
    #[serde(default = "recommended")]
    pub windows: Vec<Pair>,
}

/// A long and a short window. The long one says that it is worth telling, the short one that it still goes on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The long window.
    pub long: DurationText,
    /// The short window, a twelfth of the long one by custom.
    pub short: DurationText,
    /// It holds while the burn rate is above this in both windows.
    pub factor: f64,
    /// How grave that is; without it, as grave as the rule.
    pub level: Option<Level>,
}

impl Pair {
    fn new(long_secs: u64, short_secs: u64, factor: f64, level: Option<Level>) -> Self {
        let text = |seconds| DurationText(Duration::from_secs(seconds));
        Self { long: text(long_secs), short: text(short_secs), factor, level }
    }
}

fn thirty_days() -> DurationText {
    DurationText(Duration::from_secs(30 * 86_400))
}

fn success_rate() -> String {
    "success_rate".to_owned()
}

/// Table 5-8 of the SRE Workbook, for a period of 30 days.
fn recommended() -> Vec<Pair> {
    vec![
        Pair::new(3_600, 300, 14.4, Some(Level::Critical)),
        Pair::new(6 * 3_600, 1_800, 6.0, Some(Level::Critical)),
        Pair::new(3 * 86_400, 6 * 3_600, 1.0, None),
    ]
}

impl Validate for Config {
    fn validate(&self) -> Result<(), Invalid> {
        if !(self.objective > 0.0 && self.objective < 1.0) {
            return Err(Invalid::key("objective", "must be between 0 and 1, as 0.99"));
        }
        check_length("period", self.period.0)?;
        check_metric("metric", &self.metric)?;
        if let Some(bad) = &self.bad {
            check_metric("bad", bad)?;
        }
        if self.windows.is_empty() {
            return Err(Invalid::key(
                "windows",
                "must have at least one pair; leave the key out for those of the SRE Workbook",
            ));
        }
        for pair in &self.windows {
            check_length("windows", pair.short.0)?;
            if pair.short.0 >= pair.long.0 {
                let (short, long) = (format_duration(pair.short.0), format_duration(pair.long.0));
                return Err(Invalid::key(
                    "windows",
                    format!("the short window, {short}, must be shorter than the long one, {long}"),
                ));
            }
            if !(pair.factor > 0.0 && pair.factor.is_finite()) {
                return Err(Invalid::key("windows", "`factor` must be a number above 0"));
            }
            let fastest = 1.0 / (1.0 - self.objective);
            if pair.factor >= fastest {
                let message = format!(
                    "a burn rate above {} never comes: if every event is bad it is {}; set `windows` with lower factors",
                    short(pair.factor),
                    short(fastest)
                );
                return Err(Invalid::key("objective", message));
            }
        }
        Ok(())
    }
}

impl RuleConfig for Config {
    fn reach(&self) -> Option<Duration> {
        self.windows.iter().map(|pair| pair.long.0).max()
    }

    fn names(&self) -> Vec<Text> {
        NAMES.map(Text::new_static).to_vec()
    }

    fn open(&self, context: &Context) -> Result<Box<dyn Rule>, BoxError> {
        Ok(Box::new(self.rule(&context.by)?))
    }
}

const NAMES: [&str; 6] = ["burn_short", "error_ratio", "budget_left", "runs_out", "long", "short"];

impl Config {
    fn rule(&self, by: &[Text]) -> Result<BurnRate, BoxError> {
        let measure = |metric: &String| Measure::new(metric, by.to_vec());
        Ok(BurnRate {
            total: measure(&self.metric)?,
            bad: self.bad.as_ref().map(measure).transpose()?,
            metric: self.metric.clone(),
            is_grouped: !by.is_empty(),
            allowed: 1.0 - self.objective,
            period: self.period.0,
            pairs: self.windows.clone(),
            no_share: false,
        })
    }
}

struct BurnRate {
    total: Measure,
    bad: Option<Measure>,
    metric: String,
    is_grouped: bool,
    /// The share of bad events that uses up the budget just in time.
    allowed: f64,
    period: Duration,
    pairs: Vec<Pair>,
    /// The metric has values that are no share.
    no_share: bool,
}

/// What a window says of a group.
#[derive(Clone, Copy)]
struct Errors {
    ratio: f64,
    burn: f64,
    stats: WindowStats,
}

/// The groups of a window.
type Groups = BTreeMap<Labels, Errors>;

impl BurnRate {
    fn errors(&mut self, store: &Store, window: Duration, now: Timestamp) -> Groups {
        let window = Window::last(window, now);
        let bad = self.bad.as_mut().map(|bad| bad.groups(store, window, Aggregate::Count));
        let mut groups = Groups::new();
        for (labels, stats) in self.total.groups(store, window, Aggregate::Mean) {
            let ratio = match &bad {
                Some(bad) => bad.get(&labels).map_or(0, |stats| stats.count) as f64 / stats.count as f64,
                None if stats.min < 0.0 || stats.max > 1.0 => {
                    self.no_share = true;
                    continue;
                }
                None => 1.0 - stats.mean,
            };
            groups.insert(labels, Errors { ratio, burn: ratio / self.allowed, stats });
        }
        groups
    }

    fn reading(&self, labels: &Labels, windows: &BTreeMap<Duration, Groups>, whole: &Groups) -> Reading {
        let errors = |window: &DurationText| windows[&window.0].get(labels).copied();
        let mut reading = Reading::no_data(labels.clone());
        let mut verdict = Verdict::Clear;
        // What is told: the gravest pair that holds, of these the fastest; else the one that is nearest to its factor.
        let mut foremost: Option<(_, &Pair, Errors, Option<Errors>)> = None;
        for pair in &self.pairs {
            let (Some(long), now) = (errors(&pair.long), errors(&pair.short)) else {
                verdict = worse(verdict, Verdict::NoData);
                continue;
            };
            let this = match now {
                // Too slow over the long window is too slow, whatever goes on now.
                _ if long.burn <= pair.factor => Verdict::Clear,
                Some(now) if now.burn > pair.factor => Verdict::Breached,
                Some(_) => Verdict::Clear,
                None => Verdict::NoData,
            };
            verdict = worse(verdict, this);
            let slower = now.map_or(long.burn, |now| now.burn.min(long.burn));
            let rank = match this {
                Verdict::Breached => (true, pair.level, pair.factor),
                _ => (false, None, slower / pair.factor),
            };
            if foremost.is_none_or(|(known, ..)| rank > known) {
                foremost = Some((rank, pair, long, now));
            }
        }
        reading.verdict = verdict;
        let Some((_, pair, long, now)) = foremost else { return reading };
        (reading.value, reading.limit, reading.stats) = (Some(long.burn), Some(pair.factor), Some(long.stats));
        if verdict == Verdict::Breached {
            reading.level = pair.level;
        }
        let mut more = |name, number| reading.more.push((Text::new_static(name), number));
        more("long", pair.long.0.as_secs_f64());
        more("short", pair.short.0.as_secs_f64());
        more("error_ratio", long.ratio);
        if let Some(now) = now {
            more("burn_short", now.burn);
        }
        if let Some(whole) = whole.get(labels) {
            let left = 1.0 - whole.burn;
            more("budget_left", left);
            if long.burn > 0.0 {
                more("runs_out", left.max(0.0) * self.period.as_secs_f64() / long.burn);
            }
        }
        reading
    }
}

/// What two pairs say together: it is enough that one holds, and one of which nobody can say may hold.
fn worse(a: Verdict, b: Verdict) -> Verdict {
    match (a, b) {
        (Verdict::Breached, _) | (_, Verdict::Breached) => Verdict::Breached,
        (Verdict::NoData, _) | (_, Verdict::NoData) => Verdict::NoData,
        _ => Verdict::Clear,
    }
}

impl Rule for BurnRate {
    fn evaluate(&mut self, store: &Store, now: Timestamp) -> Vec<Reading> {
        self.no_share = false;
        let lengths: BTreeSet<Duration> = self.pairs.iter().flat_map(|pair| [pair.long.0, pair.short.0]).collect();
        let windows: BTreeMap<_, _> =
            lengths.into_iter().map(|length| (length, self.errors(store, length, now))).collect();
        let mut groups: BTreeSet<Labels> = windows.values().flat_map(BTreeMap::keys).cloned().collect();
        if !self.is_grouped {
            groups.insert(Labels::NONE);
        }
        let whole = self.errors(store, self.period, now);
        groups.into_iter().map(|labels| self.reading(&labels, &windows, &whole)).collect()
    }

    fn message(&self, reading: &Reading) -> Option<String> {
        let number = |wanted: &str| reading.more.iter().find(|(name, _)| name == wanted).map(|(_, number)| *number);
        let mut message = format!(
            "{}% errors in {} burn the error budget at {} times the rate it is made for, above {}",
            short(number("error_ratio")? * 100.0),
            format_duration(Duration::from_secs_f64(number("long")?)),
            short(reading.value?),
            short(reading.limit?),
        );
        let period = format_duration(self.period);
        match number("budget_left") {
            Some(left) if left > 0.0 => {
                message += &format!("; {}% of the budget for {period} is left", (left * 100.0).floor());
            }
            Some(_) => message += &format!("; the budget for {period} is used up"),
            None => {}
        }
        Some(message)
    }

    fn doubt(&self) -> Option<String> {
        let no_share = || {
            let message =
                format!("`{}` has values that are not between 0 and 1: set `bad`, or another metric", self.metric);
            self.no_share.then_some(message)
        };
        self.total.doubt().or_else(|| self.bad.as_ref()?.doubt()).or_else(no_share)
    }
}

#[cfg(test)]
mod tests;
