"""What the findings about encryption (TLS) say: for each code, the statement, why it matters, and what to try.

The rules for templates are those of :mod:`analyzer.sentences`, which takes them in; each comment lists the arguments of
the entries that follow.
"""

from __future__ import annotations

TLS: dict[str, tuple[str, str, str]] = {
    # sni, alert, by, server
    "TLS-ALERT": (
        "The {by} ended the TLS session for {sni} with the alert {alert}",
        "The encrypted session could not be set up or was broken off, so nothing could be sent through it.",
        "The alert names the reason: an unknown or expired certificate, a name that does not match, or no common "
        "version or cipher.",
    ),
}
