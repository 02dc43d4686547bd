//! The view over a store of which everything is known: pictures of it, numbers held against the store's own answers and a naive
//! count, and sizes, labels and terminals that are out to break it.

use std::fmt::Write as _;
use std::time::Duration;

use monitor_core::alerting::{Held, Phase as Stands, Standing};
use monitor_core::prices::Prices;
use monitor_core::sample::{Deriver, Labels, Samples};
use monitor_core::store::{Limits, Selector, Store, Window};
use monitor_core::{Evaluation, Event, Generation, Level, Text, Timestamp, Tokens, Zone};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;

use super::*;

/// 2026-05-04 14:30:00 UTC.
const NOW: Timestamp = Timestamp::from_secs(1_777_905_000);
const MODELS: [&str; 3] = ["gpt-4o", "gemini-2.5-flash", "claude-3-5-haiku"];

/// A call, as the naive model has it.
struct Call {
    time: Timestamp,
    model: &'static str,
    seconds: f64,
    failed: bool,
    tokens: u64,
}

/// Twenty minutes of calls, one every two seconds, the failing ones in the middle; judged every tenth.
fn calls() -> Vec<Call> {
    let call = |at: u64| Call {
        time: NOW.minus(Duration::from_secs(1_200 - 2 * at)),
        model: MODELS[(at * at % 7 % 3) as usize],
        seconds: 0.5 + (at * 7_919 % 101) as f64 / 20.0,
        failed: (420..560).contains(&at) && at.is_multiple_of(4),
        tokens: 300 + at * 31 % 200,
    };
    (0..600).map(call).collect()
}

fn store(calls: &[Call]) -> Store {
    let store = Store::new(Limits::default());
    let mut deriver = Deriver::new(&[]).with_prices(Some(Prices::built_in()));
    let mut samples = Samples::default();
    for (at, call) in calls.iter().enumerate() {
        let tokens = Tokens {
            prompt: Some(call.tokens - 100),
            completion: Some(100),
            total: Some(call.tokens),
            ..Tokens::default()
        };
        let mut generation = Generation::new(call.seconds, !call.failed).model(call.model);
        generation = if call.failed {
            generation.with("error_type", if at.is_multiple_of(8) { "rate_limit" } else { "timeout" })
        } else {
            generation.tokens(tokens)
        };
        let generation = generation.with("operation", if at.is_multiple_of(3) { "judge" } else { "answer" });
        deriver.derive(&Event::new(call.time, generation), &mut samples);
        if at.is_multiple_of(10) {
            let evaluation =
                Evaluation::new("faithfulness", 0.8, true).score("faithfulness", (at % 100) as f64 / 100.0);
            deriver.derive(&Event::new(call.time, evaluation), &mut samples);
        }
    }
    store.insert(&samples, NOW);
    store
}

fn account() -> Account {
    let standing = |rule: &str, phase, level, minutes: u64| Standing {
        rule: rule.into(),
        labels: Labels::NONE,
        phase,
        since: NOW.minus(Duration::from_secs(60 * minutes)),
        level: Some(level),
        value: Some(0.163),
        told: Some(NOW.minus(Duration::from_secs(60))),
        reminders: 1,
        held: None,
    };
    let sink = |name: &str, pending, lost| SinkLine { name: name.into(), delivered: 660, pending, lost, failed: false };
    Account {
        phase: Phase::Running,
        elapsed: Some(Duration::from_secs(1_203)),
        events: Some(660),
        rejected: 2,
        rules: Some(vec![
            standing("slow_calls", Stands::Pending, Level::Warning, 1),
            Standing { value: Some(12.5), ..standing("cost", Stands::Inactive, Level::Warning, 0) },
            Standing {
                labels: [("model_name", "gpt-4o")].into_iter().collect(),
                ..standing("failing_calls", Stands::Firing, Level::Error, 4)
            },
            Standing { held: Some(Held::QuietHours), ..standing("calls_stopped", Stands::Firing, Level::Critical, 2) },
        ]),
        sinks: Some(vec![sink("events", 0, 0), sink("metrics", 0, 0), sink("warehouse", 1_200, 12)]),
        log: vec!["WARN sink=warehouse failed to write, trying again: 503".to_owned()],
        ..Account::new("monitoring", Zone::UTC)
    }
}

fn drawn(store: &Store, account: &Account, state: &State, look: Look, size: (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("a buffer");
    let board = Board::ask(store, &state.question(size.0, NOW));
    let mut most = 0;
    terminal.draw(|frame| most = draw(frame, &board, account, state, look)).expect("a buffer takes it");
    assert!(most < 1_000);
    terminal.backend().buffer().clone()
}

/// The characters, a line a row, without the spaces behind them.
fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in 0..buffer.area.height {
        let mut line = String::new();
        let mut column = 0;
        while column < buffer.area.width {
            let symbol = buffer[(column, row)].symbol();
            line.push_str(symbol);
            column += u16::try_from(ratatui::text::Span::raw(symbol).width()).expect("a cell").max(1);
        }
        writeln!(text, "{}", line.trim_end()).expect("memory takes it");
    }
    text
}

