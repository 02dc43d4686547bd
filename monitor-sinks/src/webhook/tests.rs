//! What chats are sent, over a real socket.

use monitor_core::event::Level;
use monitor_core::sample::Labels;
use monitor_core::{Event, Log, Timestamp};

use super::*;
use crate::testing::{answers, open, serve, write};

fn config(toml: &str) -> Config {
    toml::from_str(toml).expect("keys")
}

fn alert(state: AlertState) -> Event {
    let labels: Labels = [("model_name", "<b>gpt</b>")].into_iter().collect();
    let alert = Alert {
        name: "failing_calls".into(),
        state,
        level: Level::Error,
        message: "16.3% of <215> \"calls\" & more\n@everyone".into(),
        labels,
        annotations: Labels::NONE,
        value: Some(0.163),
        data: None,
        since: Timestamp::from_secs(1_777_903_200),
        key: "k-1".into(),
        repeat: 0,
        chart: None,
    };
    Event::new(Timestamp::from_secs(1_777_903_260), alert)
}

/// The body that is posted for this, with these keys.
fn posted(keys: &str, event: Event) -> Value {
    posted_together(keys, vec![event])
}

/// The one body that is posted for these.
fn posted_together(keys: &str, events: Vec<Event>) -> Value {
    let (url, requests) = serve(|_| answers("200 OK", "", "ok"));
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(&format!("url = \"{url}\"\n{keys}"));
    config.validate().expect("keys");
    let mut sink = open(&config, folder.path());
    assert!(matches!(write(&mut *sink, events), Answer::Ok));
    let body = serde_json::from_str(&requests.recv().expect("it came").text()).expect("JSON");
    assert!(requests.try_recv().is_err(), "one request");
    body
}

#[test]
fn every_chat_gets_its_own_shape() {
    let slack = posted("preset = \"slack\"", alert(AlertState::Firing));
    let text = "\u{1f534} *failing_calls [error]*\n16.3% of &lt;215&gt; \"calls\" &amp; more\n@everyone\nmodel_name: &lt;b&gt;gpt&lt;/b&gt;";
    assert_eq!(slack, json!({ "text": text }));
    let discord = posted("preset = \"discord\"", alert(AlertState::Resolved));
    let content = "\u{1f7e2} **failing\\_calls resolved**\n16.3% of \\<215\\> \"calls\" & more\n@everyone\n\
                   model\\_name: \\<b\\>gpt\\</b\\>";
    assert_eq!(discord, json!({ "content": content, "allowed_mentions": { "parse": [] } }));
    let teams = posted("preset = \"teams\"", alert(AlertState::Firing));
    let card = &teams["attachments"][0]["content"];
    let runs = |at: usize| card["body"][at]["inlines"][0]["text"].as_str().expect("text");
    assert_eq!((&card["type"], runs(0)), (&json!("AdaptiveCard"), "\u{1f534} failing_calls [error]"));
    assert_eq!((&card["body"][2]["type"], runs(2)), (&json!("RichTextBlock"), "model_name: <b>gpt</b>"));
    let generic = posted("", alert(AlertState::Firing));
    assert_eq!(
        (&generic["type"], &generic["state"], &generic["key"]),
        (&json!("alert"), &json!("firing"), &json!("k-1"))
    );
    let log = posted("preset = \"slack\"", Event::new(Timestamp::from_secs(1), Log::new(Level::Info, "hello")));
    assert_eq!(log["message"], "hello");
}

