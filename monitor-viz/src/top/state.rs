//! What keys change: the window, the grouping, the order, what is shown and from where on.

use std::time::Duration;

use monitor_core::Timestamp;

use super::board::{Board, Question, Row};
use super::draw::layout;

/// How far back is looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    /// A minute.
    Minute,
    /// Five minutes.
    #[default]
    FiveMinutes,
    /// A quarter of an hour.
    Quarter,
    /// An hour.
    Hour,
    /// All that there is.
    All,
}

/// What the rows of the table are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Calls by model.
    #[default]
    Model,
    /// Calls by what they were for.
    Operation,
    /// Evaluations by who judged.
    Evaluator,
    /// Calls that failed, by why.
    Error,
    /// All calls in one.
    None,
}

/// What the rows are sorted by, the largest first; names from A to Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// How many.
    #[default]
    Calls,
    /// The share that failed.
    Failed,
    /// The median time.
    P50,
    /// The time of the slowest in a hundred.
    P99,
    /// Tokens.
    Tokens,
    /// What they cost.
    Cost,
    /// The name.
    Name,
}

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Numbers.
    #[default]
    Board,
    /// Every rule.
    Alerts,
    /// What was said meanwhile.
    Log,
    /// The keys.
    Help,
}

/// A key, as far as one means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// Ten rows up.
    PageUp,
    /// Ten rows down.
    PageDown,
    /// To the first row.
    Home,
    /// To the last row.
    End,
    /// The same as `q`, but that it first leaves a page or a question.
    Escape,
    /// Ctrl-C.
    Interrupt,
}

/// What a key asks of whoever shows the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// To ask for the numbers anew, and draw them.
    Redraw,
    /// To leave the view; what it shows goes on.
    Leave,
    /// To end the run, and go on showing it until it has; asked for again, more firmly.
    Stop,
}

/// What keys have changed.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// How far back is looked.
    pub span: Span,
    /// What the rows are.
    pub grouping: Grouping,
    /// Their order.
    pub sort: Sort,
    /// What is shown.
    pub page: Page,
    /// Rows of the page that are not shown, as they are above.
    pub scroll: usize,
    /// Whether a run goes on that ends with the view, or does not: `q` asks.
    pub owns_run: bool,
    /// Whether that run was told to end.
    pub stopping: bool,
    /// Whether the question stands there.
    pub asking: bool,
}

impl Span {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Minute, Self::FiveMinutes, Self::Quarter, Self::Hour, Self::All];

    /// How long it is; nothing for all that there is.
    pub const fn length(self) -> Option<Duration> {
        match self {
            Self::Minute => Some(Duration::from_secs(60)),
            Self::FiveMinutes => Some(Duration::from_secs(300)),
            Self::Quarter => Some(Duration::from_secs(900)),
            Self::Hour => Some(Duration::from_secs(3_600)),
            Self::All => None,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::FiveMinutes => "5m",
            Self::Quarter => "15m",
            Self::Hour => "1h",
            Self::All => "all",
        }
    }
}

impl Grouping {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Model, Self::Operation, Self::Evaluator, Self::Error, Self::None];

    /// The label that the rows are the values of.
    pub const fn label(self) -> Option<&'static str> {
        match self {
            Self::Model => Some("model_name"),
            Self::Operation => Some("operation"),
            Self::Evaluator => Some("evaluator_type"),
            Self::Error => Some("error_type"),
            Self::None => None,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Operation => "operation",
            Self::Evaluator => "evaluator",
            Self::Error => "error",
            Self::None => "all",
        }
    }
}

impl Sort {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [Self::Calls, Self::Failed, Self::P50, Self::P99, Self::Tokens, Self::Cost, Self::Name];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Failed => "failed",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Name => "name",
        }
    }

    /// What a row is placed by; what there is no number for comes last.
    fn key(self, row: &Row) -> f64 {
        let value = match self {
            Self::Calls => Some(row.calls.count as f64),
            Self::Failed => row.calls.failed_share(),
            Self::P50 => Some(row.calls.p50),
            Self::P99 => Some(row.calls.p99),
            Self::Tokens => row.tokens.as_ref().map(|tokens| tokens.total as f64),
            Self::Cost => row.tokens.as_ref().and_then(|tokens| tokens.cost),
            Self::Name => None,
        };
        value.unwrap_or(f64::NEG_INFINITY)
    }
}

fn next<T: Copy + PartialEq>(all: &[T], now: T, steps: usize) -> T {
    let at = all.iter().position(|known| *known == now).unwrap_or(0);
    all[(at + steps) % all.len()]
}

