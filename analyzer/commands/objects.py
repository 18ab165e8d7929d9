"""``analyze objects``: the bodies of HTTP messages, written out as files, with a list of them in the terminal.

What was taken from a stranger never decides where something is written (:mod:`analyzer.export.objects_names`), and
passes :func:`analyzer.text.display` before it is shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analyzer.commands.base import Work, complain, new_app
from analyzer.commands.streams import CaptureArgument
from analyzer.errors import UsageError
from analyzer.text import display
from analyzer.units import human_bytes

if TYPE_CHECKING:
    from analyzer.commands.harvest import Outcome, Wanted
    from analyzer.export.objects import Folder

SHOWN = 20
"""Bodies listed in the terminal after writing; objects.tsv has all of them."""

COLUMNS = (
    *("file", "kind", "stream", "first_frame", "last_frame", "method", "url", "status"),
    *("content_type", "content_type_seen", "content_encoding", "transferred_bytes", "missing_bytes", "decoded"),
    *("bytes", "sha256", "why"),
)
"""Of objects.tsv; ``bytes`` and ``sha256`` are the file's, ``decoded`` tells whether codings were taken off."""

WHY = {
    "unknown_coding": "in a coding that is not known here, so kept as it was sent",
    "broken": "the compression is broken",
    "incomplete": "the compression ends too early",
    "missing_bytes": "bytes in the middle are not in the capture",
    "truncated": "the end is not in the capture",
    "closed": "the connection was closed before the end",
    "part": "a part of a compressed whole cannot be unfolded alone",
    "unfolds": "far more comes out of the compression than should",
    "limit": "--limit is reached",
    "too_many": "there are too many files already",
}
"""Why bodies were left out, written in part, or not decoded: words for any number of them."""

_SIZE = re.compile(r"(\d{1,15})\s*([kMGT]?)B?\Z")
_UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}

NAME_SHOWN, TYPE_SHOWN, URL_SHOWN = 32, 24, 80
"""Characters shown of each; a line of a wide terminal."""

app = new_app()


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call that are not about which bodies are wanted."""

    folder: Path | None
    limit: int
    color: bool


@app.command(
    epilog="What was sent is written as it was sent: files may hold passwords, and may be harmful when opened. Next to "
    "them stand SHA256SUMS (for sha256sum -c) and objects.tsv, which says where each one came from and what was left "
    "out. Nothing that is in the folder is overwritten.",
)
def objects(
    capture: CaptureArgument,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="DIR", show_default=False, help="The folder to write into.")
    ] = None,
    rehearse: Annotated[bool, typer.Option("--list", help="Only say what there is; write nothing.")] = False,
    types: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            show_default=False,
            help="Only bodies of this type, such as image/ or text/html, by their header or by their first bytes; may "
            "be repeated.",
        ),
    ] = None,
    hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--host", metavar="NAME", show_default=False, help="Only of this host and those below it; may be repeated."
        ),
    ] = None,
    stream: Annotated[
        int | None,
        typer.Option(
            "--stream", metavar="N", min=0, show_default=False, help="Only of this connection (Wireshark's tcp.stream)."
        ),
    ] = None,
    requests: Annotated[
        bool, typer.Option("--requests", help="Also what was sent to servers; files of a form as files of their own.")
    ] = False,
    incomplete: Annotated[
        bool,
        typer.Option(
            "--partial", help="Write bodies that are not complete up to where they are, under names that end in .part."
        ),
    ] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Leave compressed bodies compressed.")] = False,
    limit: Annotated[
        str, typer.Option("--limit", metavar="SIZE", help="Most bytes written in all, such as 500M or 20G.")
    ] = "10G",
    reveal: Annotated[
        bool,
        typer.Option("--reveal", help="Show cookies, credentials and tokens in addresses instead of masking them."),
    ] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours in the terminal.")] = False,
) -> Work:
    """Write the files that HTTP carried into a folder, like Wireshark's Export Objects."""
    if output is None and not rehearse:
        raise typer.BadParameter("say where to write with -o DIR, or only --list what there is")
    chosen = {
        "raw": raw,
        "partial": incomplete,
        "requests": requests,
        "types": tuple(kind.strip().lower() for kind in types or ()),
        "hosts": tuple(host.strip().lower().rstrip(".") for host in hosts or ()),
        "stream": stream,
        "reveal": reveal,
    }
    folder = None if rehearse or output is None else Path(output)
    return partial(write, capture, chosen, Asked(folder, _bytes(limit), not no_color))


def _bytes(text: str) -> int:
    """Read a size as it is written for ``--limit``."""
    found = _SIZE.match(text.strip())
    if found is None:
        raise typer.BadParameter("a size is a number with k, M, G or T behind it, such as 500M", param_hint="--limit")
    return int(found[1]) * _UNITS[found[2]]


