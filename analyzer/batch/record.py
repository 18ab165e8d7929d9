"""What is known to be done: one record for each capture's results, beside them.

Rules: a record names every file that was written and its size; results count as done while all of them are there and
the key (:func:`analyzer.batch.plan.key`) is the same. Under one key a record grows with the formats that were asked
for; under another it goes, with the files it names, before the first one is written anew: no result of other bytes or
options (secrets shown) stays beside those of now. A format that looks otherwise than is asked for (another language) is
written anew when it is asked for, and stays until then. What is going to be written is recorded before it is, with a
size that no file has. Failures are not recorded: they are tried again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from analyzer.batch.plan import Job, Settings, variant
from analyzer.batch.store import Store
from analyzer.batch.summary import FIELDS
from analyzer.errors import ExportError
from analyzer.export.outputs import FOLDERS, FORMATS, placed
from analyzer.language import SOURCE
from analyzer.writing import names

_VERSION = 2


@dataclass(frozen=True, slots=True)
class Record:
    """A capture that is done.

    Attributes:
        key: of its results; summary: its numbers in the index; lang: the language in which it speaks.
        files: format → path of each file that was written (or may be) → its bytes.
        variants: format → how its results look (:func:`analyzer.batch.plan.variant`).
    """

    key: str
    summary: Mapping[str, Any]
    lang: str = SOURCE
    files: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)

    def done(self, store: Store, settings: Settings) -> list[str]:
        """Return those of the formats asked for whose files are all there, as they would be written now."""
        return [
            form
            for form in settings.formats
            if self._stands(store, form) and self.variants.get(form) == variant(form, settings)
        ]

    def outputs(self, store: Store, job: Job) -> dict[str, str]:
        """Return where the results of the capture are: format → path of its file or folder; without those of none."""
        return {form: placed(job.stem, form) for form in FORMATS if self._stands(store, form) and self.files[form]}

    def _stands(self, store: Store, form: str) -> bool:
        """Tell whether all files of a format are there, as they were written."""
        return form in self.files and all(store.size(name) == size for name, size in self.files[form].items())

    def and_then(self, key: str, files: Mapping[str, Mapping[str, int]], settings: Settings) -> Record:
        """Return the record once these files are written, too, without a summary."""
        looks = {form: variant(form, settings) for form in files}
        return Record(key, {}, settings.lang, {**self.files, **files}, {**self.variants, **looks})


def recorded(store: Store, job: Job) -> Record | None:
    """Return the record of a capture; None without one. One that is not as this version writes it has no key."""
    raw = store.read(f"{job.note}.json")
    if raw is None:
        return None
    try:
        found = json.loads(raw)
        record = Record(found["key"], found["summary"], files=found["files"])
        record = replace(record, lang=found.get("lang", SOURCE), variants=found.get("variants", {}))
        if any(_leads_out(name) for files in record.files.values() for name in files):
            return None
        return record if found["digest"] == _digest(record) else replace(record, key="")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def planned(job: Job, formats: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the files that are going to be written for a capture, without their sizes."""
    return {form: dict.fromkeys(_files(job, form), -1) for form in formats}


def _files(job: Job, form: str) -> list[str]:
    place = placed(job.stem, form)
    return [f"{place}/{name}" for name in names(form, job.partition)] if form in FOLDERS else [place]


def _leads_out(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/")


def remember(store: Store, job: Job, record: Record) -> None:
    """Write a record.

    Raises:
        ExportError: it cannot be written.
    """
    store.write(f"{job.note}.json", json.dumps({"digest": _digest(record), **asdict(record)}, indent=1))


def _digest(record: Record) -> str:
    """Return what shows that a record is as this version wrote it."""
    whole = [_VERSION, FIELDS, asdict(record)]
    return hashlib.sha256(json.dumps(whole).encode("ascii")).hexdigest()


def forget(store: Store, job: Job, record: Record) -> list[str]:
    """Remove the files that the record of a capture names, then the record; return the formats that were there.

    Raises:
        ExportError: a file cannot be removed; those after it are, and the record stays.
    """
    failed: list[ExportError] = []
    there = list(record.outputs(store, job))
    for name in (name for files in record.files.values() for name in files):
        try:
            store.remove(name)
        except ExportError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    store.remove(f"{job.note}.json")
    return there
