//! The numbers: everything that is asked of a store for one view, in one place, so that it can be held against the store's own
//! answers.

use std::collections::BTreeMap;
use std::time::Duration;

use monitor_core::sample::Labels;
use monitor_core::store::{Aggregate, Percentiles, Query, Selector, Steps, Store, Usage, Window, WindowStats};
use monitor_core::{Text, Timestamp};

use super::state::{Grouping, Span};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// How far back.
    pub span: Span,
    /// What the rows are.
    pub grouping: Grouping,
    /// Where the window ends.
    pub now: Timestamp,
    /// Steps that the trends of all calls are cut into.
    pub trend: u16,
    /// Steps that the trend of a row is cut into; none where there is no room for one.
    pub row_trend: u16,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Board {
    /// What was asked.
    pub question: Question,
    /// The window that the numbers are of.
    pub window: Window,
    /// Seconds of it of which there can be data: rates are over these.
    pub seconds: f64,
    /// When the newest sample was taken that the store holds; none if it holds none.
    pub newest: Option<Timestamp>,
    /// Whether evaluations stand where calls do, as there are no calls.
    pub only_evaluations: bool,
    /// All calls; none if there were none.
    pub calls: Option<Calls>,
    /// How many evaluations.
    pub evaluations: Option<u64>,
    /// All tokens; none if nobody told any.
    pub tokens: Option<Tokens>,
    /// How all of it went.
    pub trends: Trends,
    /// The groups.
    pub rows: Vec<Row>,
    /// Why calls failed, and how often, the most frequent first; without a name where none was told.
    pub errors: Vec<(Option<Text>, u64)>,
    /// Mean scores, by name.
    pub scores: Vec<Score>,
}

/// Some calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calls {
    /// How many.
    pub count: u64,
    /// How many failed, of how many of which that is known; none if it is of none.
    pub failed: Option<(u64, u64)>,
    /// Half took no longer, in seconds.
    pub p50: f64,
    /// 95 % took no longer.
    pub p95: f64,
    /// 99 % took no longer.
    pub p99: f64,
}

/// Some tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tokens {
    /// Tokens read.
    pub prompt: u64,
    /// Tokens written.
    pub completion: u64,
    /// Tokens in all, as the callers count them.
    pub total: u64,
    /// What the priced calls cost, in US dollars; none if none is priced.
    pub cost: Option<f64>,
    /// Calls that have no price: what they cost is in no sum.
    pub unpriced: u64,
}

/// How it went, a number a step, the earliest first; none where a step has no samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trends {
    /// Calls.
    pub calls: Vec<Option<f64>>,
    /// The share that failed.
    pub failed: Vec<Option<f64>>,
    /// The median time, in seconds.
    pub p50: Vec<Option<f64>>,
    /// Tokens.
    pub tokens: Vec<Option<f64>>,
    /// Cost, in US dollars.
    pub cost: Vec<Option<f64>>,
    /// Whether the last step goes on.
    pub open: bool,
}

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The value of the label; none where calls have none.
    pub name: Option<Text>,
    /// Its calls.
    pub calls: Calls,
    /// Its tokens.
    pub tokens: Option<Tokens>,
    /// How many calls there were in each step.
    pub trend: Vec<Option<f64>>,
}

/// A score.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// What was judged.
    pub name: Text,
    /// How often.
    pub count: u64,
    /// The mean.
    pub mean: f64,
}

const CALLS: &str = "generation_time";
const EVALUATIONS: &str = "evaluation_time";
const SUCCESS: &str = "success_rate";
const SCORE: &str = "evaluation_score_";

impl Calls {
    /// The share that failed.
    pub fn failed_share(&self) -> Option<f64> {
        let (failed, of) = self.failed?;
        Some(failed as f64 / of as f64)
    }

    fn new(stats: &WindowStats, failed: Option<(u64, u64)>) -> Self {
        Self { count: stats.count, failed, p50: stats.p50, p95: stats.p95, p99: stats.p99 }
    }
}

impl Tokens {
    fn of(usage: &Usage) -> Self {
        Self {
            prompt: usage.prompt_tokens,
            completion: usage.completion_tokens,
            total: usage.total_tokens,
            cost: usage.cost_usd,
            unpriced: usage.unpriced_calls,
        }
    }
}

