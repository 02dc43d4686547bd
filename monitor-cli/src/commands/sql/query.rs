//! The words of a query, before polars reads it.

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Word};

use crate::exit::Failure;

/// Functions that polars has under another name alone.
const SYNONYMS: [(&str, &str); 1] = [("mean", "avg")];

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
        for at in 0..tokens.len() {
            let is_call =
                tokens[at + 1..].iter().find(|token| !matches!(token, Token::Whitespace(_))) == Some(&Token::LParen);
            let Token::Word(word) = &mut tokens[at] else { continue };
            let synonym = SYNONYMS.iter().find(|(name, _)| is_call && word.value.eq_ignore_ascii_case(name));
            if let (None, Some((_, name))) = (word.quote_style, synonym) {
                *word = Word { value: (*name).to_owned(), ..word.clone() };
            }
            words.push(word.value.clone());
        }
        Ok(Self { text: tokens.iter().map(Token::to_string).collect(), words })
    }

    /// Whether it names a table.
    pub(super) fn names(&self, table: &str) -> bool {
        self.words.iter().any(|word| word == table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_an_average_and_all_else_stays() {
        for (given, taken) in [
            ("select mean(value) from x", "select avg(value) from x"),
            ("SELECT  Mean (value) -- mean(x)\nfrom x", "SELECT  avg (value) -- mean(x)\nfrom x"),
            ("select mean, \"mean\"(a), 'it''s mean(x)'", "select mean, \"mean\"(a), 'it''s mean(x)'"),
            (
                "select a.\"b\"\"c\" /* mean(x) */ from a where b>=1.50e3",
                "select a.\"b\"\"c\" /* mean(x) */ from a where b>=1.50e3",
            ),
        ] {
            assert_eq!(Query::parse(given).expect("words").text, taken);
        }
        let query = Query::parse("select avg(value) from \"evaluation_score_x\" where a = 'events'").expect("words");
        assert!(query.names("evaluation_score_x") && !query.names("events"));
        assert!(matches!(Query::parse("select 'open"), Err(Failure::Usage(_))));
    }
}
