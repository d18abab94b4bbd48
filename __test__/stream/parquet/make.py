"""Makes the Parquet files of this folder with pyarrow (`pip install pyarrow`), the reference writer.

    python3 __test__/stream/parquet/make.py

`values.parquet` has a column of each type; `codec-*.parquet` the same rows under each compression, in several row groups;
`empty.parquet` and `no-rows.parquet` none of them; `empty-page.parquet` columns that begin with a page without values; `expected.json` what pyarrow itself reads from the codec files; `int96.parquet` the old timestamps.
"""

import datetime as dt
import decimal
import json
import os
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

here = os.path.dirname(os.path.abspath(__file__))
at = lambda name: os.path.join(here, name)
D = decimal.Decimal
utc = dt.timezone.utc
moment = dt.datetime(2024, 2, 29, 12, 34, 56, 789000)


def column(type_, *values):
    return pa.array(list(values), type_)


columns = {
    "bool": column(pa.bool_(), True, False, None),
    "int8": column(pa.int8(), -128, 127, None),
    "int16": column(pa.int16(), -32768, 32767, None),
    "int32": column(pa.int32(), -(2**31), 2**31 - 1, None),
    "int64": column(pa.int64(), -(2**53) + 1, 2**63 - 1, None),
    "uint8": column(pa.uint8(), 0, 255, None),
    "uint32": column(pa.uint32(), 0, 2**32 - 1, None),
    "uint64": column(pa.uint64(), 2**53 - 1, 2**64 - 1, None),
    "half": column(pa.float16(), 0.5, -2.0, None),
    "float": column(pa.float32(), 0.5, float("-inf"), None),
    "double": column(pa.float64(), 0.1, float("nan"), None),
    "zero": column(pa.float64(), -0.0, 1e300, 5e-324),
    "text": column(pa.string(), 'é "日本" 😀\n', "", None),
    "large": column(pa.large_string(), "a", "b", None),
    "dictionary": pa.array(["x", "y", None]).dictionary_encode(),
    "bytes": column(pa.binary(), b"\x00\xff", b"", None),
    "fixed": column(pa.binary(3), b"abc", b"\x80\x81\x82", None),
    "date": column(pa.date32(), dt.date(1969, 12, 31), dt.date(2024, 2, 29), None),
    "seconds": column(pa.timestamp("s"), moment.replace(microsecond=0), dt.datetime(1901, 1, 1), None),
    "millis": column(pa.timestamp("ms", "UTC"), moment.replace(tzinfo=utc), dt.datetime(1, 1, 1, tzinfo=utc), None),
    "micros": column(pa.timestamp("us"), moment + dt.timedelta(microseconds=999), dt.datetime(1969, 12, 31, 23, 59, 59, 1), None),
    "nanos": pa.array([1709210096789999999, -1, None], pa.timestamp("ns")),
    "time_ms": column(pa.time32("ms"), dt.time(1, 2, 3, 4000), dt.time(23, 59, 59), None),
    "time_us": column(pa.time64("us"), dt.time(1, 2, 3, 4), dt.time(0), None),
    "time_ns": pa.array([1, 86399999999999, None], pa.time64("ns")),
    "decimal": column(pa.decimal128(9, 2), D("1234567.89"), D("-0.05"), None),
    "decimal_long": column(pa.decimal128(38, 10), D("1234567890123456789012345678.0123456789"), D("-1.5"), None),
    "decimal_wide": column(pa.decimal256(60, 1), D("9" * 40 + ".1"), D("-0.1"), None),
    "list": column(pa.list_(pa.int64()), [1, None, 2**60], [], None),
    "lists": column(pa.list_(pa.list_(pa.string())), [["a"], [], None], [], None),
    "struct": column(pa.struct([("a", pa.int64()), ("when", pa.date32()), ("s", pa.struct([("b", pa.binary())]))]),
                     {"a": 2**60, "when": dt.date(2000, 1, 1), "s": {"b": b"\x01"}}, {"a": None, "when": None, "s": None}, None),
    "structs": column(pa.list_(pa.struct([("x", pa.float64())])), [{"x": 1.5}, None, {"x": float("inf")}], [], None),
    "map": column(pa.map_(pa.string(), pa.int64()), [("k", 1), ("big", 2**60)], [], None),
    "nothing": pa.nulls(3),
    "__proto__": column(pa.int64(), 2**60, 1, None),
}
table = pa.table(columns)
uuids = pa.array([uuid.UUID(int=1).bytes, uuid.UUID(int=2**128 - 1).bytes, None], pa.binary(16))
texts = pa.array(['{"a": [1, null]}', '"x"', None])
table = table.append_column("uuid", pa.ExtensionArray.from_storage(pa.uuid(), uuids))
table = table.append_column("json", pa.ExtensionArray.from_storage(pa.json_(), texts))
pq.write_table(table, at("values.parquet"), compression="none")
old = pa.table({"int96": pa.array([1709210096789000000, -1000000, None], pa.timestamp("ns"))})
pq.write_table(old, at("int96.parquet"), use_deprecated_int96_timestamps=True)

rows = pa.table({
    "id": [f"case-{i}" for i in range(500)],
    "n": list(range(500)),
    "tags": [["a", "b"][: i % 3] for i in range(500)],
    "expected": [None if i % 7 == 0 else f"answer {i % 10}" for i in range(500)],
})
for codec in ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]:
    pq.write_table(rows, at(f"codec-{codec}.parquet"), compression=codec, row_group_size=150,
                   data_page_version="2.0" if codec == "zstd" else "1.0")
with open(at("expected.json"), "w") as out:
    json.dump(rows.to_pylist(), out)
pq.write_table(rows.slice(0, 0), at("empty.parquet"))
pq.write_table(pa.table({"a": pa.array([], pa.int32())}), at("no-rows.parquet"))
lists = pa.table({"l": pa.array([[1, None, 3], [], None], pa.list_(pa.int64()))})
pq.write_table(lists, at("empty-page.parquet"), row_group_size=1, data_page_size=1)
