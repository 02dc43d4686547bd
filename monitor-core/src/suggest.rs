//! "Did you mean …": the nearest known name to one that is not known.

/// The known name nearest to `name`, if one is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What there is, in words: "there is only a", "there are a, b and c".
pub fn there_are<S: AsRef<str>>(known: &[S]) -> String {
    match known {
        [] => "there is none".to_owned(),
        [one] => format!("there is only {}", one.as_ref()),
        [init @ .., last] => {
            let init: Vec<&str> = init.iter().map(AsRef::as_ref).collect();
            format!("there are {} and {}", init.join(", "), last.as_ref())
        }
    }
}

/// "did you mean `x`?" if one is near, else what there is.
pub fn hint<S: AsRef<str>>(name: &str, known: &[S]) -> String {
    nearest(name, known.iter().map(AsRef::as_ref))
        .map_or_else(|| there_are(known), |near| format!("did you mean `{near}`?"))
}

/// The same, and what else can be done.
pub fn hint_or<S: AsRef<str>>(name: &str, known: &[S], remedy: &str) -> String {
    let hint = hint(name, known);
    if hint.ends_with('?') { format!("{hint} Or {remedy}") } else { format!("{hint}; or {remedy}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_and_far_ones() {
        assert_eq!(nearest("pth", ["type", "path", "content"]), Some("path"));
        assert_eq!(nearest("eror_rate", ["error_rate", "success_rate"]), Some("error_rate"));
        assert_eq!(nearest("colour", ["path"]), None);
        assert_eq!(hint("pth", &["type", "path"]), "did you mean `path`?");
        assert_eq!(hint("colour", &["type", "path"]), "there are type and path");
        assert_eq!(hint("colour", &["path"]), "there is only path");
        assert_eq!(hint_or("pth", &["type", "path"], "make one"), "did you mean `path`? Or make one");
        assert_eq!(hint_or("colour", &["path"], "make one"), "there is only path; or make one");
    }
}
