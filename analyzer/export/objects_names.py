"""Names for files whose names a stranger chose.

Rules: a name is letters, digits, ``_``, ``.`` and ``-`` of any script, never hidden (no leading dot), never an option
(no leading dash), no path, no device of Windows, at most :data:`NAME_CHARACTERS` long with its ending kept. Two names
differ also where case and Unicode forms do not count (Windows, macOS): the second gets a number.

Sources: RFC 6266 section 4.3 (file names are a hint), RFC 3986 section 2.1, Unicode Standard Annex #15.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

from analyzer.text import RESERVED_NAMES, visible

NAME_CHARACTERS = 100
"""A name stays readable in a listing."""

NAME_BYTES = 200
"""File systems take 255 bytes; the rest is for a number and ``.part``."""

_UNSAFE = re.compile(r"[^\w.-]+")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,9}\Z")  # the longest of ours is .multipart

ENDINGS = {
    "text/html": ".html",
    "application/xhtml+xml": ".xhtml",
    "text/css": ".css",
    "text/javascript": ".js",
    "application/javascript": ".js",
    "application/x-javascript": ".js",
    "application/json": ".json",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "text/x-shellscript": ".sh",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/svg+xml": ".svg",
    "image/bmp": ".bmp",
    "image/tiff": ".tif",
    "image/x-icon": ".ico",
    "image/vnd.microsoft.icon": ".ico",
    "font/woff": ".woff",
    "font/woff2": ".woff2",
    "font/ttf": ".ttf",
    "font/otf": ".otf",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/gzip": ".gz",
    "application/x-tar": ".tar",
    "application/x-7z-compressed": ".7z",
    "application/vnd.rar": ".rar",
    "application/x-www-form-urlencoded": ".form",
    "application/wasm": ".wasm",
    "application/vnd.microsoft.portable-executable": ".exe",
    "application/x-elf": ".elf",
    "application/x-shockwave-flash": ".swf",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/x-flv": ".flv",
    "video/mp2t": ".ts",
    "application/vnd.apple.mpegurl": ".m3u8",
    "application/ocsp-response": ".ocsp",
    "application/ocsp-request": ".ocsp",
    "multipart/form-data": ".multipart",
}
"""For names without an ending; a table of our own, because the system's differs from machine to machine."""


_SAYS_LITTLE = frozenset({"text/plain", "application/xml", "application/zip", "application/x-ole-storage"})
"""Types that the first bytes show of files whose header mostly knows better."""

_SAME = {".jpeg": ".jpg", ".jpe": ".jpg", ".tiff": ".tif", ".htm": ".html", ".xhtml": ".html", ".mjs": ".js"}
_SHOWN_BY_BYTES = frozenset(
    {
        *(".png", ".jpg", ".gif", ".webp", ".avif", ".bmp", ".tif", ".ico", ".woff", ".woff2", ".ttf", ".otf", ".pdf"),
        *(".zip", ".gz", ".7z", ".rar", ".exe", ".elf", ".swf", ".wasm", ".mp3", ".wav", ".mp4", ".webm", ".flv"),
    }
)
"""Endings of files that their first bytes give away; what does not look like one is none."""
_TEXTS = frozenset({".html", ".css", ".js", ".json", ".xml", ".txt", ".csv", ".svg"})
_RUNS = frozenset({".exe", ".elf", ".sh", ".js"})
"""Endings that make a file run when it is opened: nobody's picture gets one from us."""


def safe_name(text: str, fallback: str = "body") -> str:
    """Return a name that is safe as a file's name, see the module's rules; ``fallback`` when nothing of it is left."""
    name = unicodedata.normalize("NFC", visible(text))
    name = _UNSAFE.sub("_", name).lstrip("._-").rstrip("._-")
    stem, ending = _split(name)
    name = _cut(stem, ending) if name else fallback
    if name.split(".")[0].upper() in RESERVED_NAMES:
        name = f"_{name}"
    return name


def _split(name: str) -> tuple[str, str]:
    """Return a name without its ending, and the ending with its dot."""
    found = _ENDING.search(name)
    return (name, "") if found is None else (name[: found.start()], found[0])


def _cut(stem: str, ending: str) -> str:
    stem = stem[: NAME_CHARACTERS - len(ending)]
    stem = stem.encode("utf-8")[: NAME_BYTES - len(ending)].decode("utf-8", "ignore")
    return stem.rstrip("." if ending else "._-") + ending  # no name ends with what is cut off its end elsewhere


def from_path(target: str) -> str:
    """Return the last part of a URL's path or of a request target, percent-decoded; empty when it has none.

    What follows ``?``, ``#`` and ``;`` is left out; behind a decoded slash the part goes on being cut.
    """
    path = target.partition("#")[0].partition("?")[0]
    path = path.partition("://")[2].partition("/")[2] if "://" in path else path
    part = path.rstrip("/").rpartition("/")[2].partition(";")[0]
    return last_part(unquote(part, errors="replace"))


def last_part(name: str) -> str:
    """Return what stands behind the last slash of any kind (a name from a header may be a path: RFC 6266 4.3)."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2]


def kind_of(declared: str | None, seen: str | None) -> str | None:
    """Return a body's media type: what its first bytes show, unless they show less than the header says."""
    return declared if seen is None or (seen in _SAYS_LITTLE and declared in ENDINGS) else seen


def with_ending(name: str, kind: str | None) -> str:
    """Return a safe name with the ending of a media type, if it has none."""
    return name if _ENDING.search(name) else name + ENDINGS.get(kind or "", "")


def with_true_ending(name: str, declared: str | None, seen: str | None) -> str:
    """Return a safe name with the ending of what a body is: where it has none, and behind one that says otherwise.

    The header alone proves nothing against the ending of a text: servers are careless there.
    """
    true = ENDINGS.get(kind_of(declared, seen) or "", "")
    found = _ENDING.search(name)
    if found is None:
        return name + true
    told = _SAME.get(found[0].lower(), found[0].lower())
    if true in _RUNS or _SAME.get(true, true) == told:
        return name
    proved = declared == seen or ENDINGS.get(seen or "", "") in _SHOWN_BY_BYTES
    return name + true if told in _SHOWN_BY_BYTES or (told in _TEXTS and proved) else name


class Names:
    """The names that are taken in one folder."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {self._key(name) for name in taken}
        self._next: dict[str, int] = {}  # so that the thousandth of a name is found at once

    @staticmethod
    def _key(name: str) -> str:
        return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())

    def take(self, name: str, suffix: str = "") -> str:
        """Take a name and return it, with a number where it is taken already, and with ``suffix`` behind its ending."""
        stem, ending = _split(name)
        key = self._key(name + suffix)
        number = self._next.get(key, 1)
        while True:
            shown = f"{stem}{ending}{suffix}" if number == 1 else f"{stem}-{number}{ending}{suffix}"
            number += 1
            if self._key(shown) not in self._taken:
                break
        self._next[key] = number
        self._taken.add(self._key(shown))
        return shown