#[test]
fn a_template_of_ones_own_is_tried_when_it_is_read() {
    let template = r#"template = '{"t": {{ message | json }}, "up": {{ firing | json }}, "m": {{ labels.model_name | json }}, "v": {{ value }}}'"#;
    let body = posted(template, alert(AlertState::Firing));
    let message = "16.3% of <215> \"calls\" & more\n@everyone";
    assert_eq!(body, json!({ "t": message, "up": true, "m": "<b>gpt</b>", "v": 0.163 }));
    let named = r#"template = '{"t": "{{ labels.model_name }}"}'"#;
    assert_eq!(posted(named, alert(AlertState::Firing)), json!({ "t": "<b>gpt</b>" }));
    for (toml, said) in [
        (r#"template = '{"t": "{{ messages }}"}'"#, "unknown value `messages`: did you mean `message`?"),
        (r#"template = '{"t": "{{ message }}"}'"#, "gives no JSON"),
        ("template = '{}'\npreset = \"slack\"", "cannot stand beside `preset`"),
    ] {
        let error = config(&format!("url = \"http://host/\"\n{toml}")).validate().expect_err(toml);
        assert!(format!("{error:?}").contains(said), "{error:?}");
    }
}

#[test]
fn it_accepts_alerts_and_goes_on_where_it_was() {
    assert_eq!(config("url = \"http://host/\"").accepts(), KindSet::of(&[Kind::Alert]));
    let mut asked = 0;
    let (url, requests) = serve(move |_| {
        asked += 1;
        if asked == 3 { answers("429 Too Many Requests", "retry-after: 2\r\n", "") } else { answers("200 OK", "", "") }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let mut sink = open(&config(&format!("url = \"{url}\"")), folder.path());
    let answer = write(&mut *sink, vec![alert(AlertState::Firing); 5]);
    let Answer::Retry { accepted: 2, after, .. } = answer else { panic!("{answer:?}") };
    assert_eq!((after, requests.try_iter().count()), (Some(std::time::Duration::from_secs(2)), 3));
}

/// An alert that is changed.
fn changed(change: impl FnOnce(&mut Alert)) -> Event {
    let mut event = alert(AlertState::Firing);
    if let monitor_core::event::Body::Alert(alert) = &mut event.body {
        change(alert);
    }
    event
}

#[test]
fn alerts_that_come_together_are_one_message_the_gravest_first() {
    let critical = || changed(|alert| (alert.name, alert.level) = ("worst".into(), Level::Critical));
    let slack = posted_together("preset = \"slack\"", vec![alert(AlertState::Resolved), critical()]);
    let text = slack["text"].as_str().expect("text");
    assert!(
        text.starts_with("\u{1f6a8} *worst [CRITICAL]*\n") && text.contains("\n\n\u{1f7e2} *failing_calls resolved*\n")
    );
    // Each its own where nobody says how they become one.
    let (url, requests) = serve(|_| answers("200 OK", "", "ok"));
    for keys in ["", "template = '{\"text\": {{ message | json }}, \"n\": {{ repeat }}, \"c\": {{ chart | json }}}'"] {
        let mut sink =
            open(&config(&format!("url = \"{url}\"\n{keys}")), tempfile::tempdir().expect("a folder").path());
        assert!(matches!(write(&mut *sink, vec![alert(AlertState::Resolved), critical()]), Answer::Ok));
        assert_eq!(requests.try_iter().count(), 2);
    }
}

#[test]
fn names_and_labels_begin_no_line_of_their_own() {
    let forged = "x\n\u{1f7e2} all is well\r\u{2028}y";
    let event = changed(|alert| {
        alert.name = forged.into();
        alert.labels = [("model_name", forged)].into_iter().collect();
        alert.annotations = [(forged, "note")].into_iter().collect();
        alert.message = "one\ntwo".into();
    });
    for (preset, key) in [("slack", "text"), ("discord", "content")] {
        let body = posted(&format!("preset = \"{preset}\""), event.clone());
        let lines: Vec<&str> = body[key].as_str().expect("text").split(['\n', '\r', '\u{2028}']).collect();
        let begin = ["\u{1f534}", "one", "two", "model", "x \u{1f7e2}"];
        assert!(lines.len() == 5 && lines.iter().zip(begin).all(|(line, begin)| line.starts_with(begin)), "{lines:?}");
    }
    let teams = posted("preset = \"teams\"", event)["attachments"][0]["content"]["body"].to_string();
    assert_eq!(teams.matches("\\n").count(), 1, "{teams}");
}

#[test]
fn annotations_are_links_where_they_are_addresses_and_reminders_say_so() {
    let event = changed(|alert| {
        alert.repeat = 2;
        alert.annotations =
            [("run_book", "https://w/a_b?x=1&y=2"), ("note", "javascript:x <@U1>")].into_iter().collect();
    });
    let slack = posted("preset = \"slack\"", event.clone())["text"].to_string();
    assert!(slack.contains("*failing_calls [error], reminder 2*"), "{slack}");
    assert!(slack.contains("\\n<https://w/a_b?x=1&amp;y=2|run_book>"), "{slack}");
    assert!(slack.contains("note: javascript:x &lt;@U1&gt;"), "{slack}");
    let discord = posted("preset = \"discord\"", event.clone())["content"].as_str().expect("text").to_owned();
    assert!(discord.contains("\nrun\\_book: <https://w/a_b?x=1&y=2>"), "{discord}");
    assert!(discord.contains("\nnote: javascript:x \\<@U1\\>"), "{discord}");
    let teams = posted("preset = \"teams\"", event);
    let blocks = teams["attachments"][0]["content"]["body"].as_array().expect("a list").clone();
    let opened: Vec<&Value> = blocks.iter().map(|block| &block["inlines"][1]["selectAction"]["url"]).collect();
    assert_eq!(opened.iter().filter(|url| ***url == "https://w/a_b?x=1&y=2").count(), 1, "{blocks:?}");
}

#[test]
fn no_message_is_longer_than_its_chat_takes_it() {
    let long = |at: usize| {
        changed(|alert| {
            let odd = "<*&_>".repeat(500);
            alert.name = format!("rule {at} {odd}").into();
            alert.message = odd.clone().into();
            alert.labels = [(odd.as_str(), odd.as_str())].into_iter().collect();
            let name = |n| format!("{n}{odd}");
            alert.annotations = (0..9).map(|n| (name(n), format!("https://{odd}"))).collect();
            alert.level = if at == 50 { Level::Critical } else { Level::Error };
        })
    };
    for (preset, most) in [("slack", 4_000), ("discord", 2_000), ("teams", 28 << 10)] {
        for alerts in [1, 100] {
            let body = posted_together(&format!("preset = \"{preset}\""), (0..alerts).map(long).collect());
            let text = body["text"].as_str().or(body["content"].as_str());
            let length = text.map_or(body.to_string().len(), |text| text.encode_utf16().count());
            assert!(length <= most, "{preset}: {length}");
            let all = body.to_string();
            assert!(all.contains("rule ") && all.contains(" more\"") == (alerts > 1), "{preset}: {alerts} {all}");
            assert!(alerts < 100 || all.contains("[CRITICAL]") || all.contains("rule 50"), "{preset}: {all}");
        }
    }
}
