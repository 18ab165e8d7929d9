"""What is known to be done: one record for each capture's results, beside them.

Rules: a record names every file that was written and its size; results count as done while all of them are there and
the key (:func:`analyzer.batch.plan.key`) is the same. Under one key a record grows with the formats that were asked
for; under another it is forgotten before the first file is written anew, so that it never speaks of results that are
no longer its own. Failures are not recorded: they are tried again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analyzer.batch.plan import Job
from analyzer.batch.store import Store
from analyzer.batch.summary import FIELDS
from analyzer.export.outputs import FORMATS, placed

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """A capture that is done.

    Attributes:
        key: of its results; summary: its numbers in the index.
        files: format → path of each file that was written → its bytes.
    """

    key: str
    summary: Mapping[str, Any]
    files: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def standing(self, store: Store, formats: Sequence[str]) -> list[str]:
        """Return those of the formats whose files are all there, as they were written."""
        return [
            form
            for form in formats
            if form in self.files and all(store.size(name) == size for name, size in self.files[form].items())
        ]


def outputs(job: Job, formats: Sequence[str]) -> dict[str, str]:
    """Return where the results of a capture are: format → path of its file or folder."""
    return {form: placed(job.stem, form) for form in formats}


def recorded(store: Store, job: Job) -> Record | None:
    """Return the record of a capture; None without one, or where it is not one of ours."""
    raw = store.read(f"{job.note}.json")
    if raw is None:
        return None
    try:
        found = json.loads(raw)
        record = Record(found["key"], found["summary"], found["files"])
        known = found["version"] == _VERSION and set(FIELDS) == set(record.summary)
        sizes = [size for form in record.files for size in record.files[form].values()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return record if known and set(record.files) <= set(FORMATS) and all(type(size) is int for size in sizes) else None


def remember(store: Store, job: Job, record: Record) -> None:
    """Write a record.

    Raises:
        ExportError: it cannot be written.
    """
    whole = {"version": _VERSION, "key": record.key, "files": record.files, "summary": record.summary}
    store.write(f"{job.note}.json", json.dumps(whole, indent=1))


def forget(store: Store, job: Job) -> None:
    """Remove the record of a capture, before its results are written anew."""
    store.remove(f"{job.note}.json")
