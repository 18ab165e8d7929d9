"""Which results each capture gets, and the key under which they are known to be done.

Rules: results lie below the output folder as the captures lie below the input: ``lab1/a.pcap`` gives
``lab1/a.pcap.html``. Each part of a path is made safe (:func:`analyzer.text.file_name`); where captures would meet, one
that is called so itself keeps the name, and the others get some digits made of their own. A capture is done when the
record under its key is there and so are the results it names; the key is made of the capture's bytes, its name, this
program's version and whether secrets are shown. Options that change how a format looks (:func:`variant`) concern its
results alone. No result replaces a capture.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from analyzer.batch.sources import Source, is_url
from analyzer.errors import UsageError
from analyzer.export.outputs import FOLDERS, FORMATS, SHARED, placed
from analyzer.export.parquet import paths
from analyzer.text import display, file_name, numbered
from analyzer.version import SCHEMA_VERSION, __version__

RECORDS = ".analyze"
"""Folder of the records of what is done, inside the output folder."""

OWN_FILES = ("index.html", "index.json", "index.csv", "batch.log", "batch.jsonl")
"""The batch's own files beside the results; no capture's results have their stems."""

DIGITS = 6
"""Hexadecimal digits behind a name that others would have, too: of a thousand, two meet once in 34 times."""

MAX_PARTITION = 180
"""Bytes of a partition's name: with ``capture=`` and what may be put before it, file systems take 255."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a worker must know besides the capture.

    Attributes:
        output: folder or URL of the results; formats: what to write; reveal, lang: as of ``analyze``.
        shared: the reports share one plotly.js.
        timeout_s: seconds for one capture; memory_mb: MB that a worker may use for one.
        fresh: analyze again what is done already.
        run: what names this call alone, among all that use a cluster or a folder for temporary files.
    """

    output: str
    formats: tuple[str, ...] = ("html",)
    reveal: bool = False
    lang: str = "en"
    shared: bool = True
    timeout_s: float | None = None
    memory_mb: int | None = None
    fresh: bool = False
    run: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True, slots=True)
class Job:
    """One capture and the common beginning of its results' names."""

    source: Source
    stem: str

    @property
    def note(self) -> str:
        """Stem of what is kept of the capture among the records: of one length, whatever its own name is."""
        return f"{RECORDS}/{hashlib.sha256(self.stem.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"

    @property
    def partition(self) -> str:
        """Name of the capture's part of a dataset: its stem with ``~``, which no stem has, for ``/``.

        Nothing that readers of datasets take for a number or a date, and short enough for a folder's name.
        """
        name = self.stem.replace("/", "~")
        if len(name.encode()) > MAX_PARTITION:
            digest = hashlib.sha256(name.encode()).hexdigest()[:12]
            name = f"{digest}~{name.encode()[-MAX_PARTITION:].decode('utf-8', 'ignore')}"
        return name if any(char.isalpha() for char in name) else f"~{name}"


def jobs(sources: Sequence[Source]) -> list[Job]:
    """Give each capture the stem of its results, none twice (nor differing in case only), nor that of the index."""
    names = [source.name for source in sources]
    plain = ["/".join(map(file_name, PurePosixPath(name).parts)) for name in names]
    while (apart := _apart(plain, stems := _distinct(plain, names))) != plain:
        plain = apart
    return list(map(Job, sources, stems))


