"""Hold our ``http`` rows against what tshark 4 says of the same captures, with the preferences that HTTP needs.

    python -m tests.agree_http GROUP... [--jobs 2] [--show 20] [--cache DIR]

GROUP is a folder of the shared captures (``http1``, ``labs`` ...) or the beginning of a capture's path. tshark is run
here, twice, always with ``tcp.reassemble_out_of_order:TRUE``: once as it comes (``http.desegment_body:TRUE``: a
response is shown when its body is whole) and once with ``http.desegment_body:FALSE`` (it is shown when its head is
whole, which is what first-byte times need, but a response that begins in the middle of a segment behind a long body is
missed). Its answers are kept in a temporary folder, so a second run only analyzes.

What counts as a transaction of tshark's: a response with a status that names its request (``http.request_in``), and
that request with method and target. A pair that either pass gives is counted once; where the passes pair a request
differently, tshark has no one answer: agreeing with either counts, and the number of such cases is printed.

Three things are set right before comparing, each counted and printed:

* A 1xx answer is no status of a transaction. tshark's fact is that this request had that 1xx in that frame; it is
  looked for among our ``informational``.
* tshark's SOCKS dissector uses up stream numbers. Connections are matched by their frames; where the number differs
  it is said so.
* A number below 100 that tshark makes of letters is no status code (RFC 9110 section 15: three digits). Such pairs are
  counted in the first line and left out of the second.

Beside the pairs, every request and every status that tshark shows at all, paired or not, is looked for among our rows
by its first frame. HTTP that tshark decrypts is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from analyzer.schema import HttpRow
from tests.agree import captures_of
from tests.conftest import SHARED

CACHE = Path(tempfile.gettempdir()) / "agree-http"
WHOLE, HEADS = "TRUE", "FALSE"
PASSES = (WHOLE, HEADS)
"""Values of ``http.desegment_body``."""
TSHARK_S = 300
FORM = 5
"""Form of what is kept; another number makes older answers be asked again."""
_SEGMENT = re.compile(r"#(\d+)\(")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True)
class Message:
    """A request (method, target) or response (status) of tshark's, or bytes that it only calls HTTP.

    ``frame`` is where tshark shows it (the last of its head or, with whole bodies, of its body); ``first_frame`` and
    ``first_time`` (ns) are of the segment with its first byte.
    """

    stream: int
    frame: int
    first_frame: int
    first_time: int | None = None
    method: str | None = None
    target: str | None = None
    status: int | None = None
    request_in: int | None = None


@dataclass(frozen=True)
class Pair:
    """A request and a response that tshark holds to belong together."""

    request: Message
    response: Message


@dataclass(frozen=True)
class Verdict:
    """What became of one pair: ``kind`` is same | interim | none (we have no such request) | other."""

    capture: str
    desegment_body: str
    pair: Pair
    kind: str
    frame_same: bool | None = None
    time_same: bool | None = None
    renumbered: bool = False
    ours: str = ""

    @property
    def agrees(self) -> bool:
        """Whether our row says the same."""
        return self.kind in ("same", "interim")

    def __str__(self) -> str:
        asked, told = self.pair.request, self.pair.response
        theirs = f"{asked.method} {(asked.target or '')[:60]!r} {told.status} in {asked.frame}, "
        theirs += f"{told.first_frame}-{told.frame}"
        where = f"{self.capture} stream {asked.stream} [{self.desegment_body}]"
        return f"  {where}\n    tshark: {theirs}\n    ours:   {self.ours[:500]}"


# ── tshark's side ────────────────────────────────────────────────────────────────────────────────────────────────


def version() -> str | None:
    """Return tshark's version, None without tshark."""
    try:
        told = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+\.\d+\.\d+)", told)
    return None if found is None else found[1]


