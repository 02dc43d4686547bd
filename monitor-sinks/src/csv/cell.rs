//! What stands between the commas: quoted where it must be, and nothing that a spreadsheet would compute.

use crate::table::Cell;

/// What a spreadsheet takes for the beginning of a formula; see <https://owasp.org/www-community/attacks/CSV_Injection>.
const BEGINS_FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A text: one that a spreadsheet would compute gets an apostrophe before it, which it shows to nobody.
pub(super) fn escaped(text: &str) -> String {
    let apostrophe = if is_formula(text) { "'" } else { "" };
    // One that is empty is told from nothing, as PostgreSQL tells them apart.
    if text.is_empty() || text.contains(['"', ',', '\n', '\r']) {
        return format!("\"{apostrophe}{}\"", text.replace('"', "\"\""));
    }
    format!("{apostrophe}{text}")
}

/// The text that was escaped, without the quotes, which the reader of lines has taken away.
pub(super) fn unescaped(text: &str) -> &str {
    text.strip_prefix('\'').filter(|text| is_formula(text)).unwrap_or(text)
}

/// Whether it begins one, behind however many apostrophes: then what has one already gets another.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(BEGINS_FORMULA)
}

/// A value of an attribute. Numbers are no formulas, whatever they begin with.
pub(super) fn text(cell: &Cell) -> String {
    match cell {
        Cell::Int(_) | Cell::Float(_) | Cell::Bool(_) => cell.text().to_string(),
        Cell::Text(text) | Cell::Json(text) => escaped(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_neutralised_and_negative_numbers_are_not() {
        for (plain, written) in [
            ("=1+1", "'=1+1"),
            ("'=1+1", "''=1+1"),
            ("-x", "'-x"),
            ("@a,b", "\"'@a,b\""),
            ("\r", "\"'\r\""),
            ("it's", "it's"),
            ("a\"b", "\"a\"\"b\""),
            ("", "\"\""),
        ] {
            assert_eq!(escaped(plain), written);
            let unquoted =
                written.strip_prefix('"').map_or(written, |rest| &rest[..rest.len() - 1]).replace("\"\"", "\"");
            assert_eq!(unescaped(&unquoted), plain);
        }
        assert_eq!(text(&Cell::Int(-5)), "-5");
        assert_eq!(text(&Cell::float(-0.5)), "-0.5");
    }
}
