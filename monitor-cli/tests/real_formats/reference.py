"""The export of the reference, as Python makes it of the reference's own file of samples."""

import datetime, gzip, io, json, sys

samples, exported, zone = sys.argv[1:]
offset = datetime.timedelta(hours=int(zone))
lists = {}
for line in gzip.open(samples, "rt"):
    entry = json.loads(line)
    # The class keeps `{"timestamp": datetime, "value": …, **metadata}` in a list for each metric.
    stored = {"timestamp": datetime.datetime.fromisoformat(entry.pop("timestamp")) + offset, "value": entry.pop("value")}
    lists.setdefault(entry.pop("metric"), []).append({**stored, **entry})
for entries in lists.values():
    # It is asked by time; what came late stands where it belongs.
    entries.sort(key=lambda entry: entry["timestamp"])
out = io.StringIO()
json.dump(lists, out, default=str)
expected, found = json.loads(out.getvalue()), json.load(open(exported))
assert list(found) == list(expected) or set(found) == set(expected), set(found) ^ set(expected)
nulls = 0
for metric, entries in expected.items():
    assert len(found[metric]) == len(entries), metric
    for ours, theirs in zip(found[metric], entries):
        # An attribute that is null is one that is not there.
        nulls += sum(value is None for value in theirs.values())
        theirs = {key: value for key, value in theirs.items() if value is not None}
        assert ours == theirs, (metric, ours, theirs)
        assert list(ours)[:2] == ["timestamp", "value"]
        if metric.endswith("_token_count") or metric == "conversation_length":
            assert type(ours["value"]) is int, (metric, ours)
print(json.dumps({"samples": sum(map(len, found.values())), "metrics": len(found), "nulls": nulls}))
