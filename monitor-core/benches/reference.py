"""Times what the Python reference costs its caller, so that `record.rs` has its figure to be held against.

The reference is `GenerationMonitor` of the module `monitoring` of the package `afterimage` 0.13.0. Only that module is
loaded: the package around it wants the clients of language models. How to install it stands in the README beside this.
"""

import importlib.util
import statistics
import sys
import tempfile
import time
from pathlib import Path

CALLS = 5_000
ROUNDS = 5

# The arguments that yield eight samples: duration, success, error, model, finish reason and three token counts.
ARGUMENTS = {
    "error": None,
    "model_name": "gpt-4o",
    "finish_reason": "stop",
    "prompt_token_count": 420,
    "completion_token_count": 610,
    "total_token_count": 1030,
}
SAMPLES = 8


def load_monitoring():
    """The module alone, without the package's `__init__`."""
    package = importlib.util.find_spec("afterimage")
    if package is None or package.origin is None:
        sys.exit("failed to find afterimage: pip install --no-deps afterimage==0.13.0")
    path = Path(package.origin).with_name("monitoring.py")
    spec = importlib.util.spec_from_file_location("monitoring", path)
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def measure(monitoring, folder):
    """One round: nanoseconds of each call, and nanoseconds an event until all of them were handled."""
    monitor = monitoring.GenerationMonitor(log_dir=folder)
    calls = []
    began = time.perf_counter_ns()
    for _ in range(CALLS):
        before = time.perf_counter_ns()
        monitor.track_generation(2.78, True, **ARGUMENTS)
        calls.append(time.perf_counter_ns() - before)
    # Not `shutdown`: it drops what is still queued.
    lines = folder / "metrics.jsonl"
    log = folder / "afterimage.log"
    while not (monitor.metric_queue.empty() and monitor.log_queue.empty()):
        time.sleep(0.001)
    while count_lines(lines) < CALLS * SAMPLES or count_lines(log) < CALLS:
        time.sleep(0.001)
    end_to_end = (time.perf_counter_ns() - began) / CALLS
    monitor.shutdown()
    return calls, end_to_end


def count_lines(path):
    """How many lines a file has so far."""
    return path.read_bytes().count(b"\n")


def main():
    """Prints the medians of all rounds."""
    monitoring = load_monitoring()
    medians, means, end_to_ends = [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            calls, end_to_end = measure(monitoring, Path(folder))
        medians.append(statistics.median(calls))
        means.append(statistics.mean(calls))
        end_to_ends.append(end_to_end)
    print(f"track_generation, {SAMPLES} samples, {ROUNDS} rounds of {CALLS} calls")
    print(f"the caller's time, median of the calls: {statistics.median(medians):.0f} ns")
    print(f"the caller's time, mean of the calls: {statistics.median(means):.0f} ns")
    print(f"until it is handled, an event: {statistics.median(end_to_ends):.0f} ns")


if __name__ == "__main__":
    main()
