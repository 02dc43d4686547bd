"""The views of a database say what is counted by hand in the lines of the same events; the tables are those of the README."""

import collections, json, math, sqlite3, sys

lines, database = sys.argv[1:]
events = [json.loads(line) for line in open(lines)]
connection = sqlite3.connect(database)


def asked(sql):
    return connection.execute(sql).fetchall()


def same(view, expected):
    """The rows of a view, in any order; numbers that were added up in another order differ in their last digits."""
    order = lambda row: [(cell is not None, cell) for cell in row]
    found = sorted(asked(f"select * from {view}"), key=order)
    expected = sorted(expected, key=order)
    assert len(found) == len(expected) > 0, (view, found, expected)
    for ours, theirs in zip(found, expected):
        for one, other in zip(ours, theirs, strict=True):
            close = isinstance(one, float) and isinstance(other, (int, float)) and math.isclose(one, other, rel_tol=1e-12)
            assert one == other or close, (view, ours, theirs)
    return len(found)


kinds = collections.defaultdict(list)
for event in events:
    kinds[event["type"]].append(event)
generations = kinds["generation"]

made = collections.defaultdict(set)
for kind, name in asked("select type, name from sqlite_master"):
    made[kind].add(name)
tables = {"generations", "evaluations", "scores", "samples", "logs", "alerts", "monitor_cursor"}
assert made["table"] == tables, made
assert made["index"] == {"generations_by_time", "evaluations_by_time", "samples_by_metric",
                         "logs_by_time", "alerts_by_name"}, made
assert asked("pragma integrity_check") == [("ok",)] and asked("pragma foreign_key_check") == []
assert asked("pragma application_id") == [(0x6D6F6E69,)] and asked("pragma journal_mode") == [("delete",)]
for table, kind in [("generations", "generation"), ("evaluations", "evaluation"), ("logs", "log"), ("alerts", "alert")]:
    times = [event["timestamp"] for event in kinds[kind]]
    assert [time for (time,) in asked(f"select timestamp from {table} order by id")] == times, table
assert asked("select count(*) from generations where metadata is not null and not json_valid(metadata)") == [(0,)]

TOKENS = ["prompt_token_count", "completion_token_count", "total_token_count", "cached_token_count"]
counted = {}


def groups(rows, *keys):
    found = collections.defaultdict(list)
    for row in rows:
        found[tuple(key(row) for key in keys)].append(row)
    return found


def model(event):
    return event.get("model_name", "unknown")


def reasoned(event):
    """What the total has beyond prompt and completion was thought, and at least what was said of it."""
    rest = event.get("total_token_count", 0) - event.get("prompt_token_count", 0) - event.get("completion_token_count", 0)
    said = event.get("reasoning_token_count")
    return max(rest, said or 0) if rest > 0 else said


calls = [event for kind in ("generation", "evaluation") for event in kinds[kind]
         if any(event.get(name, 0) > 0 for name in TOKENS[:3])]
# What a call cost is not in its line: its samples have it.
cost, unpriced = collections.defaultdict(float), collections.Counter()
for name, value, metric in asked("select model_name, value, metric from metrics where metric in ('cost_usd', 'unpriced_calls')"):
    if metric == "cost_usd":
        cost[name] += value
    else:
        unpriced[name] += 1
usage, daily = [], []
for (name,), of in groups(calls, model).items():
    assert len({event["timestamp"][:10] for event in of}) == 1
    sums = [sum(event.get(token, 0) for event in of) for token in TOKENS]
    usage.append((name, len(of), *sums, sum(reasoned(event) or 0 for event in of), cost.get(name), unpriced[name]))
    daily.append((of[0]["timestamp"][:10], name, len(of), cost.get(name), unpriced[name]))
counted["token_usage_by_model"] = same("token_usage_by_model", usage)
counted["daily_cost"] = same("daily_cost", daily)
assert asked("select count(*) from model_calls") == [(len(calls),)]

error = lambda event: event.get("metadata", {}).get("error_type", "unknown")
failed = groups([event for event in generations if not event["success"]], error, model)
times = {key: sorted(event["timestamp"] for event in of) for key, of in failed.items()}
counted["errors_by_type"] = same("errors_by_type", [(*key, len(at), at[0], at[-1]) for key, at in times.items()])

latency = []
for key, of in groups(generations, model, lambda event: event.get("metadata", {}).get("operation")).items():
    took = sorted(event["duration"] for event in of)
    nearest = lambda percent: took[math.ceil(len(took) * percent / 100) - 1]
    latency.append((*key, len(took), math.fsum(took) / len(took), nearest(50), nearest(95), took[-1]))
counted["latency_by_model"] = same("latency_by_model", latency)

ended = groups([event for event in generations if "finish_reason" in event], model, lambda event: event["finish_reason"])
of_model = collections.Counter(key[0] for key, of in ended.items() for _ in of)
reasons = [(*key, len(of), len(of) / of_model[key[0]]) for key, of in ended.items()]
counted["finish_reasons"] = same("finish_reasons", reasons)

hours = groups(generations, lambda event: event["timestamp"][:13] + ":00:00Z")
wrong = {key: sum(not event["success"] for event in of) for key, of in hours.items()}
rates = [(*key, len(of), wrong[key], 1 - wrong[key] / len(of)) for key, of in hours.items()]
counted["success_by_hour"] = same("success_by_hour", rates)

scores = collections.defaultdict(list)
for event in kinds["evaluation"]:
    for name, score in event.get("scores", {}).items():
        scores[name].append(score["score"] if isinstance(score, dict) else score)
given = {name: [value for value in values if value is not None] for name, values in scores.items()}
mean = lambda of: math.fsum(of) / len(of) if of else None
summed = [(name, len(of), mean(of), min(of, default=None), max(of, default=None), len(scores[name]) - len(of))
          for name, of in given.items()]
counted["evaluation_scores"] = same("evaluation_scores", summed)

last = {}
for alert in kinds["alert"]:
    last[alert["name"], json.dumps(alert.get("labels", {}))] = alert
active = [alert for alert in last.values() if alert["state"] == "firing"]
assert asked("select name, level, message from active_alerts") == [
    (alert["name"], alert["level"], alert["message"]) for alert in active]
counted["active_alerts"] = len(active)
print(json.dumps(counted))
