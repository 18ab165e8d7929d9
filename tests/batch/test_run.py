"""Batches with real processes: everything listed, nothing lost, whatever happens to a capture or a worker."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import pty
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzer.batch.log import logging_to
from analyzer.batch.plan import Settings, folders_of, jobs
from analyzer.batch.record import Record, planned, remember
from analyzer.batch.sources import Source
from analyzer.batch.store import Store
from analyzer.batch.task import _done, run
from tests.conftest import ROOT, SAMPLES, default_signals

ANALYZE = (sys.executable, "-m", "analyzer", "batch")
NAMES = ("ping", "loss", "status-codes", "arp")


def analyze_batch(*arguments: object, code: int = 0, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    """Run ``analyze batch`` as a user does."""
    done = subprocess.run([*ANALYZE, *map(str, arguments)], capture_output=True, text=True, timeout=seconds, cwd=ROOT)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def index(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "index.json").read_text("utf-8"))
    return document


def entries(folder: Path) -> dict[str, Any]:
    return {entry["capture"]: entry for entry in index(folder)["captures"]}


def csv_header(folder: Path) -> list[str]:
    return (folder / "index.csv").read_text("utf-8").splitlines()[0].split(",")


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    (tmp_path / "lab" / "below").mkdir(parents=True)
    for name in NAMES:
        shutil.copy(SAMPLES / f"{name}.pcapng", tmp_path / "lab")
    shutil.copy(SAMPLES / "ping.pcapng", tmp_path / "lab" / "below")
    (tmp_path / "lab" / "broken.pcap").write_bytes(b"this is no capture")
    whole = (SAMPLES / "loss.pcapng").read_bytes()
    (tmp_path / "lab" / "cut.pcapng").write_bytes(whole[: len(whole) // 2])
    return tmp_path / "lab"


def test_every_file_is_listed(lab: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = analyze_batch(lab, "-r", "-o", out, "-f", "json", "-f", "html", "-j", 2, code=5)
    found = entries(out)
    assert sorted(found) == sorted(
        [*(f"{name}.pcapng" for name in NAMES), "below/ping.pcapng", "broken.pcap", "cut.pcapng"]
    )
    assert list(found) == sorted(found)
    assert {name: entry["status"] for name, entry in found.items() if entry["status"] != "ok"} == {
        "broken.pcap": "failed",
        "cut.pcapng": "partial",
    }
    assert "broken.pcap" in done.stderr
    for name, entry in found.items():
        if entry["status"] == "failed":
            assert entry["outputs"] == {}
            continue
        assert entry["outputs"] == {"json": f"{name}.json", "html": f"{name}.html"}
        document = json.loads((out / entry["outputs"]["json"]).read_text("utf-8"))
        assert document["capture"]["sha256"] == entry["sha256"]
        assert document["capture"]["packets"] == entry["packets"]
        assert len(document["http"]) >= entry["requests"]
        assert (out / entry["outputs"]["html"]).stat().st_size > 10_000
    totals = index(out)["totals"]
    assert (totals["captures"], totals["ok"], totals["partial"], totals["failed"]) == (7, 5, 1, 1)
    assert totals["same_content"] == 1
    with (out / "index.csv").open(encoding="utf-8", newline="") as file:
        assert [line["capture"] for line in csv.DictReader(file)] == list(found)
    assert (out / "batch.log").read_text("utf-8").count("\n") == 7
    page = (out / "index.html").read_text("utf-8")
    assert all(f'href="{entry["outputs"]["html"]}"' in page for entry in found.values() if entry["outputs"])
    assert done.stdout.rstrip().endswith(f"Index: {out}/index.html")
    assert len(set(csv_header(out))) == len(csv_header(out))


def test_what_is_done_is_not_done_again(lab: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = (lab, "-o", out, "-f", "json", "-j", 1, "--glob", "*.pcapng")
    analyze_batch(*arguments)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.pcapng.json")}
    assert len(before) == 5
    first, page = (out / "index.json").read_bytes(), (out / "index.html").read_bytes()
    (out / "ping.pcapng.json").unlink()
    shutil.copy(SAMPLES / "polling.pcapng", lab / "arp.pcapng")
    analyze_batch(*arguments)
    changed = {path.name for path in before if path.stat().st_mtime_ns != before[path]}
    assert changed == {"ping.pcapng.json", "arp.pcapng.json"}
    shutil.copy(SAMPLES / "arp.pcapng", lab / "arp.pcapng")
    analyze_batch(*arguments)
    assert (out / "index.json").read_bytes() == first
    assert (out / "index.html").read_bytes() == page
    analyze_batch(*arguments, "--fresh")
    assert {path.name for path in before if path.stat().st_mtime_ns != before[path]} == {path.name for path in before}
    assert (out / "index.json").read_bytes() == first


def test_masked_and_revealed_results_replace_each_other(tmp_path: Path) -> None:
    """The results of an earlier call are not taken for those that stand there now."""
    source, out = SAMPLES / "web-app.pcapng", tmp_path / "out"
    arguments = (source, "-o", out, "-f", "json", "-j", 1)
    analyze_batch(*arguments)
    masked = (out / "web-app.pcapng.json").read_bytes()
    analyze_batch(*arguments, "--reveal")
    assert (out / "web-app.pcapng.json").read_bytes() != masked
    analyze_batch(*arguments)
    assert (out / "web-app.pcapng.json").read_bytes() == masked


def test_formats_are_added_and_lost_files_made_again(tmp_path: Path) -> None:
    lab, out = tmp_path / "lab", tmp_path / "out"
    (lab / "a").mkdir(parents=True)
    for name in ("a/b.pcapng", "a_b.pcapng"):  # whose partitions could meet
        shutil.copy(SAMPLES / "status-codes.pcapng", lab / name)
    arguments = (lab, "-r", "-o", out, "-j", 1)
    analyze_batch(*arguments, "-f", "json", "-f", "csv")
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.pcapng.json")}
    lost = next(out.glob("a_b.pcapng.csv/http.csv"))
    whole = lost.read_bytes()
    lost.write_bytes(whole[:-1])
    (out / "a_b.pcapng.csv" / "tcp.csv").unlink()
    analyze_batch(*arguments, "-f", "json", "-f", "csv", "-f", "parquet")
    assert lost.read_bytes() == whole
    assert (out / "a_b.pcapng.csv" / "tcp.csv").is_file()
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    for name, entry in entries(out).items():
        assert entry["outputs"] == {"json": f"{name}.json", "csv": f"{name}.csv", "parquet": "parquet"}
    partitions = sorted(path.name for path in (out / "parquet" / "http").iterdir())
    assert partitions == ["capture=a_b.pcapng", "capture=a~b.pcapng"]
    parts = {path: path.stat().st_mtime_ns for path in (out / "parquet").rglob("*.parquet")}
    gone = next(iter(parts))
    gone.unlink()
    analyze_batch(*arguments, "-f", "parquet")
    assert gone.is_file()
    assert list(entries(out)["a/b.pcapng"]["outputs"]) == ["json", "csv", "parquet"]


def test_results_of_other_bytes_or_options_do_not_stay(tmp_path: Path) -> None:
    lab, out = tmp_path / "lab", tmp_path / "out"
    lab.mkdir()
    shutil.copy(SAMPLES / "web-app.pcapng", lab / "a.pcapng")
    analyze_batch(lab, "-o", out, "-j", 1, "-f", "json", "-f", "csv", "-f", "zeek", "-f", "parquet", "--reveal")
    assert (out / "a.pcapng.zeek" / "http.log").is_file()
    analyze_batch(lab, "-o", out, "-j", 1, "-f", "json")
    assert sorted(path.name for path in out.iterdir() if path.name.startswith("a.")) == ["a.pcapng.json"]
    assert not list(out.rglob("*.parquet"))
    analyze_batch(lab, "-o", out, "-j", 1, "-f", "zeek", "-f", "parquet")
    assert entries(out)["a.pcapng"]["outputs"] == {
        "json": "a.pcapng.json",
        "parquet": "parquet",
        "zeek": "a.pcapng.zeek",
    }
    shutil.copy(SAMPLES / "arp.pcapng", lab / "a.pcapng")
    analyze_batch(lab, "-o", out, "-j", 1, "-f", "zeek")
    assert entries(out)["a.pcapng"]["outputs"] == {"zeek": "a.pcapng.zeek"}
    (lab / "a.pcapng").write_bytes(b"garbage")
    analyze_batch(lab, "-o", out, "-j", 1, "-f", "zeek", code=5)
    assert not list(out.rglob("*.log")) or [path.name for path in out.rglob("*.log")] == ["batch.log"]


def test_options_of_a_format_leave_the_others_alone(tmp_path: Path) -> None:
    """A report in another language, or with its own library, is no result of another capture."""
    source, out = SAMPLES / "status-codes.pcapng", tmp_path / "out"
    page, data = out / "status-codes.pcapng.html", out / "status-codes.pcapng.json"
    analyze_batch(source, "-o", out, "-j", 1, "--lang", "zh", "--plotly", "inline")
    report = page.read_bytes()
    done = analyze_batch(source, "-o", out, "-j", 1, "-f", "json")
    assert page.read_bytes() == report
    assert "removed" not in done.stdout
    assert entries(out)["status-codes.pcapng"]["outputs"] == {"html": page.name, "json": data.name}
    assert entries(out)["status-codes.pcapng"]["worst"]["title"].isascii()
    before = data.stat().st_mtime_ns
    analyze_batch(source, "-o", out, "-j", 1)
    assert b'lang="en"' in page.read_bytes()
    assert data.stat().st_mtime_ns == before
    analyze_batch(source, "-o", out, "-j", 1, "-f", "json", "--lang", "zh")
    assert not entries(out)["status-codes.pcapng"]["worst"]["title"].isascii()
    assert data.stat().st_mtime_ns == before
    again = analyze_batch(source, "-o", out, "-f", "json", "--lang", "zh")
    assert "     1  of them done before" in again.stdout


def test_results_that_go_are_counted(tmp_path: Path) -> None:
    source, out = SAMPLES / "web-app.pcapng", tmp_path / "out"
    analyze_batch(source, "-o", out, "-j", 1, "-f", "json", "-f", "csv", "--reveal")
    done = analyze_batch(source, "-o", out, "-j", 1, "-f", "json")
    assert "     1  earlier result removed: of other bytes, of another version, or with other masking" in done.stdout


def test_formats_that_give_no_file_are_no_outputs(tmp_path: Path) -> None:
    """A capture of pings alone has no connections, names or requests for Zeek's logs."""
    arguments = (SAMPLES / "ping.pcapng", "-o", tmp_path / "out", "-j", 1, "-f", "zeek", "-f", "json")
    analyze_batch(*arguments)
    outputs = entries(tmp_path / "out")["ping.pcapng"]["outputs"]
    assert all((tmp_path / "out" / path).exists() for path in outputs.values())
    assert "json" in outputs
    assert "     1  of them done before" in analyze_batch(*arguments).stdout


