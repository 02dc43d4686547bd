//! What goes over the line, to a server that answers as a test wants.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use monitor_core::event::{Alert, AlertState, Level};
use monitor_core::{Event, Timestamp};

use super::*;
use crate::testing::{open, write};

/// What a server was told, by line: commands, and mails as one text.
struct Line {
    commands: Vec<String>,
    mails: Vec<String>,
}

/// Serves one line after the other. `answer` gets commands, and `mail` at the end of one; nothing closes the line.
fn serve(mut answer: impl FnMut(&str) -> String + Send + 'static) -> (u16, Receiver<Line>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let (home, lines) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().expect("a socket")).lines();
            let mut line = Line { commands: Vec::new(), mails: Vec::new() };
            drop(stream.write_all(b"220 here\r\n"));
            while let Some(Ok(command)) = reader.next() {
                let mut response = answer(&command);
                let goes_on = command == "DATA" && response.is_empty();
                line.commands.push(command);
                if goes_on {
                    drop(stream.write_all(b"354 go on\r\n"));
                    let mail = reader.by_ref().map_while(Result::ok).take_while(|line| line != ".");
                    line.mails.push(mail.map(|line| line + "\r\n").collect());
                    response = answer("mail");
                }
                if response.is_empty() || stream.write_all(format!("{response}\r\n").as_bytes()).is_err() {
                    break;
                }
            }
            if home.send(line).is_err() {
                return;
            }
        }
    });
    (port, lines)
}

/// Takes everything.
fn takes(command: &str) -> String {
    if command == "DATA" { String::new() } else { "250 fine".to_owned() }
}

fn config(port: u16, more: &str) -> Config {
    let keys = format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"Monitor <m@example.com>\"\n");
    let to = if more.contains("to =") { "" } else { "to = [\"a@example.com\", \"b@example.com\"]\n" };
    let config: Config = toml::from_str(&format!("{keys}{to}{more}")).expect("keys");
    config.validate().expect("keys");
    config
}

fn alert(state: AlertState) -> Alert {
    Alert {
        name: "failing_calls".into(),
        state,
        level: Level::Error,
        message: "16.3% of <215> \"calls\" & more".into(),
        labels: [("model_name", "<b>gpt</b>")].into_iter().collect(),
        annotations: [("runbook", "https://wiki/x?a=1&b=2"), ("hint", "javascript:alert(1)")].into_iter().collect(),
        value: Some(0.163),
        data: None,
        since: Timestamp::from_secs(1_777_903_200),
        key: format!("k-1/{}", state.as_str()).into(),
        repeat: 0,
        chart: None,
    }
}

fn event(alert: Alert) -> Event {
    Event::new(Timestamp::from_secs(1_777_903_260), alert)
}

/// The mail that these become.
fn mail(folder: &Path, alerts: Vec<Alert>) -> String {
    let (port, lines) = serve(takes);
    let mut sink = open(&config(port, ""), folder);
    let answer = write(&mut *sink, alerts.into_iter().map(event).collect());
    assert!(matches!(answer, Answer::Ok), "{answer:?}");
    lines.recv().expect("a line").mails.remove(0)
}

fn header<'a>(mail: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = mail.split_once("\r\n\r\n").expect("a head");
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_mail_for_one_alert_threads_with_what_becomes_of_it() {
    let folder = folder();
    let firing = mail(folder.path(), vec![alert(AlertState::Firing)]);
    assert_eq!(header(&firing, "Subject"), Some("[monitor] failing_calls [error]: 16.3% of <215> \"calls\" & more"));
    assert_eq!(header(&firing, "Auto-Submitted"), Some("auto-generated"));
    assert_eq!(header(&firing, "Date"), Some("Mon, 04 May 2026 14:00:00 +0000"));
    let resolved = mail(folder.path(), vec![alert(AlertState::Resolved)]);
    let reminder = mail(folder.path(), vec![Alert { repeat: 1, ..alert(AlertState::Firing) }]);
    for other in [&resolved, &reminder] {
        assert_eq!(header(other, "References"), header(&firing, "References"));
        assert_eq!(header(other, "In-Reply-To"), header(&firing, "References"));
        assert_ne!(header(other, "Message-ID"), header(&firing, "Message-ID"));
    }
    // Whatever else is in it by then.
    let again = Alert { message: "other words".into(), ..alert(AlertState::Firing) };
    assert_eq!(header(&mail(folder.path(), vec![again]), "Message-ID"), header(&firing, "Message-ID"));
    let other = Alert { since: Timestamp::from_secs(1_777_910_000), key: "k-2".into(), ..alert(AlertState::Firing) };
    assert_ne!(header(&mail(folder.path(), vec![other.clone()]), "References"), header(&firing, "References"));
    // Two together are of no thread.
    let two = mail(folder.path(), vec![Alert { level: Level::Critical, ..alert(AlertState::Firing) }, other]);
    assert_eq!(header(&two, "References"), None);
    assert_eq!(header(&two, "Subject"), Some("[monitor] 2 firing, 1 CRITICAL: failing_calls"));
}

