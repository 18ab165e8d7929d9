"""The exports of tables - JSON lines, CSV, Parquet, Zeek's logs - read by other programs, with the facts of samples."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis
from analyzer.export import arrow, jsonl, parquet, zeek
from analyzer.export import csv as csv_export
from analyzer.export.batches import ALL_TABLES
from analyzer.pipeline import analyze
from analyzer.schema import TABLES
from tests.conftest import ROOT, SAMPLES
from tests.report.fixture import empty, hostile, rich

NAMES = ("status-codes", "dns-trouble", "web-app")


@pytest.fixture(scope="module", params=[*NAMES, "rich", "hostile", "empty"])
def analysis(request: pytest.FixtureRequest) -> Analysis:
    made = {"rich": rich, "hostile": hostile, "empty": empty}
    return made[request.param]() if request.param in made else analyze(str(SAMPLES / f"{request.param}.pcapng"))


def test_lines_are_the_rows_of_the_document(analysis: Analysis) -> None:
    text = "".join(jsonl.parts(analysis))
    assert text.endswith("\n")
    lines = [json.loads(line) for line in text.split("\n")[:-1]]
    assert lines[0]["table"] == "capture"
    document = analysis.document()
    for name, _ in TABLES:
        assert [line["row"] for line in lines if line["table"] == name] == json.loads(json.dumps(document[name]))
    assert sum(line["table"] == "problems" for line in lines) == len(analysis.problems)


def records(text: str) -> list[list[str]]:
    csv.field_size_limit(1 << 24)
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_csv_has_every_row_and_no_formula(analysis: Analysis) -> None:
    files = {name: "".join(pieces) for name, pieces in csv_export.files(analysis)}
    document = analysis.document()
    for name, _ in TABLES:
        rows = document[name]
        assert (f"{name}.csv" in files) == bool(rows)
        if rows:
            heading, *cells = records(files[f"{name}.csv"])
            assert heading == list(rows[0])
            assert len(cells) == len(rows)
            assert {len(row) for row in cells} == {len(heading)}
            for row, was in zip(cells, rows, strict=True):
                assert all(_fits(value, one) for value, one in zip(row, was.values(), strict=True))


def _fits(shown: str, was: Any) -> bool:
    """Tell whether a cell says what the JSON says: numbers as they are, text guarded, the rest as JSON."""
    if was is None:
        return shown == ""
    if isinstance(was, bool):
        return shown == str(was).lower()
    if isinstance(was, int | float):
        return float(shown) == was
    if isinstance(was, str):
        bare = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", lambda found: f"⟨U+{ord(found[0]):04X}⟩", was)
        return shown == (f"'{bare}" if was[:1] in ("=", "+", "-", "@", "\t", "\r", "\0") and was else bare)
    return json.loads(shown) == json.loads(json.dumps(was))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        ("\0x", "'⟨U+0000⟩x"),
        ("a\x1b[2Jb\u009bc\x7f", "a⟨U+001B⟩[2Jb⟨U+009B⟩c⟨U+007F⟩"),
        (-1, "-1"),
        (-0.5, "-0.5"),
        (None, ""),
        (True, "true"),
        ('say "hi", all', '"say ""hi"", all"'),
        (("a", "b"), '"[""a"", ""b""]"'),
    ],
)
def test_cells(value: object, shown: str) -> None:
    assert csv_export.cell(value) == shown


def test_parquet_is_read_back_by_pyarrow(analysis: Analysis, tmp_path: Path) -> None:
    from pyarrow import parquet as reader

    names = set()
    for name, content in parquet.files(analysis, "one.pcap"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        table = name.split("/")[0]
        names.add(table)
        found = reader.ParquetFile(path).read()
        assert found.schema.names == [column for column, _ in arrow.kinds(dict(ALL_TABLES)[table])]
    assert names == {name for name, _ in ALL_TABLES}
    rows = reader.ParquetFile(tmp_path / "http/capture=one.pcap/part-0.parquet").read().to_pylist()
    for row, was in zip(rows, analysis.http, strict=True):
        assert row["status"] == was.status
        assert row["wait_ms"] == was.wait_ms
        assert [(one["name"], one["value"]) for one in row["response_headers"]] == [
            tuple(part.encode("utf-8", "backslashreplace").decode() for part in pair) for pair in was.response_headers
        ]


def test_duckdb_answers_the_question_of_the_docs(tmp_path: Path) -> None:
    import duckdb

    for name in ("status-codes", "web-app"):
        for file, content in parquet.files(analyze(str(SAMPLES / f"{name}.pcapng")), f"{name}.pcapng"):
            path = tmp_path / file
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
    (query,) = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "batch.md").read_text("utf-8"), re.DOTALL)
    query = query.replace("reports/parquet", str(tmp_path)).strip().rstrip(";")
    found = dict(duckdb.sql(query).fetchall())
    expected = {
        f"{name}.pcapng": sum((row.status or 0) >= 500 for row in analyze(str(SAMPLES / f"{name}.pcapng")).http)
        for name in ("status-codes", "web-app")
    }
    assert found == {name: count for name, count in expected.items() if count}
    assert found["status-codes.pcapng"] > 0


def test_instants_are_to_the_nanosecond(tmp_path: Path) -> None:
    import duckdb

    result = analyze(str(SAMPLES / "status-codes.pcapng"))
    path = tmp_path / "http.parquet"
    path.write_bytes(parquet.table(result, "http", dict(ALL_TABLES)["http"]))
    (found,) = duckdb.sql(f"SELECT epoch_ns(request_time) FROM read_parquet('{path}') LIMIT 1").fetchall()
    assert found == (result.http[0].request_time,)


def log(text: str) -> tuple[list[str], list[str], list[list[str]]]:
    """Read one of Zeek's logs as its documentation says: names, types, records."""
    lines = text.split("\n")
    assert lines[0] == "#separator \\x09"
    assert lines.pop() == ""
    heads = dict(line[1:].split("\t", 1) for line in lines[1:] if line.startswith("#"))
    return (
        heads["fields"].split("\t"),
        heads["types"].split("\t"),
        [line.split("\t") for line in lines if not line.startswith("#")],
    )


