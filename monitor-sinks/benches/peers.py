"""Times what goes out of monitor beside DuckDB and polars, in turn and on the same cores: lines of generations into a
database and JSONL, and samples from one format into another.

    cargo build --release
    pip install duckdb polars
    python monitor-sinks/benches/peers.py target/release/monitor

Every program is timed as a whole process, from its start to its end.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

EVENTS = 500_000
SAMPLES = 1_000_000
ROUNDS = 5
EVENT = (
    '{"type":"generation","timestamp":"2026-05-04T%02d:%02d:%02d.%06dZ","duration":%.3f,"success":true,"model_name":"model-%d",'
    '"finish_reason":"stop","prompt_token_count":%d,"completion_token_count":%d,"total_token_count":%d,'
    '"metadata":{"operation":"answer_generation","request_id":"req-%08d","region":"europe-west4"}}\n'
)
SAMPLE = '{"metric": "%s", "value": %s, "model_name": "model-%d", "timestamp": "2026-05-04T%02d:%02d:%02d.%06d"}\n'
NAMES = ["generation_time", "prompt_token_count", "completion_token_count", "total_token_count"]
CONFIG = (
    'data_dir = "data"\n[sources.in]\ntype = "file"\npath = "%s"\n[sinks.events]\ntype = "jsonl"\npath = "events.jsonl"\n'
    '[sinks.database]\ntype = "sqlite"\npath = "run.db"\n'
)
COLUMNS = (
    "{type: 'VARCHAR', timestamp: 'TIMESTAMPTZ', duration: 'DOUBLE', success: 'BOOLEAN', model_name: 'VARCHAR', "
    "finish_reason: 'VARCHAR', prompt_token_count: 'BIGINT', completion_token_count: 'BIGINT', total_token_count: 'BIGINT', "
    "metadata: 'STRUCT(operation VARCHAR, request_id VARCHAR, region VARCHAR)'}"
)
DUCKDB_RUN = """
import duckdb, sys
c = duckdb.connect(sys.argv[2] + "/run.duckdb")
c.execute(f"create table events as select * from read_json('{sys.argv[1]}', format='newline_delimited', columns={sys.argv[3]})")
c.execute(f"copy events to '{sys.argv[2]}/events.jsonl' (format json)")
"""
DUCKDB = """
import duckdb, sys
form = {"parquet": "(format parquet, compression zstd)", "csv": "(format csv, header)", "json": "(format json, array true)"}[sys.argv[3]]
columns = "{metric: 'VARCHAR', value: 'DOUBLE', model_name: 'VARCHAR', timestamp: 'TIMESTAMP'}"
duckdb.execute(f"copy (select * from read_json('{sys.argv[1]}', format='newline_delimited', columns={columns})) to '{sys.argv[2]}' {form}")
"""
POLARS = """
import polars, sys
schema = {"metric": polars.String, "value": polars.Float64, "model_name": polars.String, "timestamp": polars.String}
frame = polars.read_ndjson(sys.argv[1], schema=schema)
frame = frame.with_columns(polars.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us"))
{"parquet": lambda: frame.write_parquet(sys.argv[2], compression="zstd"), "csv": lambda: frame.write_csv(sys.argv[2]),
 "json": lambda: frame.write_json(sys.argv[2])}[sys.argv[3]]()
"""


def clock(at):
    return at // 36_000_000 % 24, at // 600_000 % 60, at // 10_000 % 60, at * 100 % 1_000_000


def write_lines(events, samples):
    """Always the same."""
    with open(events, "w", encoding="utf-8") as file:
        for at in range(EVENTS):
            prompt, completion = 50 + at * 7 % 4_000, 10 + at * 13 % 2_000
            values = (0.3 + at * 17 % 30_000 / 1_000, at % 5, prompt, completion, prompt + completion, at)
            file.write(EVENT % (*clock(at), *values))
    with open(samples, "w", encoding="utf-8") as file:
        for at in range(SAMPLES):
            file.write(SAMPLE % (NAMES[at % 4], at * 31 % 1_000_003 / 321.7, at % 5, *clock(at)))


def seconds(command, folder):
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def compare(what, commands):
    """Each command in turn, in a folder of its own; a command is made of the folder."""
    took = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            with tempfile.TemporaryDirectory() as folder:
                took[name].append(seconds(command(folder), folder))
    medians = {name: statistics.median(times) for name, times in took.items()}
    for name, median in medians.items():
        print(f"{what:<24} {name:<8} {median:6.2f} s {median / medians['monitor']:6.2f} x of monitor", flush=True)


def main():
    binary = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as data:
        events, samples = os.path.join(data, "events.jsonl"), os.path.join(data, "samples.jsonl")
        write_lines(events, samples)

        def run(folder):
            with open(os.path.join(folder, "monitor.toml"), "w", encoding="utf-8") as file:
                file.write(CONFIG % events)
            return [binary, "run"]

        python = lambda script, *arguments: [sys.executable, "-c", script, *arguments]
        compare("to database and JSONL", {"monitor": run, "duckdb": lambda folder: python(DUCKDB_RUN, events, folder, COLUMNS)})
        for form in ["parquet", "csv", "json"]:
            out = lambda folder: os.path.join(folder, f"out.{form}")
            by = [] if form == "json" else ["--by", "none"]
            compare(
                f"samples to {form}",
                {
                    "monitor": lambda folder: [binary, "export", samples, "--out", out(folder), *by],
                    "duckdb": lambda folder: python(DUCKDB, samples, out(folder), form),
                    "polars": lambda folder: python(POLARS, samples, out(folder), form),
                },
            )


main()
