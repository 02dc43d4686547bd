//! Pictures in the rows of a terminal: which of three ways it understands, and how each is written.

use std::fs::File;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// How a picture is sent to a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// PNG in pieces ("The terminal graphics protocol", sw.kovidgoyal.net/kitty/graphics-protocol).
    Kitty,
    /// PNG as a file ("Inline Images Protocol", iterm2.com/documentation-images.html).
    Iterm,
    /// Six pixels a character (DEC, "VT330/VT340 Programmer Reference Manual", volume 2, chapter 14).
    Sixel,
}

/// Bytes of a piece at most.
const PIECE: usize = 4_096;
/// A terminal that has not said by then what it can do says nothing.
const PATIENCE: Duration = Duration::from_millis(300);

/// What the terminal of this environment understands. `asked` tells whether it says itself that it knows sixels.
pub(super) fn protocol(variable: impl Fn(&str) -> Option<String>, asked: impl FnOnce() -> bool) -> Option<Protocol> {
    let is = |name: &str, values: &[&str]| variable(name).is_some_and(|value| values.contains(&value.as_str()));
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    // What runs terminals in a terminal takes pictures for text, unless it says otherwise.
    let nested = is_set("TMUX") || is_set("STY");
    if !nested {
        if is_set("KITTY_WINDOW_ID")
            || is("TERM", &["xterm-kitty", "xterm-ghostty"])
            || is("TERM_PROGRAM", &["ghostty"])
        {
            return Some(Protocol::Kitty);
        }
        if is("TERM_PROGRAM", &["iTerm.app", "WezTerm"]) || is("LC_TERMINAL", &["iTerm2"]) {
            return Some(Protocol::Iterm);
        }
    }
    (!is("TERM", &["dumb"]) && asked()).then_some(Protocol::Sixel)
}

/// Asks the terminal for its attributes: 4 among them says that it knows sixels (DEC STD 070, "DA1").
pub(super) fn answers_sixel() -> bool {
    let Ok(mut terminal) = File::options().read(true).write(true).open("/dev/tty") else { return false };
    let Ok(before) = tcgetattr(&terminal) else { return false };
    let mut raw = before.clone();
    raw.make_raw();
    if tcsetattr(&terminal, OptionalActions::Now, &raw).is_err() {
        return false;
    }
    let answer = terminal.write_all(b"\x1b[c").and_then(|()| answer(&mut terminal));
    let restored = tcsetattr(&terminal, OptionalActions::Now, &before);
    restored.is_ok() && answer.is_ok_and(|answer| knows_sixel(&answer))
}

#[expect(clippy::disallowed_methods, reason = "how long a terminal takes is no time of events")]
fn answer(terminal: &mut File) -> std::io::Result<Vec<u8>> {
    let (begun, mut answer) = (Instant::now(), Vec::new());
    while !answer.ends_with(b"c") {
        let Some(left) = PATIENCE.checked_sub(begun.elapsed()) else { break };
        let left = Timespec { tv_sec: 0, tv_nsec: left.as_nanos() as i64 };
        if poll(&mut [PollFd::new(terminal, PollFlags::IN)], Some(&left))? == 0 {
            break;
        }
        let mut byte = [0];
        if terminal.read(&mut byte)? == 0 {
            break;
        }
        answer.push(byte[0]);
    }
    Ok(answer)
}

fn knows_sixel(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let attributes = text.strip_prefix("\x1b[?").and_then(|rest| rest.strip_suffix('c'));
    attributes.is_some_and(|attributes| attributes.split(';').any(|attribute| attribute == "4"))
}

/// A PNG for a terminal that shows it in so many columns.
pub(super) fn kitty(png: &[u8], columns: u16) -> String {
    let text = STANDARD.encode(png);
    let pieces: Vec<_> = text.as_bytes().chunks(PIECE).collect();
    let mut out = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        let more = u8::from(at + 1 < pieces.len());
        let head = if at == 0 { format!("a=T,f=100,q=2,c={columns},m={more}") } else { format!("m={more}") };
        out += &format!("\x1b_G{head};{}\x1b\\", String::from_utf8_lossy(piece));
    }
    out
}

