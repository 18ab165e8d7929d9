"""Units: nanoseconds since the epoch inside, milliseconds and RFC 3339 outside.

Instants are Python ints (or int64 arrays) of nanoseconds since 1970-01-01 UTC; durations leave as float
milliseconds. Source of the text form: RFC 3339 section 5.6.
"""

from __future__ import annotations

import datetime as _dt
from functools import lru_cache

from analyzer.language import filled, translated

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
_EPOCH = _dt.datetime(1970, 1, 1, tzinfo=_dt.UTC)


def ms_between(start_ns: int | None, end_ns: int | None) -> float | None:
    """Return ``end - start`` in milliseconds; None when one of them is unknown, or the clock ran backwards between."""
    if start_ns is None or end_ns is None or end_ns < start_ns:
        return None
    return (int(end_ns) - int(start_ns)) / NS_PER_MS


def rfc3339(time_ns: int | None) -> str | None:
    """Write an instant as ``2026-11-22T01:57:11.000000000Z``; None stays None.

    Instants outside the years 1 to 9999 (a hostile timestamp) come back as the nearest representable second.
    """
    if time_ns is None:
        return None
    seconds, nanos = divmod(int(time_ns), NS_PER_S)
    return f"{second(seconds)}.{nanos:09d}Z"


@lru_cache(maxsize=4096)
def second(seconds: int) -> str:
    """Write a second without its zone; the instants of a capture share few of them."""
    try:
        moment = _EPOCH + _dt.timedelta(seconds=seconds)
    except OverflowError:
        moment = _dt.datetime.max.replace(tzinfo=_dt.UTC) if seconds > 0 else _dt.datetime.min.replace(tzinfo=_dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0")


def nearest_rank(count: int, share: int) -> int:
    """Return the place (from 0) of a percentile among sorted values, of which there is at least one.

    Args:
        share: in percent, 1 to 100.
    """
    return max(-(-count * share // 100) - 1, 0)


def round_number(least: int) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50 … that is not below a number: what people like to count in."""
    power: int = 10 ** (len(str(max(least, 1))) - 1)
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)


def human_count(value: int) -> str:
    """Write a count for people: ``9999``, and from five digits on thousands apart by a narrow space."""
    return f"{value:,}".replace(",", "\u202f") if abs(value) >= 10_000 else str(value)


def human_ms(ms: float | None) -> str:
    """Write a duration for people: ``0.35 ms``, ``12 ms``, ``4.21 s``, ``3 min 5 s``; unknown is ``unknown``.

    Two days and more are days, two years and more are years of 365.25 days: ``2 d 3 h``, ``19.5 years``.
    """
    if ms is None:
        return "unknown"
    if abs(ms) < 0.0005:
        return "0 ms"
    # The limits are those of the rounded numbers: 999.7 ms is a second, not 1000 ms.
    if abs(ms) < 9.995:
        return f"{ms:.2f} ms"
    if abs(ms) < 999.5:
        return f"{ms:.0f} ms"
    if abs(ms) < 59_995:
        return f"{ms / 1000:.2f} s"
    minutes, rest = divmod(round(ms / 1000), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days < 730 else filled(translated("{n} years", _SCRIPT), {"n": _years(days)})


def _years(days: int) -> str:
    return f"{days / 365.25:.1f}"


_SCRIPT = "report.script"
"""Context of the one message here, which the page's script says too (``durationText`` in columns.js)."""


def human_fine_ms(ms: float) -> str:
    """Write a duration of which microseconds matter: ``25 µs``, ``0.40 ms``, ``1.02 s``."""
    return human_ms(ms) if abs(ms) >= 0.1 else f"{ms * 1000:.0f} µs"


def human_bytes(count: int | None) -> str:
    """Write a size for people with decimal prefixes: ``812 B``, ``16.4 kB``, ``1.07 GB``."""
    if count is None:
        return "unknown"
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < (1000 if unit == "B" else 999.5):  # what rounds to 1000 is one of the next unit
            return f"{int(size)} B" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
