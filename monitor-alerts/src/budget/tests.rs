//! Budgets against the sums of the list of samples, and what is wrong with a configuration.

use monitor_core::Clock;
use proptest::prelude::*;

use super::*;
use crate::testing::{Sample, context, faults, faults_of, groups_of, listed, parsed, samples_of, store, within};

fn config(keys: &str) -> Box<dyn RuleConfig> {
    parsed(&format!("type = \"budget\"\n{keys}"))
}

fn open(keys: &str, grouped: bool) -> Box<dyn Rule> {
    crate::testing::open(&*config(keys), grouped)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(second)
}

fn more(reading: &Reading, wanted: &str) -> Option<f64> {
    reading.more.iter().find(|(name, _)| name == wanted).map(|(_, number)| *number)
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    a.is_some() == b.is_some() && a.zip(b).is_none_or(|(a, b)| (a - b).abs() <= 1e-9 * (1.0 + b.abs()))
}

proptest! {
    #[test]
    fn what_is_used_is_what_the_list_adds_up_to(
        samples in samples_of(8_000, &["cost_usd", "unpriced_calls", "other"], &[0.25, 0.5, 2.0]),
        now in 0_i64..=8_200,
        window in 1_i64..=5_000,
        limit in 1_u32..20,
        (hourly, forecast, grouped) in any::<(bool, bool, bool)>(),
    ) {
        let mut toml = format!("metric = \"cost_usd\"\nlimit = {limit}\nwarn = 0.75\nwindow = \"{window}s\"\n");
        if hourly {
            toml += &format!("period = \"hour\"\nforecast = {forecast}\n");
        }
        let mut rule = open(&toml, grouped);
        let readings = rule.evaluate(&store(&samples), at(now));
        let start = if hourly { now / 3_600 * 3_600 } else { 0 };
        // It began with the first sample of the metric, of whatever group.
        let costs = samples.iter().filter(|sample| sample.metric == "cost_usd");
        let first = costs.map(|sample| sample.second).min().unwrap_or(now).min(now);
        let seconds = window.min(now - first) as f64;
        let is_known = samples.iter().any(|sample| sample.metric == "cost_usd");
        let mut expected = 0;
        for (group, labels) in groups_of(grouped) {
            let costs = within(&samples, "cost_usd", group, start, now);
            let unpriced: f64 = within(&samples, "unpriced_calls", group, start, now).iter().sum();
            if grouped && costs.is_empty() && unpriced == 0.0 {
                continue;
            }
            expected += 1;
            let reading = readings.iter().find(|reading| reading.labels == labels).expect("a group of the period");
            if costs.is_empty() && (unpriced > 0.0 || !is_known) {
                prop_assert_eq!(reading.verdict, Verdict::NoData);
                continue;
            }
            let (used, limit): (f64, f64) = (costs.iter().sum(), limit.into());
            let recent: f64 = within(&samples, "cost_usd", group, now - window, now).iter().sum();
            let rate = (seconds > 0.0).then_some(recent / seconds);
            let will_be = rate.filter(|_| hourly).map(|rate| used + rate * (start + 3_600 - now) as f64);
            prop_assert_eq!(reading.value, Some(used));
            prop_assert_eq!(more(reading, "unpriced"), Some(unpriced));
            prop_assert!(near(more(reading, "rate"), rate.map(|rate| rate * 3_600.0)));
            prop_assert!(near(more(reading, "forecast"), will_be));
            prop_assert!(near(more(reading, "runs_out"), rate.filter(|rate| *rate > 0.0).map(|rate| (limit - used).max(0.0) / rate)));
            // A forecast right at the limit may be rounded to either side.
            prop_assume!(will_be.is_none_or(|will_be| (will_be - limit).abs() > 1e-6));
            let holds = used >= limit * 0.75 || (forecast && will_be.is_some_and(|will_be| will_be > limit));
            prop_assert_eq!(reading.verdict == Verdict::Breached, holds);
            prop_assert_eq!(reading.level, (used >= limit).then_some(Level::Critical));
            prop_assert!(!holds || rule.message(reading).is_some());
        }
        prop_assert_eq!(readings.len(), expected);
    }
}

