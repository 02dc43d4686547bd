"""Times pictures of monitor beside the Python class and matplotlib, in turn and on the same cores.

    pip install --no-deps afterimage==0.13.0 && pip install matplotlib pandas seaborn
    cargo bench -p monitor-viz --bench draw --no-run       # tells where the program is
    python monitor-viz/benches/peers.py target/release/deps/draw-0123456789abcdef

Everybody has the numbers in memory; what is timed is the way from them to the bytes of a PNG of 1,200 by 600 pixels.
"""

import importlib.util
import io
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import datetime, timedelta
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

ROUNDS = 3
SAMPLES = 100_000
POINTS = 1_000_000


def load_monitoring():
    """The module alone, without the package's `__init__`, which wants the clients of language models."""
    package = importlib.util.find_spec("afterimage")
    if package is None or package.origin is None:
        sys.exit("failed to find afterimage: pip install --no-deps afterimage==0.13.0")
    spec = importlib.util.spec_from_file_location("monitoring", Path(package.origin).with_name("monitoring.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def filled(monitoring, folder):
    """A monitor of the class that holds five figures' worth of samples."""
    monitor = monitoring.GenerationMonitor(log_dir=folder)
    monitor.shutdown()
    generator, start = random.Random(42), datetime(2026, 5, 4, 14)
    for at in range(SAMPLES):
        failed = float(generator.random() < 0.05)
        prompt, completion = round(generator.random() * 3_000), round(generator.random() * 900)
        values = {
            "success_rate": 1.0 - failed,
            "error_rate": failed,
            "generation_time": 0.3 / (1.001 - generator.random()),
            "total_token_count": prompt + completion,
            "prompt_token_count": prompt,
            "completion_token_count": completion,
        }
        moment = start + timedelta(seconds=at / 4)
        for name, value in values.items():
            monitor._metrics[name].append({"timestamp": moment, "value": value})
    return monitor


def of_class(monitor, folder):
    began = time.perf_counter()
    monitor.visualize_metrics(save_dir=folder)
    took = time.perf_counter() - began
    plt.close("all")
    return took


def of_matplotlib(times, values):
    began = time.perf_counter()
    figure, axes = plt.subplots(figsize=(12, 6), dpi=100)
    axes.plot(times, values)
    axes.set_title("a line")
    figure.savefig(io.BytesIO(), format="png")
    took = time.perf_counter() - began
    plt.close(figure)
    return took


def of_monitor(program):
    """Milliseconds by what was drawn, as the bench prints them."""
    printed = subprocess.run([program, "--bench"], capture_output=True, text=True, check=True).stdout
    rows = [line.rsplit(maxsplit=2) for line in printed.splitlines()]
    return {row[0].strip(): float(row[1]) / 1_000 for row in rows if len(row) == 3 and row[2] == "ms"}


def main():
    program = str(Path(sys.argv[1]).resolve())
    warnings.simplefilter("ignore")
    start = datetime(2026, 5, 4, 14)
    generator = random.Random(42)
    times = [start + timedelta(seconds=at) for at in range(POINTS)]
    values = [math.sin(at / 5_000) + generator.random() for at in range(POINTS)]
    took = {"class": [], "matplotlib": []}
    ours = []
    with tempfile.TemporaryDirectory() as folder:
        monitor = filled(load_monitoring(), Path(folder))
        for _ in range(ROUNDS):
            ours.append(of_monitor(program))
            took["class"].append(of_class(monitor, Path(folder)))
            took["matplotlib"].append(of_matplotlib(times, values))
    mine = {what: statistics.median(round_[what] for round_ in ours) for what in ours[0]}
    pairs = [
        (f"preset, five figures of {SAMPLES} samples a metric, PNG", "class"),
        (f"PNG of a line of {POINTS} points", "matplotlib"),
    ]
    for what, peer in pairs:
        other = statistics.median(took[peer])
        print(f"{what}: monitor {mine[what] * 1e3:.1f} ms, {peer} {other * 1e3:.0f} ms, {other / mine[what]:.0f} x")


main()