def test_what_an_interrupted_run_began_is_known(tmp_path: Path) -> None:
    """It is recorded before it is written: what it showed does not stay beside results that mask it."""
    source = Source("a.pcapng", str(SAMPLES / "web-app.pcapng"))
    (job,) = jobs([source])
    revealing = Settings(str(tmp_path), ("json", "csv", "parquet", "no such format"), reveal=True)
    with pytest.raises(KeyError):
        _done(Path(source.location), job, revealing, Store(str(tmp_path)), {})
    assert (tmp_path / "a.pcapng.csv" / "http.csv").is_file()
    assert list(tmp_path.rglob("*.parquet"))
    outcome = run(job, Settings(str(tmp_path), ("json",)))
    assert outcome["outputs"] == {"json": "a.pcapng.json"}
    assert not list(tmp_path.rglob("*.csv/*"))
    assert not list(tmp_path.rglob("*.parquet"))


def test_results_that_cannot_be_removed_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What shows secrets does not stay in silence, and is known again next time."""
    (job,) = jobs([Source("a.pcapng", str(SAMPLES / "web-app.pcapng"))])
    run(job, Settings(str(tmp_path), ("json", "csv"), reveal=True))
    with monkeypatch.context() as patch:
        whole = Path.unlink

        def unlink(path: Path, missing_ok: bool = False) -> None:
            if path.name == "http.csv":
                raise PermissionError(13, "Permission denied")
            whole(path, missing_ok)

        patch.setattr(Path, "unlink", unlink)
        outcome = run(job, Settings(str(tmp_path), ("json",)))
    assert (outcome["status"], outcome["outputs"]) == ("failed", {})
    assert outcome["error"] == f"{tmp_path}/a.pcapng.csv/http.csv: cannot be removed: Permission denied"
    assert not (tmp_path / "a.pcapng.json").exists()
    assert run(job, Settings(str(tmp_path), ("json",)))["outputs"] == {"json": "a.pcapng.json"}
    assert not list(tmp_path.rglob("*.csv/*"))


def test_files_of_others_stay_in_folders_that_were_begun(tmp_path: Path) -> None:
    (job,) = jobs([Source("a.pcapng", str(SAMPLES / "web-app.pcapng"))])
    store = Store(str(tmp_path))
    remember(store, job, Record("of an interrupted run", {}, files=planned(job, ("csv",))))
    (tmp_path / "a.pcapng.csv").mkdir()
    (tmp_path / "a.pcapng.csv" / "http.csv").write_text("ours")
    (tmp_path / "a.pcapng.csv" / "notes.txt").write_text("mine")
    assert run(job, Settings(str(tmp_path), ("json",)))["status"] == "ok"
    assert [path.name for path in (tmp_path / "a.pcapng.csv").iterdir()] == ["notes.txt"]


def test_a_folder_that_was_refused_stays_as_it_is(tmp_path: Path) -> None:
    (job,) = jobs([Source("a.pcapng", str(SAMPLES / "web-app.pcapng"))])
    (tmp_path / "a.pcapng.csv").mkdir()
    (tmp_path / "a.pcapng.csv" / "grades.csv").write_text("mine")
    refused = run(job, Settings(str(tmp_path), ("csv",)))
    assert "this folder holds other files (grades.csv); it is left" in refused["error"]
    assert run(job, Settings(str(tmp_path), ("json",), reveal=True))["status"] == "ok"
    assert [path.name for path in (tmp_path / "a.pcapng.csv").iterdir()] == ["grades.csv"]


def test_a_format_that_failed_spoils_no_other(tmp_path: Path) -> None:
    """What is recorded before it is written has no numbers yet: it is no capture that is done."""
    (job,) = jobs([Source("a.pcapng", str(SAMPLES / "ping.pcapng"))])
    first = run(job, Settings(str(tmp_path), ("html",)))
    (tmp_path / "a.pcapng.json").mkdir()
    assert run(job, Settings(str(tmp_path), ("json",)))["status"] == "failed"
    again = run(job, Settings(str(tmp_path), ("html",)))
    assert {**first, "gone": 0} == {**again, "gone": 0}
    assert again["outputs"] == {"html": "a.pcapng.html"}


def test_a_worker_that_ends_while_results_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = jobs([Source("a.pcapng", str(SAMPLES / "web-app.pcapng"))])
    run(job, Settings(str(tmp_path), ("json", "csv", "jsonl"), reveal=True))
    with monkeypatch.context() as patch:
        whole, left = Path.unlink, [3]

        def unlink(path: Path, missing_ok: bool = False) -> None:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
            whole(path, missing_ok)

        patch.setattr(Path, "unlink", unlink)
        with pytest.raises(KeyboardInterrupt):
            run(job, Settings(str(tmp_path), ("json",)))
    assert run(job, Settings(str(tmp_path), ("json",)))["outputs"] == {"json": "a.pcapng.json"}
    assert [path.name for path in tmp_path.rglob("a.pcapng*") if path.is_file()] == ["a.pcapng.json"]
    assert not list(tmp_path.rglob("*.csv/*"))


def test_results_that_go_are_counted_where_the_capture_fails(tmp_path: Path) -> None:
    (job,) = jobs([Source("a.pcapng", str(tmp_path / "a.pcapng"))])
    shutil.copy(SAMPLES / "ping.pcapng", tmp_path / "a.pcapng")
    run(job, Settings(str(tmp_path / "out"), ("json", "csv")))
    (tmp_path / "a.pcapng").write_bytes(b"half copied")
    outcome = run(job, Settings(str(tmp_path / "out"), ("json",)))
    assert (outcome["status"], outcome["gone"]) == ("failed", 1)


def test_a_folder_that_may_not_be_looked_into_costs_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As lost+found on a disk that is named as the output."""
    (tmp_path / "lost+found").mkdir()
    whole = os.stat

    def stat(path: Any, **more: Any) -> os.stat_result:
        if "lost+found" in str(path) and str(path) != str(tmp_path / "lost+found"):
            raise PermissionError(13, "Permission denied")
        return whole(path, **more)

    monkeypatch.setattr(os, "stat", stat)
    Store(str(tmp_path)).sweep(".analyze", folders_of([]))