def write(capture: str, chosen: Mapping[str, Any], asked: Asked) -> int:
    """Write the bodies and list them on standard output.

    Args:
        capture: the file as the user named it.
        chosen: fields of :class:`analyzer.commands.harvest.Wanted`.
        asked: the rest.

    Raises:
        CaptureError: the capture cannot be read.
        UsageError: the folder is no folder, or has lists of an earlier run; there is no such connection.
        ExportError: something cannot be written.
        OSError: standard output cannot be written.
    """
    from analyzer.commands.harvest import Wanted, outcomes
    from analyzer.export.objects import Folder
    from analyzer.problems import ProblemLog

    wanted, problems = Wanted(**chosen), ProblemLog()
    listing = _Listing(SHOWN if asked.folder is not None else None)
    with Folder(asked.folder, COLUMNS, asked.limit) as folder:
        for outcome in outcomes(capture, wanted, folder, problems, color=asked.color):
            sums = None if outcome.file is None or outcome.sha256 is None else (outcome.sha256, outcome.file)
            row = _row(outcome, wanted)
            folder.record(row, sums)
            listing.add(outcome, row["url"])
    # The files do not depend on who reads the listing: only now is it an error that somebody went away.
    narrowed = bool(wanted.types or wanted.hosts or wanted.stream is not None)
    listing.end(capture, folder, narrowed=narrowed)
    for problem in problems:
        if problem.code in ("LIMIT-REACHED", "PARSER-FAILED"):
            complain(f"{capture}: {problem.message}")
    return 0 if listing.listed or narrowed else UsageError.exit_code


def _row(outcome: Outcome, wanted: Wanted) -> dict[str, object]:
    """Return a line of objects.tsv."""
    from analyzer.masking import mask_value

    def shown(text: str | None) -> str | None:
        return text if text is None or wanted.reveal else mask_value(text)

    body = outcome.found
    return {
        "file": outcome.file,
        "kind": body.kind,
        "stream": body.stream,
        "first_frame": body.frames[0],
        "last_frame": body.frames[1],
        "method": shown(body.method),
        "url": shown(body.url),
        "status": body.status,
        "content_type": shown(body.declared),
        "content_type_seen": outcome.seen,
        "content_encoding": shown(", ".join(word.decode("latin-1") for word in body.codings) or None),
        "transferred_bytes": body.transferred,
        "missing_bytes": body.missing,
        "decoded": ("yes" if outcome.decoded else "no") if outcome.file is not None and body.codings else None,
        "bytes": outcome.size,
        "sha256": outcome.sha256,
        "why": outcome.why,
    }


class _Listing:
    """What the terminal shows: a line for each body up to a number, then what they are together."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self.listed = 0
        self._left_out: Counter[str] = Counter()
        self._remarked: Counter[str] = Counter()
        self._failed: OSError | None = None

    def _say(self, line: str) -> None:
        """Print a line; where files are written, output that cannot be written is an error only in the end."""
        if self._failed is None:
            try:
                print(line)
            except OSError as error:
                if self._most is None:
                    raise
                self._failed = error

    def add(self, outcome: Outcome, url: object) -> None:
        """Take a body, and show it unless enough are shown."""
        if outcome.why is not None:
            (self._left_out if outcome.file is None else self._remarked)[outcome.why] += 1
        if self._most is None or self.listed < self._most:
            if not self.listed:
                self._say(_line("frame", "status", "size", "type", "file"))
            body = outcome.found
            self._say(
                _line(
                    body.frames[0],
                    body.kind if body.kind != "response" else body.status or "",
                    human_bytes(outcome.size if outcome.file is not None else body.transferred),
                    display(outcome.kind or "unknown", TYPE_SHOWN),
                    "(left out)" if outcome.file is None else display(outcome.file, NAME_SHOWN),
                    display(url or "", URL_SHOWN),
                )
            )
        self.listed += 1

    def end(self, capture: str, folder: Folder, *, narrowed: bool) -> None:
        """Say what all of it was.

        Raises:
            OSError: the listing could not be written.
        """
        if not self.listed:
            complain(f"{capture}: there is no HTTP body in it{' that was asked for' if narrowed else ''}")
            return
        if self._most is not None and self.listed > self._most:
            self._say(f"… and {self.listed - self._most:,} more, see objects.tsv")
        what = f"{folder.files:,} {'file' if folder.files == 1 else 'files'} ({human_bytes(folder.size)})"
        where = "would be written" if folder.path is None else f"written to {display(str(folder.path))}"
        self._say(f"\n{what} {where}" if folder.files else f"\nno file {where}")
        for why, count in self._remarked.most_common():
            self._say(f"  {count:,} with a remark: {WHY[why]}")
        for why, count in self._left_out.most_common():
            self._say(f"  {count:,} left out: {WHY[why]}")
        if self._failed is not None:
            raise self._failed


def _line(frame: object, status: object, size: str, kind: str, file: str, url: str = "") -> str:
    return f"{frame:>8}  {status:>8}  {size:>8}  {kind:<{TYPE_SHOWN}}  {file:<{NAME_SHOWN}}  {url}".rstrip()
