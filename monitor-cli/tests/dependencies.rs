//! Dependencies grow by accident: this test states how many crates each part may pull in, which workspace crates
//! may know each other, and what must never enter the tree of monitor-core.
//!
//! It asks cargo itself, by text output, so that it needs no crate of its own.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

/// How many distinct crates one part may compile, itself included (two versions of a crate are two).
struct Limit {
    package: &'static str,
    /// The one feature switched on; `None` is the package with its default features.
    feature: Option<&'static str>,
    at_most: usize,
    /// Why the number is what it is; part of the failure message.
    why: &'static str,
}

/// What monitor-core compiles with its default features; every other part has it underneath.
const CORE: usize = 84;

/// Lets a dependency split itself in two without anybody being asked.
const MARGIN: usize = 3;

/// What a chart costs, of whatever type.
const VIZ: &str =
    "core and itself; the rest is plotters with its SVG back end, the PNG encoder and the reader of the font";

/// The counts of the day plus the margin. Whoever raises one says in `why` what the new crates are for.
const LIMITS: &[Limit] = &[
    Limit {
        package: "monitor-core",
        feature: None,
        at_most: CORE + MARGIN,
        why: "serde, schemars and toml with what they derive with are half of it; then time zones, gzip, two for zstd, templates, \
              tracing, five for the quick clock of quanta, six for the compression of pco, three for regular expressions, two for the form of a snapshot, seven for SQLite",
    },
    Limit { package: "monitor-sinks", feature: Some("alertmanager"), at_most: CORE + 18 + MARGIN, why: "as http" },
    Limit {
        package: "monitor-sinks",
        feature: Some("email"),
        at_most: CORE + 35 + MARGIN,
        why: "core and itself; 13 are rustls with the certificates that browsers trust, five SHA-256, the rest is SMTP and the form \
              of mail; without idna_adapter 1.0, which the binary asks for, 21 more are tables of Unicode",
    },
    Limit {
        package: "monitor-sinks",
        feature: Some("command"),
        at_most: CORE + 3 + MARGIN,
        why: "core and itself; signals to groups of processes, without `unsafe` of our own",
    },
    Limit {
        package: "monitor-sinks",
        feature: Some("http"),
        at_most: CORE + 18 + MARGIN,
        why: "core and itself; the rest is an HTTP client that blocks, and rustls",
    },
    Limit {
        package: "monitor-sinks",
        feature: Some("csv"),
        at_most: CORE + 4 + MARGIN,
        why: "core and itself; the reader of quoted values",
    },
    Limit {
        package: "monitor-sinks",
        feature: Some("excel"),
        at_most: CORE + 27 + MARGIN,
        why: "core and itself; one crate that writes workbooks and another that reads them, with ZIP and XML",
    },
    Limit {
        package: "monitor-sinks",
        feature: Some("json"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; JSON is core's already",
    },
    Limit {
        package: "monitor-sinks",
        feature: Some("parquet"),
        at_most: CORE + 13 + MARGIN,
        why: "core and itself; Parquet without Arrow, with what Zstandard and Thrift take",
    },
    Limit { package: "monitor-sinks", feature: Some("memory"), at_most: CORE + 1 + MARGIN, why: "core and itself" },
    Limit { package: "monitor-sinks", feature: Some("webhook"), at_most: CORE + 18 + MARGIN, why: "as http" },
    Limit {
        package: "monitor-sinks",
        feature: Some("jsonl"),
        at_most: CORE + 4 + MARGIN,
        why: "core and itself; three are the encoder of zstd",
    },
    Limit {
        package: "monitor-sinks",
        feature: Some("log"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; a file of lines needs nothing more",
    },
    Limit {
        package: "monitor-sinks",
        feature: Some("polars"),
        at_most: CORE + 95 + MARGIN,
        why: "core and itself; 59 are the frames of polars-core, which core has the same feature for, and 35 the lazy queries \
              over them; SQL comes with the binary's feature alone",
    },
    Limit {
        package: "monitor-sinks",
        feature: Some("sqlite"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; SQLite is the spool's already",
    },
    Limit {
        package: "monitor-sinks",
        feature: Some("stdout"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; colours are written by hand",
    },
    Limit {
        package: "monitor-alerts",
        feature: Some("absence"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; the store computes what a rule compares",
    },
    Limit {
        package: "monitor-alerts",
        feature: Some("anomaly"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; the store computes what a rule compares",
    },
    Limit {
        package: "monitor-alerts",
        feature: Some("budget"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; chrono is core's already",
    },
    Limit {
        package: "monitor-alerts",
        feature: Some("burn_rate"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; the store computes what a rule compares",
    },
    Limit {
        package: "monitor-alerts",
        feature: Some("change"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; the store computes what a rule compares",
    },
    Limit {
        package: "monitor-alerts",
        feature: Some("drift"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; the store computes what a rule compares",
    },
    Limit {
        package: "monitor-alerts",
        feature: Some("expression"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; the language is that of its templates",
    },
    Limit {
        package: "monitor-alerts",
        feature: Some("ratio"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; the store computes what a rule compares",
    },
    Limit {
        package: "monitor-alerts",
        feature: Some("threshold"),
        at_most: CORE + 1 + MARGIN,
        why: "core and itself; the store computes what a rule compares",
    },
    Limit { package: "monitor-viz", feature: Some("bar"), at_most: CORE + 11 + MARGIN, why: VIZ },
    Limit { package: "monitor-viz", feature: Some("box"), at_most: CORE + 11 + MARGIN, why: VIZ },
    Limit { package: "monitor-viz", feature: Some("cdf"), at_most: CORE + 11 + MARGIN, why: VIZ },
    Limit { package: "monitor-viz", feature: Some("heatmap"), at_most: CORE + 11 + MARGIN, why: VIZ },
    Limit { package: "monitor-viz", feature: Some("histogram"), at_most: CORE + 11 + MARGIN, why: VIZ },
    Limit { package: "monitor-viz", feature: Some("line"), at_most: CORE + 11 + MARGIN, why: VIZ },
    Limit {
        package: "monitor-viz",
        feature: Some("report"),
        at_most: CORE + 13 + MARGIN,
        why: "as the others; two are Student's distribution, the template engine is core's already",
    },
    Limit { package: "monitor-viz", feature: Some("sparkline"), at_most: CORE + 11 + MARGIN, why: VIZ },
    Limit { package: "monitor-viz", feature: Some("stacked"), at_most: CORE + 11 + MARGIN, why: VIZ },
    Limit {
        package: "monitor-viz",
        feature: Some("top"),
        at_most: CORE + 35 + MARGIN,
        why: "as line, whose drawing is always there; the rest is ratatui: its cells and widgets, and what their strings, hash maps and \
              derived words need",
    },
];

/// Which workspace crates each workspace crate may name, in any kind of dependency and behind any feature.
/// A new arrow is a design decision, made on its own.
const ARROWS: &[(&str, &[&str])] = &[
    ("monitor-core", &[]),
    ("monitor-sinks", &["monitor-core"]),
    ("monitor-alerts", &["monitor-core"]),
    ("monitor-viz", &["monitor-core"]),
    ("monitor-cli", &["monitor-core", "monitor-sinks", "monitor-alerts", "monitor-viz"]),
];

/// The crates of which every component is one feature, so that each needs a stated limit.
const SIBLINGS: &[&str] = &["monitor-sinks", "monitor-alerts", "monitor-viz"];

/// What a program that only embeds core must never pay for: async runtimes, networks, data frames.
const NEVER_IN_CORE: &[&str] = &[
    // Async runtimes.
    "async-executor",
    "async-io",
    "async-std",
    "futures-executor",
    "glommio",
    "mio",
    "monoio",
    "smol",
    "tokio",
    // Network, and what comes only with it.
    "async-nats",
    "attohttpc",
    "axum",
    "curl",
    "h2",
    "hyper",
    "isahc",
    "lettre",
    "native-tls",
    "openssl",
    "openssl-sys",
    "quinn",
    "rdkafka",
    "redis",
    "reqwest",
    "rustls",
    "socket2",
    "tiny_http",
    "tonic",
    "tungstenite",
    "ureq",
    // Data frames.
    "arrow",
    "datafusion",
    "duckdb",
];

/// Families whose every member counts as [`NEVER_IN_CORE`].
const NEVER_IN_CORE_PREFIXES: &[&str] = &["arrow-", "hyper-", "polars", "tokio-"];

#[test]
fn every_part_stays_within_its_stated_number_of_crates() {
    let mut failures = String::new();
    for limit in LIMITS {
        let crates = tree(limit.package, limit.feature);
        if crates.len() > limit.at_most {
            let mut list = String::new();
            for name in &crates {
                let _ = writeln!(list, "    {name}");
            }
            let _ = writeln!(
                failures,
                "{} with {} compiles {} crates, at most {} are allowed (the limit is there for: {}):\n{list}",
                limit.package,
                limit.feature.unwrap_or("its default features"),
                crates.len(),
                limit.at_most,
                limit.why,
            );
        }
    }
    assert!(
        failures.is_empty(),
        "{failures}Do without the new crates, or raise the limit in {} and say there why.",
        file!()
    );
}

#[test]
fn every_component_has_a_stated_limit_and_every_limit_a_component() {
    let metadata = metadata();
    for package in SIBLINGS {
        let features = features(manifest(&metadata, package));
        let stated: BTreeSet<&str> =
            LIMITS.iter().filter(|limit| limit.package == *package).filter_map(|limit| limit.feature).collect();
        let counts: Vec<String> = features
            .difference(&stated)
            .map(|feature| format!("{feature} ({} now)", tree(package, Some(feature)).len()))
            .collect();
        assert!(
            counts.is_empty(),
            "state in LIMITS how many crates these features of {package} may compile: {}",
            counts.join(", ")
        );
        let gone: Vec<&&str> = stated.difference(&features).collect();
        assert!(gone.is_empty(), "LIMITS names features that {package} has not: {gone:?}");
    }
}

#[test]
fn workspace_crates_know_only_whom_the_design_lets_them() {
    let metadata = metadata();
    let members = members(&metadata);
    for member in &members {
        let Some((_, allowed)) = ARROWS.iter().find(|(package, _)| package == member) else {
            panic!("state in ARROWS which workspace crates {member} may depend on");
        };
        let new: Vec<&str> = dependencies(manifest(&metadata, member))
            .into_iter()
            .filter(|name| members.contains(name))
            .filter(|name| !allowed.contains(name))
            .collect();
        assert!(
            new.is_empty(),
            "{member} depends on {}: that arrow is not in ARROWS, and a new arrow is a design decision made on its own",
            new.join(", ")
        );
    }
    for (package, _) in ARROWS {
        assert!(members.contains(package), "ARROWS names {package}, which is no crate of this workspace");
    }
}

#[test]
fn core_has_no_async_runtime_no_network_and_no_data_frames() {
    let crates = tree("monitor-core", None);
    let found: Vec<&String> = crates
        .iter()
        .filter(|entry| {
            let name = entry.split(' ').next().unwrap_or_default();
            NEVER_IN_CORE.contains(&name) || NEVER_IN_CORE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        })
        .collect();
    assert!(
        found.is_empty(),
        "monitor-core compiles {found:?}: `cargo tree -p monitor-core -e normal -i NAME` shows where it comes from; \
         such a component belongs in a sibling crate or in a plugin"
    );
}

/// The distinct crates, as "name version", that one package compiles on this machine with its default features, or
/// with exactly one feature.
fn tree(package: &str, feature: Option<&str>) -> BTreeSet<String> {
    let mut arguments = vec!["tree", "--package", package, "--edges", "normal", "--prefix", "none"];
    if let Some(feature) = feature {
        arguments.extend(["--no-default-features", "--features", feature]);
    }
    let crates: BTreeSet<String> = cargo(&arguments)
        .lines()
        .filter_map(|line| {
            // "serde v1.0.229 (*)": the rest says only how it was printed.
            let mut words = line.split_whitespace();
            Some(format!("{} {}", words.next()?, words.next()?))
        })
        .collect();
    assert!(
        crates.iter().any(|entry| entry.split(' ').next() == Some(package)),
        "`cargo tree` prints one crate a line, {package} among them: {crates:?}"
    );
    crates
}

/// What cargo knows of the workspace's own crates, as one line of JSON.
fn metadata() -> String {
    cargo(&["metadata", "--no-deps", "--format-version", "1"])
}

/// Each package begins with its name and version; in between, the same two keys never stand side by side.
const PACKAGE: &str = r#"{"name":""#;
const VERSION: &str = r#"","version":""#;
/// A dependency begins with its name and source.
const SOURCE: &str = r#"","source":"#;

/// The names of the workspace's crates.
fn members(metadata: &str) -> BTreeSet<&str> {
    names(metadata, VERSION)
}

/// The part of the metadata that tells of one package.
fn manifest<'a>(metadata: &'a str, package: &str) -> &'a str {
    let start = format!("{PACKAGE}{package}{VERSION}");
    let from = metadata.find(&start).map(|at| &metadata[at..]).expect("only crates of this workspace are asked for");
    let features = from.find(FEATURES).expect("every package has a table of features");
    // They are the last thing of a package that is read here, and hold no braces.
    let end = from[features..].find('}').expect("an object that begins also ends");
    &from[..features + end]
}

/// The features of a package; those of a dependency are a list.
const FEATURES: &str = r#""features":{"#;

/// All crates that a package names, whatever the kind, the target or the feature.
fn dependencies(manifest: &str) -> BTreeSet<&str> {
    names(manifest, SOURCE)
}

/// The features that are a component.
fn features(manifest: &str) -> BTreeSet<&str> {
    let table = manifest.split_once(FEATURES).map(|(_, table)| table);
    table
        .unwrap_or_default()
        // `"jsonl":["dep:x","y"],"log":["z"]`: a name is what stands before a list; the last piece stands before none.
        .rsplit(r#"":["#)
        .skip(1)
        .filter_map(|before| before.rsplit_once('"').map(|(_, name)| name))
        .filter(|name| !matches!(*name, "" | "default"))
        .collect()
}

/// The names of all objects that begin with `{"name":"…` and go on with `next`.
fn names<'a>(json: &'a str, next: &str) -> BTreeSet<&'a str> {
    json.split(PACKAGE)
        .skip(1)
        .filter_map(|object| object.split_once('"').map(|(name, _)| (name, object)))
        .filter(|(name, object)| object[name.len()..].starts_with(next))
        .map(|(name, _)| name)
        .collect()
}

/// Runs cargo at the workspace's root, without the network and without touching Cargo.lock: building this test has
/// already brought all that is asked for.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--locked", "--offline", "--color", "never"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("the cargo that built this test can be run");
    assert!(
        output.status.success(),
        "`cargo {}` failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

#[test]
fn the_reader_of_metadata_finds_names_and_features() {
    let metadata = concat!(
        r#"{"packages":[{"name":"a","version":"1","dependencies":[{"name":"b","source":null,"features":["x"]},"#,
        r#"{"name":"c","source":"r","features":[]}],"targets":[{"kind":["lib"],"name":"a"}],"#,
        r#""features":{"default":["one"],"one":["dep:c","b/x"],"two":[],"three":["dep:b"]},"links":null},"#,
        r#"{"name":"b","version":"1","dependencies":[],"targets":[],"features":{},"links":null}]}"#,
    );
    assert_eq!(members(metadata), BTreeSet::from(["a", "b"]));
    assert_eq!(dependencies(manifest(metadata, "a")), BTreeSet::from(["b", "c"]));
    assert_eq!(features(manifest(metadata, "a")), BTreeSet::from(["one", "three", "two"]));
    assert_eq!(features(manifest(metadata, "b")), BTreeSet::new());
}
