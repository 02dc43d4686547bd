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
    let (url, requests) = serve(|_| answers("200 OK", "", "ok"));
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(&format!("url = \"{url}\"\n{keys}"));
    config.validate().expect("keys");
    let mut sink = open(&config, folder.path());
    assert!(matches!(write(&mut *sink, vec![event]), Answer::Ok));
    serde_json::from_str(&requests.recv().expect("it came").text()).expect("JSON")
}

#[test]
fn every_chat_gets_its_own_shape() {
    let slack = posted("preset = \"slack\"", alert(AlertState::Firing));
    let text = "\u{1f534} *failing_calls [error]*\n16.3% of &lt;215&gt; \"calls\" &amp; more\n@everyone";
    assert_eq!(slack, json!({ "text": text }));
    let discord = posted("preset = \"discord\"", alert(AlertState::Resolved));
    let content = "\u{1f7e2} **failing_calls resolved**\n16.3% of <215> \"calls\" & more\n@everyone";
    assert_eq!(discord, json!({ "content": content, "allowed_mentions": { "parse": [] } }));
    let teams = posted("preset = \"teams\"", alert(AlertState::Firing));
    let card = &teams["attachments"][0]["content"];
    assert_eq!((&card["type"], &card["body"][0]["text"]), (&json!("AdaptiveCard"), &json!("failing_calls [error]")));
    assert_eq!(card["body"][2]["facts"], json!([{ "title": "model_name", "value": "<b>gpt</b>" }]));
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
    let mut sink = open(&config(&format!("url = \"{url}\"\npreset = \"slack\"")), folder.path());
    let answer = write(&mut *sink, vec![alert(AlertState::Firing); 5]);
    let Answer::Retry { accepted: 2, after, .. } = answer else { panic!("{answer:?}") };
    assert_eq!((after, requests.try_iter().count()), (Some(std::time::Duration::from_secs(2)), 3));
}
