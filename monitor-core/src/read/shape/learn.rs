//! The shape of a line that was read the long way: what stands between its values, and what each value means.

use super::pieces::Pieces;
use super::token::Token;
use super::{ScoreValues, Shape, Slot};
use crate::Text;
use crate::event::{Kind, KindSet};

/// No shape has more values, or more bytes between them.
const MOST_VALUES: usize = 64;
const MOST_BYTES: usize = 4_096;
/// `data`, `scores`, the name of a score, and `feedback`.
const DEEPEST: usize = 4;

const GENERATION: KindSet = KindSet::of(&[Kind::Generation]);
const EVALUATION: KindSet = KindSet::of(&[Kind::Evaluation]);
const EITHER: KindSet = KindSet::of(&[Kind::Generation, Kind::Evaluation]);
const METRIC: KindSet = KindSet::of(&[Kind::Metric]);
const LOG: KindSet = KindSet::of(&[Kind::Log]);

/// The fields of each kind. Every other key is an attribute.
const FIELDS: [(&str, KindSet, Slot); 17] = [
    ("timestamp", KindSet::ALL, Slot::Time),
    ("duration", EITHER, Slot::Duration),
    ("success", EITHER, Slot::Success),
    ("model_name", EITHER, Slot::Model),
    ("finish_reason", GENERATION, Slot::FinishReason),
    ("prompt_token_count", EITHER, Slot::Count(0)),
    ("completion_token_count", EITHER, Slot::Count(1)),
    ("total_token_count", EITHER, Slot::Count(2)),
    ("cached_token_count", EITHER, Slot::Count(3)),
    ("reasoning_token_count", EITHER, Slot::Count(4)),
    ("conversation_length", GENERATION, Slot::Count(5)),
    ("error", EITHER, Slot::Error),
    ("evaluator_type", EVALUATION, Slot::Name),
    ("metric", METRIC, Slot::Name),
    ("value", METRIC, Slot::Value),
    ("level", LOG, Slot::Level),
    ("message", LOG, Slot::Message),
];

/// What the place of a value says of it.
enum Meaning<'a> {
    /// It is the same in all lines of the shape.
    Piece,
    Field(Slot),
    Score(&'a str),
    Feedback(&'a str),
    /// Within `metadata`.
    Inner(&'a str),
    /// Beside the fields.
    Outer(&'a str),
}

impl Shape {
    /// The shape of a line of this kind; `None` if it holds something that is not predicted: lists, objects in places that
    /// have no meaning, keys with escapes or given twice.
    pub(super) fn learn(line: &str, in_log: bool, kind: Kind) -> Option<Self> {
        if kind == Kind::Alert {
            return None;
        }
        let leaves = Leaves::of(line)?;
        let place = Place { kind, in_log, tracked: in_log && EITHER.contains(kind) };
        let meanings = leaves.iter().map(|leaf| place.meaning(leaf, line)).collect::<Option<Vec<_>>>()?;
        let inner =
            meanings.iter().filter_map(|meaning| if let Meaning::Inner(name) = meaning { Some(*name) } else { None });
        let outer =
            meanings.iter().filter_map(|meaning| if let Meaning::Outer(name) = meaning { Some(*name) } else { None });
        // In this order they become metadata.
        let attributes: Vec<&str> = inner.chain(outer).collect();
        if (1..attributes.len()).any(|at| attributes[..at].contains(&attributes[at])) {
            return None;
        }
        let mut scores: Vec<&str> = leaves.iter().filter_map(|leaf| place.score(leaf)).collect();
        scores.dedup();
        let mut scores: Vec<ScoreValues> =
            scores.into_iter().map(|name| ScoreValues { name: Text::new(name), value: None, feedback: None }).collect();
        let mut attribute_values = vec![0; attributes.len()];
        let (mut pieces, mut slots, mut open, mut begin) = (Pieces::default(), Vec::new(), 0, 0);
        for (leaf, meaning) in leaves.iter().zip(meanings) {
            let (place, mut slot) = (open, Slot::Open);
            match meaning {
                Meaning::Piece => continue,
                Meaning::Field(field) => slot = field,
                Meaning::Score(name) => named(&mut scores, name)?.value = Some(place),
                Meaning::Feedback(name) => named(&mut scores, name)?.feedback = Some(place),
                Meaning::Inner(name) | Meaning::Outer(name) => {
                    attribute_values[attributes.iter().position(|known| *known == name)?] = place;
                }
            }
            pieces.push(line.as_bytes().get(begin..leaf.start)?);
            open += usize::from(matches!(slot, Slot::Open));
            slots.push(slot);
            begin = leaf.token?.behind();
        }
        pieces.end(line.as_bytes().get(begin..)?);
        let attributes: Vec<_> = attributes.into_iter().map(Text::new).collect();
        let attributes = attributes.into();
        (pieces.bytes() <= MOST_BYTES).then_some(Self {
            kind,
            in_log,
            pieces,
            slots,
            scores,
            attributes,
            attribute_values,
        })
    }
}

fn named<'a>(scores: &'a mut [ScoreValues], name: &str) -> Option<&'a mut ScoreValues> {
    scores.iter_mut().find(|score| score.name == name)
}

/// Where the values of a line stand.
struct Place {
    kind: Kind,
    in_log: bool,
    /// Whether the event is what stands under `data`.
    tracked: bool,
}

impl Place {
    fn meaning<'a>(&self, leaf: &Leaf<'a>, line: &str) -> Option<Meaning<'a>> {
        let keys = match (self.tracked, leaf.keys.as_slice()) {
            (true, ["message"]) => return Some(Meaning::Piece),
            (true, [_]) => return leaf.token.map(|_| Meaning::Field(Slot::Open)),
            // What is nested beside the event is not part of it, whatever it is called.
            (true, [beside, ..]) if *beside != "data" => return None,
            (true, [_, keys @ ..]) | (_, keys) => keys,
        };
        let judged = self.kind == Kind::Evaluation;
        match (keys, leaf.token) {
            // Neither an empty object nor null says anything here.
            (["metadata" | "scores"], token) if judged || keys == ["metadata"] => {
                token.is_none_or(|token| token.is_null(line)).then_some(Meaning::Piece)
            }
            // It tells the kind, which is then known to be that of the event.
            (["type"], Some(token)) if !self.in_log => token.text(line)?.parse::<Kind>().ok().map(|_| Meaning::Piece),
            // It may be the event's time, or not, as `timestamp` beside it says.
            (_, None) | (["metadata", "timestamp"], _) => None,
            (["metadata", name], _) => Some(Meaning::Inner(name)),
            (["scores", name] | ["scores", name, "score"], _) if judged => Some(Meaning::Score(name)),
            (["scores", name, "feedback"], _) if judged => Some(Meaning::Feedback(name)),
            (["scores", _, _], _) if judged => Some(Meaning::Field(Slot::Open)),
            ([name], _) => Some(self.field(name).map_or(Meaning::Outer(name), Meaning::Field)),
            _ => None,
        }
    }

    fn field(&self, name: &str) -> Option<Slot> {
        // Other lines of the log happened at the time before them.
        if name == "timestamp" && self.in_log && !self.tracked {
            return None;
        }
        let field = FIELDS.iter().find(|(field, kinds, _)| *field == name && kinds.contains(self.kind));
        field.map(|(_, _, slot)| *slot)
    }

    /// The score that a value belongs to.
    fn score<'a>(&self, leaf: &Leaf<'a>) -> Option<&'a str> {
        let keys = if self.tracked { leaf.keys.strip_prefix(&["data"])? } else { &leaf.keys };
        match keys {
            ["scores", name, ..] if self.kind == Kind::Evaluation => Some(name),
            _ => None,
        }
    }
}