#[test]
fn what_is_told() {
    let told = |toml: &str, samples: &[_], now| {
        let mut rule = open(toml, false);
        let readings = rule.evaluate(&store(&listed(samples)), at(now));
        rule.message(&readings[0]).expect("a message")
    };
    let spent = [(0, "cost_usd", 10.3, ""), (3_600, "cost_usd", 30.9, "")];
    assert_eq!(
        told("metric = \"cost_usd\"\nlimit = 50\nwindow = \"2h\"", &spent, 7_200),
        "$41.20 of $50.00 used (82%), at this rate it runs out in 25m 38s"
    );
    assert_eq!(
        told("metric = \"cost_usd\"\nlimit = 500\nperiod = \"day\"", &spent, 7_200),
        "$41.20 of $500.00 used today (8%), at this rate it runs out in 14h 51m"
    );
    assert_eq!(
        told("metric = \"cost_usd\"\nlimit = 5000\nperiod = \"day\"", &spent, 7_200),
        "$41.20 of $5000.00 used today (0%)"
    );
    assert_eq!(
        told("metric = \"cost_usd\"\nlimit = 0.5", &[(0, "cost_usd", 0.499, "")], 0),
        "$0.4990 of $0.5000 used (99%)"
    );
    let calls = [(0, "cost_usd", 60.0, ""), (1, "unpriced_calls", 1.0, ""), (2, "unpriced_calls", 1.0, "")];
    assert_eq!(
        told("metric = \"cost_usd\"\nlimit = 50\nperiod = \"week\"", &calls, 10),
        "$60.00 of $50.00 used this week (120%); what 2 calls cost is unknown"
    );
    let tokens = [(0, "total_token_count", 41_200.0, "")];
    assert_eq!(
        told("metric = \"total_token_count\"\nlimit = 50000\nperiod = \"month\"", &tokens, 0),
        "41,200 of 50,000 tokens used this month (82%)"
    );
    assert_eq!(
        told("metric = \"total_token_count\"\nlimit = 50000", &tokens, 8 * 3_600),
        "41,200 of 50,000 tokens used (82%)"
    );
    assert_eq!(told("wall_time = \"2h\"", &tokens, 6_000), "1h 40m of 2h used (83%)");
    assert_eq!(told("metric = \"m{a=b}\"\nlimit = 3", &[(0, "m", 1.0, "")], 1), "0 of 3 used (0%)");
}

#[test]
fn a_new_day_begins_with_nothing() {
    let (day, toml) = (86_400, "metric = \"cost_usd\"\nlimit = 1\nperiod = \"day\"");
    let verdicts = |grouped: bool| -> Vec<Vec<(Verdict, Option<f64>)>> {
        let (store, mut rule) =
            (store(&listed(&[(day - 1, "cost_usd", 2.0, "a"), (2 * day, "cost_usd", 0.5, "b")])), open(toml, grouped));
        let mut read =
            |now| rule.evaluate(&store, at(now)).into_iter().map(|reading| (reading.verdict, reading.value)).collect();
        [day - 1, day, 2 * day - 1, 2 * day, 3 * day, 4 * day].into_iter().map(&mut read).collect()
    };
    let (over, nothing, half) =
        ((Verdict::Breached, Some(2.0)), (Verdict::Clear, Some(0.0)), (Verdict::Clear, Some(0.5)));
    assert_eq!(verdicts(false), [over, nothing, nothing, half, nothing, nothing].map(|reading| vec![reading]));
    // A group that was there the day before has used nothing yet; one that was not is of no interest.
    let by_model = [vec![over], vec![nothing], vec![nothing], vec![half], vec![nothing], vec![]];
    assert_eq!(verdicts(true), by_model);
}

#[test]
fn a_run_is_what_the_store_holds_whoever_asks_and_when() {
    let samples = listed(&[(1_000, "cost_usd", 2.0, ""), (500, "cost_usd", 2.0, "")]);
    let toml = "metric = \"cost_usd\"\nlimit = 10";
    let used = |rule: &mut dyn Rule, samples: &[Sample], now| rule.evaluate(&store(samples), at(now))[0].value;
    let mut rule = open(toml, false);
    assert_eq!(used(&mut *rule, &samples[..1], 1_500), Some(2.0));
    assert_eq!(used(&mut *rule, &samples, 2_000), Some(4.0), "what comes late counts");
    assert_eq!(used(&mut *open(toml, false), &samples, 2_000), Some(4.0), "a rule that was opened anew says the same");
    assert_eq!(used(&mut *open(toml, false), &samples, 999), Some(2.0), "what is not yet does not count");

    let mut rule = open("wall_time = \"1h\"", false);
    assert_eq!(used(&mut *rule, &[], 900), Some(0.0), "before the first sample it has just begun");
    assert_eq!(used(&mut *rule, &samples[..1], 1_500), Some(600.0));
    assert_eq!(used(&mut *rule, &samples, 1_500), Some(1_000.0));
    assert_eq!(used(&mut *open("wall_time = \"1h\"", false), &samples, 1_500), Some(1_000.0));
    assert_eq!(used(&mut *open("wall_time = \"1h\"\nperiod = \"hour\"", false), &samples, 3_700), Some(100.0));
    let reading = &open("wall_time = \"1h\"", false).evaluate(&store(&samples), at(4_100))[0];
    assert_eq!((reading.verdict, reading.level), (Verdict::Breached, Some(Level::Critical)));
}

