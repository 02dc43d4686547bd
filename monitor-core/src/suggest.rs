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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_and_far_ones() {
        assert_eq!(nearest("pth", ["type", "path", "content"]), Some("path"));
        assert_eq!(nearest("eror_rate", ["error_rate", "success_rate"]), Some("error_rate"));
        assert_eq!(nearest("colour", ["path"]), None);
    }
}
