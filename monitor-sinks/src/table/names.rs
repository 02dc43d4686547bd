//! Names of metrics as names of files and of sheets: safe, and told apart.

use std::collections::HashSet;

/// Longer names of files are cut: with stem, number and ending they are still names.
const FILE: usize = 120;
/// What Excel allows for a sheet, in UTF-16 units.
const SHEET: usize = 31;

/// Gives names, none twice, whatever the case of its letters: not every file system, and not Excel, tells `A` from `a`.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    /// The part of a file's name for this text: letters, digits, `.`, `-`, `_`; everything else becomes `_`.
    pub(crate) fn file(&mut self, text: &str) -> String {
        let safe = |letter: char| if letter.is_alphanumeric() || "._-".contains(letter) { letter } else { '_' };
        let name: String = text.chars().map(safe).collect();
        let name = if name.trim_matches('.').is_empty() { "_".to_owned() } else { name };
        self.unique(&name, FILE, str::len, "-")
    }

    /// A name for a sheet; see <https://support.microsoft.com/en-us/office/rename-a-worksheet-3f1f7148-ee83-404d-8ef0-9ff99fbad1f9>.
    pub(crate) fn sheet(&mut self, text: &str) -> String {
        let safe = |letter: char| if letter.is_control() || r"[]:*?/\'".contains(letter) { '_' } else { letter };
        let name: String = text.chars().map(safe).collect();
        let name = name.trim();
        // Excel keeps this one for itself.
        let name =
            if name.is_empty() || name.eq_ignore_ascii_case("history") { format!("{name}_") } else { name.into() };
        self.unique(&name, SHEET, |text| text.encode_utf16().count(), "~")
    }

    fn unique(&mut self, name: &str, most: usize, length: impl Fn(&str) -> usize, before_number: &str) -> String {
        let mut number = 1_u64;
        loop {
            let end = if number == 1 { String::new() } else { format!("{before_number}{number}") };
            let mut kept = name;
            while length(kept) + length(&end) > most {
                kept = &kept[..kept.char_indices().next_back().expect("an end is shorter than a name").0];
            }
            let name = format!("{kept}{end}");
            if self.0.insert(name.to_lowercase()) {
                return name;
            }
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_safe_and_told_apart() {
        let mut names = Names::default();
        let asked = ["a.b_c", "model_usage:x/y", "model_usage:x:y", "../../etc", "a\0b", "..", "", "A.B_c"];
        let given = asked.map(|name| names.file(name));
        assert_eq!(given, ["a.b_c", "model_usage_x_y", "model_usage_x_y-2", ".._.._etc", "a_b", "_", "_-2", "A.B_c-2"]);
        let long = "é".repeat(10_000);
        assert!([names.file(&long), names.file(&long)].iter().all(|name| name.len() <= FILE));
    }

    #[test]
    fn sheets_fit_into_31_units_and_are_told_apart() {
        let mut names = Names::default();
        let long = "evaluation_score_EvaluationMetric.COHERENCE";
        assert_eq!(names.sheet(long), "evaluation_score_EvaluationMetr");
        assert_eq!(names.sheet(long), "evaluation_score_EvaluationMe~2");
        assert_eq!(names.sheet("model_usage:a/b"), "model_usage_a_b");
        assert_eq!(names.sheet("History"), "History_");
        assert_eq!(names.sheet("'quoted'"), "_quoted_");
        assert_eq!(names.sheet(""), "_");
        assert_eq!(names.sheet(&"𝄞".repeat(40)).encode_utf16().count(), 30);
    }
}