impl State {
    /// What is to be asked of the store for a view of so many columns.
    pub fn question(&self, columns: u16, now: Timestamp) -> Question {
        let (trend, row_trend) = layout::trends(columns);
        Question { span: self.span, grouping: self.grouping, now, trend, row_trend }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Action {
        if key == Key::Interrupt {
            return self.interrupt();
        }
        if self.asking {
            self.asking = false;
            return match key {
                Key::Char('y' | 'Y') => self.stop(),
                Key::Char('d' | 'D') => Action::Leave,
                _ => Action::Redraw,
            };
        }
        match key {
            Key::Char('q') => return self.quit(),
            Key::Escape if self.page == Page::Board => return self.quit(),
            Key::Escape => self.show(self.page),
            Key::Char('w') => self.span = next(&Span::ALL, self.span, 1),
            Key::Char('W') => self.span = next(&Span::ALL, self.span, Span::ALL.len() - 1),
            Key::Char(digit @ '1'..='5') => self.span = Span::ALL[digit as usize - '1' as usize],
            Key::Char('g') => self.group(1),
            Key::Char('G') => self.group(Grouping::ALL.len() - 1),
            Key::Char('s') => self.sort = next(&Sort::ALL, self.sort, 1),
            Key::Char('S') => self.sort = next(&Sort::ALL, self.sort, Sort::ALL.len() - 1),
            Key::Char('a') => self.show(Page::Alerts),
            Key::Char('l') => self.show(Page::Log),
            Key::Char('?' | 'h') => self.show(Page::Help),
            Key::Up | Key::Char('k') => self.scroll = self.scroll.saturating_sub(1),
            Key::Down | Key::Char('j') => self.scroll = self.scroll.saturating_add(1),
            Key::PageUp => self.scroll = self.scroll.saturating_sub(10),
            Key::PageDown => self.scroll = self.scroll.saturating_add(10),
            Key::Home => self.scroll = 0,
            Key::End => self.scroll = usize::MAX,
            _ => return Action::Nothing,
        }
        Action::Redraw
    }

    /// Scrolls no further than to the last row; `most` is what [`draw`](super::draw) says.
    pub fn keep_within(&mut self, most: usize) {
        self.scroll = self.scroll.min(most);
    }

    /// The rows in their order.
    pub fn sorted<'a>(&self, board: &'a Board) -> Vec<&'a Row> {
        let mut rows: Vec<&Row> = board.rows.iter().collect();
        rows.sort_by(|a, b| self.sort.key(b).total_cmp(&self.sort.key(a)).then_with(|| a.name.cmp(&b.name)));
        rows
    }

    fn group(&mut self, steps: usize) {
        self.grouping = next(&Grouping::ALL, self.grouping, steps);
        self.scroll = 0;
    }

    /// The same key shows a page and leaves it.
    fn show(&mut self, page: Page) {
        self.page = if self.page == page { Page::Board } else { page };
        // What was said last is at the end.
        self.scroll = if self.page == Page::Log { usize::MAX } else { 0 };
    }

    fn quit(&mut self) -> Action {
        if self.owns_run && !self.stopping {
            self.asking = true;
            return Action::Redraw;
        }
        Action::Leave
    }

    fn stop(&mut self) -> Action {
        self.stopping = true;
        Action::Stop
    }

    fn interrupt(&mut self) -> Action {
        if self.owns_run { self.stop() } else { Action::Leave }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(state: &mut State, keys: &str) -> Vec<Action> {
        keys.chars().map(|c| state.key(Key::Char(c))).collect()
    }

    #[test]
    fn windows_and_groupings_go_round() {
        let mut state = State::default();
        let spans: Vec<Span> = (0..5)
            .map(|_| {
                state.key(Key::Char('w'));
                state.span
            })
            .collect();
        assert_eq!(spans, [Span::Quarter, Span::Hour, Span::All, Span::Minute, Span::FiveMinutes]);
        keys(&mut state, "W");
        assert_eq!(state.span, Span::Minute);
        keys(&mut state, "4");
        assert_eq!(state.span, Span::Hour);
        keys(&mut state, "gG");
        assert_eq!(state.grouping, Grouping::Model);
        keys(&mut state, "G");
        assert_eq!(state.grouping, Grouping::None);
        assert_eq!(state.key(Key::Char('x')), Action::Nothing);
    }

    #[test]
    fn what_is_looked_at_from_outside_is_left_without_a_question() {
        assert_eq!(State::default().key(Key::Char('q')), Action::Leave);
        assert_eq!(State::default().key(Key::Interrupt), Action::Leave);
        let mut state = State { page: Page::Alerts, ..State::default() };
        assert_eq!((state.key(Key::Escape), state.page), (Action::Redraw, Page::Board));
        assert_eq!(state.key(Key::Escape), Action::Leave);
    }

    #[test]
    fn a_run_of_ones_own_is_only_ended_on_purpose() {
        let own = || State { owns_run: true, ..State::default() };
        assert_eq!(keys(&mut own(), "qnq"), [Action::Redraw; 3]);
        assert_eq!(keys(&mut own(), "qd"), [Action::Redraw, Action::Leave]);
        let mut state = own();
        assert_eq!(keys(&mut state, "qyq"), [Action::Redraw, Action::Stop, Action::Leave]);
        let mut state = own();
        assert_eq!([(); 2].map(|()| state.key(Key::Interrupt)), [Action::Stop, Action::Stop]);
    }

    #[test]
    fn scrolling_stays_within_the_rows() {
        let mut state = State::default();
        state.key(Key::End);
        state.keep_within(20);
        assert_eq!(state.scroll, 20);
        state.key(Key::PageUp);
        assert_eq!(state.scroll, 10);
        state.keep_within(0);
        assert_eq!(state.scroll, 0);
    }
}
