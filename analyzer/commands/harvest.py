"""From a capture to files: which bodies ``analyze objects`` looks at, and what becomes of each.

Every body is looked at once, in the order of connections and their exchanges. It becomes a file, or a reason why it
does not: one that is not complete is left out unless it is asked for, and then its name says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from analyzer.capture.source import open_capture
from analyzer.commands.base import complain, reading
from analyzer.decode.decode import decode
from analyzer.errors import UsageError
from analyzer.export.objects import Folder, FullError
from analyzer.export.objects_names import from_path, kind_of, last_part, safe_name, with_ending, with_true_ending
from analyzer.flows.build import Flows, follow
from analyzer.masking import mask_url, mask_value
from analyzer.options import Options
from analyzer.pipeline import Guard, conversation
from analyzer.problems import ProblemLog
from analyzer.protocols import detect
from analyzer.protocols.base import Conversation
from analyzer.protocols.budget import Budget
from analyzer.protocols.http1 import bodies, coding, magic, session
from analyzer.protocols.http1.bodies_found import Found, found
from analyzer.protocols.http1.bodies_multipart import Part
from analyzer.terminal import ProgressBar

OBJECTS_LIMIT = 100_000
"""Most files written: a folder with more is no use, and file systems run out of entries."""

_CODED_ENDINGS = {b"gzip": ".gz", b"deflate": ".zz", b"br": ".br", b"zstd": ".zst"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which bodies, and how.

    Attributes:
        raw: leave codings on.
        partial: write what is there of bodies that are not complete.
        requests: also what was sent to servers.
        types: beginnings of media types, lower case; all when empty.
        hosts: names, lower case, with those below them; all when empty.
        stream: of one connection only.
        reveal: take names from addresses as they are, with what is secret in them.
    """

    raw: bool = False
    partial: bool = False
    requests: bool = False
    types: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    stream: int | None = None
    reveal: bool = False

    def takes_host(self, host: str | None) -> bool:
        """Tell whether bodies of a host are wanted."""
        return not self.hosts or any(host == name or (host or "").endswith(f".{name}") for name in self.hosts)

    def takes_type(self, *kinds: str | None) -> bool:
        """Tell whether a body is wanted that is of any of these types."""
        return not self.types or any((kind or "").startswith(self.types) for kind in kinds)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a body.

    Attributes:
        found: the body.
        seen: media type that its first bytes show.
        file: its name, None when it was left out.
        size, sha256: of the file.
        decoded: its codings were taken off.
        why: it was left out, or is not complete, or not decoded; None when all is well.
    """

    found: Found
    seen: str | None
    file: str | None = None
    size: int | None = None
    sha256: str | None = None
    decoded: bool = False
    why: str | None = None

    @property
    def kind(self) -> str | None:
        """Media type: what the first bytes show, unless they show less than the header says."""
        return kind_of(self.found.declared, self.seen)


def outcomes(
    capture: str, wanted: Wanted, folder: Folder, problems: ProblemLog, *, color: bool = True
) -> Iterator[Outcome]:
    """Look at every body that is wanted, write it into the folder, and yield what became of it.

    Args:
        capture: the file as the user named it.
        wanted: which bodies.
        folder: where they go.
        problems: gets what could not be read.
        color: of the progress bar.

    Raises:
        CaptureError: the capture cannot be read.
        UsageError: there is no such connection.
        ExportError: something cannot be written.
    """
    for body in _bodies(capture, wanted, problems, color=color):
        if (outcome := _written(body, _Reading(body.pieces(raw=wanted.raw)), None, wanted, folder)) is not None:
            yield outcome
        for file, part in _files(body):
            if (outcome := _written(file, _Reading(part.pieces), part, wanted, folder)) is not None:
                yield outcome


def _bodies(capture: str, wanted: Wanted, problems: ProblemLog, *, color: bool) -> Iterator[Found]:
    """Find the bodies of all connections that speak HTTP, as far as host and connection are wanted."""
    options, guard, budget = Options(), Guard(problems), Budget()
    flows = _followed(capture, options, color=color)
    streams = flows.streams_with_data().tolist()
    if wanted.stream is not None:
        if wanted.stream >= len(flows.connections):
            raise UsageError(f"{capture}: there is no stream {wanted.stream}")
        streams = [stream for stream in streams if stream == wanted.stream]
    for stream in streams:
        talk = conversation(flows, stream, 0, options, problems, budget)
        guard.about(f"TCP stream {stream}", talk.first_frame)
        if guard.run("tcp", detect.application, talk) != "http1":
            continue
        for body in guard.run("http", _of_connection, talk, wanted) or ():
            if wanted.takes_host(body.host):
                yield body


def _of_connection(talk: Conversation, wanted: Wanted) -> list[Found]:
    facing, exchanges = session.exchanges(talk)
    return list(found(facing, exchanges, "http", requests=wanted.requests))


def _followed(capture: str, options: Options, *, color: bool) -> Flows:
    with ProgressBar(capture, color=color) as progress, reading(capture):
        index = open_capture(capture, options, progress)
        table = decode(index, options, progress)
        progress("connections", 0.0)
        flows = follow(table)
    if index.truncated:
        complain(f"{capture}: only a part of this capture could be read")
    return flows


def _files(body: Found) -> Iterator[tuple[Found, Part]]:
    """Yield the files inside a multipart body; what stops that was said of the body."""
    if body.boundary is None:
        return
    try:
        yield from body.files()
    except (coding.CodingError, coding.LimitError):
        return


class _Reading:
    """The pieces of a body, without exceptions.

    Attributes:
        why: what ended it early, once it was read.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.why: str | None = None
        self._pieces = self._guarded(pieces)

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def _guarded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from pieces
        except coding.CodingError as error:
            self.why = error.why
        except coding.LimitError:
            self.why = "unfolds"