def test_zeek_logs_have_a_record_a_row(analysis: Analysis) -> None:
    files = {name: "".join(pieces) for name, pieces in zeek.files(analysis)}
    counts = {
        "conn.log": len(analysis.connections),
        "dns.log": len(analysis.dns),
        "http.log": len(analysis.http),
        "ssl.log": sum(row.transport == "tcp" for row in analysis.tls),
    }
    assert {name: count for name, count in counts.items() if count} == {
        name: len(log(text)[2]) for name, text in files.items()
    }
    for text in files.values():
        fields, types, rows = log(text)
        assert len(fields) == len(types)
        assert all(len(row) == len(fields) for row in rows)
        assert not any(char in text for char in "\x00\x1b\r")


def test_zeek_says_what_the_tables_say() -> None:
    result = analyze(str(SAMPLES / "status-codes.pcapng"))
    files = {name: "".join(pieces) for name, pieces in zeek.files(result)}
    fields, _, rows = log(files["http.log"])
    for row, was in zip((dict(zip(fields, row, strict=True)) for row in rows), result.http, strict=True):
        assert row["status_code"] == str(was.status)
        assert row["uri"] == was.target
        assert float(row["ts"]) == pytest.approx((was.request_time or 0) / 1e9, abs=2e-6)
    fields, _, rows = log(files["conn.log"])
    uids = {row[fields.index("uid")] for row in rows}
    assert len(uids) == len(rows)
    assert {row[log(files["http.log"])[0].index("uid")] for row in log(files["http.log"])[2]} <= uids


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (None, "count", "-"),
        ("", "string", "(empty)"),
        ("-", "string", "\\x2d"),
        ("(empty)", "string", "\\x28empty)"),
        ("a\tb\\c\n", "string", "a\\x09b\\x5cc\\x0a"),
        (["a,b", "c"], "vector[string]", "a\\x2cb,c"),
        ([], "vector[string]", "(empty)"),
        (1_500_000_000_123_456_789, "time", "1500000000.123456"),
        (1.5, "interval", "0.001500"),
        (True, "bool", "T"),
    ],
)
def test_zeek_values(value: object, kind: str, shown: str) -> None:
    assert zeek.written(value, kind) == shown
