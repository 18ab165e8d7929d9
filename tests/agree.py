"""Hold our tables against tshark's answers about the shared captures.

    python -m tests.agree GROUP... [--jobs 2] [--timeout 120] [--out DIR] [--show 3] [--fair]

GROUP is a folder of the shared captures (``labs``, ``http1`` ...) or the beginning of a capture's path
(``http1/nDPI``). Every capture that has a ``.tshark.json`` beside it is analyzed in a worker process; one that
raises, or does not end in time, is recorded as failed with its traceback. The counting is done by the shared
tool ``agree.py``, which knows what counts as a fact; this script only feeds it and adds up its numbers.

With ``--fair`` those HTTP rows of tshark are left out in which it says nothing (see :func:`says_nothing`).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, SHARED

TOOL = Path(os.environ.get("ANALYZER_SHARED_TOOLS", ROOT.parent / "shared" / "tools")) / "agree.py"
ORACLE_SUFFIX = ".tshark.json"
TIMEOUT_S = 120.0
"""Longest time for one capture; the largest here needs a few seconds, so more means a hang."""


@dataclass
class Outcome:
    """What became of one capture; the form the shared tool reads from ``index.json``."""

    capture: str
    status: str = "ok"
    outputs: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0
    ledger_sums: bool | None = None


@dataclass
class Agreement:
    """Facts that agree and facts in all, per kind, over the groups that were asked for."""

    facts: dict[str, tuple[int, int]]
    text: str
    outcomes: list[Outcome]

    @property
    def failed(self) -> list[Outcome]:
        """Captures that raised or hung."""
        return [o for o in self.outcomes if o.status != "ok"]

    def share(self, kinds: str) -> tuple[int, int]:
        """Add up the kinds whose name is ``kinds`` or, when it ends in a dot, begins with it."""
        chosen = [v for k, v in self.facts.items() if k == kinds or (kinds.endswith(".") and k.startswith(kinds))]
        return sum(good for good, _ in chosen), sum(of for _, of in chosen)


def captures_of(groups: list[str], folder: Path) -> list[str]:
    """Return the paths, relative to ``folder``, of the captures of these groups that tshark has answered for."""
    found = (str(p.relative_to(folder))[: -len(ORACLE_SUFFIX)] for p in folder.rglob(f"*{ORACLE_SUFFIX}"))
    prefixes = tuple(group if "/" in group else f"{group}/" for group in groups)
    return sorted(name for name in found if name.startswith(prefixes) and (folder / name).is_file())


def _worker(pipe: Connection) -> None:
    """Analyze each (capture, output) that comes through the pipe; answer with an error text or the ledger's sum."""
    from analyzer.export.json import dumps
    from analyzer.options import Options
    from analyzer.pipeline import analyze

    while (job := pipe.recv()) is not None:
        capture, output = job
        try:
            analysis = analyze(capture, Options(reveal=True))  # tshark masks nothing
            Path(output).write_text(dumps(analysis), encoding="utf-8")
            pipe.send((None, analysis.capture.ledger.total == analysis.capture.packets))
        except Exception:  # noqa: BLE001 - whatever happened is the answer
            pipe.send((traceback.format_exc(), None))


