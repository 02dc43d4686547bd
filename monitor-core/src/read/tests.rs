//! Every form of line, and every class of bad one.

use super::*;
use crate::event::Event;
use crate::{Timestamp, Zone};

fn parse(line: impl AsRef<[u8]>) -> Result<Option<Event>, Refusal> {
    LineParser::new(Zone::UTC).parse(line.as_ref(), Timestamp::from_secs(1))
}

/// The event as our NDJSON, or the refusal as `reason: error`.
fn read(line: impl AsRef<[u8]>) -> String {
    match parse(line) {
        Ok(Some(event)) => serde_json::to_string(&event).expect("an event is JSON"),
        Ok(None) => "blank".to_owned(),
        Err(refusal) => format!("{}: {refusal}", refusal.reason),
    }
}

#[test]
fn our_own_lines_come_back_as_they_were() {
    for line in [
        r#"{"type":"generation","timestamp":"2026-05-04T14:00:02.881194Z","duration":2.78,"success":true,"model_name":"gemini-2.5-flash","finish_reason":"stop","prompt_token_count":420,"completion_token_count":610,"total_token_count":1484,"cached_token_count":64,"reasoning_token_count":454,"conversation_length":2,"error":"x","metadata":{"operation":"answer_generation"}}"#,
        r#"{"type":"evaluation","timestamp":"2026-05-04T14:00:02.881194Z","duration":1.9,"success":true,"evaluator_type":"FactualityEvaluator","scores":{"factuality":0.82,"tone":{"score":0.74,"feedback":"Too terse."},"none":null},"model_name":"gpt-4o-mini","total_token_count":2021,"error":null}"#,
        r#"{"type":"metric","timestamp":"2026-05-04T14:00:02.881194Z","metric":"model_creation_time","value":0.0002,"metadata":{"success":true}}"#,
        r#"{"type":"log","timestamp":"2026-05-04T14:00:02.881194Z","level":"warning","message":"","metadata":{"a":[1,{"b":null}]}}"#,
        r#"{"type":"alert","timestamp":"2026-05-04T14:00:02.881194Z","name":"high_error_rate","state":"firing","level":"error","message":"m","labels":{"model_name":"x"},"value":0.5,"data":{"mean":0.5,"min":0.0,"max":1.0,"count":2},"since":"2026-05-04T14:00:00.000000Z","key":"k"}"#,
        r#"{"type":"alert","timestamp":"2026-05-04T14:00:02.881194Z","name":"silent","state":"resolved","level":"error","message":"m","labels":{},"value":null,"data":null,"since":"2026-05-04T14:00:00.000000Z","key":"k"}"#,
        r#"{"type":"alert","timestamp":"2026-05-04T14:00:02.881194Z","name":"slow","state":"firing","level":"critical","message":"m","labels":{},"annotations":{"dashboard":"https://d/?a=1&b=2","runbook":"https://r"},"value":9.5,"data":null,"since":"2026-05-04T14:00:00.000000Z","key":"k","repeat":3,"chart":"plots/slow.png"}"#,
    ] {
        assert_eq!(read(line), line);
    }
}

#[test]
fn the_references_metric_lines() {
    assert_eq!(
        read(
            r#"{"metric": "prompt_token_count", "value": 420, "model_name": "m", "type": "x", "timestamp": "2026-05-04T14:00:02.881194"}"#
        ),
        r#"{"type":"metric","timestamp":"2026-05-04T14:00:02.881194Z","metric":"prompt_token_count","value":420.0,"metadata":{"model_name":"m","type":"x"}}"#
    );
}

