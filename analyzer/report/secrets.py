"""Secrets out of the sentences: visits and findings quote URLs, and those pass :mod:`analyzer.masking` once more.

Rows of the ``http`` table are masked where they are made; a journey's or finding's arguments may still hold a target
with a token in its query. Masking twice changes nothing, so everything that may be a URL passes here.
"""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.masking import mask_args, mask_value
from analyzer.options import Options


def masked(text: str, options: Options) -> str:
    """Return a URL or target without its secrets, or as it is when the user asked to see them."""
    return text if options.reveal else mask_value(text)


def masked_args(args: Mapping[str, object], options: Options) -> dict[str, object]:
    """Return a sentence's arguments with every text masked."""
    return dict(args if options.reveal else mask_args(args))
