//! The page about two runs: what differs, how sure that is, and which differences chance alone would make as well.

mod forest;
mod gather;
mod interval;
#[cfg(test)]
mod tests;

use gather::{Compared, Outcome};

use super::page::{Block, Cell, Page, Quote, Section, Table, Tile};
use super::run::{Look, charts, spread};
use super::{Options, ReportError, Run, words};
use crate::draw::{Color, Curve};

/// A difference counts as one if its p-value, corrected for how many are looked at, is below this.
const LIKELY: f64 = 0.05;

/// What is thought of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Better,
    Worse,
    Differs,
    Noise,
    TooFew,
}

impl Verdict {
    fn of(compared: &Compared) -> Self {
        let Some(Outcome { difference, corrected, .. }) = compared.outcome else { return Self::TooFew };
        match compared.good {
            _ if corrected >= LIKELY => Self::Noise,
            None => Self::Differs,
            Some(more_is_good) if more_is_good == (difference.value > 0.0) => Self::Better,
            Some(_) => Self::Worse,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Differs => "differs",
            Self::Noise => "likely noise",
            Self::TooFew => "too few",
        }
    }

    const fn mood(self) -> &'static str {
        match self {
            Self::Better => "good",
            Self::Worse => "bad",
            Self::Differs => "",
            Self::Noise | Self::TooFew => "quiet",
        }
    }

    const fn is_likely(self) -> bool {
        matches!(self, Self::Better | Self::Worse | Self::Differs)
    }
}

/// The page about two runs.
pub(super) fn page(a: &Run<'_>, b: &Run<'_>, options: &Options) -> Result<Page, ReportError> {
    let looks = [Look::at(a, &options.zone)?, Look::at(b, &options.zone)?];
    let compared = gather::gather(&looks);
    let [about_a, about_b] = [&looks[0], &looks[1]].map(|look| {
        let events = words::counted(look.run.findings.events, "event", "events");
        format!(
            "{}, {events} in {} from {}",
            look.run.name,
            words::length(look.window.start, look.window.end),
            words::moment(look.window.start, look.zone)
        )
    });
    let sections = vec![summary(&compared), differences(&looks, &compared), shapes(&looks)?, method(&compared)];
    Ok(Page {
        title: options.title.clone().unwrap_or_else(|| format!("{} against {}", b.name, a.name)),
        offset: looks[1].offset(),
        about: format!("A: {about_a}. B: {about_b}."),
        tiles: tiles(&looks, &compared),
        sections: sections.into_iter().filter(|section| !section.blocks.is_empty()).collect(),
        foot: super::run::foot(&looks[1]),
    })
}