#[test]
fn the_references_log_lines() {
    assert_eq!(
        read(r#"2026-05-04 14:00:02,881 - {"message": "Model info set", "num_api_keys": 3, "level": "info"}"#),
        r#"{"type":"log","timestamp":"2026-05-04T14:00:02.881000Z","level":"info","message":"Model info set","metadata":{"num_api_keys":3}}"#
    );
    assert_eq!(
        read(
            r#"2026-05-04 14:00:02,881 - {"message": "Generation metrics", "data": {"timestamp": "2026-05-04T14:00:02.881194", "duration": 2, "success": true, "model_name": null, "turns": 3}, "level": "info"}"#
        ),
        r#"{"type":"generation","timestamp":"2026-05-04T14:00:02.881194Z","duration":2.0,"success":true,"model_name":"unknown","metadata":{"turns":3}}"#
    );
    assert_eq!(
        read(
            r#"2026-05-04 14:00:02,881 - {"message": "Evaluation metrics", "data": {"duration": 2, "success": true, "evaluator_type": "E", "scores": {"a": {"feedback": "f"}}}, "level": "info"}"#
        ),
        r#"{"type":"evaluation","timestamp":"2026-05-04T14:00:02.881000Z","duration":2.0,"success":true,"evaluator_type":"E","scores":{"a":{"score":null,"feedback":"f"}}}"#
    );
    assert_eq!(
        read("2026-05-04 14:00:02,881 - Traceback (most recent call last):"),
        "invalid_json: expected value (column 1)"
    );
}

#[test]
fn timestamps_of_every_origin() {
    let time = |line: &str| parse(line).map(|event| event.map(|event| event.time.to_rfc3339()));
    let moment = Ok(Some("2026-05-04T14:00:02.500000Z".to_owned()));
    assert_eq!(time(r#"{"metric":"m","value":1,"timestamp":1777903202.5}"#), moment);
    assert_eq!(time(r#"{"metric":"m","value":1,"timestamp":"2026-05-04T16:00:02.5+02:00"}"#), moment);
    assert_eq!(
        time(r#"{"type":"metric","metric":"m","value":1,"metadata":{"timestamp":"2026-05-04T14:00:02.5"}}"#),
        moment
    );
    let arrival = Ok(Some("1970-01-01T00:00:01.000000Z".to_owned()));
    assert_eq!(time(r#"{"metric":"m","value":1}"#), arrival);
    assert_eq!(time(r#"{"metric":"m","value":1,"timestamp":null}"#), arrival);
}

#[test]
fn what_is_wrong_is_told_by_field() {
    let generation = |fields: &str| read(format!(r#"{{"type":"generation",{fields}}}"#));
    let cases = [
        (generation(r#""success":true"#), "missing_field: `duration` is missing"),
        (generation(r#""duration":1"#), "missing_field: `success` is missing"),
        (generation(r#""duration":"1","success":true"#), "wrong_type: `duration` must be a number, not text"),
        (generation(r#""duration":null,"success":true"#), "wrong_type: `duration` must be a number, not null"),
        (generation(r#""duration":-1,"success":true"#), "negative: `duration` must not be negative, and is -1"),
        (generation(r#""duration":1,"success":"yes""#), "wrong_type: `success` must be true or false, not text"),
        (generation(r#""duration":1,"success":1"#), "wrong_type: `success` must be true or false, not a number"),
        (
            generation(r#""duration":1,"success":true,"model_name":7"#),
            "wrong_type: `model_name` must be text, not a number",
        ),
        (
            generation(r#""duration":1,"success":true,"finish_reason":[]"#),
            "wrong_type: `finish_reason` must be text, not a list",
        ),
        (generation(r#""duration":1,"success":true,"error":{}"#), "wrong_type: `error` must be text, not an object"),
        (
            generation(r#""duration":1,"success":true,"metadata":"x""#),
            "wrong_type: `metadata` must be an object, not text",
        ),
        (
            generation(r#""duration":1,"success":true,"timestamp":true"#),
            "wrong_type: `timestamp` must be a timestamp, not a boolean",
        ),
        (
            generation(r#""duration":1,"success":true,"timestamp":"soon""#),
            "timestamp: `soon` is not a timestamp: RFC 3339 (2026-05-04T14:00:02Z), the same without a zone, or a Unix number",
        ),
        (
            generation(r#""duration":1,"success":true,"prompt_token_count":"4""#),
            "wrong_type: `prompt_token_count` must be a whole number, not text",
        ),
        (
            generation(r#""duration":1,"success":true,"prompt_token_count":-4"#),
            "negative: `prompt_token_count` must not be negative, and is -4",
        ),
        (
            generation(r#""duration":1,"success":true,"completion_token_count":0.5"#),
            "wrong_type: `completion_token_count` must be a whole number, and is 0.5",
        ),
        (
            generation(r#""duration":1,"success":true,"total_token_count":18446744073709551615"#),
            "out_of_range: `total_token_count` is too large: 18446744073709551615",
        ),
        (
            generation(r#""duration":1,"success":true,"conversation_length":true"#),
            "wrong_type: `conversation_length` must be a whole number, not a boolean",
        ),
        (read(r#"{"type":"evaluation","duration":1,"success":true}"#), "missing_field: `evaluator_type` is missing"),
        (
            read(r#"{"type":"evaluation","duration":1,"success":true,"evaluator_type":"E","scores":[1]}"#),
            "wrong_type: `scores` must be an object, not a list",
        ),
        (read(r#"{"type":"metric","metric":"m"}"#), "missing_field: `value` is missing"),
        (read(r#"{"type":"metric","metric":"","value":1}"#), "missing_field: `metric` is empty"),
        (read(r#"{"metric":"m","value":true}"#), "wrong_type: `value` must be a number, not a boolean"),
        (read(r#"{"metric":["m"],"value":1}"#), "wrong_type: `metric` must be text, not a list"),
        (read(r#"{"type":"log"}"#), "missing_field: `message` is missing"),
        (
            read(r#"{"type":"log","message":"m","level":"loud"}"#),
            "wrong_type: unknown level `loud`: there are debug, info, warning, error and critical",
        ),
        (read(r#"{"type":7}"#), "wrong_type: `type` must be text, not a number"),
        (
            read(r#"{"type":"generations"}"#),
            "unknown_type: unknown kind of event `generations`: there are generation, evaluation, metric, log and alert",
        ),
        (
            read(r#"{"type":"alert","name":"n","state":"on"}"#),
            "wrong_type: `state` must be \"firing\" or \"resolved\", not \"on\"",
        ),
    ];
    for (got, expected) in cases {
        assert_eq!(got, expected);
    }
}

#[test]
fn numbers_that_are_none() {
    let generation = |fields: &str| read(format!(r#"{{"type":"generation","success":true,{fields}}}"#));
    assert_eq!(generation(r#""duration":NaN"#), "non_finite: `duration` is not a finite number");
    assert_eq!(generation(r#""duration":-Infinity"#), "non_finite: `duration` is not a finite number");
    assert_eq!(generation(r#""duration":1e400"#), "out_of_range: number out of range (column 52)");
    assert_eq!(generation(r#""duration":1e151"#), "out_of_range: `duration` is too large: 1e+151");
    // A NaN in an open attribute, or one score of six, costs only itself.
    assert_eq!(
        generation(r#""duration":1,"timestamp":1,"metadata":{"logprob":NaN}"#),
        r#"{"type":"generation","timestamp":"1970-01-01T00:00:01.000000Z","duration":1.0,"success":true,"metadata":{"logprob":null}}"#
    );
    assert_eq!(
        read(
            r#"{"type":"evaluation","duration":1,"success":true,"evaluator_type":"E","scores":{"a":NaN,"b":0.5,"c":"high"}}"#
        ),
        r#"{"type":"evaluation","timestamp":"1970-01-01T00:00:01.000000Z","duration":1.0,"success":true,"evaluator_type":"E","scores":{"a":null,"b":0.5,"c":null}}"#
    );
}

#[test]
fn lines_that_are_no_events() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let cases: [(&[u8], &str); 14] = [
        (br#"{"type":"metric","metric":"m","val"#, "invalid_json: EOF while parsing a string (column 34)"),
        (br#"{"type":"metric","metric":"m"}}"#, "invalid_json: trailing characters (column 31)"),
        (br#"{"metric":"m","value":1} {"metric":"m","value":1}"#, "invalid_json: trailing characters (column 26)"),
        (br#"[{"metric":"m","value":1}]"#, "not_an_event: an event is an object, not a list"),
        (b"42", "not_an_event: an event is an object, not a number"),
        (b"null", "not_an_event: an event is an object, not null"),
        (br#"{"hello":"world"}"#, "not_an_event: not an event: it has neither `type`, nor `metric` and `value`"),
        (
            br#"{"level":"info","msg":"x"}"#,
            "not_an_event: not an event: it has neither `type`, nor `metric` and `value`",
        ),
        (b"hello", "invalid_json: expected value (column 1)"),
        (b"\0\0\0\0", "invalid_json: expected value (column 1)"),
        (
            b"{\"metric\":\"a\0b\",\"value\":1}",
            "invalid_json: control character (\\u0000-\\u001F) found while parsing a string (column 13)",
        ),
        (b"{\"metric\":\"\xff\",\"value\":1}", "invalid_utf8: invalid UTF-8 (column 12)"),
        (deep.as_bytes(), "too_deep: recursion limit exceeded (column 128)"),
        (
            b"2026-05-04 14:99:02,881 - {}",
            "timestamp: `2026-05-04 14:99:02,881` is not a timestamp: RFC 3339 (2026-05-04T14:00:02Z), the same without a zone, or a Unix number",
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(read(line), expected);
    }
    assert_eq!(read(""), "blank");
    assert_eq!(read("  \t\r"), "blank");
}

#[test]
fn a_byte_order_mark_a_carriage_return_and_a_key_given_twice() {
    let metric = r#"{"type":"metric","timestamp":"1970-01-01T00:00:01.000000Z","metric":"m","value":2.0}"#;
    assert_eq!(read("\u{feff}{\"metric\":\"m\",\"value\":2}"), metric);
    assert_eq!(read("{\"metric\":\"m\",\"value\":2}\r"), metric);
    // As in Python and in every browser, the last of two keys wins.
    assert_eq!(read(r#"{"metric":"m","value":1,"value":2}"#), metric);
}

#[test]
fn a_line_of_many_keys_is_read_in_linear_time() {
    let keys: String = (0..200_000).map(|n| format!(",\"k{n}\":{n}")).collect();
    let event = parse(format!(r#"{{"metric":"m","value":1{keys}}}"#)).expect("an event").expect("not blank");
    assert_eq!(event.metadata().map(crate::Metadata::len), Some(200_000));
    let scores: String = (0..100_000).map(|n| format!(",\"k{n}\":{n}")).collect();
    let line = format!(
        r#"{{"type":"evaluation","duration":1,"success":true,"evaluator_type":"E","scores":{{"a":1{scores}}}}}"#
    );
    assert!(matches!(parse(line), Ok(Some(_))));
}
