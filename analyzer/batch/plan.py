"""Which results each capture gets, and the key under which they are known to be done.

Rules: results lie below the output folder as the captures lie below the input: ``lab1/a.pcap`` gives
``lab1/a.pcap.html``. Each part of a path is made safe (``[A-Za-z0-9._-]``, at most 100 characters); two captures that
would meet get a number. A capture is done when the record under its key is there and so are the results it names; the
key is made of the capture's bytes, its name, this program's version and all options that change a result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from analyzer.batch.inputs import Source
from analyzer.text import file_name
from analyzer.version import SCHEMA_VERSION, __version__

RECORDS = ".analyze"
"""Folder of the records of what is done, inside the output folder."""

OWN_STEMS = ("index", "batch")
"""Stems of the batch's own files: ``index.html``, ``index.json``, ``index.csv``, ``batch.log`` and ``batch.jsonl``."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a worker must know besides the capture.

    Attributes:
        output: folder or URL of the results; formats: what to write; reveal, lang: as of ``analyze``.
        shared: the reports share one plotly.js.
        timeout_s: seconds for one capture; memory_mb: MB that a worker may use for one.
        fresh: analyze again what is done already.
    """

    output: str
    formats: tuple[str, ...] = ("html",)
    reveal: bool = False
    lang: str = "en"
    shared: bool = True
    timeout_s: float | None = None
    memory_mb: int | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One capture and the common beginning of its results' names."""

    source: Source
    stem: str


def jobs(sources: Sequence[Source]) -> list[Job]:
    """Give each capture the stem of its results, none twice (nor differing in case only), nor that of the index."""
    taken = set(OWN_STEMS)
    out = []
    for source in sources:
        parts = [file_name(part) for part in PurePosixPath(source.name).parts]
        stem = base = "/".join(parts)
        number = 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{base}-{number}"
        taken.add(stem.casefold())
        out.append(Job(source, stem))
    return out


def key(sha256: str, job: Job, settings: Settings) -> str:
    """Return the key of a capture's record."""
    what = [
        sha256,
        job.source.name,
        job.stem,
        __version__,
        SCHEMA_VERSION,
        settings.reveal,
        settings.lang,
        settings.shared,
        sorted(settings.formats),
    ]
    return hashlib.sha256(json.dumps(what).encode("utf-8", "surrogatepass")).hexdigest()[:40]
