//! Look-ups, and costs computed by hand.

use proptest::prelude::*;

use super::*;
use crate::Tokens;

fn table(rows: &[(&str, f64)]) -> Prices {
    rows.iter().fold(Prices::none(), |prices, (model, input)| prices.with(model, Price::new(*input, 0.0)))
}

/// The price of input in a table of rows.
fn input(rows: &[(&str, f64)], model: &str) -> Option<f64> {
    table(rows).of(model).map(|price| price.input)
}

fn near(cost: Option<f64>, expected: f64) {
    let cost = cost.expect("a cost");
    assert!((cost - expected).abs() < 1e-12, "{cost}, not {expected}");
}

#[test]
fn the_built_in_table_is_dated_and_knows_the_recorded_models() {
    let head = Prices::built_in_toml();
    assert!(head.contains("\ndate = \"2026-11-12\"\n") && head.contains("licence") && head.contains("litellm"));
    let prices = Prices::built_in();
    let price = |model| prices.of(model).map(|price| (price.input, price.cached_input, price.output));
    assert_eq!(price("gemini-2.5-flash"), Some((0.3, Some(0.03), 2.5)));
    assert_eq!(price("deepseek-chat"), Some((0.28, Some(0.028), 0.42)));
    assert_eq!(price("gpt-4o-mini"), Some((0.15, Some(0.075), 0.6)));
    assert_eq!(price("meta-llama/llama-3.3-70b-instruct:free"), Some((0.0, None, 0.0)));
    // Hosts of open models differ: without one there is no price.
    assert_eq!(price("meta-llama/llama-3.3-70b-instruct"), None);
    assert_eq!(price("deepinfra/meta-llama/Llama-3.3-70B-Instruct"), Some((0.23, None, 0.4)));
    // Nothing but what says so is free, and no name stands there twice.
    let mut names: Vec<&str> = prices.rows().map(|(name, _)| name).collect();
    assert!(prices.rows().all(|(name, price)| name == "*:free" || price.input > 0.0));
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn prefixes_and_versions_fall_away() {
    let rows = [("gpt-4o", 1.0), ("gpt-4o-2024-05-13", 2.0), ("claude-sonnet-4-5", 3.0), ("command-r", 4.0)];
    for (model, expected) in [
        ("gpt-4o", Some(1.0)),
        ("GPT-4o", Some(1.0)),
        ("gpt-4o-2024-08-06", Some(1.0)),
        ("gpt-4o-2024-05-13", Some(2.0)),
        ("openai/gpt-4o-latest", Some(1.0)),
        ("openrouter/openai/gpt-4o", Some(1.0)),
        ("azure/gpt-4o-2024-11-20", Some(1.0)),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", Some(3.0)),
        ("bedrock/converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0", Some(3.0)),
        ("vertex_ai/claude-sonnet-4-5@20250929", Some(3.0)),
        ("openrouter/anthropic/claude-sonnet-4.5", Some(3.0)),
        ("command-r-08-2024", Some(4.0)),
        // Other models, other regions, other hosts.
        ("gpt-4o-mini", None),
        ("gpt-4o-audio-preview-2024-12-17", None),
        ("azure/eu/gpt-4o", None),
        ("together_ai/openai/gpt-4o", None),
        ("gpt-4o-2024-13", None),
        ("command-r-plus", None),
        ("@cf/gpt-4o", None),
        ("", None),
    ] {
        assert_eq!(input(&rows, model), expected, "{model}");
    }
    assert_eq!(input(&[("gemini-2.0-flash", 1.0)], "models/gemini-2.0-flash-001"), Some(1.0));
    assert_eq!(input(&[("gpt-4", 1.0), ("grok-4", 2.0)], "gpt-4-0613"), Some(1.0));
    assert_eq!(input(&[("grok-4", 2.0)], "grok-4.20"), None);
}

#[test]
fn a_name_made_to_have_many_forms_has_few() {
    let forms = |count| forms(&format!("{}gpt-4o{}", "us.".repeat(count), "-001".repeat(count))).len();
    assert_eq!([forms(1), forms(1_000)], [4, 1]);
    assert!((names::MOST_FORMS..2 * names::MOST_FORMS).contains(&forms(30)));
}

#[test]
fn the_longest_row_wins_and_of_two_alike_the_later() {
    let rows = [("*", 1.0), ("gpt-*", 2.0), ("gpt-4o", 3.0), ("*-mini", 4.0), ("ft:gpt-4o*:org:*", 5.0)];
    for (model, expected) in [
        ("llama", 1.0),
        ("gpt-5", 2.0),
        ("gpt-4o", 3.0),
        ("openai/gpt-4o", 3.0),
        ("gpt-4o-mini", 4.0),
        ("o3-mini", 4.0),
        ("ft:gpt-4o-2024-08-06:org:name:id", 5.0),
        ("ft:gpt-4o:other", 1.0),
    ] {
        assert_eq!(input(&rows, model), Some(expected), "{model}");
    }
    assert_eq!(input(&[("gpt-4o", 1.0), ("gpt-4o*", 2.0)], "gpt-4o"), Some(2.0));
    // One's own rows go before the built-in ones, and leave the others be.
    let prices = Prices::built_in().and(&table(&[("*", 7.0), ("gpt-4o", 8.0)]));
    assert_eq!(prices.of("gpt-4o").map(|price| price.input), Some(8.0));
    assert_eq!(prices.of("gpt-4o-mini").map(|price| price.input), Some(0.15));
    assert_eq!(prices.of("something-new").map(|price| price.input), Some(7.0));
}

#[test]
fn costs_by_hand() {
    let price = Price { cached_input: Some(0.1), ..Price::new(1.0, 10.0) };
    // 1000 · 1 + 100 · 10, by the million.
    near(price.cost(Tokens::of(1_000, 100)), 0.002);
    // 600 · 1 + 400 · 0.1 + 100 · 10
    near(price.cost(Tokens::of(1_000, 100).cached(400)), 0.001_64);
    // Reasoning inside of the completion is there already.
    near(price.cost(Tokens::of(1_000, 100).reasoning(80)), 0.002);
    // What the total has beyond prompt and completion is reasoning: 420 · 1 + (1484 − 420) · 10
    let thinking = Tokens { prompt: Some(420), completion: Some(610), total: Some(1_484), ..Tokens::default() };
    assert_eq!(thinking.reasoned(), Some(454));
    near(price.cost(thinking), 0.011_06);
    near(price.cost(thinking.reasoning(454)), 0.011_06);
    // A total that is too small takes nothing away.
    near(price.cost(Tokens { total: Some(5), ..Tokens::of(1_000, 100) }), 0.002);
    // Without a price of its own, what is cached costs as other input; more than the prompt cannot be cached.
    near(Price::new(1.0, 10.0).cost(Tokens::of(1_000, 100).cached(400)), 0.002);
    near(price.cost(Tokens::of(1_000, 100).cached(5_000)), 0.001_1);
    // Reasoning priced apart: 420 · 1 + 610 · 10 + 454 · 3
    near(Price { reasoning: Some(3.0), ..price }.cost(thinking), 0.007_882);
}

#[test]
fn what_was_not_given() {
    let price = Price::new(1.0, 10.0);
    let tokens = |prompt, completion, total| Tokens { prompt, completion, total, ..Tokens::default() };
    near(price.cost(tokens(Some(1_000), None, Some(1_100))), 0.002);
    near(price.cost(tokens(None, Some(100), Some(1_100))), 0.002);
    near(price.cost(tokens(Some(1_000), None, None)), 0.001);
    near(price.cost(tokens(None, Some(100), None)), 0.001);
    // Nobody can tell how much of it was output.
    assert_eq!(price.cost(tokens(None, None, Some(1_100))), None);
    near(Price::new(0.0, 0.0).cost(tokens(None, None, Some(1_100))), 0.0);
    near(Price::new(2.0, 2.0).cost(tokens(None, None, Some(1_000))), 0.002);
}

#[test]
fn faults_have_their_places() {
    let text = "date = \"2026-01-01\"\nsorce = \"x\"\n\n[models]\n\"a\" = { input = 1, ouput = 2 }\n\"b\" = 3\n\
                \"c\" = { input = -1, output = 2 }\n";
    let faults = Prices::parse(text, "mine.toml").expect_err("faults");
    insta::assert_snapshot!(faults.render(false));
    assert!(Prices::parse("[models", "mine.toml").is_err());
    assert!(Prices::parse("models = 1", "mine.toml").is_err());
    assert_eq!(Prices::parse("", "mine.toml").map(|prices| prices.rows().count()), Ok(0));
}

fn count() -> impl Strategy<Value = u64> {
    0..1_000_000u64
}

proptest! {
    /// More of anything never costs less, and what is part of something never costs more than it.
    #[test]
    fn cost_is_monotone_and_parts_are_never_added(
        prompt in count(), completion in count(), beyond in count(), part in count(), more in count(),
        (input, output) in (0.0..100.0, 0.0..100.0), (cached, reasoning) in (0.0..=1.0, 0.0..=1.0),
    ) {
        let price =
            Price { input, output, cached_input: Some(input * cached), reasoning: Some(output * reasoning) };
        let cost = |tokens| price.cost(tokens).expect("prompt and completion are given");
        let tokens = Tokens { total: Some(prompt + completion + beyond), ..Tokens::of(prompt, completion) };
        let slack = 1e-9 * (1.0 + cost(tokens));
        prop_assert!(cost(tokens.cached(part)) <= cost(tokens) + slack);
        prop_assert!(cost(tokens.cached(part + more)) <= cost(tokens.cached(part)) + slack);
        prop_assert!(cost(tokens.reasoning(part)) <= cost(tokens) + slack);
        prop_assert_eq!(tokens.cached(part).reasoning(part).total, tokens.total);
        let longer = Tokens {
            prompt: Some(prompt + more), total: Some(prompt + more + completion + beyond), ..tokens.cached(part)
        };
        prop_assert!(cost(longer) + slack >= cost(tokens.cached(part)));
        let thought = Tokens { total: tokens.total.map(|total| total + more), ..tokens };
        prop_assert!(cost(thought) + slack >= cost(tokens));
        let apart = Price { reasoning: None, ..price };
        let written = Tokens { completion: Some(completion + more), ..tokens };
        prop_assert!(apart.cost(written).expect("given") + slack >= apart.cost(tokens).expect("given"));
        // Without prices apart, how a call splits what was written does not matter.
        let whole = Tokens::of(prompt, completion + beyond);
        prop_assert!((apart.cost(whole).expect("given") - apart.cost(tokens).expect("given")).abs() < slack);
    }
}
