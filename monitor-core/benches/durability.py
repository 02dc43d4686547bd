"""Times generations from standard input to sinks at each level of durability, in turn.

    cargo build --release
    python monitor-core/benches/durability.py target/release/monitor
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

EVENTS = 300_000
ROUNDS = 5
LEVELS = ["L0", "L1", "L2"]
LINE = (
    '{"type":"generation","timestamp":%d.%03d,"duration":%.3f,"success":true,"model_name":"gpt-4o","finish_reason":"stop",'
    '"prompt_token_count":%d,"completion_token_count":%d,"total_token_count":%d,'
    '"metadata":{"operation":"answer_generation","request_id":"req-%08d","region":"europe-west4","tenant":"%s"}}\n'
)
SINKS = {
    "jsonl": '[sinks.events]\ntype = "jsonl"\npath = "events.jsonl"\n',
    "jsonl and sqlite": '[sinks.events]\ntype = "jsonl"\npath = "events.jsonl"\n'
    '[sinks.database]\ntype = "sqlite"\npath = "metrics.db"\n',
}


def write_lines(path):
    """Lines of about 330 bytes, always the same."""
    with open(path, "w", encoding="utf-8") as file:
        for at in range(EVENTS):
            prompt, completion = 50 + at * 7 % 4_000, 10 + at * 13 % 2_000
            values = (1_777_903_200 + at // 100, at % 100 * 10, 0.3 + at * 17 % 30_000 / 1_000)
            file.write(LINE % (*values, prompt, completion, prompt + completion, at, "t" * 30))


def seconds(binary, lines, level, sinks):
    """One run, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "monitor.toml"), "w", encoding="utf-8") as file:
            file.write(f'data_dir = "data"\n[durability]\nlevel = "{level}"\n[sources.in]\ntype = "stdin"\n{sinks}')
        with open(lines, "rb") as file:
            began = time.perf_counter()
            subprocess.run([binary, "run"], cwd=folder, stdin=file, stdout=subprocess.DEVNULL, check=True)
            return time.perf_counter() - began


def main():
    binary = os.path.abspath(sys.argv[1])
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as lines:
        write_lines(lines.name)
        for name, sinks in SINKS.items():
            took = {level: [] for level in LEVELS}
            for _ in range(ROUNDS):
                for level in LEVELS:
                    took[level].append(seconds(binary, lines.name, level, sinks))
            medians = {level: statistics.median(times) for level, times in took.items()}
            for level in LEVELS:
                print(f"{name}: {level} {medians[level]:.2f} s, {medians[level] / medians['L0']:.2f} x")


if __name__ == "__main__":
    main()