#[test]
fn nothing_that_a_name_brings_along_becomes_a_header() {
    let evil = "x\r\nBcc: victim@example.com\r\n\r\n<script>\u{1b}[2J";
    let odd = Alert {
        name: evil.into(),
        message: evil.into(),
        labels: [(evil, evil)].into_iter().collect(),
        annotations: [(evil, evil)].into_iter().collect(),
        key: evil.into(),
        chart: Some(evil.into()),
        ..alert(AlertState::Firing)
    };
    let mail = mail(folder().path(), vec![odd]);
    let (head, body) = mail.split_once("\r\n\r\n").expect("a head");
    assert!(!head.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{head}");
    assert!(
        !body.contains("<script>") || body.matches("<script>").count() == text_part(body).matches("<script>").count()
    );
    assert!(!mail.contains('\u{1b}'));
}

/// Up to the HTML.
fn text_part(body: &str) -> &str {
    body.split("Content-Type: text/html").next().unwrap_or_default()
}

#[test]
fn pictures_are_attached_once_and_nothing_else_ever_is() {
    let folder = folder();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("a file");
    write("chart.svg", b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    write("chart.png", b"\x89PNG\r\n\x1a\nrest");
    write("large.png", &[b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0; 6 << 20]].concat());
    write("passwords.png", b"root:x:0:0");
    std::fs::create_dir(folder.path().join("folder.png")).expect("a folder");
    let drawn =
        |chart: &str, key: &str| Alert { chart: Some(chart.into()), key: key.into(), ..alert(AlertState::Firing) };
    let charts = ["chart.svg", "chart.png", "chart.png", "large.png", "passwords.png", "folder.png", "missing.png"];
    let mail = mail(folder.path(), charts.iter().map(|chart| drawn(chart, chart)).collect());
    assert_eq!(mail.matches("Content-Disposition: inline").count(), 2);
    assert!(mail.contains("Content-Type: image/svg+xml") && mail.contains("Content-Type: image/png"), "{mail}");
    let text = text_part(&mail).replace("=\r\n", "").replace("\r\n", " ");
    for said in [
        "chart: chart.svg, attached",
        "the chart large.png is not attached: there is no room for it in the mail",
        "the chart passwords.png is not attached: it is neither PNG nor SVG",
        "the chart folder.png is not attached: it is no file",
        "the chart missing.png is not attached: No such file",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn html_is_escaped_and_only_addresses_are_links() {
    let folder = folder();
    let config = config(1, "");
    let sink = EmailSink {
        server: Server::new(&config, &dirs(folder.path())).expect("keys"),
        from: config.mailboxes().expect("keys").0,
        to: Vec::new(),
        subject_prefix: String::new(),
        dirs: dirs(folder.path()),
        clock: Clock::manual(Timestamp::from_secs(0)),
        zone: Zone::UTC,
        partly: None,
    };
    let alert = alert(AlertState::Firing);
    let told = Told { time: Timestamp::from_secs(1_777_903_260), alert: &alert };
    let (text, html) = letter::bodies(&[told], &sink.zone, &sink.dirs, &mut letter::Pictures::default());
    assert!(text.contains("since: 2026-05-04 14:00:00 +00:00\nvalue: 0.163\nmodel_name: <b>gpt</b>\n"), "{text}");
    for said in [
        "<p style=\"white-space: pre-wrap\">16.3% of &lt;215&gt; &quot;calls&quot; &amp; more</p>",
        "<td>&lt;b&gt;gpt&lt;/b&gt;</td>",
        "<a href=\"https://wiki/x?a=1&amp;b=2\">https://wiki/x?a=1&amp;b=2</a>",
        "<td>javascript:alert(1)</td>",
    ] {
        assert!(html.contains(said), "{said}: {html}");
    }
}

fn dirs(folder: &Path) -> Dirs {
    Dirs { base: folder.to_owned(), data: folder.to_owned() }
}

#[test]
fn what_a_server_says_decides_what_becomes_of_the_alerts() {
    let refused = |command: &'static str, said: &'static str| {
        move |line: &str| if line.starts_with(command) { said.to_owned() } else { takes(line) }
    };
    for (command, said, gone) in [
        ("EHLO", "554 not today", false),
        ("MAIL", "451 later", false),
        ("MAIL", "530 who are you", false),
        ("MAIL", "550 not from you", true),
        ("RCPT", "450 grey", false),
        ("RCPT", "550 nobody", true),
        ("DATA", "421 bye", false),
        ("mail", "451 later", false),
        ("mail", "554 spam", true),
        ("mail", "", false),
    ] {
        let (port, lines) = serve(refused(command, said));
        let mut sink = open(&config(port, ""), folder().path());
        let two = || vec![event(alert(AlertState::Firing)), event(alert(AlertState::Resolved))];
        match write(&mut *sink, two()) {
            Answer::Rejected { indices, error } => {
                assert!(gone, "{said}: {error}");
                assert_eq!(indices, [0, 1]);
            }
            Answer::Retry { accepted: 0, after, error } => {
                assert!(!gone, "{said}: {error}");
                assert_eq!(
                    after.is_some(),
                    said.starts_with(|c: char| c.is_ascii_digit()),
                    "{command} {said}: {error}"
                );
            }
            other => panic!("{said}: {other:?}"),
        }
        let first = lines.recv().expect("a line");
        drop(write(&mut *sink, two()));
        let second = lines.recv().expect("a line");
        if let ([first], [second]) = (&first.mails[..], &second.mails[..]) {
            assert_eq!(header(first, "Message-ID"), header(second, "Message-ID"));
        }
    }
    let mut sink = open(&config(1, ""), folder().path());
    let answer = write(&mut *sink, vec![event(alert(AlertState::Firing))]);
    assert!(matches!(answer, Answer::Retry { accepted: 0, after: None, .. }), "{answer:?}");
}

#[test]
fn who_has_a_mail_does_not_get_it_again_because_of_somebody_else() {
    let mut asked = 0;
    let (port, lines) = serve(move |line| {
        asked += usize::from(line.starts_with("RCPT TO:<b@"));
        match line {
            "RCPT TO:<b@example.com>" if asked == 1 => "450 grey".to_owned(),
            "RCPT TO:<c@example.com>" => "550 nobody".to_owned(),
            _ => takes(line),
        }
    });
    let to = "to = [\"a@example.com\", \"b@example.com\", \"c@example.com\"]";
    let mut sink = open(&config(port, to), folder().path());
    let events = || vec![event(alert(AlertState::Firing))];
    assert!(matches!(write(&mut *sink, events()), Answer::Retry { accepted: 0, after: Some(_), .. }));
    assert!(matches!(write(&mut *sink, events()), Answer::Ok));
    let recipients = |line: Line| -> Vec<String> {
        line.commands.into_iter().filter(|command| command.starts_with("RCPT")).collect()
    };
    assert_eq!(recipients(lines.recv().expect("a line")).len(), 3);
    assert_eq!(recipients(lines.recv().expect("a line")), ["RCPT TO:<b@example.com>", "RCPT TO:<c@example.com>"]);
}

#[test]
fn keys_that_contradict_each_other_are_told() {
    let valid = "host = \"h\"\nfrom = \"m@example.com\"\nto = [\"a@example.com\"]\n";
    for (from, to, said) in [
        ("host = \"h\"", "host = \"\"", "must name a server"),
        ("m@example.com", "nobody", "`nobody` is no mail address"),
        ("m@example.com", "m@example.com\\r\\nBcc: x@example.com", "is no mail address"),
        ("[\"a@example.com\"]", "[]", "must name somebody"),
        ("[\"a@example.com\"]", "[\"a@exämple.com\"]", "write its domain in ASCII"),
        ("host", "user = \"u\"\nhost", "needs a `password`"),
        ("host", "password = \"p\"\nhost", "needs a `user`"),
        ("host", "user = \"u\"\npassword = \"p\"\ntls = \"none\"\nhost", "would be sent in the clear"),
        ("host", "ca = \"ca.pem\"\ntls = \"none\"\nhost", "has no use where `tls` is"),
    ] {
        let config: Config = toml::from_str(&valid.replacen(from, to, 1)).expect("keys");
        let error = config.validate().expect_err(said);
        assert!(format!("{error:?}").contains(said), "{error:?}");
    }
    let config: Config = toml::from_str(valid).expect("keys");
    config.validate().expect("keys");
    let missing = Config { ca: Some("ca.pem".into()), ..config };
    let error = Server::new(&missing, &dirs(folder().path())).err().expect("there is no file").to_string();
    assert!(error.starts_with("`ca`: `") && error.contains("No such file"), "{error}");
}