def _packets(capture: Path, desegment_body: str) -> Iterator[ET.Element]:
    """Yield tshark's packets with HTTP in them."""
    command = ["tshark", "-n", "-2", "-r", str(capture), "-o", "tcp.reassemble_out_of_order:TRUE"]
    command += ["-o", f"http.desegment_body:{desegment_body}", "-Y", "http"]
    command += ["-T", "pdml", "-J", "frame tcp http tcp.segments"]
    with tempfile.TemporaryFile() as printed:
        subprocess.run(command, stdout=printed, stderr=subprocess.DEVNULL, check=False, timeout=TSHARK_S)
        printed.seek(0)
        parser = ET.XMLPullParser()
        for line in printed:
            parser.feed(_NOT_XML.sub("?", line.decode("utf-8", "replace")))
            for _, element in parser.read_events():
                if isinstance(element, ET.Element) and element.tag == "packet":
                    yield element
                    element.clear()


def _messages(packets: Iterable[ET.Element]) -> list[Message]:
    """Return every HTTP message of a pass; the time is left out where the first frame is not the one shown."""
    out: list[Message] = []
    for packet in packets:
        number, time, stream, segments = 0, 0, None, ""
        for proto in packet.iterfind("proto"):
            shown = {f.get("name"): f.get("show", "") for f in proto.iter("field")}
            match proto.get("name"):
                case "frame":
                    number = int(shown["frame.number"])
                    time = int(Decimal(shown["frame.time_epoch"]) * 1_000_000_000)
                    if ":tls:" in shown.get("frame.protocols", ""):
                        break
                case "tcp":
                    stream, segments = int(shown["tcp.stream"]), ""
                case "fake-field-wrapper":
                    for inner in proto.iter("field"):
                        if inner.get("name") == "tcp.segments":
                            segments = inner.get("showname", "")
                case "http" if stream is not None:
                    found = _SEGMENT.search(segments)
                    first = int(found[1]) if found else number
                    code, asked = shown.get("http.response.code"), shown.get("http.request_in")
                    out.append(
                        Message(
                            stream,
                            number,
                            first,
                            time if first == number else None,
                            shown.get("http.request.method"),
                            shown.get("http.request.uri"),
                            int(code) if code else None,
                            int(asked) if asked else None,
                        )
                    )
                    segments = ""
    return out


def _frame_times(capture: Path, frames: set[int]) -> dict[int, int]:
    """Ask tshark for the times of frames that it does not call HTTP (the first segments of long messages)."""
    if not frames:
        return {}
    chosen = "frame.number in {" + ",".join(map(str, sorted(frames))) + "}"
    command = ["tshark", "-n", "-r", str(capture), "-Y", chosen, "-T", "fields", "-e", "frame.number"]
    command += ["-e", "frame.time_epoch"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TSHARK_S)
    lines = (line.split("\t") for line in done.stdout.splitlines() if "\t" in line)
    return {int(number): int(Decimal(time) * 1_000_000_000) for number, time in lines}


def tsharks_messages(capture: Path, desegment_body: str, cache: Path = CACHE) -> list[Message]:
    """Return the HTTP messages that tshark shows in one pass; from the cache where it was asked before."""
    state = capture.stat()
    asked = f"{capture}|{state.st_size}|{state.st_mtime_ns}|{desegment_body}|{FORM}"
    kept = cache / f"{hashlib.sha256(asked.encode()).hexdigest()[:32]}.json"
    if kept.is_file():
        return [Message(**row) for row in json.loads(kept.read_text())]
    messages = _messages(_packets(capture, desegment_body))
    times = _frame_times(capture, {m.first_frame for m in messages if m.first_time is None})
    messages = [m if m.first_time is not None else replace(m, first_time=times.get(m.first_frame)) for m in messages]
    cache.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps([asdict(message) for message in messages]))
    part.replace(kept)
    return messages


def pairs(messages: list[Message]) -> list[Pair]:
    """Join responses with the requests they name; several of one frame in their order."""
    asked: dict[tuple[int, int], list[Message]] = defaultdict(list)
    for message in messages:
        if message.method is not None and message.target is not None:
            asked[message.stream, message.frame].append(message)
    taken: Counter[tuple[int, int]] = Counter()
    out = []
    for message in messages:
        if message.status is None or message.request_in is None:
            continue
        key = message.stream, message.request_in
        if requests := asked.get(key):
            out.append(Pair(requests[min(taken[key], len(requests) - 1)], message))
            taken[key] += 1
    return out


