"""HTTP Archive (HAR) 1.2: the http and websocket tables in the form that browsers' tools exchange.

Rules:

* An entry for every transaction whose request is in the capture. A request without a response has status 0 and
  ``_error`` in words. Of a request that cannot be read the method is empty where it is not known, the address is that
  of the port it was sent to, and ``comment`` says so. A response whose request is not in the capture has no entry,
  because nothing is known of what was asked; ``log.comment`` counts them. So it does with encrypted connections, of
  which nothing can be said but that they exist.
* A page for every visit with an entry; ``onLoad`` is the visit's duration, -1 where nobody can say when it was there:
  the end of something it needed was not seen or is encrypted, or all of it runs in the background.
* Entries are in order of ``startedDateTime``.
* What HAR has no place for is in fields that begin with ``_``: frames, trust, losses, outcomes.
* Bodies are not in the tables and therefore not in the archive; ``analyze objects`` writes them out.

The document is made in pieces, an entry at a time. Entries are drawn by :mod:`analyzer.export.har_entry`.

Source: the HAR 1.2 specification (Jan Odvarko); MEASURES "HAR 1.2".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from analyzer import sentences
from analyzer.export.har_entry import Context, entry, milliseconds, started
from analyzer.export.har_messages import UNKNOWN
from analyzer.export.json import encoded
from analyzer.text import display
from analyzer.units import rfc3339
from analyzer.version import __version__
from analyzer.visits.verdicts import BROKEN_OFF, UNSEEN

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from analyzer.schema import HttpRow, VisitRow


UNREADABLE = "a request that cannot be read"
"""Title of a page whose request has no address."""


def parts(analysis: Analysis) -> Iterator[str]:
    """Yield the archive's text in pieces: a line for each page and each entry."""
    pages = _page_of(analysis)
    context = Context.of(analysis, {row: f"page_{number}" for row, number in pages.items()})
    yield '{"log": {\n"version": "1.2",\n"creator": '
    yield encoded({"name": "capture-analyzer", "version": __version__, "comment": "drawn from a packet capture"})
    yield ',\n"pages": '
    yield from _list(_pages(analysis, set(pages.values())))
    yield ',\n"entries": '
    yield from _list(entry(context, number) for number in _in_order(analysis.http, context))
    yield f',\n"comment": {encoded(_comment(analysis))}\n}}}}\n'


def _list(values: Iterator[dict[str, Any]]) -> Iterator[str]:
    separator = "[\n"
    for value in values:
        yield separator + encoded(value)
        separator = ",\n"
    yield "[]" if separator == "[\n" else "\n]"


def _has_entry(row: HttpRow) -> bool:
    return row.request_frames is not None or (row.method is not None and row.url is not None)


def _in_order(rows: tuple[HttpRow, ...], context: Context) -> list[int]:
    """Return the numbers of the rows that have an entry, in order of the time they started."""
    known = [number for number, row in enumerate(rows) if _has_entry(row)]
    return sorted(known, key=lambda number: (started(context, rows[number]), number))


def _page_of(analysis: Analysis) -> dict[int, int]:
    """Return for each row that has an entry the number of its visit: the first that names it."""
    out: dict[int, int] = {}
    for visit in analysis.visits:
        for row in visit.http_rows:
            if 0 <= row < len(analysis.http) and _has_entry(analysis.http[row]):
                out.setdefault(row, visit.visit)
    return out


def _pages(analysis: Analysis, used: set[int]) -> Iterator[dict[str, Any]]:
    for visit in analysis.visits:
        if visit.visit in used:
            load = milliseconds(visit.duration_ms) if _loaded(analysis, visit) else None
            yield {
                "startedDateTime": rfc3339(visit.start_time),
                "id": f"page_{visit.visit}",
                "title": visit.url or UNREADABLE,
                "pageTimings": {"onContentLoad": UNKNOWN, "onLoad": UNKNOWN if load is None else load},
                "_url": visit.final_url or visit.url,
            }


def _loaded(analysis: Analysis, visit: VisitRow) -> bool:
    """Say whether it is known when everything that a visit waited for was there, or known not to come."""
    rows = [analysis.http[at] for at in visit.http_rows]
    if visit.requests is None or all(row.background is not None for row in rows):
        return False
    return all(_over(row) for row in rows if row.background is None)


def _over(row: HttpRow) -> bool:
    """Say whether the end of an exchange, or of the connection that should have carried it, was seen."""
    if row.outcome in ("complete", "switched"):
        return True
    return row.outcome in BROKEN_OFF and row.outcome_why not in UNSEEN


def _comment(analysis: Analysis) -> str:
    """Say what the archive was drawn from, and what is not in it."""
    said = [f"Drawn from {display(analysis.capture.file)}; times are those of the recorder, bodies are left out."]
    without = sum(1 for row in analysis.http if not _has_entry(row))
    if without:
        answers = "answer has" if without == 1 else "answers have"
        said.append(f"{without} {answers} no entry, because the request is not in the capture.")
    closed = Counter(row.decrypted_why or "encrypted" for row in analysis.tls if not row.decrypted)
    if closed:
        total = sum(closed.values())
        reasons = ", ".join(f"{sentences.why(why)} ({count})" for why, count in sorted(closed.items()))
        said.append(
            f"{total} encrypted {'connection has' if total == 1 else 'connections have'} no entries: {reasons}."
        )
    if analysis.capture.partial:
        said.append(f"The capture was read only in part: {display(analysis.capture.partial_why or 'it ends early')}.")
    if analysis.masked:
        said.append("Cookies, credentials and tokens are masked.")
    return " ".join(said)