#[test]
fn a_live_run_begins_when_it_is_started() {
    let context = Context { clock: Clock::System, ..context(&[]) };
    let started = context.clock.now();
    let mut rule = config("wall_time = \"1h\"").open(&context).expect("opens");
    let opened = context.clock.now();
    let later = opened.plus(Duration::from_secs(600));
    let used = rule.evaluate(&store(&[]), later)[0].value.expect("time is always known");
    assert!(later.since(opened).as_secs_f64() <= used && used <= later.since(started).as_secs_f64(), "{used}");
}

#[test]
fn what_is_not_known_is_said() {
    let said = |toml: &str, samples: &[_]| {
        let mut rule = open(toml, false);
        let readings = rule.evaluate(&store(&listed(samples)), at(10));
        (readings[0].verdict, rule.doubt().unwrap_or_default())
    };
    let (verdict, doubt) = said("metric = \"cost_usd\"\nlimit = 1", &[(1, "unpriced_calls", 1.0, "")]);
    assert_eq!(
        (verdict, doubt.split(':').next()),
        (Verdict::NoData, Some("1 calls without a price are not in what was used"))
    );
    let labelled = "metric = \"cost_usd{g=a}\"\nlimit = 1";
    let of_b = [(1, "unpriced_calls", 1.0, "b"), (1, "cost_usd", 0.5, "a")];
    assert_eq!(said(labelled, &of_b), (Verdict::Clear, String::new()));
    assert_eq!(
        said("metric = \"cost_us\"\nlimit = 1", &of_b),
        (Verdict::NoData, "no metric `cost_us`; did you mean `cost_usd`?".to_owned())
    );
    assert_eq!(said("metric = \"cost_usd\"\nlimit = 1", &[]), (Verdict::NoData, String::new()));
}

#[test]
fn bad_input() {
    for (toml, expected) in [
        ("", "set `metric` and `limit`, or `wall_time`"),
        ("metric = \"m\"", "`limit` must be set"),
        ("limit = 1", "`metric` must be set"),
        ("metric = \"m\"\nlimit = 1\nwall_time = \"1h\"", "`wall_time` cannot stand beside"),
        ("metric = \"m\"\nwall_time = \"1h\"", "`wall_time` cannot stand beside"),
        ("metric = \"m{\"\nlimit = 1", "`m{` is not a metric"),
        ("metric = \"m\"\nlimit = 0", "must be a number above 0"),
        ("metric = \"m\"\nlimit = inf", "must be a number above 0"),
        ("metric = \"m\"\nlimit = 1\nwarn = 80", "must be a share of the limit between 0 and 1, as 0.8"),
        ("metric = \"m\"\nlimit = 1\nwarn = nan", "must be a share"),
        ("metric = \"m\"\nlimit = 1\nforecast = true", "needs a `period` of the calendar"),
        ("metric = \"m\"\nlimit = 1\nwindow = \"0s\"", "must be longer than nothing"),
        ("metric = \"m\"\nlimit = 1\nperiod = \"year\"", "unknown value `year`"),
        ("wall_time = \"0s\"", "must be longer than nothing"),
        ("wall_time = \"2h\"\nperiod = \"hour\"", "is longer than the `period`"),
    ] {
        let said = faults(&format!("type = \"budget\"\n{toml}"));
        assert!(said.contains(expected), "{said}");
    }
    let reach = |period: &str| config(&format!("metric = \"m\"\nlimit = 1\nperiod = \"{period}\"")).reach();
    assert_eq!((reach("run"), reach("week")), (None, Some(Duration::from_secs(169 * 3_600))));
    assert_eq!(faults_of(DEFINITION.sample), "");
}
