//! What `monitor check` says of a wrong configuration, to the letter: file, line, column, key and remedy.

mod support;

use support::Dir;

/// What `check` says of this text.
fn checked(text: impl AsRef<[u8]>) -> String {
    let dir = Dir::new();
    dir.write("monitor.toml", text);
    dir.monitor(&["check"]).whole()
}

/// A snapshot a mistake; the text stands in the snapshot's name.
macro_rules! says {
    ($name:ident, $text:expr) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), checked($text));
        }
    };
}

says!(unknown_key_of_a_component, "[sinks.metrics]\ntype = \"jsonl\"\npth = \"metrics.jsonl\"\npath = \"a.jsonl\"\n");
says!(unknown_common_key, "[sinks.metrics]\ntype = \"jsonl\"\npath = \"a.jsonl\"\nacept = [\"alert\"]\n");
says!(unknown_key_far_from_all, "[sinks.metrics]\ntype = \"jsonl\"\npath = \"a.jsonl\"\nfrobnicate = 1\n");
says!(unknown_key_at_the_top, "data_dri = \"x\"\n");
says!(unknown_section, "[sink.metrics]\ntype = \"jsonl\"\n");
says!(unknown_key_of_the_store, "[store]\nmax_serie = 5\n");
says!(unknown_key_inside_of_a_list, "[charts.c]\ntype = \"line\"\nseries = [{ metric = \"m\", colour = \"red\" }]\n");
says!(unknown_key_of_the_prices, "[prices]\nenable = false\n");
says!(unknown_key_of_a_price, "[prices.models.\"my-model\"]\ninput = 1.0\noutptu = 2.0\n");
says!(negative_price, "[prices.models]\nmine = { input = 1, output = -2, cached_input = 0.1 }\n");
says!(price_as_a_number, "[prices.models]\nmine = 3\n");
says!(missing_key, "[sinks.metrics]\ntype = \"jsonl\"\n");
says!(missing_type, "[sinks.metrics]\npath = \"a.jsonl\"\n");
says!(unknown_type, "[sinks.metrics]\ntype = \"jsonll\"\n");
says!(unknown_type_far_from_all, "[alerts.a]\ntype = \"astrology\"\n");
says!(type_is_not_text, "[alerts.a]\ntype = 7\n");
says!(wrong_type_number, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = \"high\"\n");
says!(wrong_type_text, "[sinks.metrics]\ntype = \"jsonl\"\npath = 7\n");
says!(wrong_type_flag, "[sources.s]\ntype = \"file\"\npath = \"a\"\nfollow = \"yes\"\n");
says!(wrong_type_list, "[sinks.s]\ntype = \"stdout\"\naccept = \"alert\"\n");
says!(wrong_type_table, "sinks = 5\n");
says!(wrong_type_component, "[sinks]\nmetrics = \"jsonl\"\n");
says!(wrong_type_enabled, "[sinks.s]\ntype = \"stdout\"\nenabled = \"no\"\n");
says!(unknown_word, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\naggregate = \"p98\"\n");
says!(unknown_level, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nlevel = \"loud\"\n");
says!(unknown_kind, "[sinks.s]\ntype = \"stdout\"\naccept = [\"alerts\"]\n");
says!(unknown_zone, "timezone = \"Mars/Olympus\"\n");
says!(unknown_preset, "presets = [\"recomended\"]\n");
says!(not_a_duration, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nwindow = \"5 parsecs\"\n");
says!(chart_drawn_all_the_time, "[charts.c]\ntype = \"line\"\nevery = \"10ms\"\nseries = [{ metric = \"m\" }]\n");
says!(path_of_a_folder, "[sinks.a]\ntype = \"jsonl\"\npath = \"a/\"\n");
says!(path_with_an_unknown_word, "[sinks.a]\ntype = \"jsonl\"\npath = \"{dat}/a.jsonl\"\n");
says!(kept_without_rotation, "[sinks.a]\ntype = \"jsonl\"\npath = \"a.jsonl\"\nkeep = 7\n");
says!(
    two_sinks_on_one_path_with_words,
    "[sinks.a]\ntype = \"jsonl\"\npath = \"{kind}.jsonl\"\n[sinks.b]\ntype = \"jsonl\"\npath = \"{kind}.jsonl\"\n"
);
says!(path_of_the_refused_lines, "[sinks.a]\ntype = \"jsonl\"\npath = \"rejected.jsonl\"\n");
says!(duration_as_a_number, "metrics_interval = 60\n");
says!(size_as_one_number, "[charts.c]\ntype = \"line\"\nseries = [{ metric = \"m\" }]\nsize = 5\n");
says!(not_a_size, "[store]\nmax_bytes = \"much\"\n");
says!(not_a_colour, "[charts.c]\ntype = \"line\"\nseries = [{ metric = \"m\", color = \"gren\" }]\n");
says!(not_a_glob, "[sources.s]\ntype = \"file\"\npath = \"logs/***.jsonl\"\n");
says!(sample_of_none, "[sinks.s]\ntype = \"stdout\"\nsample = 0\n");
says!(not_a_condition, "[sinks.s]\ntype = \"stdout\"\nwhere = [\"model_name\"]\n");
says!(not_an_expression, "[sinks.s]\ntype = \"stdout\"\nwhere = [\"model_name=~gpt(\"]\n");
says!(not_a_pattern, "[sinks.s]\ntype = \"stdout\"\nmetrics = [\"a[\"]\n");
says!(no_interval, "metrics_interval = \"0s\"\n");
says!(no_batch, "[sinks.s]\ntype = \"stdout\"\nbatch = 0\n");
says!(negative_count, "[sinks.s]\ntype = \"stdout\"\nbatch = -1\n");
says!(no_limit, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\n");
says!(two_limits, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 0.9\nbelow = 0.1\n");
says!(preset_with_another_limit, "presets = [\"reference\"]\n[alerts.low_success_rate]\nabove = 0.9\n");
says!(preset_table_misspelt, "presets = [\"recommended\"]\n[alerts.failing_call]\nenabled = false\n");
says!(budget_of_nothing, "[alerts.a]\ntype = \"budget\"\nmetric = \"cost_usd\"\nlimit = 0\n");
says!(factor_that_never_comes, "[alerts.a]\ntype = \"burn_rate\"\nobjective = 0.9\n");
says!(
    expression_of_an_unknown_value,
    "[alerts.a]\ntype = \"expression\"\nholds = \"eror > 1\"\nvalues = { error = { metric = \"m\" } }\n"
);
says!(
    expression_that_explodes,
    "[alerts.a]\ntype = \"expression\"\nholds = \"error in [1] * 10**9\"\nvalues = { error = { metric = \"m\" } }\n"
);
says!(
    key_of_a_value_misspelt,
    "[alerts.a]\ntype = \"expression\"\nholds = \"error > 1\"\n[alerts.a.values.error]\nmetric = \"m\"\nagregate = \"sum\"\n"
);
says!(grouped_by_no_label, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nby = [\"modl_name\"]\n");
says!(empty_window, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nwindow = \"0s\"\n");
says!(store_without_room, "[store]\nmax_bytes = \"8\"\n");
says!(two_readers_of_standard_input, "[sources.a]\ntype = \"stdin\"\n[sources.b]\ntype = \"stdin\"\n");
says!(
    sink_that_feeds_its_own_source,
    "[sources.a]\ntype = \"file\"\npath = \"monitoring/*.jsonl\"\n[sinks.b]\ntype = \"jsonl\"\npath = \"b.jsonl\"\n"
);
says!(not_a_number, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = nan\n");
says!(bad_selector, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m{model\"\nabove = 1\n");
says!(bad_template, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nmessage = \"{{ men | percent }}\"\n");
says!(
    bad_annotation,
    "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nannotations = { runbook = \"{{ naem }}\" }\n"
);
says!(
    mutes_no_rule,
    "[alerts.slow]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\n[alerts.down]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nmutes = [\"slwo\"]\n"
);
says!(
    mute_each_other,
    "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nmutes = [\"b\"]\n[alerts.b]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nmutes = [\"a\"]\n"
);
says!(
    recovers_on_the_wrong_side,
    "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 3\nrecover_above = 5\n[alerts.b]\ntype = \"threshold\"\nmetric = \"m\"\nbelow = 1\nrecover_above = 0.5\n"
);
says!(
    mutes_itself,
    "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nmutes = [\"a\"]\n[alerts.b]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\n"
);
says!(
    chart_of_no_chart,
    "[charts.calls]\ntype = \"line\"\nseries = [{ metric = \"m\" }]\n[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nchart = \"call\"\n"
);
says!(window_longer_than_the_store, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nwindow = \"60d\"\n");
says!(critical_on_the_wrong_side, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 2\ncritical = 1\n");
says!(reminder_without_end, "[alerts.a]\ntype = \"threshold\"\nmetric = \"m\"\nabove = 1\nrepeat_every = \"0s\"\n");
says!(not_hours, "[notify]\nquiet = [\"22-7\"]\n");
says!(unknown_key_of_notify, "[notify]\nat_mots = 3\n");
says!(no_message_at_all, "[notify]\nat_most = 0\n");
says!(duplicate_name, "[sinks.a]\ntype = \"stdout\"\n[sinks.a]\ntype = \"stdout\"\n");
says!(duplicate_key, "[sinks.a]\ntype = \"stdout\"\ntype = \"stdout\"\n");
says!(
    two_sinks_on_one_path,
    "[sinks.a]\ntype = \"jsonl\"\npath = \"x.jsonl\"\n[sinks.b]\ntype = \"log\"\npath = \"x.jsonl\"\n"
);
says!(content_that_a_sink_cannot_write, "[sinks.a]\ntype = \"log\"\npath = \"x\"\ncontent = \"samples\"\n");
says!(not_toml_at_all, "{\"this\": \"is JSON\"}\n");
says!(half_a_table, "[sinks.a\ntype = \"stdout\"\n");
says!(not_text_at_all, b"data_dir = \"\xff\xfe\"\n");
says!(
    all_mistakes_at_once,
    "data_dri = \"x\"\n\n[sources.in]\ntype = \"fil\"\n\n[sinks.out]\ntype = \"jsonl\"\npth = \"a\"\nbatch = \"many\"\n\n[alerts.a]\ntype = \"threshold\"\nwindow = 5\n"
);

#[test]
fn faults_in_a_file_of_prices() {
    let dir = Dir::new();
    dir.write("monitor.toml", "[prices]\nfile = \"mine.toml\"\n");
    insta::assert_snapshot!("missing_file_of_prices", dir.monitor(&["check"]).whole());
    dir.write("mine.toml", "[models]\n\"my-model\" = { input = \"1\", output = 2 }\n");
    insta::assert_snapshot!("wrong_price_in_a_file", dir.monitor(&["check"]).whole());
    dir.write("mine.toml", "[models]\n\"my-model\" = { input = 1, output = 2 }\n");
    assert_eq!(dir.monitor(&["check"]).code, Some(0));
}

#[test]
fn missing_file() {
    insta::assert_snapshot!("missing_file", Dir::new().monitor(&["check", "-c", "nowhere.toml"]).whole());
}

#[test]
fn folder_instead_of_a_file() {
    let dir = Dir::new();
    dir.write("folder/x", "");
    insta::assert_snapshot!("folder_instead_of_a_file", dir.monitor(&["check", "-c", "folder"]).whole());
}

#[test]
fn an_empty_file_is_fine() {
    insta::assert_snapshot!("an_empty_file_is_fine", checked(""));
}

#[test]
fn samples_of_all_components_are_fine() {
    let dir = Dir::new();
    let listed = dir.monitor(&["components", "--format", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let components = listed["components"].as_array().expect("a list");
    assert!(components.len() >= 7);
    for component in components {
        let name = format!("{}.{}", component["kind"], component["type"]).replace('"', "");
        let sample = dir.monitor(&["sample", &name]);
        assert_eq!(sample.code, Some(0));
        dir.write("monitor.toml", &sample.stdout);
        let checked = dir.monitor(&["check"]);
        assert_eq!(checked.code, Some(0), "{name}:\n{}\n{}", sample.stdout, checked.stderr);
        let explained = dir.monitor(&["explain", &name]);
        assert_eq!(explained.code, Some(0));
        assert!(explained.stdout.contains("Its keys:"), "{}", explained.stdout);
    }
}
