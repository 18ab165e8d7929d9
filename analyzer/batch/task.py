"""One capture of a batch, from its bytes to its results: what a worker does.

Everything that can go wrong with one capture ends here and becomes its entry in the index; only the end of the worker
itself (a limit, a crash of native code, somebody's kill) is left to Dask. Whatever is done is recorded before the
worker answers, so nothing that was done is lost when the scheduler or the client goes away.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analyzer.batch import archives
from analyzer.batch.guard import guarded
from analyzer.batch.plan import RECORDS, Job, Settings, key
from analyzer.batch.store import Store
from analyzer.batch.summary import failed, summary
from analyzer.errors import AnalyzerError, CaptureError, LimitExceededError
from analyzer.export.outputs import FOLDERS, SHARED, placed
from analyzer.language import speaking
from analyzer.options import Limits, Options
from analyzer.schema import changed

Outcome = dict[str, Any]
"""A capture's entry: its name (``capture``), its summary, and its results (``outputs``: format → path)."""

_PIECE = 1 << 20


def run(job: Job, settings: Settings) -> Outcome:
    """Analyze one capture and write its results, or find that it is done."""
    entry: Outcome = {"capture": job.source.name, "outputs": {}}
    store = Store(settings.output)
    if job.source.error is not None:
        return {**entry, **failed(job.source.error, size_bytes=job.source.size)}
    known: dict[str, Any] = {"size_bytes": job.source.size}
    try:
        with _local(job, settings) as path:
            known["sha256"] = sha256 = _digest(path)
            record = f"{RECORDS}/{key(sha256, job, settings)}.json"
            if not settings.fresh and (before := _done(store, record)) is not None:
                return before
            note = f"{RECORDS}/{job_note(job)}.txt"
            with guarded(settings.timeout_s, settings.memory_mb, lambda reason: store.write(note, reason)):
                entry.update(_analyzed(path, job, settings, store))
            store.remove(note)
            store.write(record, json.dumps(entry, indent=1))
            return entry
    except CaptureError as error:
        return {**entry, **failed(error.reason, error.offset, **known)}
    except MemoryError:
        return {**entry, **failed("there is not enough memory to analyze it", **known)}
    except AnalyzerError as error:
        return {**entry, **failed(str(error), **known)}
    except Exception as error:  # noqa: BLE001 - a defect of ours must not lose the captures beside it
        return {**entry, **failed(f"internal error: {type(error).__name__}: {error}", **known)}


def job_note(job: Job) -> str:
    """Return the name of the note that a worker leaves when a limit ends it."""
    return hashlib.sha256(job.stem.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _done(store: Store, record: str) -> Outcome | None:
    """Return what is recorded of a capture whose results are all there."""
    raw = store.read(record)
    try:
        entry = None if raw is None else json.loads(raw)
    except ValueError:
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("outputs"), dict):
        return None
    return entry if all(map(store.has, entry["outputs"].values())) else None


def _analyzed(path: Path, job: Job, settings: Settings, store: Store) -> Outcome:
    from analyzer.pipeline import analyze
    from analyzer.writing import document, folder

    result = analyze(str(path), Options(reveal=settings.reveal))
    result.capture = changed(result.capture, file=job.source.name)
    outputs: dict[str, str] = {}
    for form in settings.formats:
        outputs[form] = place = placed(job.stem, form)
        if form in FOLDERS:
            store.write_folder(place, folder(result, form, job.stem.replace("/", "_")), keep=form in SHARED)
        else:
            store.write(place, document(result, form, settings.lang, _library(job, settings)))
    with speaking(settings.lang):
        return {**summary(result), "outputs": outputs}


def _library(job: Job, settings: Settings) -> str | None:
    """Return the way from a report to the folder with the shared library; None where each report has its own."""
    return "../" * job.stem.count("/") if settings.shared else None


@contextlib.contextmanager
def _local(job: Job, settings: Settings) -> Iterator[Path]:
    """Give the capture as a local file: itself, or a temporary copy of what is elsewhere or in an archive.

    Raises:
        CaptureError: it cannot be fetched.
    """
    source = job.source
    if source.member is None and "://" not in source.location:
        yield Path(source.location)
        return
    with tempfile.TemporaryDirectory(prefix="analyze-") as folder:
        path = Path(folder, "capture")
        try:
            with _stream(source.location, source.member) as stream, path.open("wb") as out:
                _copy(stream, out, source.name)
        except CaptureError:
            raise
        except Exception as error:
            raise CaptureError(source.name, f"it cannot be fetched: {type(error).__name__}: {error}") from error
        yield path


@contextlib.contextmanager
def _stream(location: str, member: str | None) -> Iterator[Any]:
    if "://" in location:
        import fsspec

        with fsspec.open(location, "rb") as file:
            yield file
        return
    assert member is not None
    path = Path(location)
    with path.open("rb") as file:
        form = archives.kind(path, file.read(512))
    with archives.opened(path, form or "tar", member) as inside:
        yield inside


def _copy(stream: Any, out: Any, name: str) -> None:
    limit, written = Limits().decompressed_bytes, 0
    while piece := stream.read(_PIECE):
        written += len(piece)
        if written > limit:
            raise LimitExceededError(name, f"it gives more than {limit} bytes (limit decompressed_bytes)")
        out.write(piece)


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        CaptureError: it cannot be read.
    """
    try:
        if not path.is_file():
            raise CaptureError(str(path), "it is not a regular file")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CaptureError(str(path), (error.strerror or str(error)).lower()) from error
