//! Posting to a URL, and what the answer means for what was posted.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use chrono::DateTime;
use flate2::Compression;
use flate2::write::GzEncoder;
use monitor_core::Clock;
use monitor_core::component::{BoxError, Dirs, Invalid};
use monitor_core::config::{DurationText, Secret};
use ureq::Agent;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};

/// So much of what a server answers is told.
const TOLD: usize = 200;
/// So much of it is read.
const READ: u64 = 16 << 10;

/// How long a request may take, if nothing else is said.
pub(crate) fn ten_seconds() -> DurationText {
    DurationText(Duration::from_secs(10))
}

/// Posts to one URL.
pub(crate) struct Poster {
    agent: Agent,
    url: Uri,
    headers: HeaderMap,
    clock: Clock,
    gzip: bool,
}

/// What has become of what was posted.
#[derive(Debug)]
pub(crate) enum Posted {
    Taken,
    /// It may be taken later.
    Later {
        after: Option<Duration>,
        error: BoxError,
    },
    /// It never will be, as it is; a part of it may.
    Refused(BoxError),
}

/// Where and how to post.
pub(crate) struct Address<'a> {
    pub(crate) url: &'a Secret,
    pub(crate) bearer: Option<&'a Secret>,
    pub(crate) headers: Vec<(&'a str, &'a Secret)>,
    pub(crate) limit: Duration,
    pub(crate) gzip: bool,
}

/// What can be said of an address without looking anything up.
pub(crate) fn check(url: &Secret, headers: impl IntoIterator<Item = impl AsRef<str>>) -> Result<(), Invalid> {
    if let Some(url) = url.literal() {
        uri(url).map_err(|error| Invalid::key("url", error))?;
    }
    for name in headers {
        let name = name.as_ref();
        HeaderName::try_from(name).map_err(|_| Invalid::key("headers", format!("`{name}` is no name of a header")))?;
    }
    Ok(())
}

fn uri(url: &str) -> Result<Uri, String> {
    let wanted = "it must be a URL as https://host/path";
    let uri: Uri = url.trim().parse().map_err(|error| format!("{wanted}: {error}"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(_)) => Ok(uri),
        _ => Err(wanted.to_owned()),
    }
}

impl Poster {
    /// Looks up what is secret; nothing is sent yet.
    pub(crate) fn new(address: &Address<'_>, dirs: &Dirs, clock: Clock) -> Result<Self, BoxError> {
        let url = uri(&address.url.reveal(dirs)?).map_err(|error| format!("`url`: {error}"))?;
        let mut headers = HeaderMap::new();
        let mut set = |name: &str, value: &str| -> Result<(), BoxError> {
            let mut header = HeaderValue::from_str(value).map_err(|_| format!("the value of `{name}` is no header"))?;
            header.set_sensitive(true);
            headers.insert(HeaderName::try_from(name)?, header);
            Ok(())
        };
        if let Some(bearer) = address.bearer {
            set("authorization", &format!("Bearer {}", bearer.reveal(dirs)?))?;
        }
        for (name, value) in &address.headers {
            set(name, &value.reveal(dirs)?)?;
        }
        let config = Agent::config_builder()
            .timeout_global(Some(address.limit))
            .http_status_as_error(false)
            // Whoever follows one posts again without the body.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("monitor/", env!("CARGO_PKG_VERSION")));
        Ok(Self { agent: config.build().into(), url, headers, clock, gzip: address.gzip })
    }

    /// Posts, and tells what that came to.
    pub(crate) fn post(&self, media_type: &str, body: &[u8]) -> Posted {
        let later = |error: String| Posted::Later { after: None, error: format!("{self}: {error}").into() };
        let mut request = self.agent.post(self.url.clone()).header("content-type", media_type);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let sent = if self.gzip {
            match gzipped(body) {
                Ok(body) => request.header("content-encoding", "gzip").send(&body[..]),
                Err(error) => return later(error.to_string()),
            }
        } else {
            request.send(body)
        };
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return later(error.to_string()),
        };
        let status = response.status();
        if status.is_success() {
            return Posted::Taken;
        }
        let after = response.headers().get("retry-after").and_then(|after| self.pause(after));
        let location = response.headers().get("location").and_then(|to| to.to_str().ok()).map(ToOwned::to_owned);
        let said = response.body_mut().with_config().limit(READ).lossy_utf8(true).read_to_string().unwrap_or_default();
        let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TOLD).collect();
        let colon = if said.is_empty() { "" } else { ": " };
        let error = match location.filter(|_| status.is_redirection()) {
            Some(_) => format!("{self} answers {status}, which is not followed: give `url` as where it leads to"),
            None => format!("{self} answers {status}{colon}{said}"),
        };
        if is_refusal(status) { Posted::Refused(error.into()) } else { Posted::Later { after, error: error.into() } }
    }

    /// A number of seconds, or a date (RFC 9110, section 10.2.3).
    fn pause(&self, after: &HeaderValue) -> Option<Duration> {
        let after = after.to_str().ok()?.trim();
        if let Ok(seconds) = after.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = DateTime::parse_from_rfc2822(after).ok()?.timestamp();
        let now = self.clock.now().as_micros() / 1_000_000;
        Some(Duration::from_secs(u64::try_from(date - now).unwrap_or(0)))
    }
}

/// Whether an answer says that this body will never be taken. Others may have to do with who asks, where, or how often: the
/// same may go well later.
fn is_refusal(status: StatusCode) -> bool {
    const MAY_CHANGE: [u16; 8] = [401, 403, 404, 405, 407, 408, 425, 429];
    status.is_client_error() && !MAY_CHANGE.contains(&status.as_u16())
}

fn gzipped(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

/// The server; the rest of a URL may be a secret.
impl fmt::Display for Poster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host) = (self.url.scheme_str().unwrap_or_default(), self.url.host().unwrap_or_default());
        match self.url.port() {
            Some(port) => write!(f, "{scheme}://{host}:{port}"),
            None => write!(f, "{scheme}://{host}"),
        }
    }
}
