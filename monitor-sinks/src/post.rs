//! Posting to a URL, and what the answer means for what was posted.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use flate2::Compression;
use flate2::write::GzEncoder;
use monitor_core::Clock;
use monitor_core::component::{Answer, BoxError, Dirs, Invalid, Item};
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
    /// What follows the URL.
    pub(crate) path: &'static str,
    pub(crate) bearer: Option<&'a Secret>,
    /// A name and a password.
    pub(crate) basic: Option<(&'a Secret, &'a Secret)>,
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

/// A URL of a server.
pub(crate) fn uri(url: &str) -> Result<Uri, String> {
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
        let mut url = address.url.reveal(dirs)?;
        if !address.path.is_empty() {
            url = url.trim().trim_end_matches('/').to_owned() + address.path;
        }
        let url = uri(&url).map_err(|error| format!("`url`: {error}"))?;
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
        if let Some((user, password)) = address.basic {
            let pair = STANDARD.encode(format!("{}:{}", user.reveal(dirs)?, password.reveal(dirs)?));
            set("authorization", &format!("Basic {pair}"))?;
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

/// Posts groups of events one after the other. If the server refuses a group, it may be for one of its events alone, or for their
/// number: so each half is tried by itself.
pub(crate) fn post_all<'a>(
    groups: impl IntoIterator<Item = &'a [Item<'a>]>,
    mut post: impl FnMut(&[Item<'a>]) -> Posted,
) -> Answer {
    let mut refused = Refused { indices: Vec::new(), error: None };
    let mut begin = 0;
    for group in groups {
        if let Err(Stopped { at, after, error }) = in_halves(group, begin, &mut refused, &mut post) {
            // What comes before an event that was refused is done with, and that one is found out again later.
            let accepted = refused.indices.first().map_or(at, |first| at.min(*first));
            return Answer::Retry { accepted, after, error };
        }
        begin += group.len();
    }
    match refused.error {
        None => Answer::Ok,
        Some(error) => Answer::Rejected { indices: refused.indices, error },
    }
}

/// Events that the server will never take.
struct Refused {
    indices: Vec<usize>,
    error: Option<BoxError>,
}

/// Events from this place on are to be tried again.
struct Stopped {
    at: usize,
    after: Option<Duration>,
    error: BoxError,
}

/// Posts events, which stand behind `begin` others.
fn in_halves<'a>(
    items: &[Item<'a>],
    begin: usize,
    refused: &mut Refused,
    post: &mut impl FnMut(&[Item<'a>]) -> Posted,
) -> Result<(), Stopped> {
    match post(items) {
        Posted::Taken => Ok(()),
        Posted::Later { after, error } => Err(Stopped { at: begin, after, error }),
        Posted::Refused(error) if items.len() <= 1 => {
            refused.indices.push(begin);
            refused.error.get_or_insert(error);
            Ok(())
        }
        Posted::Refused(_) => {
            let (left, right) = items.split_at(items.len() / 2);
            in_halves(left, begin, refused, post)?;
            in_halves(right, begin + left.len(), refused, post)
        }
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
