//! The words of a query, before polars reads it.

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Word};

use crate::exit::Failure;

/// Functions that polars has under another name alone.
const SYNONYMS: [(&str, &str); 1] = [("mean", "avg")];

/// Functions whose numbers polars holds in so few bits, or without a sign, that `count(*) - 100` and an hour times 60
/// would silently be other numbers.
const NARROW: [&str; 7] = ["count", "dense_rank", "length", "octet_length", "rank", "row_number", "strpos"];

/// Parts of a time that may have a fraction, or are no number.
const FRACTIONS: [&str; 13] = [
    "epoch",
    "microsecond",
    "microseconds",
    "millisecond",
    "milliseconds",
    "ms",
    "nanosecond",
    "nanoseconds",
    "ns",
    "time",
    "timezone",
    "us",
    "decade",
];

/// A query, and all that it names.
pub(super) struct Query {
    /// As polars takes it.
    pub(super) text: String,
    /// Names of tables, columns and functions, words of SQL among them.
    pub(super) words: Vec<String>,
}

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        // Quoted text stays as it is written: it is put together again.
        let tokens = Tokenizer::new(&GenericDialect {}, text).with_unescape(false).tokenize();
        let mut tokens = tokens.map_err(|error| Failure::Usage(format!("the query: {error}")))?;
        let mut words = Vec::new();
        // What is written before and behind a token.
        let mut around = vec![(String::new(), String::new()); tokens.len()];
        for at in 0..tokens.len() {
            match &tokens[at] {
                // Polars reads no exponents.
                Token::Number(number, long) if number.contains(['e', 'E']) => {
                    if let Ok(value) = number.parse::<f64>() {
                        let digits = value.to_string();
                        let digits = if digits.contains('.') { digits } else { digits + ".0" };
                        tokens[at] = Token::Number(digits, *long);
                    }
                }
                Token::Word(word) => {
                    words.push(word.value.clone());
                    let (None, Some(end)) = (word.quote_style, bracket(&tokens, at + 1)) else { continue };
                    let is = |name: &str| word.value.eq_ignore_ascii_case(name);
                    if let Some((_, name)) = SYNONYMS.iter().find(|(name, _)| is(name)) {
                        tokens[at] = Token::Word(Word { value: (*name).to_owned(), ..word.clone() });
                    } else if NARROW.iter().any(|name| is(name))
                        || (is("date_part") || is("extract")) && !has_fraction(&tokens[at + 1..end])
                    {
                        around[at].0 += "cast(";
                        around[with_clauses(&tokens, end)].1 += " as bigint)";
                    }
                }
                _ => {}
            }
        }
        let text = tokens.iter().zip(&around).map(|(token, (before, behind))| format!("{before}{token}{behind}"));
        Ok(Self { text: text.collect(), words })
    }

    /// Whether it names a table.
    pub(super) fn names(&self, table: &str) -> bool {
        self.words.iter().any(|word| word == table)
    }
}

/// Where the bracket ends that comes next, if one does.
fn bracket(tokens: &[Token], from: usize) -> Option<usize> {
    let mut open = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token {
            Token::Whitespace(_) => {}
            Token::LParen => open += 1,
            Token::RParen if open == 1 => return Some(at),
            Token::RParen if open > 1 => open -= 1,
            _ if open == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Where a call ends with its `filter (…)` and its `over (…)` or `over name`.
fn with_clauses(tokens: &[Token], end: usize) -> usize {
    let mut end = end;
    for clause in ["filter", "over"] {
        let next = |at: usize| (at + 1..tokens.len()).find(|at| !matches!(tokens[*at], Token::Whitespace(_)));
        if let Some(at) = next(end)
            && is_one_of(&tokens[at], &[clause])
        {
            end = bracket(tokens, at + 1).or_else(|| next(at)).unwrap_or(end);
        }
    }
    end
}

/// Whether the part that is asked for, which comes first in the bracket, is one of the [`FRACTIONS`].
fn has_fraction(bracket: &[Token]) -> bool {
    let first = bracket.iter().find(|token| !matches!(token, Token::Whitespace(_) | Token::LParen));
    first.is_some_and(|part| is_one_of(part, &FRACTIONS))
}

/// Whether it is one of these words, quoted or not.
fn is_one_of(token: &Token, words: &[&str]) -> bool {
    match token {
        Token::Word(Word { value, .. }) | Token::SingleQuotedString(value) => {
            words.iter().any(|word| value.eq_ignore_ascii_case(word))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_polars_reads_otherwise_is_written_otherwise_and_all_else_stays() {
        for (given, taken) in [
            ("select mean(value) from x", "select avg(value) from x"),
            ("SELECT  Mean (value) -- mean(x)\nfrom x", "SELECT  avg (value) -- mean(x)\nfrom x"),
            ("select mean, \"mean\"(a), 'it''s mean(x)'", "select mean, \"mean\"(a), 'it''s mean(x)'"),
            ("a.\"b\"\"c\" /* mean(x) */ where b>=1.50", "a.\"b\"\"c\" /* mean(x) */ where b>=1.50"),
            ("1e3, 2.5E-3, 1e20", "1000.0, 0.0025, 100000000000000000000.0"),
            ("count(*) - 1", "cast(count(*) as bigint) - 1"),
            (
                "COUNT (distinct abs((a))) filter (where b)",
                "cast(COUNT (distinct abs((a))) filter (where b) as bigint)",
            ),
            ("rank() over (order by count(*))x", "cast(rank() over (order by cast(count(*) as bigint)) as bigint)x"),
            ("count(*) over w from t", "cast(count(*) over w as bigint) from t"),
            ("extract(hour from t) * 60", "cast(extract(hour from t) as bigint) * 60"),
            ("date_part('epoch', t), count, count(*", "date_part('epoch', t), count, count(*"),
            ("count(time)", "cast(count(time) as bigint)"),
            ("date_part( 'Day', epoch)", "cast(date_part( 'Day', epoch) as bigint)"),
        ] {
            assert_eq!(Query::parse(given).expect("words").text, taken);
        }
        let query = Query::parse("select avg(value) from \"evaluation_score_x\" where a = 'events'").expect("words");
        assert!(query.names("evaluation_score_x") && !query.names("events"));
        assert!(matches!(Query::parse("select 'open"), Err(Failure::Usage(_))));
    }
}
