//! How the rules of a gate have fared: a table, JSON, or the XML of `JUnit`.

use monitor_alerts::short;
use monitor_core::event::Level;
use monitor_core::sample::Labels;
use monitor_core::{Text, Timestamp, Zone};
use quick_xml::Writer;
use quick_xml::events::BytesText;
use serde_json::{Value, json};

use super::observe::{Observed, Read};
use crate::table::{clean, name, table};

/// The rules, and what was held against them.
pub(super) struct Report {
    pub(super) events: u64,
    pub(super) rejected: u64,
    pub(super) rules: Vec<Row>,
}

/// One rule.
pub(super) struct Row {
    pub(super) rule: Text,
    pub(super) level: Level,
    pub(super) observed: Observed,
    pub(super) broken: Option<Broken>,
}

/// How a rule was broken: when it fired for the first time, and how often it has.
pub(super) struct Broken {
    pub(super) since: Timestamp,
    pub(super) level: Level,
    pub(super) labels: Labels,
    pub(super) message: Text,
    pub(super) times: u64,
}

impl Row {
    fn state(&self) -> &'static str {
        match (&self.broken, &self.observed) {
            (Some(_), _) => "broken",
            (None, Observed { doubt: Some(_), .. }) => "doubtful",
            (None, Observed { worst: Some(_), .. }) => "ok",
            (None, Observed { worst: None, .. }) => "no data",
        }
    }

    /// What may be misspelt breaks a rule: a gate that stands open by mistake is none.
    fn is_broken(&self) -> bool {
        self.broken.is_some() || self.observed.doubt.is_some()
    }

    fn value(of: Option<&Read>) -> String {
        of.and_then(|read| read.value).map_or_else(|| "–".to_owned(), short)
    }

    /// Of the worst reading, for a limit can differ from one to the other.
    fn limit(&self) -> Option<f64> {
        self.observed.worst.as_ref()?.limit
    }

    /// The numbers in words.
    fn numbers(&self) -> String {
        let Observed { last, worst, .. } = &self.observed;
        let limit = self.limit().map_or_else(String::new, |limit| format!(", limit {}", short(limit)));
        format!("worst {}, last {}{limit}", Self::value(worst.as_ref()), Self::value(last.as_ref()))
    }
}

impl Report {
    pub(super) fn broken(&self) -> usize {
        self.rules.iter().filter(|row| row.is_broken()).count()
    }

    pub(super) fn text(&self, zone: &Zone) -> String {
        let time = |time: Timestamp| time.to_local(zone).format("%Y-%m-%d %H:%M:%S").to_string();
        let rows = self.rules.iter().map(|row| {
            let worst = row.observed.worst.as_ref();
            vec![
                name(&row.rule),
                row.level.to_string(),
                Row::value(row.observed.last.as_ref()),
                Row::value(worst),
                row.limit().map_or_else(|| "–".to_owned(), short),
                row.state().to_owned(),
                row.broken.as_ref().map_or_else(String::new, |broken| time(broken.since)),
            ]
        });
        let head = ["rule", "level", "last", "worst", "limit", "state", "since"];
        let mut text = format!("{}\n", table(&head, 2..5, rows));
        for row in &self.rules {
            if let Some(broken) = &row.broken {
                let group = if broken.labels.is_empty() { String::new() } else { format!(" {}", broken.labels) };
                // Where a rule has no message of its own, it begins with its name.
                let said = broken.message.strip_prefix(&format!("{}: ", row.rule)).unwrap_or(&broken.message);
                text += &clean(&format!("{}{group}: {said}", row.rule));
                text.push('\n');
            }
            if let Some(doubt) = &row.observed.doubt {
                text += &clean(&format!("{}: {doubt}", row.rule));
                text.push('\n');
            }
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let read =
            |read: &Read| json!({ "time": read.time, "value": read.value, "limit": read.limit, "labels": read.labels });
        let broken = |broken: &Broken| {
            json!({
                "since": broken.since, "message": broken.message, "labels": broken.labels, "times": broken.times,
            })
        };
        let row = |row: &Row| {
            json!({
                "rule": row.rule,
                "level": row.level,
                "state": row.state().replace(' ', "_"),
                "last": row.observed.last.as_ref().map(read),
                "worst": row.observed.worst.as_ref().map(read),
                "limit": row.limit(),
                "broken": row.broken.as_ref().map(broken),
                "doubt": row.observed.doubt,
            })
        };
        json!({
            "open": self.broken() == 0,
            "events": self.events,
            "rejected": self.rejected,
            "rules": self.rules.iter().map(row).collect::<Vec<_>>(),
        })
    }

    /// A suite, a case a rule: failed, or skipped for want of data.
    pub(super) fn junit(&self, name: &str) -> String {
        let (tests, failures) = (self.rules.len().to_string(), self.broken().to_string());
        let skipped = self.rules.iter().filter(|row| row.state() == "no data").count().to_string();
        let name = printable(name);
        let counts =
            [("tests", tests.as_str()), ("failures", &failures), ("errors", "0"), ("skipped", skipped.as_str())];
        let mut out = Writer::new_with_indent(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec(), b' ', 2);
        let named = std::iter::once(("name", name.as_str())).chain(counts);
        let written = out.create_element("testsuites").with_attributes(named.clone()).write_inner_content(|out| {
            out.create_element("testsuite")
                .with_attributes(named)
                .write_inner_content(|out| self.rules.iter().try_for_each(|row| case(out, row, &name)))?;
            Ok(())
        });
        written.expect("memory takes it");
        let mut text = String::from_utf8(out.into_inner()).expect("it is made of text");
        text.push('\n');
        text
    }
}

fn case(out: &mut Writer<Vec<u8>>, row: &Row, suite: &str) -> std::io::Result<()> {
    let (rule, numbers) = (printable(&row.rule), row.numbers());
    let case = out.create_element("testcase").with_attributes([("classname", suite), ("name", &rule), ("time", "0")]);
    case.write_inner_content(|out| {
        match (&row.broken, &row.observed.doubt, row.state()) {
            (Some(broken), ..) => {
                let message = printable(&broken.message);
                let labels = if broken.labels.is_empty() { String::new() } else { format!(" {}", broken.labels) };
                let text = printable(&format!("since {}{labels}: {message}\n{numbers}", broken.since));
                let attributes = [("message", message.as_str()), ("type", row.level.as_str())];
                out.create_element("failure").with_attributes(attributes).write_text_content(BytesText::new(&text))?;
            }
            (None, Some(doubt), _) => {
                let doubt = printable(doubt);
                let attributes = [("message", doubt.as_str()), ("type", "doubtful")];
                out.create_element("failure")
                    .with_attributes(attributes)
                    .write_text_content(BytesText::new(&numbers))?;
            }
            (None, None, "no data") => {
                out.create_element("skipped").with_attributes([("message", "no data")]).write_empty()?;
            }
            (None, None, _) => {
                out.create_element("system-out").write_text_content(BytesText::new(&numbers))?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Without the characters that XML cannot say, however they are written.
fn printable(text: &str) -> String {
    let said = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if said(c) { c } else { '\u{fffd}' }).collect()
}