def test_folders_of_others_stay(tmp_path: Path) -> None:
    """Folders of ours that are empty go; those that somebody else made stay, whatever they are called."""
    (job, *_) = jobs([Source("a/b.pcap", "/a/b.pcap")])
    ours = {"a/b.pcap.csv", "a/b.pcap.zeek", "parquet/http/capture=a~b.pcap"}
    theirs = {"keep.csv", "capture=2024", "a/capture=a~b.pcap", "parquet/http/capture=c", "parquet/x/capture=a~b.pcap"}
    for name in ours | theirs:
        (tmp_path / name).mkdir(parents=True)
    Store(str(tmp_path)).sweep(".analyze", folders_of([job]))
    assert {name for name in ours | theirs if (tmp_path / name).is_dir()} == theirs
    (tmp_path / "a/b.pcap.csv").mkdir()
    (tmp_path / "a/b.pcap.csv" / "mine").write_text("theirs")
    Store(str(tmp_path)).sweep(".analyze", folders_of([job]))
    assert (tmp_path / "a/b.pcap.csv" / "mine").exists()


def test_records_of_other_versions_are_cleared_away(tmp_path: Path) -> None:
    (job,) = jobs([Source("a.pcapng", str(SAMPLES / "ping.pcapng"))])
    run(job, Settings(str(tmp_path), ("json", "csv"), reveal=True))
    record = tmp_path / f"{job.note}.json"
    record.write_text(record.read_text("utf-8").replace('"digest": "', '"digest": "0'))
    run(job, Settings(str(tmp_path), ("json",)))
    assert [path.name for path in tmp_path.rglob("a.pcapng*") if path.is_file()] == ["a.pcapng.json"]
    assert not list(tmp_path.rglob("*.csv/*"))


