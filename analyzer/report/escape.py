"""Every door through which captured text reaches the page, and the lock on each.

================== ==========================================================================================
HTML               the template engine's autoescape, after :func:`shown` (safe, capped display text)
JSON in a script   :func:`script_json`: ``< > &`` and U+2028/9 as ``\\uXXXX``, so no byte sequence ends the element
plotly             :func:`figure_text`: its labels are pseudo-HTML, so every string is escaped once more
inline scripts     only our own and plotly's, each named in the policy by its SHA-256 (:func:`script_hash`)
================== ==========================================================================================

Sources: HTML Living Standard section 4.12.1.3 (restrictions for contents of script elements), Content Security
Policy Level 3 section 2.3.1.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
from functools import lru_cache
from typing import Any

from analyzer.language import translated
from analyzer.text import DISPLAY_LIMIT, display


class Prose(str):
    """Text that may be shown whole: a catalogue sentence whose arguments have passed ``display``, or our own words.

    Markup in it is still escaped; only the length cap of captured values does not apply.
    """

    __slots__ = ()


def safe(value: object, limit: int = DISPLAY_LIMIT) -> Prose:
    """Return a captured value as display text that is not cut a second time."""
    return Prose(display(value, limit))


def shown(value: object) -> object:
    """Make any template expression safe to show: the engine calls this on every ``{{ … }}`` before escaping.

    Markup (our assets and our own SVG numbers) and :class:`Prose` pass; everything else becomes display text.
    Unknown numbers become words, so that no ``None`` or ``nan`` is ever visible.
    """
    if type(value) is Prose:
        return value
    if value is None:
        return translated("unknown", "report")
    if isinstance(value, str):
        return value if isinstance(value, Prose) or hasattr(value, "__html__") else display(value)
    if isinstance(value, float) and not math.isfinite(value):
        return translated("unknown", "report")
    if isinstance(value, int | float):
        return value
    return value if hasattr(value, "__html__") else display(value)


def figure_text(value: object, limit: int = 120) -> str:
    """Return display text for a plotly label, with the characters its pseudo-HTML would act on escaped."""
    return html.escape(display(value, limit), quote=False)


def script_json(value: Any, *, ordered: bool = True) -> str:
    """Return JSON that is inert inside a script element; no NaN.

    Args:
        ordered: sort the keys; a long table has its own in one order anyway, and sorting takes a while.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, sort_keys=ordered, separators=(",", ":"))
    # U+2028 and U+2029, which end a line of JavaScript, are no ASCII and written as escapes already.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def script_text(source: str) -> str:
    """Return JavaScript that cannot end its own element, as the browser will see it (newlines normalised).

    ``</script`` and ``<!--`` only occur in string literals of the scripts used here, where ``\\`` changes nothing.
    """
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("</script", "<\\/script").replace("</SCRIPT", "<\\/SCRIPT").replace("<!--", "<\\!--")


@lru_cache(maxsize=8)
def script_hash(text: str) -> str:
    """Return the ``'sha256-…'`` source expression of an inline script's exact text."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def policy(scripts: list[str], loading: bool = False) -> str:
    """Return the page's Content-Security-Policy, which lets exactly these inline scripts run and nothing load.

    Args:
        scripts: their exact texts.
        loading: they may load further scripts; a script element in the markup still may not
            (Content Security Policy Level 3 section 8.2).
    """
    allowed = " ".join(script_hash(script) for script in scripts) or "'none'"
    if scripts and loading:
        allowed += " 'strict-dynamic'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )
