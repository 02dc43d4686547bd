//! People are told by programs of other people: Alertmanager shows what fires, keeps it across a restart and sees it resolve; a mail
//! server that says "later" at first has each mail once; a chat on a bad day has each alert in the end.
//!
//! Needs the feature `real-components`, `apt-get install openssl prometheus-alertmanager`, and a Python with `pip install aiosmtpd`
//! that `MONITOR_TEST_PYTHON` names.
#![cfg(feature = "real-components")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use support::Dir;
use support::running::{EVENTS, SOURCE, append, audit, end, eventually, kill, start};

/// A rule that the last number decides, ten times a second.
const RULE: &str = r#"
[alerts.much]
type = "threshold"
metric = "n"
aggregate = "last"
above = 5
window = "1h"
level = "error"
message = "it is <b>{{ value }}</b> & much"
annotations = { runbook = "https://wiki.example.com/much?a=1&b=2" }
labels = { "team.name" = "<script>models" }
"#;
const OFTEN: &str = "metrics_interval = \"100ms\"\n";

fn number(dir: &Dir, value: u32) {
    append(dir, &format!("{{\"metric\":\"n\",\"value\":{value}}}\n"));
}

/// A program that ends with the test.
struct Server(Child);

impl Server {
    fn start(command: &mut Command) -> Self {
        let said = "apt-get install openssl prometheus-alertmanager; pip install aiosmtpd, and name that Python in MONITOR_TEST_PYTHON";
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}: {said}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A port that is free now.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// What Alertmanager shows: the severity of what is active.
fn active(url: &str) -> Option<Vec<String>> {
    let shown = Command::new("amtool").args(["alert", "query", "--output", "json", "--alertmanager.url", url]).output();
    let shown = shown.expect("amtool: apt-get install prometheus-alertmanager");
    let alerts: Vec<Value> = serde_json::from_slice(&shown.stdout).ok()?;
    let severity = |alert: &Value| {
        assert_eq!(alert["labels"]["alertname"], "much");
        assert_eq!(alert["labels"]["team_name"], "<script>models");
        assert_eq!(alert["annotations"]["runbook"], "https://wiki.example.com/much?a=1&b=2");
        assert!(alert["annotations"]["summary"].as_str().is_some_and(|text| text.contains("</b> & much")), "{alert}");
        alert["labels"]["severity"].as_str().expect("text").to_owned()
    };
    Some(alerts.iter().map(severity).collect())
}

#[test]
fn alertmanager_shows_what_fires_for_as_long_as_it_does() {
    let dir = Dir::new();
    // It forgets what it does not hear of for two seconds.
    let settings = "global: { resolve_timeout: 2s }\nroute: { receiver: nobody }\nreceivers: [{ name: nobody }]\n";
    dir.write("alertmanager.yml", settings);
    let url = format!("http://127.0.0.1:{}", port());
    let _server = Server::start(
        Command::new("prometheus-alertmanager")
            .current_dir(dir.path())
            .args(["--config.file=alertmanager.yml", "--storage.path=alertmanager", "--cluster.listen-address="])
            .arg(format!("--web.listen-address={}", &url[7..]))
            .stderr(Stdio::null()),
    );
    let sink = format!(
        "[sinks.alertmanager]\ntype = \"alertmanager\"\nurl = \"{url}\"\nrefresh = \"1s\"\ngenerator_url = \"https://d.example.com\"\n"
    );
    dir.write("monitor.toml", format!("{OFTEN}{SOURCE}{EVENTS}{sink}{RULE}critical = 50\n"));
    let shows = |what: &str, wanted: &[&str]| {
        eventually(what, &dir, || active(&url).is_some_and(|active| active == wanted));
    };
    let child = start(&dir);
    number(&dir, 9);
    shows("it fires", &["error"]);
    number(&dir, 90);
    shows("it is graver, and no more what it was", &["critical"]);
    // Longer than Alertmanager remembers.
    let first = updated(&url);
    eventually("it is said again", &dir, || seconds_between(&first, &updated(&url)) >= 5);
    assert_eq!(active(&url).as_deref(), Some(&["critical".to_owned()][..]));
    // What fires is known to the next process, however this one ended.
    kill(child);
    shows("nobody says it", &[]);
    let child = start(&dir);
    shows("it is said again after a restart", &["critical"]);
    number(&dir, 1);
    shows("it resolves", &[]);
    assert_eq!(end(child).code, Some(0));
    audit(&dir);
}

/// When Alertmanager has heard of the one that is active.
fn updated(url: &str) -> String {
    let shown = Command::new("amtool").args(["alert", "query", "--output", "json", "--alertmanager.url", url]).output();
    let alerts: Value = serde_json::from_slice(&shown.expect("amtool").stdout).unwrap_or_default();
    alerts[0]["updatedAt"].as_str().unwrap_or_default().to_owned()
}

fn seconds_between(earlier: &str, later: &str) -> i64 {
    let seconds = |text: &str| {
        let time = monitor_core::Timestamp::parse(text, &monitor_core::Zone::UTC);
        time.map_or(0, |time| time.as_micros() / 1_000_000)
    };
    if later.is_empty() { 0 } else { seconds(later) - seconds(earlier) }
}

/// An alert of another monitor, which has drawn a chart.
const DRAWN: &str = r#"{"type":"alert","timestamp":"2026-05-04T14:12:00Z","name":"drawn\r\nBcc: x@example.com","state":"firing","level":"critical","message":"see","labels":{},"value":9.0,"data":null,"since":"2026-05-04T14:12:00Z","key":"k","chart":"CHART"}"#;

fn mail_arrives(tls: &str) {
    let dir = Dir::new();
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 \
                     -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
                     -keyout key.pem -out certificate.pem";
    let made = Command::new("openssl").args(arguments.split_whitespace()).current_dir(dir.path()).output();
    assert!(made.expect("openssl: apt-get install openssl").status.success());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/notifying/mail.py");
    let python = std::env::var("MONITOR_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut server = Server::start(
        Command::new(python)
            .args(["-W", "ignore", script, tls, "certificate.pem", "key.pem"])
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped()),
    );
    let mut lines = BufReader::new(server.0.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let port = lines.next().expect("pip install aiosmtpd, and name that Python in MONITOR_TEST_PYTHON");
    let mut mail = || serde_json::from_str::<Value>(&lines.next().expect("a mail")).expect("JSON");

    dir.write("password", "secret\n");
    let sink = format!(
        "[sinks.mail]\ntype = \"email\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"{tls}\"\nca = \"certificate.pem\"\n\
         user = \"monitor\"\npassword = {{ file = \"password\" }}\nfrom = \"Monitor <monitor@example.com>\"\n\
         to = [\"a@example.com\", \"B <b@example.com>\"]\n"
    );
    dir.write("monitor.toml", format!("{OFTEN}{SOURCE}{EVENTS}{sink}{RULE}"));
    let child = start(&dir);
    number(&dir, 9);
    let later = mail();
    let firing = mail();
    assert_eq!((&later["asked"], &firing["asked"], &later["id"]), (&json!(1), &json!(2), &firing["id"]));
    assert_eq!((&firing["secure"], &firing["user"], &firing["defects"]), (&json!(true), &json!("monitor"), &json!([])));
    assert_eq!(
        (&firing["from"], &firing["to"]),
        (&json!("monitor@example.com"), &json!(["a@example.com", "b@example.com"]))
    );
    let has = |mail: &Value, field: &str, said: &str| {
        assert!(mail[field].as_str().is_some_and(|text| text.contains(said)), "{said}: {mail:#}");
    };
    has(&firing, "subject", "[monitor] much [error]: it is <b>9");
    has(&firing, "text", "</b> & much\n");
    has(&firing, "text", "team.name: <script>models\nrunbook: https://wiki.example.com/much?a=1&b=2\n");
    has(&firing, "html", "&lt;/b&gt; &amp; much</p>");
    has(&firing, "html", "<td>&lt;script&gt;models</td>");
    has(&firing, "html", "<a href=\"https://wiki.example.com/much?a=1&amp;b=2\">");
    number(&dir, 1);
    let resolved = mail();
    has(&resolved, "subject", "[monitor] much resolved");
    assert_ne!(resolved["id"], firing["id"]);
    for field in ["references", "in_reply_to"] {
        assert!(firing[field].is_string() && resolved[field] == firing[field], "{firing:#} {resolved:#}");
    }
    // Beside the data folder, by its whole path.
    let chart = dir.write("chart.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>");
    append(&dir, &(DRAWN.replace("CHART", &chart.display().to_string()) + "\n"));
    let drawn = mail();
    let attached = json!([{ "type": "image/svg+xml", "name": "chart.svg", "cid": "<chart-1@monitor>", "bytes": 46 }]);
    assert_eq!(drawn["attached"], attached);
    has(&drawn, "html", "<img src=\"cid:chart-1@monitor\"");
    has(&drawn, "subject", "[monitor] drawn Bcc: x@example.com [CRITICAL]: see");
    assert_eq!(drawn["to"].as_array().map(Vec::len), Some(2));
    assert_eq!(end(child).code, Some(0));
    audit(&dir);
}

#[test]
fn a_mail_arrives_over_starttls_once_the_server_takes_it() {
    mail_arrives("starttls");
}

#[test]
fn a_mail_arrives_over_tls_once_the_server_takes_it() {
    mail_arrives("tls");
}

/// A chat that has one bad day after the other, and then takes everything. It keeps what it was told, taken or not.
#[derive(Default)]
struct Chat {
    asked: Mutex<Vec<String>>,
    /// Those that are told nothing stay open.
    silent: Mutex<Vec<TcpStream>>,
}

impl Chat {
    fn start(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/services/T0/B0/secret", listener.local_addr().expect("a port"));
        let chat = Arc::clone(self);
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| chat.serve(stream)));
        url
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
        let head: Vec<String> =
            reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let length = head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let mut asked = self.asked.lock().expect("no test has panicked with it");
        asked.push(String::from_utf8(body).expect("text"));
        let answer = match asked.len() {
            1 => "500 Internal Server Error\r\n",
            2 => "429 Too Many Requests\r\nretry-after: 1\r\n",
            // Says nothing.
            3 => return self.silent.lock().expect("no test has panicked with it").push(stream),
            // Hangs up once it has read everything: it may have told everybody.
            4 => return,
            _ => "200 OK\r\n",
        };
        drop(write!(stream, "HTTP/1.1 {answer}content-length: 0\r\nconnection: close\r\n\r\n"));
    }
}

#[test]
fn slack_hears_the_same_of_an_alert_until_it_takes_it() {
    let (dir, chat) = (Dir::new(), Arc::new(Chat::default()));
    let sink = format!(
        "[sinks.slack]\ntype = \"webhook\"\nurl = \"{}\"\npreset = \"slack\"\nlimit = \"200ms\"\n",
        chat.start()
    );
    dir.write("monitor.toml", format!("{OFTEN}{SOURCE}{EVENTS}{sink}{RULE}"));
    let child = start(&dir);
    number(&dir, 9);
    let asked = || chat.asked.lock().expect("no test has panicked with it").clone();
    eventually("it is taken", &dir, || asked().len() >= 5);
    let told = asked();
    assert!(told.iter().all(|body| *body == told[0]), "{told:?}");
    let message: Value = serde_json::from_str(&told[0]).expect("JSON");
    let text = message["text"].as_str().expect("text");
    for said in ["*much [error]*", "&lt;/b&gt; &amp; much", "team.name: &lt;script&gt;models", "b=2|runbook>"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    number(&dir, 1);
    eventually("it resolves", &dir, || asked().last().is_some_and(|body| body.contains("much resolved")));
    assert_eq!(asked().len(), 6, "nothing is told twice that was taken");
    assert_eq!(end(child).code, Some(0));
    audit(&dir);
}
