"""One capture of a batch, from its bytes to its results: what a worker does.

Everything that can go wrong with one capture ends here and becomes its entry in the index; only the end of the worker
itself (a limit, a crash of native code, somebody's kill) is left to Dask. Whatever is done is recorded before the
worker answers, so nothing that was done is lost when the scheduler or the client goes away.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.batch.fetch import at_hand, prepare
from analyzer.batch.guard import guarded
from analyzer.batch.plan import Job, Settings, key
from analyzer.batch.record import Record, forget, planned, recorded, remember
from analyzer.batch.sources import refusal
from analyzer.batch.store import Store
from analyzer.batch.summary import failed, summary
from analyzer.errors import AnalyzerError, CaptureError, ExportError
from analyzer.export.outputs import FOLDERS, SHARED, placed
from analyzer.language import speaking
from analyzer.options import Options
from analyzer.schema import changed

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

Outcome = dict[str, Any]
"""A capture's entry: its name (``capture``), its summary, and its results (``outputs``: format → path)."""

_NEEDED = ("analyzer.pipeline", "analyzer.writing")
_NEEDED_FOR = {"html": ("analyzer.report.render", "jinja2"), "parquet": ("pyarrow.parquet", "pandas")}
"""Modules that an analysis imports late, by name since nothing here uses them. PyArrow asks pandas what values are."""

KEPT = "kept"
"""Mark on the entry of a capture that was done before; it is no part of the index."""

GONE = "gone"
"""Mark that counts the earlier results, in formats not asked for, that went because they do not fit; no part either."""


def note_of(job: Job, settings: Settings) -> str:
    """Return the name of the note that a worker of this batch leaves when a limit ends it."""
    return f"{job.note}-{settings.run}.txt"


def run(job: Job, settings: Settings) -> Outcome:
    """Analyze one capture and write its results, or find that it is done."""
    entry: Outcome = {"capture": job.source.name, "outputs": {}}
    known: dict[str, Any] = {"size_bytes": job.source.size}
    if job.source.error is not None:
        return {**entry, **failed(job.source.error, **known)}
    store, note = Store(settings.output), note_of(job, settings)
    try:
        _load(settings.formats)
        prepare(job.source, settings.run)  # its time is that of all captures in the archive
        with (
            guarded(settings.timeout_s, settings.memory_mb, lambda reason: store.write(note, reason)),
            at_hand(job.source, settings.run) as path,
        ):
            try:
                entry.update(_done(path, job, settings, store, entry))
            except Exception:
                with contextlib.suppress(CaptureError):
                    known["sha256"] = _digest(path)
                raise
        return entry
    except CaptureError as error:
        return {**entry, **failed(error.reason, error.offset, **known)}
    except MemoryError:
        return {**entry, **failed("there is not enough memory to analyze it", **known)}
    except AnalyzerError as error:
        return {**entry, **failed(str(error), **known)}
    except Exception as error:  # noqa: BLE001 - a defect of ours must not lose the captures beside it
        return {**entry, **failed(f"internal error: {type(error).__name__}: {error}", **known)}
    finally:
        with contextlib.suppress(ExportError):
            store.remove(note)  # of an attempt that a limit ended


def _load(formats: Sequence[str]) -> None:
    """Import what the work needs: the limits of time and memory are those of captures, not of a worker's first one."""
    for name in (*_NEEDED, *(name for form in formats for name in _NEEDED_FOR.get(form, ()))):
        import_module(name)


def _done(path: Path, job: Job, settings: Settings, store: Store, entry: Outcome) -> Outcome:
    """Make those results that are not there; return what the index says.

    Args:
        entry: is told what went, whatever happens then.
    """
    before = recorded(store, job) or Record("", {})
    # The digest is made before the analysis, which makes it too, only where it can spare something.
    if before.files and before.key != key(_digest(path), job, settings):
        entry[GONE] = len({*forget(store, job, before)} - {*settings.formats})
        before = Record("", {})
    done = [] if settings.fresh else before.done(store, settings)
    missing = [form for form in settings.formats if form not in done]
    if not missing and before.summary and before.lang == settings.lang:
        return {**before.summary, "outputs": before.outputs(store, job), KEPT: True}
    result = _analyzed(path, job, settings)
    own = key(result.capture.sha256, job, settings)
    remember(store, job, before.and_then(own, planned(job, missing), settings))
    files = _written(result, job, settings, store, missing)
    with speaking(settings.lang):
        made = summary(result)
    after = replace(before.and_then(own, files, settings), summary=made)
    remember(store, job, after)
    return {**made, "outputs": after.outputs(store, job)}


def _analyzed(path: Path, job: Job, settings: Settings) -> Analysis:
    from analyzer.pipeline import analyze

    result = analyze(str(path), Options(reveal=settings.reveal))
    result.capture = changed(result.capture, file=job.source.name)
    return result


def _written(
    result: Analysis, job: Job, settings: Settings, store: Store, formats: Sequence[str]
) -> dict[str, dict[str, int]]:
    """Write results; return the files of each format with their sizes."""
    from analyzer.writing import document, folder, names

    files: dict[str, dict[str, int]] = {}
    for form in formats:
        place = placed(job.stem, form)
        if form in FOLDERS:
            parts = folder(result, form, job.partition)
            files[form] = store.write_folder(place, parts, names(form, job.partition), keep=form in SHARED)
        else:
            text = document(result, form, settings.lang, _library(job, settings))
            files[form] = {place: store.write(place, text)}
    return files


def _library(job: Job, settings: Settings) -> str | None:
    """Return the way from a report to the folder with the shared library; None where each report has its own."""
    return "../" * job.stem.count("/") if settings.shared else None


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        CaptureError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CaptureError(str(path), refusal(error)) from error
