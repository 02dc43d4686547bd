//! `monitor status` and `monitor audit`: the books of a data folder, as they are written, and recounted from disk.

use std::io::Write;
use std::path::Path;

use monitor_core::alerting::Phase;
use monitor_core::bus::Durability;
use monitor_core::spool::{Audit, Books, SPOOL_FILE, SinkBooks, SpoolError};
use serde_json::Value;

use crate::args::{FolderArgs, Format};
use crate::exit::{Failure, Outcome};
use crate::summary::number;
use crate::table::{self, clean};

/// Prints how far each sink and each file is.
pub(crate) fn status(args: &FolderArgs) -> Outcome {
    let books = of_spool(args, Books::read)?;
    let mut out = std::io::stdout();
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&books).expect("books are JSON"))?,
        Format::Text => write!(out, "{}", text(&books))?,
    }
    Ok(())
}

/// Recounts, and says whatever does not agree.
pub(crate) fn audit(args: &FolderArgs) -> Outcome {
    let audit = of_spool(args, Audit::of)?;
    let mut out = std::io::stdout();
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&audit).expect("books are JSON"))?,
        Format::Text => {
            write!(out, "{}", text(&audit.books))?;
            for fault in &audit.faults {
                writeln!(out, "{fault}")?;
            }
            let verdict = if audit.closes() { "the books close" } else { "the books do not close" };
            writeln!(out, "{} events of the spool recounted: {verdict}", number(audit.recounted))?;
        }
    }
    if audit.closes() { Ok(()) } else { Err(Failure::Books) }
}

fn of_spool<T>(args: &FolderArgs, read: impl FnOnce(&Path) -> Result<T, SpoolError>) -> Result<T, Failure> {
    if !args.folder.join(SPOOL_FILE).exists() {
        let folder = args.folder.display();
        let why = "no pipeline of level L1 or L2 has run on it (a run that only reads recordings is L0); its folder is `data_dir`";
        return Err(Failure::Run(vec![format!("find a spool in `{folder}`: {why} of its configuration")]));
    }
    read(&args.folder).map_err(|error| Failure::Run(vec![error.to_string()]))
}

fn text(books: &Books) -> String {
    let rows = books.sinks.iter().map(|(name, sink)| {
        let SinkBooks { accepted, pending, account } = sink;
        let counts =
            [*accepted, account.delivered, *pending, account.filtered, account.dead_letter, account.lost_total()];
        let name = if account.active { name.to_string() } else { format!("{name} (removed)") };
        let mut row = vec![table::name(&name)];
        row.extend(counts.map(number));
        row
    });
    let head = ["sink", "accepted", "delivered", "pending", "filtered", "dead letter", "lost"];
    let intake = &books.intake;
    let mut text = format!("{} events offered, {} accepted", number(intake.offered), number(intake.accepted));
    for (what, counts) in [("rejected", &intake.rejected), ("dropped", &intake.dropped)] {
        let counts: Vec<String> = counts.iter().map(|(reason, count)| format!("{} {reason}", number(*count))).collect();
        if !counts.is_empty() {
            text += &format!(", {what}: {}", counts.join(", "));
        }
    }
    let level = match books.level {
        Durability::L0 => "is in memory only (L0)",
        Durability::L1 => "survives the end of the process (L1)",
        Durability::L2 | Durability::L3 => "survives a loss of power (L2)",
    };
    let on_the_way = match books.on_the_way() {
        0 => "none is on the way to a sink".to_owned(),
        1 => "1 is on the way to a sink".to_owned(),
        many => format!("{} are on the way to a sink", number(many)),
    };
    text += &format!("\nan accepted event {level}; {on_the_way}");
    text += &format!(
        "\n{} events in the spool ({} bytes)\n\n{}\n",
        number(books.kept),
        number(books.bytes),
        table::table(&head, 1.., rows)
    );
    for (name, sink) in &books.sinks {
        for (reason, count) in &sink.account.lost {
            text += &format!("sink `{name}` lost {} events: {reason}\n", number(*count));
        }
    }
    for standing in &books.alerts {
        let level = standing.level.map_or_else(String::new, |level| format!(" ({level})"));
        let phase = match standing.phase {
            Phase::Firing => "fires",
            Phase::Pending => "holds, but not for long enough",
            Phase::Inactive => "is over",
        };
        let (name, since) = (format!("{}{}", standing.rule, standing.labels), standing.since);
        let untold = standing.held.as_ref().map_or_else(String::new, |held| format!("; people are not told: {held}"));
        text += &clean(&format!("rule `{name}`{level} {phase}, since {since}{untold}"));
        text.push('\n');
    }
    for position in &books.positions {
        let of = |key: &str| position.position.get(key);
        let (path, offset) = (of("path").and_then(Value::as_str), of("offset").and_then(Value::as_u64));
        if let (Some(path), Some(offset)) = (path, offset) {
            text += &format!("source `{}` has read {path} up to byte {}\n", position.source, number(offset));
        }
    }
    text
}
