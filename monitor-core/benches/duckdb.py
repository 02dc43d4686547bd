"""Times a million lines of generations, eight samples each and their cost, into the store, and the same lines through DuckDB,
in turn and on one core each.

    cargo build --release
    pip install duckdb
    python monitor-core/benches/duckdb.py target/release/monitor

DuckDB sums up by the labels that a generation's samples have; monitor keeps every sample besides. It is timed as a whole
process, by `query`, which needs nothing but the store.
"""

import datetime
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

# By its place beside this script the module of this name would be found before the package.
sys.path.pop(0)
import duckdb

LINES = 1_000_000
ROUNDS = 5
MODELS = ["gemini-2.5-flash", "gemini-2.5-pro", "gpt-4o", "gpt-4o-mini", "meta-llama/llama-3.3-70b-instruct:free"]
OPERATIONS = ["answer_generation", "question_generation", "persona_generation", "evaluation"]
REASONS = ["stop"] * 6 + ["length", "content_filter"]
LINE = (
    '{"type":"generation","timestamp":"%s","duration":%s,"success":true,"model_name":"%s","finish_reason":"%s",'
    '"prompt_token_count":%d,"completion_token_count":%d,"total_token_count":%d,'
    '"metadata":{"operation":"%s","request_id":"req-%08d","region":"europe-west4"}}\n'
)
COLUMNS = (
    "{timestamp: 'TIMESTAMP', duration: 'DOUBLE', success: 'BOOLEAN', model_name: 'VARCHAR', finish_reason: 'VARCHAR', "
    "prompt_token_count: 'BIGINT', completion_token_count: 'BIGINT', total_token_count: 'BIGINT', "
    "metadata: 'STRUCT(operation VARCHAR)'}"
)


def write_lines(path):
    """Lines as `events.jsonl` holds them, always the same."""
    chance = random.Random(1)
    start = datetime.datetime(2026, 5, 4, 14)
    with open(path, "w", encoding="utf-8") as file:
        for at in range(LINES):
            moment = start + datetime.timedelta(microseconds=at * 73_137)
            prompt, completion = 50 + chance.randrange(4_000), 10 + chance.randrange(2_000)
            values = (
                moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                (300 + chance.randrange(30_000)) / 1_000,
                chance.choice(MODELS),
                chance.choice(REASONS),
                prompt,
                completion,
                prompt + completion,
                chance.choice(OPERATIONS),
                at,
            )
            file.write(LINE % values)


def through_duckdb(path):
    """Count, mean, extremes and sums by label; returns how many calls there were."""
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    groups = connection.execute(
        f"""
        SELECT count(*), avg(duration), min(duration), max(duration), avg(success::INT), sum(prompt_token_count),
               sum(completion_token_count), sum(total_token_count)
        FROM read_json('{path}', format = 'newline_delimited', columns = {COLUMNS})
        GROUP BY model_name, finish_reason, metadata.operation, success
        """
    ).fetchall()
    return sum(group[0] for group in groups)


def through_monitor(binary, path):
    """The same number by way of the store."""
    command = [binary, "query", "generation_time", path, "--agg", "count", "--format", "csv"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(answer.splitlines()[1].rsplit(",", 1)[1])


def main():
    binary = sys.argv[1]
    # Children stay on it as well.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "lines.jsonl")
        write_lines(path)
        ways = {"duckdb": lambda: through_duckdb(path), "monitor": lambda: through_monitor(binary, path)}
        took = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                began = time.perf_counter()
                calls = way()
                took[name].append(time.perf_counter() - began)
                assert calls == LINES, f"{name}: {calls}"
    medians = {name: statistics.median(times) for name, times in took.items()}
    for name, seconds in medians.items():
        print(f"{name:8} {seconds:.2f} s  {LINES / seconds / 1e6:.2f} M lines/s")
    print(f"monitor takes {medians['monitor'] / medians['duckdb']:.2f} x the time of duckdb")


if __name__ == "__main__":
    main()