# ── our side ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _plain(text: str | None) -> str:
    """Make targets comparable: bytes that are no UTF-8 are U+FFFD to tshark and escapes here."""
    return re.sub(r"(?:\\x[0-9a-fA-F]{2}|[^\x20-\x7e])+", "?", text or "")


def _told(row: HttpRow) -> str:
    why = f"/{row.outcome_why}" if row.outcome_why else ""
    inner = "".join(f"+{i.status}@{i.frame}" for i in row.informational)
    frames = f"{row.request_frames}→{row.response_frames}"
    return f"[{row.stream}] {row.method} {(row.target or '')[:60]!r} {row.status}{inner} {frames} {row.outcome}{why}"


def _judge(capture: str, desegment_body: str, pair: Pair, rows: list[HttpRow], used: set[int]) -> Verdict:
    """Look for tshark's pair among our rows whose request lies in the same frame."""
    asked, told = pair.request, pair.response

    def verdict(kind: str, row: HttpRow | None = None, frame: int | None = None, time: int | None = None) -> Verdict:
        if row is None:
            shown = "; ".join(_told(row) for _, row in near) or "no request here"
            return Verdict(capture, desegment_body, pair, kind, ours=shown)
        same = None if time is None else time == told.first_time
        moved = row.stream != asked.stream
        return Verdict(capture, desegment_body, pair, kind, frame == told.first_frame, same, moved, _told(row))

    near = []
    for at, row in enumerate(rows):
        if row.request_frames is not None and row.method is not None:
            low, high = row.request_frames
            if asked.first_frame == low or low <= asked.frame <= high:
                near.append((at, row))
    alike = [(at, r) for at, r in near if r.method == asked.method and _plain(r.target) == _plain(asked.target)]
    if told.status is not None and 100 <= told.status < 200 and told.status != 101:
        for _, row in alike:
            for interim in row.informational:
                if interim.status == told.status:
                    return verdict("interim", row, interim.frame)
    for at, row in alike:
        if at not in used and row.status == told.status and row.response_frames is not None:
            used.add(at)
            return verdict("same", row, row.response_frames[0], row.response_time)
    return verdict("other" if near else "none")


def _seen(name: str, messages: set[Message], rows: list[HttpRow]) -> tuple[int, list[str]]:
    """Return how many requests and statuses tshark shows, and those that no row of ours has."""
    ours: set[tuple[int, str, str] | tuple[int, int]] = set()
    for row in rows:
        if row.request_frames is not None and row.method is not None:
            ours.add((row.request_frames[0], row.method, _plain(row.target)))
        if row.response_frames is not None and row.status is not None:
            ours.add((row.response_frames[0], row.status))
        ours |= {(interim.frame, interim.status) for interim in row.informational}
    shown: set[tuple[int, str, str] | tuple[int, int]] = set()
    for message in messages:
        if message.method is not None and message.target is not None:
            shown.add((message.first_frame, message.method, _plain(message.target)))
        if message.status is not None and message.status >= 100:
            shown.add((message.first_frame, message.status))
    return len(shown), [f"  {name} frame {' '.join(map(str, fact))}" for fact in sorted(shown - ours, key=str)]


@dataclass(frozen=True)
class Compared:
    """What comparing one capture gave: the pairs, and how many messages tshark shows and which of them we do not."""

    verdicts: list[Verdict]
    shown: int = 0
    unseen: list[str] = field(default_factory=list)


def judged(capture: Path, name: str, cache: Path = CACHE) -> Compared:
    """Compare one capture in both passes."""
    from analyzer.options import Options
    from analyzer.pipeline import analyze

    passes = {how: tsharks_messages(capture, how, cache) for how in PASSES}
    if not any(passes.values()):
        return Compared([])
    analysis = analyze(str(capture), Options(reveal=True))
    failed = [
        problem.message for problem in analysis.problems if (problem.code, problem.layer) == ("PARSER-FAILED", "http")
    ]
    if failed:
        raise RuntimeError(f"{name}: {failed[0]}")
    rows = list(analysis.http)
    out = []
    for how, found in passes.items():
        used: set[int] = set()
        out += [_judge(name, how, pair, rows, used) for pair in pairs(found)]
    return Compared(out, *_seen(name, {message for found in passes.values() for message in found}, rows))