/// The same, as the other terminals take it.
pub(super) fn iterm(png: &[u8], columns: u16) -> String {
    let (size, text) = (png.len(), STANDARD.encode(png));
    format!("\x1b]1337;File=inline=1;size={size};width={columns};preserveAspectRatio=1:{text}\x07")
}

/// RGB pixels as sixels.
///
/// # Errors
/// When there are no pixels, or not as many as the size says.
pub(super) fn sixel(rgb: &[u8], (width, height): (u32, u32)) -> Result<String, icy_sixel::SixelError> {
    let rgba = rgb.chunks_exact(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect();
    icy_sixel::SixelImage::from_rgba(rgba, width as usize, height as usize).encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)], asked: bool) -> Option<Protocol> {
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        protocol(value, || asked)
    }

    #[test]
    fn terminals_are_known_by_their_environment_or_by_what_they_say() {
        assert_eq!(of(&[("KITTY_WINDOW_ID", "1")], false), Some(Protocol::Kitty));
        assert_eq!(of(&[("TERM", "xterm-ghostty")], false), Some(Protocol::Kitty));
        assert_eq!(of(&[("TERM_PROGRAM", "iTerm.app")], false), Some(Protocol::Iterm));
        assert_eq!(of(&[("TERM", "xterm-256color")], true), Some(Protocol::Sixel));
        assert_eq!(of(&[("TERM", "xterm-256color")], false), None);
        assert_eq!(of(&[("TERM", "dumb")], true), None);
        assert_eq!(of(&[("KITTY_WINDOW_ID", "1"), ("TMUX", "/a,1,0")], false), None, "a terminal in a terminal");
        assert_eq!(of(&[("KITTY_WINDOW_ID", "1"), ("TMUX", "/a,1,0")], true), Some(Protocol::Sixel));
    }

    #[test]
    fn attributes_of_terminals() {
        assert!(knows_sixel(b"\x1b[?62;4;22c") && knows_sixel(b"\x1b[?4c"));
        for answer in ["", "\x1b[?62;14;22c", "\x1b[?62;4;22", "4c"] {
            assert!(!knows_sixel(answer.as_bytes()), "{answer:?}");
        }
    }

    #[test]
    fn a_picture_in_pieces_is_the_picture() {
        let png: Vec<u8> = (0..10_000_u32).map(|at| (at % 251) as u8).collect();
        let text = kitty(&png, 80);
        let pieces: Vec<&str> = text.split("\x1b\\").filter(|piece| !piece.is_empty()).collect();
        assert!(pieces.len() > 1 && pieces[0].starts_with("\x1b_Ga=T,f=100,q=2,c=80,m=1;"));
        assert!(pieces.last().expect("a piece").starts_with("\x1b_Gm=0;"));
        let joined: String = pieces.iter().map(|piece| piece.split_once(';').expect("a head").1).collect();
        assert_eq!(STANDARD.decode(joined).expect("base64"), png);
        let whole = iterm(&png, 80);
        let (head, body) = whole.split_once(':').expect("a head");
        assert_eq!(head, "\x1b]1337;File=inline=1;size=10000;width=80;preserveAspectRatio=1");
        assert_eq!(STANDARD.decode(body.trim_end_matches('\x07')).expect("base64"), png);
    }

    #[test]
    fn sixels_are_read_back_as_the_picture() {
        let rgb: Vec<u8> = (0..12 * 12).flat_map(|at| if at % 12 < 6 { [0xFF, 0, 0] } else { [0, 0, 0xFF] }).collect();
        let text = sixel(&rgb, (12, 12)).expect("a picture");
        let back = icy_sixel::SixelImage::decode(text.as_bytes()).expect("sixels");
        assert_eq!((back.width, back.height), (12, 12));
        let far = back
            .pixels
            .chunks_exact(4)
            .zip(rgb.chunks_exact(3))
            .flat_map(|(a, b)| [0, 1, 2].map(|c| a[c].abs_diff(b[c])));
        assert!(far.max().expect("pixels") < 8);
    }
}
