//! What a run looks like while it goes on, on a terminal: the view alone. It knows no clock, no thread and no terminal, so all of it
//! can be tried on a buffer: numbers come as a [`Board`], which is asked of a store; what no store knows comes as an [`Account`];
//! keys change a [`State`]; and [`draw`] puts all three onto a frame.
//!
//! ```
//! use monitor_core::store::{Limits, Store};
//! use monitor_core::{Timestamp, Zone};
//! use monitor_viz::top::{self, Account, Board, Look, State};
//! use ratatui::{Terminal, backend::TestBackend};
//!
//! let store = Store::new(Limits::default());
//! let (state, account) = (State::default(), Account::new("monitoring", Zone::UTC));
//! let mut terminal = Terminal::new(TestBackend::new(80, 24))?;
//! let board = Board::ask(&store, &state.question(80, Timestamp::from_secs(1_777_903_202)));
//! terminal.draw(|frame| {
//!     top::draw(frame, &board, &account, &state, Look::PLAIN);
//! })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod account;
mod board;
mod draw;
mod look;
mod state;
mod units;

pub use account::{Account, Phase, SinkLine};
pub use board::{Board, Calls, Question, Row, Score, Tokens, Trends};
pub use draw::draw;
pub use look::Look;
pub use state::{Action, Grouping, Key, Page, Sort, Span, State};

#[cfg(test)]
mod tests;