# ── adding up ────────────────────────────────────────────────────────────────────────────────────────────────────


class Sum:
    """The verdicts of both passes, grouped by the request they speak of.

    Attributes:
        requests: the verdicts on each.
        shown, unseen: requests and statuses that tshark shows, and those that we do not.
    """

    def __init__(self, compared: list[Compared]) -> None:
        verdicts = [verdict for one in compared for verdict in one.verdicts]
        self.shown = sum(one.shown for one in compared)
        self.unseen = [text for one in compared for text in one.unseen]
        grouped: dict[tuple[Any, ...], list[Verdict]] = defaultdict(list)
        for how in PASSES:
            met: Counter[tuple[Any, ...]] = Counter()
            for v in verdicts:
                if v.desegment_body == how:
                    asked = v.pair.request
                    key = (v.capture, asked.stream, asked.first_frame, asked.method, asked.target)
                    grouped[*key, met[key]].append(v)
                    met[key] += 1
        self.requests = list(grouped.values())

    def unlike(self) -> list[list[Verdict]]:
        """Return the requests of which neither pass says what we say."""
        return [group for group in self.requests if not any(v.agrees for v in group)]

    def no_status(self) -> list[list[Verdict]]:
        """Return the requests for which tshark names only a number that is no status code."""
        return [
            g for g in self.requests if all(v.pair.response.status is None or v.pair.response.status < 100 for v in g)
        ]

    def torn(self) -> list[list[Verdict]]:
        """Return the requests of which only one pass says what we say."""
        return [group for group in self.requests if len({v.agrees for v in group}) == 2]

    def agreeing(self) -> list[Verdict]:
        """Return one verdict for each request we agree on: of the pass that shows heads, where it has the pair."""
        chosen = ([v for v in group if v.agrees] for group in self.requests)
        return [next((v for v in group if v.desegment_body == HEADS), group[0]) for group in chosen if group]


def compare(groups: list[str], jobs: int = 2, cache: Path = CACHE, folder: Path = SHARED) -> Sum:
    """Compare every capture of these groups."""
    names = captures_of(groups, folder)
    with ProcessPoolExecutor(jobs) as pool:
        return Sum(list(pool.map(judged, (folder / n for n in names), names, [cache] * len(names), chunksize=4)))


def share(good: int, of: int) -> str:
    """Write a share as people read it."""
    return f"{good} of {of} = {100 * good / max(of, 1):.2f} %"


def main() -> int:
    """Print what agrees, and what does not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="+", metavar="GROUP")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--show", type=int, default=20, help="differences shown of each kind")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where tshark's answers are kept")
    asked = parser.parse_args()
    if version() is None or not SHARED.is_dir():
        print("tshark or the shared captures are not here", file=sys.stderr)
        return 1
    result = compare(asked.groups, asked.jobs, asked.cache)
    of, unlike, odd = len(result.requests), result.unlike(), result.no_status()
    print(f"transactions: {share(of - len(unlike), of)}")
    print(f"with a status that is one: {share(of - len(unlike), of - len(odd))}")
    for group in unlike[: asked.show]:
        print("\n".join(map(str, group)))
    print(f"on which tshark's two passes differ: {len(result.torn())}")
    for group in result.torn()[: asked.show]:
        print("\n".join(map(str, group)))
    agreeing = result.agreeing()
    print(f"1xx answers among them: {sum(v.kind == 'interim' for v in agreeing)}")
    print(f"other stream number: {sum(v.renumbered for v in agreeing)}")
    for what, name in (("frame_same", "first response frame"), ("time_same", "first-byte time")):
        known = [v for v in agreeing if getattr(v, what) is not None]
        bad = [v for v in known if not getattr(v, what)]
        print(f"{name}: {share(len(known) - len(bad), len(known))}")
        print("\n".join(map(str, bad[: asked.show])))
    print(f"requests and statuses shown by tshark: {share(result.shown - len(result.unseen), result.shown)}")
    print("\n".join(result.unseen[: asked.show]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
