//! Secrets: texts that nobody is to see, from the environment or from a file, or, for those who must, from the configuration.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::component::Dirs;

/// Where a secret is: `{ env = "NAME" }`, `{ file = "path" }`, or the text itself. It is looked up when a component is opened,
/// never while a configuration is parsed, and prints as `***`.
///
/// ```
/// use monitor_core::config::Secret;
///
/// let token: Secret = "sk-1".to_owned().into();
/// assert_eq!(format!("{token:?}"), "***");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Place);

#[derive(Clone, PartialEq, Eq)]
enum Place {
    Text(String),
    Env(String),
    File(PathBuf),
}

/// A secret that is not where it was to be.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment does not have it.
    #[error("the variable `{0}` of the environment is not set: set it before the program is started")]
    Env(String),
    /// The file cannot be read.
    #[error("the file `{}` with a secret cannot be read: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

impl Secret {
    /// The text; of a file without the line break at its end. Whoever has it keeps it out of logs and errors.
    ///
    /// # Errors
    /// When it is not where it was to be.
    pub fn reveal(&self, dirs: &Dirs) -> Result<String, SecretError> {
        match &self.0 {
            Place::Text(text) => Ok(text.clone()),
            Place::Env(name) => std::env::var(name).map_err(|_| SecretError::Env(name.clone())),
            Place::File(path) => {
                let path = dirs.input(path);
                let text = std::fs::read_to_string(&path);
                text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                    .map_err(|error| SecretError::File { path, error })
            }
        }
    }

    /// The text, if it stands in the configuration itself.
    pub fn literal(&self) -> Option<&str> {
        match &self.0 {
            Place::Text(text) => Some(text),
            Place::Env(_) | Place::File(_) => None,
        }
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Place::Text(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, { env = \"NAME\" } or { file = \"path\" }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(text.to_owned().into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        let wanted = "write { env = \"NAME\" } or { file = \"path\" }";
        let secret = match map.next_key::<String>()?.as_deref() {
            Some("env") => Place::Env(map.next_value()?),
            Some("file") => Place::File(map.next_value()?),
            Some(other) => return Err(A::Error::custom(format!("a secret has no key `{other}`: {wanted}"))),
            None => return Err(A::Error::custom(format!("a secret is somewhere: {wanted}"))),
        };
        match map.next_key::<String>()? {
            None => Ok(Secret(secret)),
            Some(_) => Err(A::Error::custom(format!("a secret is in one place: {wanted}"))),
        }
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "object"], "format": "secret" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Holder {
        token: Secret,
    }

    fn read(toml: &str) -> Result<Secret, String> {
        toml::from_str::<Holder>(toml).map(|holder| holder.token).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn it_is_looked_up_where_it_is_and_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let dirs = Dirs { base: folder.path().to_owned(), data: folder.path().to_owned() };
        std::fs::write(folder.path().join("token"), "of a file\n").expect("writes");
        let reveal = |toml: &str| read(toml).expect(toml).reveal(&dirs).map_err(|error| error.to_string());
        assert_eq!(reveal("token = \"of the text\""), Ok("of the text".to_owned()));
        assert_eq!(reveal("token = { file = \"token\" }"), Ok("of a file".to_owned()));
        // There is hardly a program that is started without it.
        assert_eq!(reveal("token = { env = \"PATH\" }").ok(), std::env::var("PATH").ok());
        let missing = reveal("token = { env = \"MONITOR_NO_SUCH_VARIABLE\" }").expect_err("is not set");
        assert!(missing.starts_with("the variable `MONITOR_NO_SUCH_VARIABLE`"), "{missing}");
        assert!(reveal("token = { file = \"none\" }").expect_err("is not there").contains("none` with a secret"));
        assert_eq!(
            format!("{:?}", toml::from_str::<Holder>("token = \"sk-1\"").expect("TOML")),
            "Holder { token: *** }"
        );
    }

    #[test]
    fn wrong_ones_are_told() {
        for (toml, said) in [
            ("token = { enf = \"A\" }", "a secret has no key `enf`: write { env = \"NAME\" } or { file = \"path\" }"),
            ("token = {}", "a secret is somewhere: write"),
            ("token = { env = \"A\", file = \"b\" }", "a secret is in one place: write"),
            ("token = 7", "invalid type: integer `7`, expected a text, { env"),
        ] {
            let error = read(toml).expect_err(toml);
            assert!(error.contains(said), "{error}");
        }
    }
}
