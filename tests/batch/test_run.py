"""Batches with real processes: everything listed, nothing lost, whatever happens to a capture or a worker."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, SAMPLES

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
        (("--timeout", 0.3), "it took longer than 0.3 s (--timeout); tried twice"),
        (("--memory", 60), "it needed more than 60 MB of memory (--memory); tried twice"),
    ],
)
def test_a_limit_ends_one_capture_only(slow: Path, tmp_path: Path, limit: tuple[object, ...], words: str) -> None:
    done = analyze_batch(slow, "-o", tmp_path / "out", "-f", "json", "-j", 2, *limit, code=5)
    (entry,) = index(tmp_path / "out")["captures"]
    assert (entry["status"], entry["error"]) == ("failed", words)
    assert words in done.stderr
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
            cwd=ROOT,
            start_new_session=True,
            **more,
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
    wait_for(lambda: not any(Path(f"/proc/{worker}/exe").exists() for worker in workers), 30)
    assert not list(out.glob(".*.part"))
    records = [json.loads(path.read_text("utf-8")) for path in (out / ".analyze").glob("*.json")]
    done = {path: path.stat().st_mtime_ns for one in records for path in [out / one["outputs"]["json"]]}
    assert 1 <= len(done) < 4
    analyze_batch(folder, "-o", out, "-f", "json", "-j", 2, "--resume")
    assert [entry["status"] for entry in index(out)["captures"]] == ["ok"] * 4
    assert {path: path.stat().st_mtime_ns for path in done} == done


def test_a_cluster_gives_what_local_workers_give(lab: Path, tmp_path: Path, started: Any) -> None:
    where = tmp_path / "scheduler.json"
    dask = (sys.executable, "-m", "dask")
    started(*dask, "scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", where)
    wait_for(where.exists)
    for _ in range(2):
        started(*dask, "worker", "--scheduler-file", where, "--nthreads", 1, "--no-dashboard", "--host", "127.0.0.1")
    address = json.loads(where.read_text())["address"]
    wait_for(lambda: workers_of(address) == 2)
    for folder, more in (("near", ("-j", 1)), ("far", ("--scheduler", address))):
        analyze_batch(lab, "-r", "-o", tmp_path / folder, "-f", "json", "-f", "csv", "-f", "parquet", *more, code=5)
    near, far = tmp_path / "near", tmp_path / "far"
    names = {path.relative_to(near) for path in near.rglob("*") if path.is_file() and path.name != "batch.log"}
    assert len(names) > 50
    assert names == {path.relative_to(far) for path in far.rglob("*") if path.is_file() and path.name != "batch.log"}
    assert [name for name in names if (near / name).read_bytes() != (far / name).read_bytes()] == []


def workers_of(address: str) -> int:
    from distributed import Client

    with Client(address, timeout=30) as client:
        return len(client.scheduler_info()["workers"])


def test_a_scheduler_that_is_away(lab: Path, tmp_path: Path) -> None:
    done = analyze_batch(lab, "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1", code=5)
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
    finally:
        server.stop()


def test_places_that_cannot_be_written(lab: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = analyze_batch(lab, "-o", tmp_path / "file", code=4)
    assert done.stderr.count("\n") == 1
    assert "cannot be written" in done.stderr


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