impl Board {
    /// Asks a store.
    pub fn ask(store: &Store, question: &Question) -> Self {
        let extent = store.extent();
        let window = match (question.span.length(), extent) {
            (Some(length), _) => Window::last(length, question.now),
            (None, Some(extent)) => Window { start: extent.start.min(question.now), end: question.now },
            (None, None) => Window { start: question.now, end: question.now },
        };
        let begins = extent.map_or(window.start, |extent| extent.start.clamp(window.start, window.end));
        let ask = Ask { store, window };
        let only_evaluations = !ask.knows(CALLS) && ask.knows(EVALUATIONS);
        let subject = if only_evaluations { EVALUATIONS } else { CALLS };
        let usage = store.token_usage(window);
        let all = Usage {
            prompt_tokens: usage.total_prompt_tokens,
            completion_tokens: usage.total_completion_tokens,
            total_tokens: usage.total_tokens,
            cost_usd: usage.total_cost_usd,
            unpriced_calls: usage.total_unpriced_calls,
            ..Usage::default()
        };
        Self {
            question: *question,
            window,
            seconds: window.end.since(begins).as_secs_f64(),
            newest: extent.map(|extent| extent.end),
            only_evaluations,
            calls: ask.calls(subject, &[]).into_iter().next().map(|(_, calls)| calls),
            evaluations: ask.count(EVALUATIONS),
            tokens: (!usage.by_model.is_empty()).then(|| Tokens::of(&all)),
            trends: ask.trends(subject, question.trend),
            rows: ask.rows(if only_evaluations { EVALUATIONS } else { CALLS }, question),
            errors: ask.errors(),
            scores: ask.scores(),
        }
    }
}

/// A store that is asked of one window. What it has never heard of has no answer, which is not zero.
struct Ask<'a> {
    store: &'a Store,
    window: Window,
}