fn picture(state: &State, size: (u16, u16)) -> String {
    text(&drawn(&store(&calls()), &account(), state, Look::PLAIN, size))
}

#[test]
fn as_it_looks() {
    for size in [(80, 24), (120, 40), (200, 60), (40, 10)] {
        insta::assert_snapshot!(format!("board_{}x{}", size.0, size.1), picture(&State::default(), size));
    }
    let state = |grouping, span, sort| State { span, grouping, sort, ..State::default() };
    for (name, state) in [
        ("errors", state(Grouping::Error, Span::All, Sort::Calls)),
        ("evaluators", state(Grouping::Evaluator, Span::Quarter, Sort::Name)),
        ("asking", State { owns_run: true, asking: true, ..state(Grouping::None, Span::Hour, Sort::Cost) }),
        ("alerts", State { page: Page::Alerts, ..State::default() }),
        ("log", State { page: Page::Log, ..State::default() }),
        ("help", State { page: Page::Help, ..State::default() }),
    ] {
        insta::assert_snapshot!(name, picture(&state, (80, 24)));
    }
}

#[test]
fn nothing_is_not_zero() {
    let empty = Store::new(Limits::default());
    let seen = text(&drawn(&empty, &Account::new("monitoring", Zone::UTC), &State::default(), Look::PLAIN, (80, 24)));
    insta::assert_snapshot!("nothing", seen);
    // Calls without tokens, of which nobody knows whether they failed.
    let mut samples = Samples::default();
    let metric = monitor_core::Metric::new("generation_time", 1.5);
    Deriver::new(&[]).derive(&Event::new(NOW, metric), &mut samples);
    let store = Store::new(Limits::default());
    store.insert(&samples, NOW);
    let board = Board::ask(&store, &State::default().question(80, NOW));
    let calls = board.calls.expect("a call");
    assert_eq!((calls.count, calls.failed, board.tokens, board.evaluations), (1, None, None, None));
    assert_eq!((board.rows.len(), &board.rows[0].name, board.rows[0].tokens), (1, &None, None));
}

#[test]
fn every_number_is_the_stores_and_that_of_a_naive_count() {
    let calls = calls();
    let store = store(&calls);
    for span in Span::ALL {
        let state = State { span, ..State::default() };
        let board = Board::ask(&store, &state.question(120, NOW));
        let window = span.length().map_or(Window { start: calls[0].time, end: NOW }, |it| Window::last(it, NOW));
        assert_eq!(board.window, window);
        let within: Vec<&Call> = calls.iter().filter(|call| (window.start..=window.end).contains(&call.time)).collect();
        let all = board.calls.expect("calls");
        let failed = within.iter().filter(|call| call.failed).count() as u64;
        assert_eq!((all.count, all.failed), (within.len() as u64, Some((failed, within.len() as u64))));
        let answer = store.stats(&Selector::metric("generation_time"), window).expect("known").expect("calls");
        assert_eq!((all.p50, all.p95, all.p99), (answer.p50, answer.p95, answer.p99));
        let usage = store.token_usage(window);
        let tokens = board.tokens.expect("tokens");
        assert_eq!((tokens.total, tokens.cost), (usage.total_tokens, usage.total_cost_usd));
        assert_eq!(tokens.total, within.iter().filter(|call| !call.failed).map(|call| call.tokens).sum::<u64>());
        let seconds = window.seconds().min(1_200.0);
        assert!((board.seconds - seconds).abs() < 1e-9, "{} {seconds}", board.seconds);

        let by: Vec<Text> = vec!["model_name".into()];
        let groups = store.stats_by(&Selector::metric("generation_time"), window, &by).expect("known");
        assert_eq!(board.rows.len(), groups.len());
        for (row, group) in board.rows.iter().zip(groups) {
            assert_eq!(row.name.as_ref(), group.labels.get("model_name"));
            assert_eq!((row.calls.count, row.calls.p99), (group.stats.count, group.stats.p99));
            let of_model: Vec<&&Call> = within.iter().filter(|call| Some(call.model) == row.name.as_deref()).collect();
            let failed = of_model.iter().filter(|call| call.failed).count() as u64;
            assert_eq!(row.calls.failed, Some((failed, of_model.len() as u64)));
            let tokens = of_model.iter().filter(|call| !call.failed).map(|call| call.tokens).sum::<u64>();
            assert_eq!(row.tokens.map(|tokens| tokens.total), Some(tokens));
        }
        let errors: u64 = board.errors.iter().map(|(_, count)| count).sum();
        assert_eq!(errors, failed);
    }
}