class _Worker:
    """One worker process that is replaced when it hangs or dies."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_worker, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def run(self, capture: Path, output: Path, timeout: float) -> tuple[str | None, bool | None]:
        try:
            self._pipe.send((str(capture), str(output)))
            if self._pipe.poll(timeout):
                answer: tuple[str | None, bool | None] = self._pipe.recv()
                return answer
            trouble = f"no answer within {timeout:g} s"
        except (EOFError, OSError) as error:
            self._process.join(5)
            trouble = f"the worker died with exit code {self._process.exitcode} ({error!r})"
        self.stop()
        self._start()
        return trouble, None

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def analyze_all(names: list[str], folder: Path, out: Path, jobs: int = 2, timeout: float = TIMEOUT_S) -> list[Outcome]:
    """Analyze captures in worker processes, write their JSON and ``index.json`` into ``out``."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        waiting.put(name)
    outcomes: list[Outcome] = []

    def serve() -> None:
        worker = _Worker()
        while True:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                break
            target = out / f"{name}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            started = time.monotonic()
            error, sums = worker.run(folder / name, target, timeout)
            outcome = Outcome(name, seconds=time.monotonic() - started, ledger_sums=sums)
            if error is None:
                outcome.outputs["json"] = f"{name}.json"
            else:
                outcome.status, outcome.error = "failed", error
            outcomes.append(outcome)
        worker.stop()

    threads = [threading.Thread(target=serve) for _ in range(min(jobs, max(len(names), 1)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcomes.sort(key=lambda o: o.capture)
    (out / "index.json").write_text(json.dumps({"captures": [asdict(o) for o in outcomes]}, indent=1))
    return outcomes


def says_nothing(row: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Tell whether tshark makes no statement in a row about HTTP that could agree or differ.

    It does not: (1) inside TLS, which it decrypts with keys and we do not; (2) for data that it takes for the middle
    of a message, without method and status; (3) about the status of a response that is not whole, or whose segments
    were lost, repeated or out of order: it shows a response only once it has put all of it together. We read the
    status line when it is there.
    """
    if row.get("decrypted") or any(tls["stream"] == row["stream"] for tls in ours["tls"]):
        return True
    if row.get("code") is not None:
        return False
    if row.get("method") is None:
        return True
    connection = ours["tcp"][row["stream"]] if row["stream"] < len(ours["tcp"]) else {}
    trouble = ("lost_segments", "retransmissions", "out_of_order")
    troubled = any(connection.get(f"{side}_{word}") for side in ("client", "server") for word in trouble)
    return any(
        (mine["method"], mine["target"]) == (row.get("method"), row.get("uri"))
        and mine["status"] is not None
        and (troubled or mine["outcome"] != "complete" or mine["response_missing_bytes"] > 0)
        for mine in ours["http"]
        if mine["stream"] == row["stream"]
    )


def fair_oracle(outcomes: list[Outcome], folder: Path, out: Path, target: Path) -> None:
    """Copy tshark's answers into ``target`` without the HTTP rows that say nothing."""
    for outcome in outcomes:
        theirs = json.loads((folder / f"{outcome.capture}{ORACLE_SUFFIX}").read_text())
        if outcome.outputs:
            ours = json.loads((out / outcome.outputs["json"]).read_text())
            for table in ("http", "http_ooo"):
                if theirs.get(table):
                    theirs[table] = [row for row in theirs[table] if not says_nothing(row, ours)]
        copy = target / f"{outcome.capture}{ORACLE_SUFFIX}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(json.dumps(theirs))


def count(groups: list[str], out: Path, oracle: Path, show: int = 3) -> tuple[dict[str, tuple[int, int]], str]:
    """Let the shared tool compare each group; return facts that agree and facts in all per kind, and its words."""
    facts: dict[str, tuple[int, int]] = {}
    texts: list[str] = []
    numbers = out / "facts.json"
    for group in groups:
        only = group if "/" in group else f"{group}/"
        command = [sys.executable, str(TOOL), str(out), str(oracle), "--only", only, "--show", str(show)]
        done = subprocess.run([*command, "--json", str(numbers)], capture_output=True, text=True, check=True)
        texts.append(f"== {group}\n{done.stdout}")
        for kind, (good, of) in json.loads(numbers.read_text()).items():
            before = facts.get(kind, (0, 0))
            facts[kind] = (before[0] + good, before[1] + of)
    return dict(sorted(facts.items())), "\n".join(texts)


def agreement(
    groups: list[str],
    out: Path,
    *,
    folder: Path = SHARED,
    jobs: int = 2,
    timeout: float = TIMEOUT_S,
    show: int = 3,
    fair: bool = False,
) -> Agreement:
    """Analyze the captures of ``groups`` and count the facts on which tshark agrees."""
    out.mkdir(parents=True, exist_ok=True)
    outcomes = analyze_all(captures_of(groups, folder), folder, out, jobs, timeout)
    if not fair:
        return Agreement(*count(groups, out, folder, show), outcomes)
    with tempfile.TemporaryDirectory() as oracle:
        fair_oracle(outcomes, folder, out, Path(oracle))
        return Agreement(*count(groups, out, Path(oracle), show), outcomes)


def main() -> int:
    """Print the agreement of each group, the sum, and what failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="+", metavar="GROUP")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=TIMEOUT_S)
    parser.add_argument("--show", type=int, default=3, help="differences shown of each kind")
    parser.add_argument("--fair", action="store_true", help="leave out where tshark says nothing about HTTP")
    parser.add_argument("--out", type=Path, help="where our JSON goes (default: a new temporary folder)")
    asked = parser.parse_args()
    if not TOOL.is_file() or not SHARED.is_dir():
        print(f"the shared captures or their tool are not there ({SHARED}, {TOOL})", file=sys.stderr)
        return 1
    out = asked.out or Path(tempfile.mkdtemp(prefix="agree-"))
    result = agreement(asked.groups, out, jobs=asked.jobs, timeout=asked.timeout, show=asked.show, fair=asked.fair)
    print(result.text)
    print("== all")
    for kind, (good, of) in result.facts.items():
        print(f"{kind:28s} {good:7d} / {of:7d}  {100 * good / of if of else 100:7.2f} %")
    for outcome in result.failed:
        print(f"  failed: {outcome.capture}: {(outcome.error or '').strip().splitlines()[-1]}")
    for outcome in result.outcomes:
        if outcome.ledger_sums is False:
            print(f"  the ledger does not sum: {outcome.capture}")
    slowest = sorted(result.outcomes, key=lambda o: -o.seconds)[:5]
    print("slowest: " + ", ".join(f"{o.capture} {o.seconds:.1f} s" for o in slowest))
    print(f"our JSON and the tracebacks (index.json) are in {out}")
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