def _distinct(plain: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return stems that differ: where some meet, what is added is made of each capture's own name.

    So a capture that is added changes no other's, unless it is the first to meet it.

    Args:
        plain: the stems that captures of these names would have alone.
    """
    own = {name.partition(".")[0] for name in OWN_FILES}
    folded = [stem.casefold() for stem in plain]
    times, kept = Counter([*folded, *own]), set(own)
    stems, met = list(plain), list[int]()
    for at, (stem, name) in enumerate(zip(plain, names, strict=True)):
        if times[folded[at]] == 1:
            continue
        if stem == name and folded[at] not in kept:  # it is called so itself
            kept.add(folded[at])
        else:
            digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
            stems[at] = f"{stem}-{digest[:DIGITS]}"
            met.append(at)
    # What was added may be what another is called.
    taken = {*own, *(stem for stem, one in zip(stems, plain, strict=True) if stem == one)}
    for at, stem in zip(met, numbered([stems[at] for at in met], "{}-{}", taken, str.casefold), strict=True):
        stems[at] = stem
    return stems


class _Folder:
    """A folder of results, to find paths part by part.

    Attributes:
        below: the folders in it; results: what else will be there. All in small letters.
    """

    __slots__ = ("below", "results")

    def __init__(self) -> None:
        self.below: dict[str, _Folder] = {}
        self.results: set[str] = set()


def _apart(plain: Sequence[str], stems: Sequence[str]) -> list[str]:
    """Return plain stems whose folders are no results of other captures (``a.pcap.json/`` beside ``a.pcap``).

    Args:
        stems: those whose results will be there.
    """
    root = _Folder()
    root.results |= {placed("", form) for form in SHARED}
    for stem in stems:
        *folders, name = stem.casefold().split("/")
        here = root
        for part in folders:
            here = here.below.setdefault(part, _Folder())
        here.results |= {placed(name, form) for form in FORMATS if form not in SHARED}
    out = []
    for stem in plain:
        *folders, name = stem.split("/")
        there: _Folder | None = root
        for at, part in enumerate(folders):
            if there is None:
                break
            if part.casefold() in there.results:
                folders[at] += "-folder"
            there = there.below.get(folders[at].casefold())
        out.append("/".join([*folders, name]))
    return out


def folders_of(planned: Sequence[Job]) -> Callable[[str], bool]:
    """Return what tells whether a path is that of a folder of these captures' results."""
    own = {placed(job.stem, form) for job in planned for form in FOLDERS if form not in SHARED}
    partitions = {job.partition for job in planned}
    tables = {f"{form}/{path.partition('=')[0]}=" for form in SHARED for path in paths("")}

    def is_own(path: str) -> bool:
        table, sign, partition = path.partition("=")
        return path in own or (table + sign in tables and partition in partitions)

    return is_own


def keep_captures(planned: Sequence[Job], settings: Settings) -> None:
    """Make sure that no result is written over a capture.

    Raises:
        UsageError: one would be.
    """
    remote = is_url(settings.output)
    there = [job.source.location for job in planned if is_url(job.source.location) == remote]
    root = _as_listed(settings.output) if remote else settings.output
    same = _normal if remote else os.path.realpath
    captures = {same(location) for location in there}
    results = [*OWN_FILES, *(placed(job.stem, form) for job in planned for form in settings.formats)]
    for result in results:
        path = same(f"{root}/{result}")
        if path in captures:
            raise UsageError(f"{display(path)}: the results would replace this capture; name another folder (-o)")


def _as_listed(url: str) -> str:
    """Return a URL as it begins where fsspec lists what is there; as it is, where fsspec does not know it."""
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(url.rstrip("/"))
        return str(system.unstrip_protocol(path))
    except Exception:  # noqa: BLE001 - whatever the store's library raises; writing there will say what is wrong
        return url


def _normal(url: str) -> str:
    scheme, _, path = url.partition("://")
    return f"{scheme}://{posixpath.normpath(path).lstrip('/')}"


def key(sha256: str, job: Job, settings: Settings) -> str:
    """Return the key under which a capture's results are known: the same where none is wrong beside the others."""
    what = [
        sha256,
        job.source.name,
        job.stem,
        __version__,
        SCHEMA_VERSION,
        settings.reveal,
    ]
    return hashlib.sha256(json.dumps(what).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def variant(form: str, settings: Settings) -> str:
    """Return what options there are that change how a format looks; the same for equal results."""
    return f"{settings.lang}, {'shared' if settings.shared else 'own'} library" if form == "html" else ""
