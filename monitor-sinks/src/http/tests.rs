//! What is sent, and what answers mean, over a real socket.

use std::io::Read;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use monitor_core::{Event, Metric, Timestamp};

use super::*;
use crate::testing::{answers, open, serve, write};

fn config(toml: &str) -> Config {
    toml::from_str(toml).expect("keys")
}

fn numbers(values: std::ops::Range<u32>) -> Vec<Event> {
    let metric = |value| Event::new(Timestamp::from_secs(1), Metric::new("n", f64::from(value)));
    values.map(metric).collect()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_batch_is_lines_or_a_list_with_headers_and_a_token_from_a_file() {
    let (url, requests) = serve(|_| answers("200 OK", "", ""));
    let folder = folder();
    std::fs::write(folder.path().join("token"), "t-1\n").expect("a file");
    let keys = "bearer = { file = \"token\" }\nheaders = { \"x-team\" = \"models\" }\n";
    let mut sink = open(&config(&format!("url = \"{url}\"\n{keys}")), folder.path());
    assert!(matches!(write(&mut *sink, numbers(0..2)), Answer::Ok));
    let request = requests.recv().expect("it came");
    assert_eq!(request.path, "/hook/secret");
    assert_eq!(request.header("content-type"), Some("application/x-ndjson"));
    assert_eq!((request.header("authorization"), request.header("x-team")), (Some("Bearer t-1"), Some("models")));
    assert!(request.header("user-agent").is_some_and(|agent| agent.starts_with("monitor/")));
    let line =
        |n: u32| format!(r#"{{"type":"metric","timestamp":"1970-01-01T00:00:01.000000Z","metric":"n","value":{n}.0}}"#);
    assert_eq!(request.text(), format!("{}\n{}\n", line(0), line(1)));
    let mut sink =
        open(&config(&format!("url = \"{url}\"\nformat = \"json\"\ncompression = \"gzip\"\n")), folder.path());
    assert!(matches!(write(&mut *sink, numbers(0..2)), Answer::Ok));
    let request = requests.recv().expect("it came");
    assert_eq!(
        (request.header("content-encoding"), request.header("content-type")),
        (Some("gzip"), Some("application/json"))
    );
    let mut text = String::new();
    GzDecoder::new(&request.body[..]).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, format!("[{},{}]", line(0), line(1)));
}

#[test]
fn what_may_go_well_later_is_tried_again_when_the_server_says() {
    let date = "retry-after: Mon, 04 May 2026 14:02:00 GMT\r\n";
    for (status, headers, after) in [
        ("429 Too Many Requests", "retry-after: 7\r\n", Some(7)),
        ("503 Service Unavailable", date, Some(120)),
        ("503 Service Unavailable", "retry-after: soon\r\n", None),
        ("500 Internal Server Error", "", None),
        ("401 Unauthorized", "", None),
        ("404 Not Found", "", None),
        ("302 Found", "location: http://127.0.0.1:1/elsewhere\r\n", None),
    ] {
        let (url, requests) = serve(move |_| answers(status, headers, "why\n it is so"));
        let mut sink = open(&config(&format!("url = \"{url}\"")), folder().path());
        let Answer::Retry { accepted: 0, after: wait, error } = write(&mut *sink, numbers(0..3)) else {
            panic!("{status}")
        };
        assert_eq!(wait, after.map(Duration::from_secs), "{status}");
        let said = error.to_string();
        assert!(said.contains(&status[..3]) && !said.contains("secret"), "{said}");
        assert!(said.contains("why it is so") != status.starts_with("302"), "{said}");
        assert_eq!(requests.try_iter().count(), 1, "{status}");
    }
}

#[test]
fn what_the_server_refuses_is_found_and_the_rest_is_taken() {
    // Among ten, it does not take the fourth and the ninth.
    let refuses = |text: &str| text.contains("\"value\":3.0") || text.contains("\"value\":8.0");
    let (url, requests) = serve(move |request| {
        if refuses(&request.text()) {
            answers("422 Unprocessable", "", "no")
        } else {
            answers("204 No Content", "", "")
        }
    });
    let mut sink = open(&config(&format!("url = \"{url}\"")), folder().path());
    let Answer::Rejected { indices, error } = write(&mut *sink, numbers(0..10)) else { panic!("some are refused") };
    assert_eq!(indices, [3, 8]);
    assert!(error.to_string().ends_with("answers 422 Unprocessable Entity: no"), "{error}");
    let taken = requests.try_iter().map(|request| request.text()).filter(|text| !refuses(text));
    let taken: usize = taken.map(|text| text.lines().count()).sum();
    assert_eq!(taken, 8, "each once");
}

#[test]
fn a_failure_behind_a_refusal_does_not_lose_it() {
    let mut asked = 0;
    let (url, _requests) = serve(move |_| {
        asked += 1;
        // All; the left half; then nothing works any more.
        if asked <= 2 { answers("400 Bad Request", "", "") } else { answers("500 Oh", "", "") }
    });
    let mut sink = open(&config(&format!("url = \"{url}\"")), folder().path());
    let answer = write(&mut *sink, numbers(0..2));
    assert!(matches!(answer, Answer::Retry { accepted: 0, .. }), "{answer:?}");
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_longer_than_it_may() {
    let (hangs, _requests) = serve(|_| {
        std::thread::park_timeout(Duration::from_secs(5));
        String::new()
    });
    #[expect(clippy::disallowed_methods, reason = "the machine's time is what is tested")]
    let began = Instant::now();
    let mut sink = open(&config(&format!("url = \"{hangs}\"\nlimit = \"100ms\"")), folder().path());
    assert!(matches!(write(&mut *sink, numbers(0..1)), Answer::Retry { accepted: 0, .. }));
    assert!(began.elapsed() < Duration::from_secs(3));
    // One that hangs up after it has read everything, and one that is not there.
    let (drops, requests) = serve(|_| String::new());
    let mut sink = open(&config(&format!("url = \"{drops}\"")), folder().path());
    assert!(matches!(write(&mut *sink, numbers(0..1)), Answer::Retry { accepted: 0, .. }));
    assert_eq!(requests.recv().expect("it came").text().lines().count(), 1);
    let mut sink = open(&config("url = \"http://127.0.0.1:1/\""), folder().path());
    assert!(matches!(write(&mut *sink, numbers(0..1)), Answer::Retry { accepted: 0, .. }));
}

#[test]
fn what_cannot_be_an_address_is_refused_before_anything_is_opened() {
    for (toml, said) in [
        ("url = \"collector\"", "it must be a URL as https://host/path"),
        ("url = \"ftp://host/\"", "it must be a URL as https://host/path"),
        ("url = \"https://host/\"\nheaders = { \"a b\" = \"c\" }", "`a b` is no name of a header"),
    ] {
        let error = config(toml).validate().expect_err(toml);
        assert!(format!("{error:?}").contains(said), "{error:?}");
    }
    assert!(config("url = { env = \"NOT_LOOKED_AT\" }").validate().is_ok());
}