def _written(body: Found, content: _Reading, part: Part | None, wanted: Wanted, folder: Folder) -> Outcome | None:
    """Write one body; None when it is not wanted, or there is nothing of it to want."""
    start = bodies.first_pieces(iter(content), magic.LOOK_BYTES)
    seen = magic.media_type(b"".join(start))
    if not wanted.takes_type(body.declared, seen):
        return None
    decoded = bool(body.codings) and body.known and not wanted.raw
    if (why := _unwritten(body, wanted, folder, decoded=decoded)) is not None:
        return Outcome(body, seen, why=why)
    with folder.draft() as draft:
        try:
            for piece in chain(start, content):
                draft.write(piece)
        except FullError:
            return Outcome(body, seen, why="limit")
        why = body.why or (content.why if body.status != bodies.PARTIAL_CONTENT else content.why and "part")
        if part is not None and not part.complete:
            why = why or "truncated"
        if (why and not wanted.partial) or not draft.size:
            return Outcome(body, seen, why=why) if why else None
        name = folder.keep(draft, _name(body, seen, wanted, decoded=decoded), ".part" if why else "")
    if why is None and body.codings and not body.known and not wanted.raw:
        why = "unknown_coding"
    return Outcome(body, seen, name, draft.size, draft.sha256, decoded, why)


def _unwritten(body: Found, wanted: Wanted, folder: Folder, *, decoded: bool) -> str | None:
    """Say why a body need not be read to its end to know that it is left out; None when it must."""
    if body.why is not None and not wanted.partial:
        return body.why
    if folder.files >= OBJECTS_LIMIT:
        return "too_many"
    too_long = not decoded and folder.left is not None and body.size is not None and body.size > folder.left
    return "limit" if too_long and body.why is None else None


def _name(body: Found, seen: str | None, wanted: Wanted, *, decoded: bool) -> str:
    """Return a safe name for a body: what it is called, and the ending of its type unless that is told already."""
    address, own = body.url, body.filename
    if not wanted.reveal:
        address, own = address and mask_url(address), own and mask_value(own)
    name = last_part(own) if own else from_path(address or "")
    name = safe_name(name, "body" if address is None else "index")
    if body.kind == "request":
        name = safe_name(f"request_{name}")
    if body.codings and not decoded:
        name = with_ending(name, body.declared)
        return name + "".join(_CODED_ENDINGS.get(word, ".coded") for word in body.codings[: coding.CODINGS_LIMIT])
    return with_true_ending(name, body.declared, seen)
