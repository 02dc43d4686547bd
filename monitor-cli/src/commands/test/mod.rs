//! `monitor test`: unit tests of rules. What comes in, and how rules are expected to stand at which times.

mod file;
mod trial;
mod values;

use std::io::Write;

use serde::Serialize;

use self::file::Loaded;
pub(super) use self::file::{Expect, File, Input, Test, Told};
use self::trial::{Miss, run};
use crate::args::{Format, TestArgs};
use crate::exit::{Failure, Outcome};
use crate::registry::registry;
use crate::table::clean;

/// What came of all tests.
#[derive(Serialize)]
struct Report {
    passed: usize,
    failed: usize,
    tests: Vec<Tested>,
}

/// What came of one.
#[derive(Serialize)]
struct Tested {
    file: String,
    name: String,
    passed: bool,
    /// What was not as expected, in the order of time.
    failures: Vec<Miss>,
    /// Which of these rules look as if they could never hold, and why.
    doubts: Vec<String>,
}

/// Runs the tests of the files, and says of each how it went.
pub(crate) fn test(args: &TestArgs) -> Outcome {
    let registry = registry()?;
    // What is wrong with a file is told before anything runs.
    let files = args.files.iter().map(|path| Loaded::read(path, &registry)).collect::<Result<Vec<_>, _>>()?;
    let mut tests = Vec::new();
    for loaded in &files {
        for test in &loaded.file.test {
            let (failures, doubts) = run(test, loaded.config(&registry)?, &loaded.base)?;
            let passed = failures.is_empty();
            let of_one =
                |doubt: &String| failures.iter().any(|miss| doubt.starts_with(&format!("rule `{}`:", miss.rule)));
            let doubts = doubts.into_iter().filter(of_one).collect();
            tests.push(Tested {
                file: loaded.name.clone(),
                name: test.name.get_ref().clone(),
                passed,
                failures,
                doubts,
            });
        }
    }
    let failed = tests.iter().filter(|test| !test.passed).count();
    let report = Report { passed: tests.len() - failed, failed, tests };
    let mut out = std::io::stdout();
    match args.format {
        Format::Json => {
            let json = serde_json::to_string_pretty(&report).expect("a report is JSON");
            writeln!(out, "{json}")?;
        }
        Format::Text => write!(out, "{}", report.text())?,
    }
    if failed > 0 { Err(Failure::Ended(1, String::new())) } else { Ok(()) }
}

impl Report {
    fn text(&self) -> String {
        let mut out = String::new();
        let mut file = "";
        for test in &self.tests {
            if test.file != file {
                file = &test.file;
                out.push_str(&format!("{}\n", clean(file)));
            }
            out.push_str(&format!("  {:<6}  {}\n", if test.passed { "ok" } else { "FAILED" }, clean(&test.name)));
            for Miss { at, rule, labels, expected, found, .. } in &test.failures {
                let what = clean(&format!("at {at}, {rule}{labels}"));
                let (expected, found) = (clean(expected), clean(found));
                out.push_str(&format!(
                    "          {what}\n            expected {expected}\n            found    {found}\n"
                ));
            }
            for doubt in &test.doubts {
                out.push_str(&format!("          {}\n", clean(doubt)));
            }
        }
        let all = self.tests.len();
        let tests = if all == 1 { "test" } else { "tests" };
        out.push_str(&format!("\n{all} {tests}: {} ok, {} failed\n", self.passed, self.failed));
        out
    }
}