def test_a_folder_of_another_capture_is_replaced(tmp_path: Path) -> None:
    """Without a record, too: the files of the same kind are ours."""
    out = tmp_path / "out"
    shutil.copy(SAMPLES / "web-app.pcapng", tmp_path / "a.pcapng")
    analyze_batch(tmp_path / "a.pcapng", "-o", out, "-j", 1, "-f", "zeek")
    shutil.rmtree(out / ".analyze")
    shutil.copy(SAMPLES / "dns-iterative.pcapng", tmp_path / "a.pcapng")
    analyze_batch(tmp_path / "a.pcapng", "-o", out, "-j", 1, "-f", "zeek")
    assert not (out / "a.pcapng.zeek" / "http.log").exists()
    (out / "a.pcapng.zeek").mkdir(exist_ok=True)
    (out / "a.pcapng.zeek" / "mine.txt").write_text("mine")
    analyze_batch(tmp_path / "a.pcapng", "-o", out, "-j", 1, "-f", "zeek", "--fresh", code=5)
    assert (out / "a.pcapng.zeek" / "mine.txt").read_text() == "mine"


def test_a_record_that_somebody_changed_is_no_record(tmp_path: Path) -> None:
    out = tmp_path / "out"
    analyze_batch(SAMPLES / "ping.pcapng", "-o", out, "-j", 1, "-f", "json")
    before = index(out)
    (path,) = (out / ".analyze").glob("*.json")
    record = json.loads(path.read_text("utf-8"))
    record["summary"]["codes"] = None
    path.write_text(json.dumps(record))
    done = analyze_batch(SAMPLES / "ping.pcapng", "-o", out, "-j", 1, "-f", "json")
    assert index(out) == before
    assert "done before" not in done.stdout
    assert "     1  of them done before" in analyze_batch(SAMPLES / "ping.pcapng", "-o", out, "-f", "json").stdout


