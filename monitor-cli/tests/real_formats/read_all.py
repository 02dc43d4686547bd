"""Every format by every program that reads it: the same samples, and those that the reference counted."""

import collections, csv, glob, json, math, sqlite3, sys

import duckdb, openpyxl, pandas, pyarrow, pyarrow.parquet

run, golden = sys.argv[1:]
LABELS = ["model_name", "operation", "success", "error_type", "finish_reason", "evaluator_type", "feedback"]
duckdb.sql("set timezone = 'UTC'")


def row(metric, micros, value, labels):
    """A sample; what is missing is None, whatever the program calls it."""
    cells = [labels.get(name) for name in LABELS]
    cells = [None if cell is None or cell != cell or cell is pandas.NA else cell for cell in cells]
    success = cells[LABELS.index("success")]
    cells[LABELS.index("success")] = None if success is None else bool(success)
    return (metric, int(micros), float(value), *cells)


def ordered(rows):
    return sorted(rows, key=lambda row: [(cell is not None, cell) for cell in row])


def of_frame(frame, metric):
    micros = frame.timestamp.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]").astype("int64")
    labels = frame.reindex(columns=LABELS).astype(object).to_dict("records")
    return [row(*of) for of in zip(frame[metric], micros, frame.value, labels)]


def of_duckdb(sql):
    columns = ", ".join(LABELS)
    rows = duckdb.sql(f"select metric, epoch_us(timestamp), value, {columns} from ({sql})").fetchall()
    return [row(metric, micros, value, dict(zip(LABELS, cells))) for metric, micros, value, *cells in rows]


def of_csv(files):
    frames = [pandas.read_csv(file, parse_dates=["timestamp"]) for file in files]
    return [row for frame in frames for row in of_frame(frame, "metric")]


def of_json():
    lists = json.load(open(f"{run}/run.json"))
    for metric, samples in lists.items():
        for sample in samples:
            yield row(metric, pandas.Timestamp(sample["timestamp"], tz="UTC").value // 1000, sample["value"], sample)


def of_sqlite():
    connection = sqlite3.connect(f"{run}/run.db")
    connection.row_factory = sqlite3.Row
    for found in connection.execute("select * from metrics"):
        micros = pandas.Timestamp(found["timestamp"]).value // 1000
        labels = {name: found[name] for name in LABELS}
        # Labels are text there.
        labels["success"] = {None: None, "true": True, "false": False}[labels["success"]]
        yield row(found["metric"], micros, found["value"], labels)


def of_workbook():
    workbook = openpyxl.load_workbook(f"{run}/run.xlsx", read_only=True)
    index = workbook["index"].iter_rows(min_row=2, values_only=True)
    sheets = {name: rows for name, _, rows, *_ in index}
    assert list(sheets) == workbook.sheetnames[1:], (list(sheets), workbook.sheetnames)
    for name, rows in sheets.items():
        header, *cells = workbook[name].iter_rows()
        header = [cell.value for cell in header]
        assert len(cells) == rows, name
        for line in cells:
            line = line + (None,) * (len(header) - len(line))
            found = {key: cell.value if cell is not None else None for key, cell in zip(header, line)}
            assert line[0].data_type == "d" and line[0].number_format == "yyyy-mm-dd hh:mm:ss.000", line[0]
            micros = pandas.Timestamp(found["timestamp"], tz="UTC").value // 1000
            yield row(found["metric"], micros, found["value"], found)


def to_millis(rows):
    return ordered((metric, (micros + 500) // 1000 * 1000, *rest) for metric, micros, *rest in rows)


parquet = pandas.read_parquet(f"{run}/run.parquet")
assert str(parquet.timestamp.dtype) == "datetime64[us, UTC]", parquet.dtypes
read = {
    "parquet by pandas": of_frame(parquet, "metric_name"),
    "parquet by duckdb": of_duckdb(f"select metric_name as metric, * from '{run}/run.parquet'"),
    "csv in parts by pandas": of_csv(glob.glob(f"{run}/parts/*.csv")),
    "csv in parts by duckdb": of_duckdb(f"from read_csv('{run}/parts/*.csv', union_by_name = true)"),
    "csv as one by pandas": of_csv([f"{run}/one.csv"]),
    "csv as one by duckdb": of_duckdb(f"from '{run}/one.csv'"),
    "json by python": list(of_json()),
    "sqlite by python": list(of_sqlite()),
}
first, *others = read
expected = ordered(read[first])
for name in others:
    found = ordered(read[name])
    assert len(found) == len(expected), (name, len(found), len(expected))
    wrong = [both for both in zip(found, expected) if both[0] != both[1]]
    assert not wrong, (name, len(wrong), wrong[:3])

workbook = to_millis(of_workbook())
wrong = [both for both in zip(workbook, to_millis(expected)) if both[0] != both[1]]
assert len(workbook) == len(expected) and not wrong, (len(workbook), wrong[:3])

# DuckDB knows the JSON without being told what is in it.
listed = duckdb.sql(f"select len(generation_time), len(success_rate) from '{run}/run.json'").fetchall()[0]

counts, sums, values = collections.Counter(), collections.defaultdict(list), collections.defaultdict(set)
for metric, _, value, *cells in expected:
    counts[metric] += 1
    sums[metric].append(value)
    for name, cell in zip(LABELS, cells):
        if cell is not None and name != "feedback":
            values[metric, name].add(cell)
by_model = collections.defaultdict(float)
for metric, _, value, model, *_ in expected:
    if metric == "total_token_count" and model:
        by_model[model] += value
golden = json.load(open(golden))
usage = {model["model_name"]: model["total_tokens"] for model in golden["total_token_usage"]["by_model"]}
assert dict(by_model) == usage, (dict(by_model), usage)
same = ["completion_token_count", "conversation_length", "evaluation_score_overall", "evaluation_time", "generation_time",
        "finish_reason:stop", "finish_reason:FinishReason.SAFETY", "model_usage:gpt-4o-mini", "prompt_token_count",
        "success_rate", "total_token_count"]
for metric in same:
    assert counts[metric] == golden["metric_counts"][metric], (metric, counts[metric])
assert values["success_rate", "success"] == {True, False}
assert values["evaluation_time", "evaluator_type"] >= {"GroundingEvaluator", "CoherenceEvaluator"}
assert values["finish_reason:stop", "finish_reason"] == {"stop"}
assert values["generation_time", "model_name"] == set(usage)

# Types, and how they are laid down.
file = pyarrow.parquet.ParquetFile(f"{run}/run.parquet")
schema = file.schema_arrow
types = {name: str(schema.field(name).type) for name in schema.names}
assert types.pop("timestamp") == "timestamp[us, tz=UTC]" and types.pop("value") == "double"
assert types.pop("success") == "bool" and set(types.values()) == {"string"}, types
for at in range(file.metadata.num_columns):
    column = file.metadata.row_group(0).column(at)
    name, encodings = column.path_in_schema, column.encodings
    assert column.compression == "ZSTD", name
    if name == "timestamp":
        assert "DELTA_BINARY_PACKED" in encodings and column.statistics.has_min_max, encodings
    elif name in ("value", "success"):
        assert not column.has_dictionary_page, name
    else:
        assert column.has_dictionary_page and "RLE_DICTIONARY" in encodings, (name, encodings)

print(json.dumps({
    "rows": len(expected), "metrics": len(counts), "readers": len(read) + 1, "listed": listed,
    "generation_time": math.fsum(sums["generation_time"]),
}))
