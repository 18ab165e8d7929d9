"""The hostile capture in the terminal and in exports: no byte that a terminal acts on, and files that are sound."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from analyzer.language import LANGUAGES
from analyzer.pipeline import analyze as analysis_of
from tests.capture.reading import read
from tests.cli.conftest import Analyze, Result
from tests.hostile.make import ATTACKS, SVG, TEMPLATE

ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""C0 and C1 controls but for tab and line feed, separators, and what turns the direction of text."""


def harmless(done: Result) -> str:
    """Return what a command printed, after a look for what a terminal would act on."""
    for stream in (done.out, done.err):
        found = ACTS.search(stream)
        assert found is None, stream[max(found.start() - 60, 0) : found.end() + 20] if found else ""
    return done.out


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_summary(analyze: Analyze, hostile: Path, tmp_path: Path, lang: str) -> None:
    done = analyze(hostile, "--lang", lang, "-f", "html", "-f", "json", "-f", "har", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert SVG in harmless(done) + done.err
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(written) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,120}", name) for name in written), written


@pytest.mark.parametrize("lang", LANGUAGES)
def test_explain(analyze: Analyze, hostile: Path, lang: str) -> None:
    done = analyze("explain", hostile, "--lang", lang)
    assert done.code == 0, done.err
    assert TEMPLATE in harmless(done)
    for visit in analysis_of(str(hostile)).visits:
        assert harmless(analyze("explain", hostile, "--lang", lang, "--visit", visit.visit))


def test_ladder_and_follow(analyze: Analyze, hostile: Path) -> None:
    for stream in range(len(analysis_of(str(hostile)).connections)):
        assert harmless(analyze("ladder", hostile, "--stream", stream))
        assert harmless(analyze("follow", hostile, "--stream", stream))
    assert harmless(analyze("follow", hostile, "--stream", 0, "--as", "hex"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_rules(analyze: Analyze, lang: str) -> None:
    assert harmless(analyze("rules", "--lang", lang))


def test_objects(analyze: Analyze, hostile: Path, tmp_path: Path) -> None:
    harmless(analyze("objects", hostile, "--list", "--requests"))
    done = analyze("objects", hostile, "--requests", "-o", tmp_path / "objects")
    harmless(done)
    assert done.code == 0, done.err
    folder = (tmp_path / "objects").resolve()
    for path in folder.rglob("*"):
        assert path.resolve().is_relative_to(folder)
        assert not path.is_symlink()
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,120}", path.name), path.name
    assert not [path for path in tmp_path.iterdir() if path.name not in ("objects", hostile.name)]


def test_evidence(analyze: Analyze, hostile: Path, tmp_path: Path) -> None:
    done = analyze("evidence", hostile, "-o", tmp_path / "evidence")
    assert done.code == 0, done.err
    harmless(done)
    written = list((tmp_path / "evidence").iterdir())
    assert len(written) >= 30
    for path in written:
        assert re.fullmatch(r"finding-\d+-[A-Z-]+\.pcapng", path.name), path.name
        index = read(path.read_bytes())
        assert not index.problems
        assert all(text.isprintable() for _, text in index.comments)


def test_a_missing_file_with_such_a_name(analyze: Analyze, hostile: Path) -> None:
    done = analyze(hostile.with_name("no" + hostile.name))
    assert done.code == 3
    harmless(done)


def test_json(analyze: Analyze, hostile: Path) -> None:
    document = analyze(hostile, "-f", "json", "-o", "-", "-q").document
    texts = {row["reason"] for row in document["http"]}
    assert texts >= set(ATTACKS)  # an export says what was sent, to the byte
    assert {comment["text"] for comment in document["capture"]["comments"]} >= set(ATTACKS)


def test_har(analyze: Analyze, hostile: Path) -> None:
    done = analyze(hostile, "-f", "har", "-o", "-", "-q")
    entries = json.loads(done.out)["log"]["entries"]
    assert len(entries) >= 20
    assert {entry["response"]["statusText"] for entry in entries} >= {SVG, TEMPLATE}