/// A value that is not nested, or an empty object, under the keys that lead to it.
struct Leaf<'a> {
    keys: Vec<&'a str>,
    start: usize,
    /// `None` for an empty object.
    token: Option<Token>,
}

/// Finds the leaves of a line, which is known to be an object.
struct Leaves<'a> {
    line: &'a str,
    at: usize,
    keys: Vec<&'a str>,
    found: Vec<Leaf<'a>>,
}

impl<'a> Leaves<'a> {
    fn of(line: &'a str) -> Option<Vec<Leaf<'a>>> {
        let mut leaves = Self { line, at: 0, keys: Vec::new(), found: Vec::new() };
        leaves.skip_blanks();
        leaves.object()?;
        (leaves.at == line.len()).then_some(leaves.found)
    }

    fn object(&mut self) -> Option<()> {
        self.skip(b'{')?;
        self.skip_blanks();
        if self.skip(b'}').is_some() {
            return self.push(self.at, None);
        }
        let mut seen = Vec::new();
        loop {
            self.skip_blanks();
            let key = Token::at(self.line.as_bytes(), self.at)?;
            let name = key.plain(self.line)?;
            if seen.contains(&name) || self.keys.len() == DEEPEST {
                return None;
            }
            seen.push(name);
            self.keys.push(name);
            self.at = key.behind();
            self.skip_blanks();
            self.skip(b':')?;
            self.skip_blanks();
            self.value()?;
            self.keys.pop();
            self.skip_blanks();
            if self.skip(b',').is_none() {
                return self.skip(b'}');
            }
        }
    }

    fn value(&mut self) -> Option<()> {
        if self.line.as_bytes().get(self.at) == Some(&b'{') {
            return self.object();
        }
        let token = Token::at(self.line.as_bytes(), self.at)?;
        token.scalar(self.line)?;
        let start = std::mem::replace(&mut self.at, token.behind());
        self.push(start, Some(token))
    }

    fn push(&mut self, start: usize, token: Option<Token>) -> Option<()> {
        self.found.push(Leaf { keys: self.keys.clone(), start, token });
        (self.found.len() <= MOST_VALUES).then_some(())
    }

    fn skip(&mut self, byte: u8) -> Option<()> {
        (self.line.as_bytes().get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn skip_blanks(&mut self) {
        let rest = &self.line.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
    }
}
