"""Parquet: a dataset with a folder for each table, partitioned by capture.

``parquet/http/capture=first.pcapng/part-0.parquet``: the layout that Hive made common, so that DuckDB, pandas, Polars
and Spark read the tables of one capture or of ten thousand in the same way, with the capture's name as a column. Every
table is there, those without rows too: a query over a batch must not fail because nobody spoke DNS. Types:
:mod:`analyzer.export.arrow`.

The bytes depend on the rows and on the version of pyarrow only.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from analyzer.export.arrow import record_batch, schema
from analyzer.export.batches import ALL_TABLES, column_batches
from analyzer.version import SCHEMA_VERSION

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

COMPRESSION = "zstd"
PART = "part-0.parquet"


def files(analysis: Analysis, capture: str) -> Iterator[tuple[str, bytes]]:
    """Give each file's path inside the dataset and its bytes.

    Args:
        capture: name of the partition: safe as part of a path, without ``=`` and ``/``.
    """
    for path, (name, row_type) in zip(paths(capture), ALL_TABLES, strict=True):
        yield path, table(analysis, name, row_type)


def paths(capture: str) -> list[str]:
    """Return where a capture's files are inside the dataset, one for each table."""
    return [f"{name}/capture={capture}/{PART}" for name, _ in ALL_TABLES]


def table(analysis: Analysis, name: str, row_type: type) -> bytes:
    """Return one table as a Parquet file."""
    from pyarrow import parquet

    kinds = schema(row_type).with_metadata({"schema_version": SCHEMA_VERSION, "table": name})
    out = io.BytesIO()
    with parquet.ParquetWriter(out, kinds, compression=COMPRESSION) as writer:
        for _, columns in column_batches(analysis, name):
            writer.write_batch(record_batch(row_type, columns))
    return out.getvalue()