def test_what_was_left_aside_is_named_in_the_log(lab: Path, tmp_path: Path) -> None:
    (lab / "homework.docx").write_bytes(b"my answers")
    done = analyze_batch(lab, "-o", tmp_path / "out", "-f", "json", code=5)
    assert "  other file, no captures: left aside (named in batch.log)" in done.stdout
    assert "     1  folder below was not entered (--recursive does)" in done.stdout
    assert " aside   homework.docx: no capture" in (tmp_path / "out" / "batch.log").read_text("utf-8")


@pytest.mark.parametrize("as_json", [False, True])
def test_folders_that_cannot_be_read_are_named_in_the_log(tmp_path: Path, as_json: bool) -> None:
    with logging_to(tmp_path / "log", 0, as_json=as_json, quiet=True, color=False) as log:
        log.noted(["lab/below: this folder cannot be read: Permission denied"])
    (line,) = (tmp_path / "log").read_text("utf-8").splitlines()
    assert "lab/below: this folder cannot be read: Permission denied" in (json.loads(line)["note"] if as_json else line)


def test_exit_codes_for_scripts(lab: Path, tmp_path: Path) -> None:
    arguments = (lab / "cut.pcapng", "-o", tmp_path / "out", "-f", "json", "-j", 1, "-q")
    analyze_batch(*arguments)
    assert "captures read only in part: 1 (--strict)" in analyze_batch(*arguments, "--strict", code=7).stderr
    done = analyze_batch(*arguments, "--strict", "--fail-on", "warning", code=6)
    assert "captures with findings of severity error or warning: 1 (--fail-on)" in done.stderr
    both = (lab / "cut.pcapng", lab / "broken.pcap", *arguments[1:])
    done = analyze_batch(*both, "--strict", "--fail-on", "warning", code=5)
    assert done.stderr.splitlines() == [
        "analyze: captures that failed: 1 of 2",
        "analyze: captures with findings of severity error or warning: 1 (--fail-on)",
        "analyze: captures read only in part: 1 (--strict)",
    ]


@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.8])
def test_an_interrupt_while_workers_start(slow: Path, tmp_path: Path, started: Any, seconds: float) -> None:
    batch = started(*ANALYZE, slow, "-o", tmp_path / "out", "-f", "json", "-j", 2)
    wait_for((tmp_path / "out" / ".analyze" / "lock").exists)
    time.sleep(seconds)
    os.killpg(batch.pid, signal.SIGINT)
    _, complained = batch.communicate(timeout=60)
    assert batch.returncode == 130
    assert "Traceback" not in complained


def test_one_batch_at_a_time_writes_into_a_folder(slow: Path, lab: Path, tmp_path: Path, started: Any) -> None:
    out = tmp_path / "out"
    first = started(*ANALYZE, slow, "-o", out, "-f", "json", "-j", 1)
    wait_for((out / "batch.log").exists)
    done = analyze_batch(lab, "-o", out, code=4)
    assert done.stderr == f"analyze: {out}: another batch is writing there\n"
    said, complained = first.communicate(timeout=120)
    assert first.returncode == 0, said + complained
    assert list(entries(out)) == ["slow.pcap"]


def test_no_result_replaces_a_capture(tmp_path: Path) -> None:
    capture = (SAMPLES / "ping.pcapng").read_bytes()
    for name in ("a.pcapng", "a.pcapng.json", "batch.log"):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        (folder / "a.pcapng").write_bytes(capture)
        (folder / name).write_bytes(capture)
        code = 0 if name == "a.pcapng" else 2
        done = analyze_batch(folder, "-o", folder, "-f", "json", "-j", 1, code=code)
        assert (f"{folder}/{name}: the results would replace this capture" in done.stderr) == bool(code)
        assert (folder / name).read_bytes() == capture


def test_a_folder_by_its_url_is_a_folder(tmp_path: Path) -> None:
    for name in ("x", "x.json"):
        shutil.copy(SAMPLES / "ping.pcapng", tmp_path / name)
    done = analyze_batch(tmp_path / "x", tmp_path / "x.json", "-o", f"file://{tmp_path}", "-f", "json", code=2)
    assert "x.json: the results would replace this capture" in done.stderr
    analyze_batch(f"file://{tmp_path}/x", "-o", f"file://{tmp_path}/out", "-f", "json", "-j", 1)
    assert list(entries(tmp_path / "out")) == ["x"]
    assert (tmp_path / "out" / "batch.log").exists()


def test_nobody_else_can_give_work_to_local_workers(slow: Path, tmp_path: Path, started: Any) -> None:
    """What a worker is given, it runs: other users of the machine must not be able to give it anything."""
    import psutil

    batch = started(*ANALYZE, copies(slow, tmp_path / "lab", 2), "-o", tmp_path / "out", "-f", "json", "-j", 1)
    wait_for((tmp_path / "out" / "batch.log").exists)

    def listening() -> set[tuple[str, int]]:
        processes = [psutil.Process(batch.pid), *psutil.Process(batch.pid).children(recursive=True)]
        found = [one.laddr for process in processes for one in process.net_connections("tcp") if one.status == "LISTEN"]
        return {(address.ip, address.port) for address in found}

    wait_for(lambda: len(listening()) >= 2)
    for host, port in listening():
        assert host == "127.0.0.1"
        assert port != 8787
        assert answer_to(b"GET / HTTP/1.0\r\n\r\n", port) in (b"", b"HTTP/1.1 404 Not Found")
        assert b"Dask" not in answer_to(b"", port)  # its handshake without TLS begins by itself


