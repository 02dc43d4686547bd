//! The loop of a view: keys, and the numbers anew once a second. It has a thread of its own; whoever drives what is shown tells it
//! how that goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use monitor_core::store::Store;
use monitor_core::{Clock, Timestamp};
use monitor_viz::top::{self, Account, Action, Board, Key, Look, Phase, State};

use super::screen::{Screen, is_taken};
use crate::exit::Failure;

/// How often the numbers are asked for.
const EVERY: Duration = Duration::from_secs(1);
/// A question takes at most so small a part of the time.
const SHARE: u32 = 5;
/// How often it is looked whether the view is to be left.
const LOOK: Duration = Duration::from_millis(100);

/// What is shown.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) store: Arc<Store>,
    pub(super) now: Now,
    pub(super) account: Account,
}

/// Where windows end.
#[derive(Clone)]
pub(super) enum Now {
    /// At the time of a clock.
    Clock(Clock),
    /// At the newest sample: nothing more will come.
    Newest,
}

impl Now {
    fn of(&self, store: &Store) -> Timestamp {
        match self {
            Self::Clock(clock) => clock.now(),
            Self::Newest => store.extent().map_or_else(|| Clock::System.now(), |extent| extent.end),
        }
    }
}

/// What the view and whoever drives it tell each other.
#[derive(Default)]
pub(super) struct Between {
    shown: Mutex<Option<Shown>>,
    /// The view is to be left.
    pub(super) leave: AtomicBool,
    /// It was left.
    pub(super) left: AtomicBool,
    /// A signal came: what is shown was told to end, or the view is.
    pub(super) signalled: Arc<AtomicBool>,
}

impl Between {
    /// Tells the view what to show from now on.
    pub(super) fn show(&self, shown: Shown) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
    }

    /// Changes what is shown.
    pub(super) fn change(&self, change: impl FnOnce(&mut Shown)) {
        if let Some(shown) = &mut *self.shown.lock().unwrap_or_else(PoisonError::into_inner) {
            change(shown);
        }
    }

    fn shown(&self) -> Option<Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Begins to show the view. With `owns_run` what is shown ends with the view, or goes on without it, as the user says.
pub(super) fn begin(screen: Screen, between: Arc<Between>, owns_run: bool) -> Result<JoinHandle<()>, Failure> {
    let view = move || {
        let mut view = View { screen, between, state: State::default(), owns_run, look: look() };
        view.run();
        let between = Arc::clone(&view.between);
        // What was said is printed before anybody goes on printing.
        drop(view);
        between.left.store(true, Ordering::Release);
    };
    let spawned = std::thread::Builder::new().name("view".to_owned()).spawn(view);
    spawned.map_err(|error| Failure::Run(vec![format!("show the view: {error}")]))
}

fn look() -> Look {
    Look::of(|name| std::env::var(name).ok())
}

struct View {
    screen: Screen,
    between: Arc<Between>,
    state: State,
    owns_run: bool,
    look: Look,
}

impl View {
    fn run(&mut self) {
        let mut next = instant();
        loop {
            if self.is_over() {
                return;
            }
            let began = instant();
            if began >= next {
                if self.draw().is_err() {
                    return self.terminal_is_gone();
                }
                let took = began.elapsed();
                next = began + EVERY.max(took * SHARE);
            }
            let patience = next.saturating_duration_since(instant()).min(LOOK);
            if !self.screen.wait(patience) {
                return self.terminal_is_gone();
            }
            match event::poll(Duration::ZERO) {
                Ok(false) => {}
                Ok(true) => match self.take() {
                    Ok(Action::Leave) => return,
                    Ok(Action::Stop) => {
                        interrupt();
                        next = instant();
                    }
                    Ok(Action::Redraw) => next = instant(),
                    Ok(Action::Nothing) => {}
                    Err(_) => return self.terminal_is_gone(),
                },
                Err(_) => return self.terminal_is_gone(),
            }
        }
    }

    /// All events that are there already.
    fn take(&mut self) -> std::io::Result<Action> {
        let mut action = Action::Nothing;
        loop {
            let new = match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    key_of(key).map_or(Action::Nothing, |key| self.state.key(key))
                }
                Event::Resize(..) => Action::Redraw,
                _ => Action::Nothing,
            };
            match new {
                Action::Leave | Action::Stop => return Ok(new),
                Action::Redraw => action = Action::Redraw,
                Action::Nothing => {}
            }
            if !event::poll(Duration::ZERO)? {
                return Ok(action);
            }
        }
    }

    fn is_over(&mut self) -> bool {
        let signalled = self.between.signalled.load(Ordering::Relaxed);
        self.state.stopping |= signalled;
        if self.between.leave.load(Ordering::Acquire) || !is_taken() {
            return true;
        }
        // What was told to end has ended: nobody looks at it any longer.
        let ended = self.between.shown().is_some_and(|shown| shown.account.phase == Phase::Ended);
        self.state.stopping && (ended || !self.owns_run)
    }

    fn draw(&mut self) -> std::io::Result<()> {
        let Some(Shown { store, now, mut account }) = self.between.shown() else { return Ok(()) };
        let ended = account.phase == Phase::Ended;
        self.state.owns_run = self.owns_run && !ended;
        if self.state.stopping && !ended {
            account.phase = Phase::Stopping;
        }
        account.log = self.screen.said.lines();
        let size = self.screen.terminal.size()?;
        let board = Board::ask(&store, &self.state.question(size.width, now.of(&store)));
        let (state, look) = (&self.state, self.look);
        let mut most = 0;
        self.screen.terminal.draw(|frame| most = top::draw(frame, &board, &account, state, look))?;
        self.state.keep_within(most);
        Ok(())
    }

    /// Nobody can look any more: what goes on only for the view's sake ends, as without a view.
    fn terminal_is_gone(&self) {
        if self.owns_run {
            interrupt();
        }
        self.between.signalled.store(true, Ordering::Relaxed);
    }
}

/// As Ctrl-C does it on a terminal that is not taken: everybody who listens for that hears it.
fn interrupt() {
    // There is such a signal.
    drop(signal_hook::low_level::raise(signal_hook::consts::SIGINT));
}

fn key_of(key: KeyEvent) -> Option<Key> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Key::Interrupt);
    }
    Some(match key.code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Esc => Key::Escape,
        _ => return None,
    })
}

#[expect(clippy::disallowed_methods, reason = "a view is drawn by the time that the machine's clock shows")]
fn instant() -> Instant {
    Instant::now()
}
