//! Names of models: the forms under which one may stand in a table, and rows with `*`.

use crate::Text;

/// What makers, routers and clouds put before a name without a price of their own. Hosts of open models set their own
/// prices, so their prefixes stay, and are in the table.
const PREFIXES: [&str; 29] = [
    "openrouter/",
    "openai/",
    "azure/",
    "anthropic/",
    "anthropic.",
    "bedrock/",
    "converse/",
    "us.",
    "eu.",
    "global.",
    "amazon/",
    "amazon.",
    "google/",
    "gemini/",
    "vertex_ai/",
    "publishers/google/",
    "models/",
    "mistral/",
    "mistralai/",
    "deepseek/",
    "xai/",
    "x-ai/",
    "cohere/",
    "cohere_chat/",
    "moonshot/",
    "moonshotai/",
    "zai/",
    "z-ai/",
    "minimax/",
];

/// No model has a longer name, or more forms; what comes from outside may be anything, and must not take minutes.
const LONGEST: usize = 256;
pub(super) const MOST_FORMS: usize = 128;

/// The forms of a model's name, in lower case: itself, without prefixes, and each without dates and versions at its end.
pub(super) fn forms(model: &str) -> Vec<String> {
    let mut forms = vec![model.trim().to_ascii_lowercase()];
    let mut at = 0;
    while at < forms.len() && forms.len() < MOST_FORMS && forms[0].len() <= LONGEST {
        let form = forms[at].as_str();
        let shorter = PREFIXES.iter().filter_map(|prefix| form.strip_prefix(prefix)).chain(without_version(form));
        let new: Vec<String> = shorter.map(str::to_owned).chain([dashed(form)]).collect();
        for form in new {
            if !form.is_empty() && !forms.contains(&form) {
                forms.push(form);
            }
        }
        at += 1;
    }
    forms
}

/// The name with `4-5` for `4.5`: routers write some versions the other way than their makers.
fn dashed(name: &str) -> String {
    let bytes = name.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let dot = |at: usize| bytes[at] == b'.' && digit(at.checked_sub(1)) && digit(Some(at + 1));
    name.char_indices().map(|(at, c)| if dot(at) { '-' } else { c }).collect()
}

/// The name without the last of `-latest`, `@…`, `-v1:0`, `-2024-08-06`, `-20240806`, `-08-2024`, `-0806`, `-001`.
fn without_version(name: &str) -> Option<&str> {
    if let Some(at) = name.rfind('@').filter(|at| *at > 0 && !name[*at..].contains('/')) {
        return Some(&name[..at]);
    }
    let (before, last) = name.rsplit_once('-')?;
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let year = |text: &str| digits(text, 4) && text.starts_with("20");
    let version = || {
        let (major, minor) = last.strip_prefix('v')?.split_once(':')?;
        (digits(major, 1) && !minor.is_empty() && digits(minor, minor.len())).then_some(before)
    };
    if digits(last, 2) {
        let (before, month) = before.rsplit_once('-')?;
        let (before, first) = before.rsplit_once('-')?;
        return (digits(month, 2) && year(first)).then_some(before);
    }
    if year(last)
        && let Some((before, month)) = before.rsplit_once('-')
        && digits(month, 2)
    {
        return Some(before);
    }
    let dated = last == "latest" || digits(last, 4) || (digits(last, 8) && last.starts_with("20"));
    if dated || (digits(last, 3) && last.starts_with("00")) { Some(before) } else { version() }
}

/// A name in which `*` stands for anything.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: Text,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.trim().to_ascii_lowercase().into() }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// How many characters it has beside `*`.
    pub(super) fn length(&self) -> usize {
        self.text.bytes().filter(|byte| *byte != b'*').count()
    }

    /// Whether a name in lower case is meant.
    pub(super) fn matches(&self, name: &str) -> bool {
        let Some((head, rest)) = self.text.split_once('*') else { return self.text == name };
        let Some(mut name) = name.strip_prefix(head) else { return false };
        let Some((middle, tail)) = rest.rsplit_once('*') else { return name.ends_with(rest) };
        for part in middle.split('*') {
            let Some(at) = name.find(part) else { return false };
            name = &name[at + part.len()..];
        }
        name.ends_with(tail)
    }
}