def answer_to(sent: bytes, port: int) -> bytes:
    """Return the first line of what a port says."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.settimeout(1)
        connection.sendall(sent)
        try:
            return connection.recv(4096).partition(b"\r\n")[0]
        except OSError:
            return b""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture that takes some seconds and some hundred megabytes: 24,000 packets, 2,000 requests."""
    path = tmp_path_factory.mktemp("slow") / "slow.pcap"
    command = [sys.executable, "make_http.py", "short", "2000", str(path)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT / "benchmarks")
    return path


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (("--timeout", 0.3), "it took longer than 0.3 s (--timeout); tried again, with the same end"),
        (("--memory", 50), "it needed more than 50 MB of memory (--memory); tried again, with the same end"),
    ],
)
def test_a_limit_ends_one_capture_only(slow: Path, tmp_path: Path, limit: tuple[object, ...], words: str) -> None:
    done = analyze_batch(slow, "-o", tmp_path / "out", "-f", "json", "-j", 2, *limit, code=5)
    (entry,) = index(tmp_path / "out")["captures"]
    assert (entry["status"], entry["error"]) == ("failed", words)
    assert words in done.stderr
    if "--memory" in limit:  # which a small capture keeps, whatever the program itself takes
        analyze_batch(SAMPLES / "ping.pcapng", "-o", tmp_path / "small", "-f", "html", "-j", 1, *limit)
    # Under limits that it keeps, the same capture is analyzed: failures are not kept.
    analyze_batch(slow, "-o", tmp_path / "out", "-f", "json", "-j", 2, "--timeout", 300, "--memory", 8000)
    assert entries(tmp_path / "out")["slow.pcap"]["requests"] == 2000


