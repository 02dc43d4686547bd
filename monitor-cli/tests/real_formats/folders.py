"""Parts of a Parquet file are one table to whoever reads folders: DuckDB, pyarrow, pandas."""

import json, sys

import duckdb, pandas, pyarrow.dataset

folder, by = sys.argv[1:]
whole = pandas.read_parquet(f"{folder}/run.parquet")
key = {"date": whole.timestamp.dt.strftime("%Y-%m-%d"), "metric": whole.metric_name}.get(by)
key = whole[by] if key is None else key
expected = {str(value).lower(): count for value, count in key.groupby(key).size().items()}
parts = f"{folder}/{by}"
columns = set(whole.columns) | {by}


def counted(rows):
    return {str(value).lower(): count for value, count in rows if value is not None}


found = duckdb.sql(f"from read_parquet('{parts}/**/*.parquet', hive_partitioning = true)")
assert set(found.columns) == columns, found.columns
assert counted(duckdb.sql(f"select {by}, count(*) from found group by all").fetchall()) == expected
assert duckdb.sql("select count(error_type) from found").fetchall()[0][0] == whole.error_type.count()

dataset = pyarrow.dataset.dataset(parts, partitioning="hive")
assert set(dataset.schema.names) == columns, dataset.schema.names
table = dataset.to_table()
of_part = table.column(by).to_pylist()
assert counted((value, of_part.count(value)) for value in set(of_part)) == expected
assert table.num_rows == len(whole) and len(table) - table.column("error_type").null_count == whole.error_type.count()

frame = pandas.read_parquet(parts)
assert set(frame.columns) == columns and len(frame) == len(whole)
assert frame.error_type.count() == whole.error_type.count()
assert counted(frame.groupby(by, observed=True).size().items()) == expected
print(json.dumps(len(expected)))
