"""What a spreadsheet would compute comes to it as text, and to others as what it was; numbers stay numbers."""

import glob, json, sys

import openpyxl, pandas
from openpyxl.utils.escape import unescape

folder = sys.argv[1]
TEXTS = ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "=cmd|' /C calc'!A0", "'=1+1", "plain"]
BEGINS = ("=", "+", "-", "@", "\t", "\r")

table = pandas.read_csv(f"{folder}/one.csv", dtype={"user": str}, keep_default_na=False, lineterminator="\n")
for text, found in zip(TEXTS, table.user, strict=True):
    neutral = "'" + text if text.lstrip("'").startswith(BEGINS) else text
    assert found == neutral, (text, found)
assert list(table.value) == [-1.5] * len(TEXTS) and table.value.dtype == "float64"
assert list(table.offset) == [-2] * len(TEXTS), table.offset
# Names of columns and of metrics are cells like any other.
assert "'=evil" in table.columns and set(table.metric) == {"'=SUM(A1)"}, (table.columns, set(table.metric))
assert not [line for line in open(f"{folder}/one.csv", newline="\n") if line.startswith(BEGINS)]

workbook = openpyxl.load_workbook(f"{folder}/run.xlsx")
sheet = workbook[workbook.sheetnames[1]]
cells = [cell for sheet in workbook.worksheets for line in sheet.iter_rows() for cell in line]
assert not [cell.value for cell in cells if cell.data_type == "f"]
header = [cell.value for cell in sheet[1]]
users = [line[header.index("user")] for line in sheet.iter_rows(min_row=2)]
assert {cell.data_type for cell in users} == {"s"}
# A carriage return has an escape of its own in a workbook.
assert [unescape(cell.value) for cell in users] == TEXTS, [cell.value for cell in users]
quoted = [bool(cell.quotePrefix) for cell in users]
assert quoted == [text.startswith(BEGINS) for text in TEXTS], quoted
for name in ["value", "offset"]:
    numbers = [line[header.index(name)] for line in sheet.iter_rows(min_row=2)]
    assert {(cell.data_type, cell.value) for cell in numbers} == {("n", -1.5 if name == "value" else -2)}
names = [file.rsplit("/", 1)[1] for file in glob.glob(f"{folder}/parts/*.csv")]
assert names == ["run__SUM_A1_.csv"], names
print(json.dumps(len(users)))