def copies(slow: Path, folder: Path, amount: int) -> Path:
    """Make captures of different content that take long."""
    folder.mkdir()
    whole = slow.read_bytes()
    for number in range(amount):
        (folder / f"slow-{number}.pcap").write_bytes(whole + bytes([0] * 16)[: 16 if number else 0] * number)
    return folder


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def busiest(pid: int) -> int:
    """Return the worker that has used most processor time."""

    def used(child: int) -> int:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    return max(children(pid), key=used)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    running: list[subprocess.Popen[str]] = []

    def start(*command: object, **more: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=default_signals,
            **{"cwd": ROOT, **more},
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never happened"
        time.sleep(0.05)


def lines(log: Path) -> int:
    return log.read_text("utf-8").count("\n") if log.exists() else 0


def test_limits_do_not_count_what_is_imported(tmp_path: Path) -> None:
    """All large packages are there before a worker's first capture: --timeout and --memory are those of captures."""
    program = """
import sys
from contextlib import contextmanager
from analyzer.batch import guard, plan, sources, task
before = set()
@contextmanager
def guarded(*limits):
    before.update(sys.modules)
    yield
task.guarded = guarded
formats = ("html", "json", "jsonl", "har", "csv", "zeek", "parquet")
done = task.run(plan.Job(sources.Source("a", sys.argv[1]), "a"), plan.Settings(sys.argv[2], formats))
print(done["status"], len(before) > 100, *sorted(name for name in {*sys.modules} - before if "." not in name))
"""
    line = [sys.executable, "-c", program, str(SAMPLES / "first-visit.pcapng"), str(tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=120, cwd=ROOT)
    status, guarded, *later = done.stdout.split()
    assert (status, guarded) == ("ok", "True")
    assert not {"numpy", "pandas", "pyarrow", "jinja2", "markupsafe", "plotly", "babel", "lxml"} & {*later}, later


def test_a_killed_worker_loses_nothing(slow: Path, tmp_path: Path, started: Any) -> None:
    folder, out = copies(slow, tmp_path / "lab", 4), tmp_path / "out"
    batch = started(*ANALYZE, folder, "-o", out, "-f", "json", "-j", 2)
    wait_for(lambda: lines(out / "batch.log") >= 1)
    os.kill(busiest(batch.pid), signal.SIGKILL)
    said, complained = batch.communicate(timeout=180)
    assert batch.returncode == 0, said + complained
    assert [entry["requests"] for entry in index(out)["captures"]] == [2000] * 4


def test_an_interrupted_batch_goes_on_where_it_was(slow: Path, tmp_path: Path, started: Any) -> None:
    folder, out = copies(slow, tmp_path / "lab", 4), tmp_path / "out"
    batch = started(*ANALYZE, folder, "-o", out, "-f", "json", "-j", 1)
    wait_for(lambda: lines(out / "batch.log") >= 1)
    workers = children(batch.pid)
    os.killpg(batch.pid, signal.SIGINT)
    _, complained = batch.communicate(timeout=60)
    assert batch.returncode == 130
    assert "Traceback" not in complained
    assert " of 4 captures are done; the same command goes on from there" in complained
    wait_for(lambda: not any(Path(f"/proc/{worker}/exe").exists() for worker in workers), 30)
    assert not list(out.glob(".*.part"))
    records = [json.loads(path.read_text("utf-8")) for path in (out / ".analyze").glob("*.json")]
    done = {path: path.stat().st_mtime_ns for one in records for path in map(out.joinpath, one["files"]["json"])}
    assert 1 <= len(done) < 4
    analyze_batch(folder, "-o", out, "-f", "json", "-j", 2, "--resume")
    assert [entry["status"] for entry in index(out)["captures"]] == ["ok"] * 4
    assert {path: path.stat().st_mtime_ns for path in done} == done


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=lambda one: str(int(one)),
)
def test_what_ends_a_batch_leaves_nothing(slow: Path, tmp_path: Path, started: Any, number: int, code: int) -> None:
    """However often it comes, until the interpreter has ended; a terminal that is closed tells all processes."""
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        for n in range(4):
            archive.writestr(f"{n}.pcap", slow.read_bytes() + bytes(16 * n))
    copies = tmp_path / "copies"
    copies.mkdir()
    environment = {**os.environ, "TMPDIR": str(copies), "PYTHONPATH": str(ROOT)}
    batch = started(*ANALYZE, "class.zip", "-o", "out", "-f", "json", "-j", 2, cwd=tmp_path, env=environment)
    wait_for(lambda: list(copies.glob("analyze-*/*/capture")))
    workers = children(batch.pid)
    while batch.poll() is None:
        os.killpg(batch.pid, number)
        time.sleep(0.05)
    _, complained = batch.communicate(timeout=60)
    assert batch.returncode == code
    said = [line for line in complained.splitlines() if not line.endswith("the same command goes on from there")]
    assert said == (["analyze: ending the workers", "analyze: interrupted"] if number == signal.SIGINT else [])
    assert [path.name for path in copies.iterdir()] == []
    wait_for(lambda: not any(Path(f"/proc/{worker}/exe").exists() for worker in workers), 30)


def test_a_terminal_that_is_gone_takes_no_words(slow: Path, tmp_path: Path) -> None:
    """The bar stands on the terminal, which fails from then on."""
    copies = tmp_path / "copies"
    copies.mkdir()
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.write(slow, "slow.pcap")
    command = [*ANALYZE, str(tmp_path / "class.zip"), "-o", str(tmp_path / "out"), "-f", "json", "-j", "1"]
    environment = {**os.environ, "TMPDIR": str(copies), "PYTHONPATH": str(ROOT)}
    pid, terminal = pty.fork()
    if pid == 0:
        default_signals()
        os.execve(command[0], command, environment)
    try:
        wait_for(lambda: list(copies.glob("analyze-*/*/capture")))
    finally:
        os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert not list(copies.glob("analyze-*"))


def test_a_batch_that_is_to_outlive_its_terminal_does(slow: Path, tmp_path: Path, started: Any) -> None:
    out = tmp_path / "out"
    batch = started("nohup", *ANALYZE, copies(slow, tmp_path / "lab", 2), "-o", out, "-f", "json", "-j", 1)
    wait_for((out / "batch.log").exists)
    os.killpg(batch.pid, signal.SIGHUP)
    wait_for(lambda: lines(out / "batch.log") >= 1)
    os.killpg(batch.pid, signal.SIGHUP)
    said, complained = batch.communicate(timeout=120)
    assert batch.returncode == 0, said + complained
    assert [entry["status"] for entry in index(out)["captures"]] == ["ok"] * 2


@pytest.fixture
def cluster(tmp_path: Path, started: Any) -> str:
    """Address of a scheduler with two workers."""
    where = tmp_path / "scheduler.json"
    dask = (sys.executable, "-m", "dask")
    started(*dask, "scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", where)
    wait_for(where.exists)
    for _ in range(2):
        started(*dask, "worker", "--scheduler-file", where, "--nthreads", 1, "--no-dashboard", "--host", "127.0.0.1")
    address = json.loads(where.read_text())["address"]
    wait_for(lambda: workers_of(address) == 2)
    return str(address)


def test_a_cluster_gives_what_local_workers_give(lab: Path, tmp_path: Path, cluster: str) -> None:
    for folder, more in (("near", ("-j", 1)), ("far", ("--scheduler", cluster))):
        analyze_batch(lab, "-r", "-o", tmp_path / folder, "-f", "json", "-f", "csv", "-f", "parquet", *more, code=5)
    near, far = tmp_path / "near", tmp_path / "far"
    names = {path.relative_to(near) for path in near.rglob("*") if path.is_file() and path.name != "batch.log"}
    assert len(names) > 50
    assert names == {path.relative_to(far) for path in far.rglob("*") if path.is_file() and path.name != "batch.log"}
    assert [name for name in names if (near / name).read_bytes() != (far / name).read_bytes()] == []


def test_two_batches_share_a_cluster(slow: Path, tmp_path: Path, cluster: str, started: Any) -> None:
    """Each gets its own results, from workers whose folder is not that of the person who asks."""
    shutil.copy(slow, tmp_path / "one.pcap")
    (tmp_path / "two.pcap").write_bytes(slow.read_bytes() + bytes(16))
    batches = {}
    for name in ("one", "two"):
        asked = (f"../{name}.pcap", "-o", tmp_path / name, "-f", "json", "--scheduler", cluster)
        (tmp_path / f"cwd-{name}").mkdir()
        batches[name] = started("env", f"PYTHONPATH={ROOT}", *ANALYZE, *asked, cwd=tmp_path / f"cwd-{name}")
    for name, batch in batches.items():
        said, complained = batch.communicate(timeout=180)
        assert batch.returncode == 0, said + complained
        (entry,) = index(tmp_path / name)["captures"]
        assert entry["capture"] == f"{name}.pcap"
        assert entry["sha256"] == hashlib.sha256((tmp_path / f"{name}.pcap").read_bytes()).hexdigest()
        assert (tmp_path / name / entry["outputs"]["json"]).is_file()


def workers_of(address: str) -> int:
    from distributed import Client

    with Client(address, timeout=30) as client:
        return len(client.scheduler_info()["workers"])


def test_a_scheduler_that_is_away(lab: Path, tmp_path: Path) -> None:
    done = analyze_batch(lab, "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1", code=2)
    assert done.stderr.count("\n") == 1
    assert "tcp://127.0.0.1:1: the scheduler cannot be reached" in done.stderr


def test_archives_are_read_inside(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.write(SAMPLES / "ping.pcapng", "../../ann/a.pcapng")
        archive.writestr("bob/b.pcap", b"nothing")
    analyze_batch(tmp_path / "class.zip", "-o", tmp_path / "out", "-f", "json", code=5)
    found = entries(tmp_path / "out")
    assert {name: entry["status"] for name, entry in found.items()} == {
        "class.zip/ann/a.pcapng": "ok",
        "class.zip/bob/b.pcap": "failed",
    }
    path = tmp_path / "out" / found["class.zip/ann/a.pcapng"]["outputs"]["json"]
    assert json.loads(path.read_text())["capture"]["file"] == "class.zip/ann/a.pcapng"


def test_an_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Captures from a bucket, results into another, over HTTP to a server of the test's own."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        store = boto3.client("s3")
        for bucket in ("labs", "results"):
            store.create_bucket(Bucket=bucket)
        for name in ("ping", "arp"):
            store.upload_file(str(SAMPLES / f"{name}.pcapng"), "labs", f"week1/{name}.pcapng")
        analyze_batch("s3://labs/week1", "-o", "s3://results/week1", "-f", "json", "-j", 1)
        raw = store.get_object(Bucket="results", Key="week1/index.json")["Body"].read()
        page = store.get_object(Bucket="results", Key="week1/index.html")["Body"].read().decode()
        assert [entry["capture"] for entry in json.loads(raw)["captures"]] == ["arp.pcapng", "ping.pcapng"]
        assert 'href="arp.pcapng.json"' in page
        one = json.loads(store.get_object(Bucket="results", Key="week1/ping.pcapng.json")["Body"].read())
        assert one["capture"]["sha256"] == hashlib.sha256((SAMPLES / "ping.pcapng").read_bytes()).hexdigest()
        mistyped = analyze_batch("s3://labs/week1", "-o", "s3://result/week1", "-f", "json", "-j", 1, code=4)
        assert mistyped.stderr.count("\n") == 1
        assert {one["Name"] for one in store.list_buckets()["Buckets"]} == {"labs", "results"}
    finally:
        server.stop()


def test_places_that_cannot_be_written(lab: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = analyze_batch(lab, "-o", tmp_path / "file", code=4)
    assert done.stderr.count("\n") == 1
    assert "cannot be written" in done.stderr


def test_a_batch_does_not_write_to_standard_output() -> None:
    assert "-o -: a batch writes into a folder" in analyze_batch(SAMPLES / "ping.pcapng", "-o", "-", code=2).stderr


def test_a_disk_that_fills_up(lab: Path, tmp_path: Path) -> None:
    """No file may be larger than 300 kB: what fits is there, the rest is listed."""
    shutil.copy(SAMPLES / "web-app.pcapng", lab)
    limit = (
        f"ulimit -f 300; exec {shlex.join([*ANALYZE, str(lab), '-o', str(tmp_path / 'out'), '-f', 'json', '-j', '1'])}"
    )
    done = subprocess.run(["bash", "-c", limit], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert done.returncode == 5, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    found = entries(tmp_path / "out")
    assert found["ping.pcapng"]["status"] == "ok"
    assert "cannot be written: File too large" in found["web-app.pcapng"]["error"]
    assert not list((tmp_path / "out").glob(".*.part"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nowhere",), 3, "there is no such file or folder"),
        (("-",), 2, "does not read standard input"),
        ((SAMPLES, "--jobs", "0"), 2, "greater than or equal to 1"),
        ((SAMPLES, "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"), 2, "--jobs starts local processes"),
        ((SAMPLES, "-f", "pdf"), 2, "pdf"),
        ((SAMPLES, "--timeout", "nan"), 2, "'--timeout'"),
        ((SAMPLES, "--timeout", "inf"), 2, "a number of seconds is needed"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, arguments: tuple[object, ...], code: int, words: str) -> None:
    done = analyze_batch(*arguments, "-o", tmp_path / "out", code=code)
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out" / "index.json").exists()


def test_a_log_of_json(lab: Path, tmp_path: Path) -> None:
    analyze_batch(lab, "-o", tmp_path / "out", "-f", "json", "-j", 1, "--json-log", "-q", code=5)
    logged = [json.loads(line) for line in (tmp_path / "out" / "batch.jsonl").read_text("utf-8").splitlines()]
    assert sorted(line["capture"] for line in logged) == sorted(entries(tmp_path / "out"))
    assert {line["of"] for line in logged} == {len(logged)}
