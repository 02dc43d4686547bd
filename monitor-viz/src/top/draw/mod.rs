//! From numbers to characters. A page is put together of sections, each of which takes its rows from the top of what is left.

pub(super) mod layout;
mod pages;
mod panels;
mod pen;
mod table;
mod tiles;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use self::pen::{Pen, fitting};
use super::account::{Account, Phase};
use super::board::Board;
use super::look::Look;
use super::state::{self, Page, State};
use super::units::{count, length, percent};

/// Draws the view, and says how far it can be scrolled: see [`State::keep_within`].
pub fn draw(frame: &mut Frame<'_>, board: &Board, account: &Account, state: &State, look: Look) -> usize {
    let mut area = frame.area();
    let mut pen = Pen::new(frame.buffer_mut(), look);
    let view = View { board, account, state };
    let footer = if area.height >= 4 { take_last(&mut area) } else { Rect::default() };
    let most = match state.page {
        Page::Board => view.board(&mut pen, &mut area),
        Page::Alerts => view.alerts(&mut pen, &mut area),
        Page::Log => view.log(&mut pen, &mut area),
        Page::Help => view.help(&mut pen, &mut area),
    };
    view.footer(&mut pen, footer);
    if !look.unicode {
        pen.only_ascii();
    }
    most
}

/// All that is shown.
struct View<'a> {
    board: &'a Board,
    account: &'a Account,
    state: &'a State,
}

/// The first rows of an area, of which the rest is left.
fn take(area: &mut Rect, rows: u16) -> Rect {
    let taken = Rect { height: rows.min(area.height), ..*area };
    area.y += taken.height;
    area.height -= taken.height;
    taken
}

fn take_last(area: &mut Rect) -> Rect {
    area.height = area.height.saturating_sub(1);
    Rect { y: area.y + area.height, height: 1, ..*area }
}

/// Without a column at each side.
fn inner(area: Rect) -> Rect {
    if area.width < 4 { area } else { Rect { x: area.x + 1, width: area.width - 2, ..area } }
}

impl View<'_> {
    fn board(&self, pen: &mut Pen<'_>, area: &mut Rect) -> usize {
        let (columns, rows) = (area.width, area.height + 1);
        self.header(pen, take(area, 1));
        if layout::tiled(columns, rows) {
            if rows >= 20 {
                take(area, 1);
            }
            let trend = match rows {
                ..28 => 1,
                28..36 => 2,
                36..50 => 4,
                _ => 6,
            };
            self.tiles(pen, inner(take(area, 3 + trend)));
        } else {
            self.lines(pen, area);
        }
        self.firing(pen, area, rows);
        let beside = layout::beside(columns);
        if beside > 0 {
            let mut panels = inner(*area);
            panels.x += panels.width - beside;
            panels.width = beside;
            self.panels_below(pen, panels);
        } else if rows >= 34 {
            let panels = inner(Rect { y: area.y + area.height - 9, height: 9, ..*area });
            area.height -= 10;
            self.panels_beside(pen, panels);
        } else if rows >= 18 {
            let line = take_last(area);
            self.sinks_in_a_line(pen, inner(line));
        }
        let table = inner(*area);
        self.table(pen, Rect { width: layout::table(columns).min(table.width), ..table })
    }

    /// What is looked at and how it goes on; at the right the windows, and the time.
    fn header(&self, pen: &mut Pen<'_>, area: Rect) {
        let look = pen.look;
        let area = inner(area);
        let now = self.board.window.end.to_local(&self.account.zone).format("%H:%M:%S").to_string();
        let mut right: Vec<Span<'_>> = Vec::new();
        for span in state::Span::ALL {
            let style = if span == self.state.span {
                look.accent().add_modifier(Modifier::REVERSED | Modifier::BOLD)
            } else {
                look.faint()
            };
            right.push(Span::styled(format!(" {} ", span.as_str()), style));
        }
        right.push(Span::raw(format!("  {now}")));
        let right = Line::from(right);
        let width = u16::try_from(right.width()).unwrap_or(u16::MAX);
        // Of a small terminal only what is looked at is told.
        let right_width = if area.width >= width + 24 { width } else { 0 };
        let left = Rect { width: area.width - right_width, ..area };
        let account = self.account;
        let title = Span::styled("monitor", look.accent().add_modifier(Modifier::BOLD));
        let (mark, word) = match account.phase {
            Phase::Reading(part) => ("●", format!("reading {}", percent(part))),
            Phase::Running => ("●", "running".to_owned()),
            Phase::Stopping => ("●", "stopping".to_owned()),
            Phase::Ended => ("■", "ended".to_owned()),
        };
        let style = match account.phase {
            Phase::Ended => look.faint(),
            Phase::Stopping => look.warning(),
            _ => look.accent(),
        };
        let elapsed = account.elapsed.map_or_else(String::new, |elapsed| format!(" {}", length(elapsed)));
        let mut line = Line::from(vec![
            title,
            Span::styled(format!("  {}", fitting(&account.title, 30)), look.strong()),
            Span::styled(format!("  {mark} "), style),
            Span::raw(format!("{word}{elapsed}")),
        ]);
        let events = account.events.map(|events| {
            let word = if events == 1 { "event" } else { "events" };
            Span::styled(format!("  {} {word}", count(events)), look.faint())
        });
        let rejected = (account.rejected > 0)
            .then(|| Span::styled(format!("  {} rejected", count(account.rejected)), look.warning()));
        // What finds no room as a whole is left out; what went wrong comes first.
        for more in rejected.into_iter().chain(events) {
            if line.width() + more.width() <= usize::from(left.width.saturating_sub(2)) {
                line.push_span(more);
            }
        }
        pen.line(left, &line);
        if right_width > 0 {
            pen.line(Rect { x: area.x + area.width - width, width, ..area }, &right);
        }
    }

    /// The keys; or the question that one of them has asked.
    fn footer(&self, pen: &mut Pen<'_>, area: Rect) {
        if area.is_empty() {
            return;
        }
        let look = pen.look;
        let (key, faint) = (look.accent().add_modifier(Modifier::BOLD), look.faint());
        if self.state.asking {
            let keys = [("y", "yes"), ("n", "no, go on watching"), ("d", "leave the view, the run goes on")];
            let mut spans = vec![Span::styled(" Stop the run? ", look.warning().add_modifier(Modifier::REVERSED))];
            spans.extend(
                keys.iter().flat_map(|(name, what)| [Span::styled(format!("  {name} "), key), Span::raw(*what)]),
            );
            return pen.line(area, &Line::from(spans));
        }
        let back = self.state.page != Page::Board;
        let keys: &[(&str, &str)] = if back {
            &[("↑↓", "scroll"), ("a", "alerts"), ("l", "log"), ("?", "keys"), ("Esc", "back"), ("q", "quit")]
        } else {
            &[
                ("q", "quit"),
                ("w", "window"),
                ("g", "group"),
                ("s", "sort"),
                ("↑↓", "scroll"),
                ("a", "alerts"),
                ("l", "log"),
                ("?", "keys"),
            ]
        };
        let mut spans = Vec::new();
        for (name, what) in keys {
            spans.push(Span::styled(format!(" {name}"), key));
            spans.push(Span::styled(format!(" {what} "), faint));
        }
        pen.line(area, &Line::from(spans));
    }
}