impl Ask<'_> {
    fn groups(&self, query: &Query) -> Vec<(Labels, WindowStats)> {
        let groups = self.store.query(query, self.window).unwrap_or_default();
        groups.into_iter().map(|group| (group.labels, group.stats)).collect()
    }

    fn knows(&self, metric: &'static str) -> bool {
        let nothing = Window { start: Timestamp::MIN, end: Timestamp::MIN };
        self.store.query(&Query::new(Selector::metric(metric)).percentiles(Percentiles::Off), nothing).is_ok()
    }

    fn count(&self, metric: &'static str) -> Option<u64> {
        let query = Query::new(Selector::metric(metric)).percentiles(Percentiles::Off);
        Some(self.groups(&query).first()?.1.count)
    }

    fn calls(&self, metric: &'static str, by: &[Text]) -> Vec<(Labels, Calls)> {
        let failed = self.failed(metric, by);
        let groups = self.groups(&Query::new(Selector::metric(metric)).by(by)).into_iter();
        groups
            .map(|(labels, stats)| {
                let failed = failed.get(&labels).copied();
                (labels, Calls::new(&stats, failed))
            })
            .collect()
    }

    /// How many failed, of how many. Of generations a metric tells; of evaluations a label.
    fn failed(&self, metric: &'static str, by: &[Text]) -> BTreeMap<Labels, (u64, u64)> {
        let mut failed: BTreeMap<Labels, (u64, u64)> = BTreeMap::new();
        let off = |metric| Query::new(Selector::metric(metric)).percentiles(Percentiles::Off);
        if metric == CALLS {
            for (labels, stats) in self.groups(&off(SUCCESS).by(by)) {
                failed.insert(labels, (stats.count - (stats.sum.round() as u64).min(stats.count), stats.count));
            }
            return failed;
        }
        let success = Text::new_static("success");
        let with_success: Vec<Text> = by.iter().chain([&success]).cloned().collect();
        for (labels, stats) in self.groups(&off(metric).by(&with_success)) {
            let Some(success) = labels.get(&success) else { continue };
            let (failed, of) = failed.entry(labels.only(by)).or_default();
            *failed += if success == "false" { stats.count } else { 0 };
            *of += stats.count;
        }
        failed
    }

    fn rows(&self, subject: &'static str, question: &Question) -> Vec<Row> {
        let by: Vec<Text> = question.grouping.label().map(Text::new_static).into_iter().collect();
        let subject = if question.grouping == Grouping::Evaluator { EVALUATIONS } else { subject };
        let failures = question.grouping == Grouping::Error;
        let mut selector = Selector::metric(subject);
        let calls = if failures {
            selector = selector.with("success", "false");
            let all = self.count(subject).unwrap_or(0);
            let groups = self.groups(&Query::new(selector.clone()).by(&by)).into_iter();
            groups.map(|(labels, stats)| (labels, Calls::new(&stats, Some((stats.count, all))))).collect()
        } else {
            self.calls(subject, &by)
        };
        let trend = Query::new(selector).by(&by).percentiles(Percentiles::Off);
        let mut trends: BTreeMap<Labels, Vec<Option<f64>>> =
            self.range(&trend, question.row_trend, Aggregate::Count).into_iter().collect();
        // Of errors nobody told what they cost.
        let tokens = match by.first() {
            Some(label) if !failures => self.store.token_usage_by(label, self.window),
            _ => BTreeMap::new(),
        };
        let all = by.is_empty().then(|| self.store.token_usage_by("", self.window).into_values().next()).flatten();
        calls
            .into_iter()
            .map(|(labels, calls)| {
                let name = by.first().and_then(|label| labels.get(label).cloned());
                let unnamed = Text::new_static("unknown");
                let usage = all.as_ref().or_else(|| tokens.get(name.as_ref().unwrap_or(&unnamed)));
                let trend = trends.remove(&labels).unwrap_or_default();
                Row { name, calls, tokens: usage.map(Tokens::of), trend }
            })
            .collect()
    }

    fn errors(&self) -> Vec<(Option<Text>, u64)> {
        let by = [Text::new_static("error_type")];
        let failed = Selector::metric(CALLS).with("success", "false");
        let groups = self.groups(&Query::new(failed).by(&by).percentiles(Percentiles::Off)).into_iter();
        let mut errors: Vec<_> = groups.map(|(labels, stats)| (labels.get(&by[0]).cloned(), stats.count)).collect();
        errors.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        errors
    }

    fn scores(&self) -> Vec<Score> {
        let metrics = self.store.metrics().into_iter().map(|metric| metric.name);
        let scores = metrics.filter_map(|metric| Some((Text::new(metric.strip_prefix(SCORE)?), metric)));
        scores
            .filter_map(|(name, metric)| {
                let query = Query::new(Selector::metric(metric)).percentiles(Percentiles::Off);
                let stats = self.groups(&query).into_iter().next()?.1;
                Some(Score { name, count: stats.count, mean: stats.mean })
            })
            .collect()
    }

    fn trends(&self, subject: &'static str, steps: u16) -> Trends {
        let one = |metric: &'static str, aggregate: Aggregate| {
            let percentiles = if aggregate.is_percentile() { Percentiles::Sketched } else { Percentiles::Off };
            let query = Query::new(Selector::metric(metric)).percentiles(percentiles);
            self.range(&query, steps, aggregate).into_iter().next().map_or_else(Vec::new, |(_, trend)| trend)
        };
        let success = one(SUCCESS, Aggregate::Mean);
        Trends {
            calls: one(subject, Aggregate::Count),
            failed: success.into_iter().map(|share| share.map(|share| 1.0 - share)).collect(),
            p50: one(subject, Aggregate::P50),
            tokens: one("total_token_count", Aggregate::Sum),
            cost: one("cost_usd", Aggregate::Sum),
            open: steps_of(self.window, steps).is_some_and(|steps| steps.end > self.window.end),
        }
    }

    fn range(&self, query: &Query, steps: u16, aggregate: Aggregate) -> Vec<(Labels, Vec<Option<f64>>)> {
        let Some(steps) = steps_of(self.window, steps) else { return Vec::new() };
        let groups = self.store.range(query, &steps).unwrap_or_default().into_iter();
        let values = |windows: Vec<(Window, Option<WindowStats>)>| {
            windows.into_iter().map(|(_, stats)| stats.map(|stats| stats.get(aggregate))).collect()
        };
        groups.map(|group| (group.labels, values(group.windows))).collect()
    }
}

/// A window cut into so many steps, at whole multiples of a step, so that a trend moves by a step at a time; the last one goes on.
/// None where there is nothing to cut. A step ends a microsecond before the next begins: no sample is in two.
fn steps_of(window: Window, count: u16) -> Option<Steps> {
    const TICK: Duration = Duration::from_micros(1);
    if count == 0 {
        return None;
    }
    let step = (window.end.since(window.start) / u32::from(count)).max(Duration::from_millis(1));
    let step = Duration::from_micros(u64::try_from(step.as_micros()).ok()?);
    let last = window.end.floor(step).plus(step).minus(TICK);
    Some(Steps { start: last.minus(step * u32::from(count - 1)), end: last, step, window: step.saturating_sub(TICK) })
}