#[test]
fn a_trend_has_every_call_once() {
    let calls = calls();
    let store = store(&calls);
    for columns in [60, 80, 120, 133, 200] {
        // At the end of a step, and in the midst of one.
        for now in [NOW, NOW.plus(Duration::from_millis(1_234))] {
            let state = State { span: Span::Hour, ..State::default() };
            let board = Board::ask(&store, &state.question(columns, now));
            let sum = |trend: &[Option<f64>]| trend.iter().flatten().sum::<f64>() as u64;
            assert_eq!(sum(&board.trends.calls), 600, "{columns}");
            assert_eq!(Some(sum(&board.trends.tokens)), board.tokens.map(|tokens| tokens.total));
            for row in board.rows.iter().filter(|row| !row.trend.is_empty()) {
                assert_eq!(sum(&row.trend), row.calls.count);
            }
            assert!(board.trends.calls.len() == usize::from(draw::layout::trends(columns).0));
            assert!(board.trends.failed.iter().flatten().any(|share| *share > 0.0));
        }
    }
}

#[test]
fn rows_are_in_the_order_that_is_asked_for() {
    let store = store(&calls());
    for sort in Sort::ALL {
        let state = State { sort, span: Span::All, ..State::default() };
        let board = Board::ask(&store, &state.question(80, NOW));
        let rows = state.sorted(&board);
        let numbers: Vec<f64> = rows
            .iter()
            .filter_map(|row| match sort {
                Sort::Calls => Some(row.calls.count as f64),
                Sort::Failed => row.calls.failed_share(),
                Sort::P50 => Some(row.calls.p50),
                Sort::P99 => Some(row.calls.p99),
                Sort::Tokens => row.tokens.map(|tokens| tokens.total as f64),
                Sort::Cost => row.tokens.and_then(|tokens| tokens.cost),
                Sort::Name => None,
            })
            .collect();
        assert!(numbers.is_sorted_by(|a, b| a >= b), "{sort:?}: {numbers:?}");
        if sort == Sort::Name {
            assert!(rows.is_sorted_by_key(|row| row.name.clone()));
        }
    }
}

#[test]
fn no_size_is_too_small_and_no_page_too_large() {
    let (store, account) = (store(&calls()), account());
    for columns in [0, 1, 2, 3, 5, 9, 20, 33, 59, 60, 75, 109, 110, 131, 260] {
        let state = State::default();
        let board = Board::ask(&store, &state.question(columns, NOW));
        for page in [Page::Board, Page::Alerts, Page::Log, Page::Help] {
            for rows in [0, 1, 2, 3, 4, 5, 9, 11, 15, 16, 17, 19, 20, 27, 33, 34, 45, 90] {
                let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a buffer");
                let mut most = usize::MAX;
                // From the top, and from as far down as it goes.
                for _ in 0..2 {
                    let state = State { page, scroll: usize::MAX - most, ..State::default() };
                    terminal
                        .draw(|frame| most = draw(frame, &board, &account, &state, Look::PLAIN))
                        .expect("a buffer takes it");
                    assert!(most < 1_000, "{columns}×{rows}");
                }
            }
        }
    }
}

#[test]
fn labels_do_nothing_to_the_terminal() {
    let mut samples = Samples::default();
    let mut deriver = Deriver::new(&[]);
    let names = [
        "\x1b[2J\x1b]0;title\x07",
        "\u{202e}evil",
        "模型一二三四五六七八九十模型一二三四",
        "a\tb\nc",
        &"x".repeat(300),
    ];
    for name in names {
        deriver.derive(&Event::new(NOW, Generation::new(1.0, true).model(name)), &mut samples);
    }
    let store = Store::new(Limits::default());
    store.insert(&samples, NOW);
    let mut account = account();
    account.title = "\x1b[31mred".to_owned();
    account.log.push("\x1b[2Jgone".to_owned());
    account.rules.iter_mut().flatten().for_each(|rule| rule.rule = "\x1b[2J".into());
    for page in [Page::Board, Page::Alerts, Page::Log] {
        for unicode in [true, false] {
            let look = Look { colour: true, unicode };
            let buffer = drawn(&store, &account, &State { page, ..State::default() }, look, (100, 30));
            for cell in &buffer.content {
                let symbol = cell.symbol();
                assert!(!symbol.chars().any(|c| c.is_control() || c == '\u{202e}'), "{symbol:?}");
                assert!(unicode || symbol.is_ascii(), "{symbol:?}");
            }
        }
    }
    let seen = text(&drawn(&store, &account, &State::default(), Look::PLAIN, (100, 30)));
    assert!(seen.contains("模型") && seen.contains("\\u{202e}evil") && seen.contains("xxx…"), "{seen}");
}

#[test]
fn without_unicode_and_without_colours() {
    let look = Look { colour: false, unicode: false };
    let buffer = drawn(&store(&calls()), &account(), &State::default(), look, (80, 24));
    insta::assert_snapshot!("ascii", text(&buffer));
    assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    let coloured = Look { colour: true, unicode: true };
    let buffer = drawn(&store(&calls()), &account(), &State::default(), coloured, (80, 24));
    assert!(buffer.content.iter().any(|cell| cell.fg == Color::Red));
    assert!(buffer.content.iter().all(|cell| cell.fg != Color::Green));
}
