"""Where ``-o`` and ``-f`` send each output."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import UsageError
from analyzer.export.outputs import Output, output_names, plan
from analyzer.text import is_file_name


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(captures: list[str], output: str | None, formats: list[str]) -> list[str]:
    return [str(out.path) for outputs in plan(captures, output, formats) for out in outputs]


@pytest.mark.parametrize(
    ("captures", "output", "formats", "expected"),
    [
        (["x/a.pcap"], None, [], ["reports/a.pcap.html"]),
        (["a.pcap", "a.pcapng"], None, [], ["reports/a.pcap.html", "reports/a.pcapng.html"]),
        (["x/a.pcap", "y/a.pcap"], None, [], ["reports/a.pcap.html", "reports/a.pcap-2.html"]),
        (["a.pcap", "A.PCAP"], None, [], ["reports/a.pcap.html", "reports/A.PCAP-2.html"]),
        (["a b.pcap", "a_b.pcap"], None, [], ["reports/a_b.pcap.html", "reports/a_b.pcap-2.html"]),
        (["x/a-2", "x/a", "y/a"], None, [], ["reports/a-2.html", "reports/a.html", "reports/a-3.html"]),
        (["-"], None, [], ["reports/stdin.html"]),
        (["a.pcap"], None, ["html", "json"], ["reports/a.pcap.html", "reports/a.pcap.json"]),
        (["a.pcap"], None, ["json", "json"], ["reports/a.pcap.json"]),
        (["a.pcap"], "b.html", [], ["b.html"]),
        (["a.pcap"], "b.json", [], ["b.json"]),
        (["a.pcap"], "b.json", ["html"], ["b.json"]),
        (["a.pcap"], "out/", [], ["out/a.pcap.html"]),
        (["a.pcap"], "out.json/", [], ["out.json/a.pcap.html"]),
        (["a.pcap"], "out", ["html", "json"], ["out/a.pcap.html", "out/a.pcap.json"]),
        (["a.pcap", "b.pcap"], "out", [], ["out/a.pcap.html", "out/b.pcap.html"]),
        (["../../etc/.hidden"], None, [], ["reports/hidden.html"]),
    ],
)
def test_plan(captures: list[str], output: str | None, formats: list[str], expected: list[str]) -> None:
    assert paths(captures, output, formats) == expected


def test_an_existing_folder_takes_files(folder: Path) -> None:
    (folder / "out").mkdir()
    assert paths(["a.pcap"], "out", []) == ["out/a.pcap.html"]


def test_the_format_follows_the_suffix_of_the_file() -> None:
    assert plan(["a"], "b.json", [])[0][0].format == "json"
    assert plan(["a"], "b.JSON", [])[0][0].format == "json"
    assert plan(["a"], "b.txt", [])[0][0].format == "html"
    assert plan(["a"], "b.json", ["html"])[0][0].format == "html"


def test_standard_output_takes_one_document() -> None:
    assert plan(["a"], "-", ["json"]) == [[Output("json", None)]]
    for captures, formats in ((["a", "b"], ["json"]), (["a"], ["json", "html"])):
        with pytest.raises(UsageError, match="one capture and one format"):
            plan(captures, "-", formats)


def test_refuses_what_contradicts_itself(folder: Path) -> None:
    (folder / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        plan(["a", "b"], "file", [])
    with pytest.raises(UsageError, match="only once"):
        plan(["-", "-"], None, [])


def test_never_replaces_a_capture(folder: Path) -> None:
    (folder / "real.pcap").write_bytes(b"precious")
    (folder / "link.pcap").symlink_to("real.pcap")
    for output in ("real.pcap", "./real.pcap", "link.pcap"):
        with pytest.raises(UsageError, match="would replace the capture"):
            plan(["real.pcap"], output, ["json"])


@given(st.lists(st.text(min_size=1, max_size=20), max_size=6))
def test_names_are_safe_and_never_shared(captures: list[str]) -> None:
    captures = [name for name in captures if name != "-"]
    names = output_names(captures)
    assert len({name.casefold() for name in names}) == len(captures)
    for name in names:
        assert is_file_name(name)
        assert "/" not in name
        assert not name.startswith((".", "-"))