/// What both have, and what became of it.
fn tiles(looks: &[Look<'_>; 2], compared: &[Compared]) -> Vec<Tile> {
    let wanted =
        ["success rate", "median generation time", "p95 of generation time", "tokens a call", "cost of 1,000 calls"];
    let of = |name: &&str| compared.iter().find(|compared| compared.name == **name);
    let [calls_a, calls_b] = [looks[0].calls(), looks[1].calls()];
    let calls = Tile {
        name: "Calls".to_owned(),
        text: format!("{} → {}", words::compact(calls_a), words::compact(calls_b)),
        value: Some(calls_b as f64),
        note: "A → B".to_owned(),
        mood: "",
    };
    let tile = |compared: &Compared| {
        let verdict = Verdict::of(compared);
        let change = compared
            .outcome
            .map_or_else(String::new, |outcome| format!("{}, ", compared.unit.difference(outcome.difference.value)));
        Tile {
            name: capital(&compared.name),
            text: format!("{} → {}", compared.unit.text(compared.a), compared.unit.text(compared.b)),
            value: Some(compared.b),
            note: format!("{change}{}", verdict.text()),
            mood: verdict.mood(),
        }
    };
    let tiles = wanted.iter().filter_map(of).map(tile);
    if calls_a + calls_b > 0 { std::iter::once(calls).chain(tiles).collect() } else { tiles.collect() }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What one would tell of it.
fn summary(compared: &[Compared]) -> Section {
    let likely: Vec<_> = compared.iter().filter(|compared| Verdict::of(compared).is_likely()).collect();
    let tested = compared.iter().filter(|compared| compared.outcome.is_some()).count();
    let noise = tested - likely.len();
    let few = compared.len() - tested;
    let mut lead = match likely.len() {
        0 => format!(
            "None of {} is likely real: chance alone makes such ones.",
            words::counted(tested as u64, "difference", "differences")
        ),
        likely => format!(
            "{likely} of {} are likely real, and {noise} likely noise.",
            words::counted(tested as u64, "difference", "differences")
        ),
    };
    if tested == 0 {
        "There is too little to compare.".clone_into(&mut lead);
    } else if few > 0 {
        lead += &format!(" Of {few} more there are too few values to tell.");
    }
    let texts = likely.iter().map(|compared| {
        let outcome = compared.outcome.expect("it is likely");
        let (low, high) = (outcome.difference.low, outcome.difference.high);
        let said = format!(
            "{}: {} → {} ({})",
            capital(&compared.name),
            compared.unit.text(compared.a),
            compared.unit.text(compared.b),
            Verdict::of(compared).text()
        );
        let how = format!(
            "by {}, 95% interval {} to {}, {}",
            compared.unit.difference(outcome.difference.value),
            compared.unit.difference(low),
            compared.unit.difference(high),
            p_value(outcome.corrected)
        );
        (said, how)
    });
    let texts: Vec<_> = texts.collect();
    let mut blocks = vec![Block::Charts { charts: forest::chart(compared).into_iter().collect() }];
    if !texts.is_empty() {
        let quote = Quote {
            title: format!("{} likely real", words::counted(texts.len() as u64, "difference", "differences")),
            texts,
            note: String::new(),
        };
        blocks.push(Block::Quotes { title: "What differs".to_owned(), quotes: vec![quote] });
    }
    blocks.retain(|block| !matches!(block, Block::Charts { charts } if charts.is_empty()));
    if blocks.is_empty() {
        blocks.push(Block::Note { text: lead.clone() });
    }
    Section { id: "summary", title: "What differs".to_owned(), lead, blocks }
}

fn p_value(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {}", words::digits(p, 2)) }
}

fn differences(looks: &[Look<'_>; 2], compared: &[Compared]) -> Section {
    let columns = ["what", "#A", "#B", "#B − A", "#change", "#95% interval", "#p", "#corrected", "verdict", "test"];
    let mut blocks = Vec::new();
    let groups = compared.chunk_by(|one, other| one.group == other.group);
    for group in groups {
        let mut table = Table::new(group[0].group, &columns);
        table.rows = group.iter().map(row).collect();
        blocks.push(Block::Table(table));
    }
    let names = [looks[0].run.name.as_str(), looks[1].run.name.as_str()];
    let lead = format!("A is {}, B is {}. A difference is B less A.", names[0], names[1]);
    Section { id: "differences", title: "All differences".to_owned(), lead, blocks }
}

fn row(compared: &Compared) -> Vec<Cell> {
    let unit = compared.unit;
    let verdict = Verdict::of(compared);
    let mut row = vec![
        Cell::text(capital(&compared.name)),
        Cell::number(compared.a, |value| unit.text(value)),
        Cell::number(compared.b, |value| unit.text(value)),
    ];
    let change = (compared.b - compared.a) / compared.a.abs();
    let difference = |value: f64| Cell::number(value, |value| unit.difference(value));
    row.push(difference(compared.b - compared.a));
    row.push(Cell::number(change, |change| words::signed(change, words::percent)));
    match compared.outcome {
        Some(Outcome { difference: found, corrected, .. }) => {
            let interval =
                format!("{} to {}", unit.difference(found.low), unit.difference(found.high)).replacen(" points", "", 1);
            row.push(Cell { value: Some(found.low), interval: Some([found.low, found.high]), ..Cell::text(interval) });
            row.extend(
                [found.p, corrected]
                    .map(|p| Cell::number(p, |p| if p < 0.0001 { "<0.0001".to_owned() } else { words::digits(p, 2) })),
            );
        }
        None => row.extend((0..3).map(|_| Cell::number(None, |_| String::new()))),
    }
    row.push(Cell::text(verdict.text()).mood(verdict.mood()));
    row.push(Cell::text(compared.test.short()));
    row
}

/// The runs over each other.
fn shapes(looks: &[Look<'_>; 2]) -> Result<Section, ReportError> {
    let mut drawn = Vec::new();
    for (metric, title) in
        [("generation_time", "How long calls took"), ("evaluation_time", "How long evaluations took")]
    {
        let curves = looks.iter().zip(["A", "B"]).enumerate().filter_map(|(place, (look, name))| {
            let all = look.distributions(metric, &[]).into_iter().next()?;
            let points =
                spread::cumulated(&all.values).into_iter().map(|(value, share)| (value, share * 100.0)).collect();
            Some(Curve { label: format!("{name}: {}", look.run.name), color: Color::palette(place), points })
        });
        let curves: Vec<_> = curves.collect();
        if curves.len() == 2 {
            drawn.push(charts::cumulated_of(&looks[1], title, curves)?);
        }
    }
    Ok(Section {
        id: "shapes",
        title: "A and B over each other".to_owned(),
        lead: String::new(),
        blocks: charts::beside(drawn),
    })
}

/// How it was found out, with the sources.
fn method(compared: &[Compared]) -> Section {
    let mut tests = Table::new("Tests", &["test", "what it is used for", "source"]);
    let mut used: Vec<_> = compared.iter().map(|compared| compared.test).collect();
    used.sort();
    used.dedup();
    tests.rows =
        used.iter().map(|test| [test.short(), test.used_for(), test.source()].map(Cell::text).into()).collect();
    tests.rows.push(
        [
            "Holm",
            "the corrected p-values: so many comparisons are made at once that some would look real by chance",
            "Holm, Scandinavian Journal of Statistics 6 (1979), 65–70",
        ]
        .map(Cell::text)
        .into(),
    );
    let note = format!(
        "A p-value says how likely a difference at least as large is if the runs do not differ; for rates and percentiles it is the \
         level at which the interval just touches zero. Likely noise: the corrected p-value is {LIKELY} or more. Too few: a run has fewer than \
         {} values, or a percentile would need values beyond the largest. All tests take calls for independent of each other, and calls \
         in one incident are not: a difference that one incident has made is real for these runs, and says little of the next one.",
        interval::FEWEST
    );
    Section {
        id: "method",
        title: "How this was found".to_owned(),
        lead: String::new(),
        blocks: vec![Block::Table(tests), Block::Note { text: note }],
    }
}
