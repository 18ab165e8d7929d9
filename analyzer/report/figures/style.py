"""What all figures share: colours, a quiet layout, and text that plotly cannot act on.

Figures are plain dicts in plotly's schema (no ``graph_objects``: importing it costs more than drawing up the data);
the page's script draws them, and sets the colours of text, lines and outlines from the page's theme. Colours are
Okabe and Ito's; each mark also has an outline, a pattern or a word, since three of them are pale on white.
"""

from __future__ import annotations

from typing import Any

BLUE, SKY, GREEN, YELLOW = "#0072b2", "#56b4e9", "#009e73", "#f0e442"
ORANGE, VERMILLION, PURPLE, GREY = "#e69f00", "#d55e00", "#cc79a7", "#8a8f98"
INK = "#1b1f24"
"""Stands for the theme's text colour; the script replaces it."""

GRID = "rgba(128,128,128,0.25)"
"""Lines that lie behind the marks, in both themes."""

PALE = 0.25
"""How much of a colour is seen below a line, and at the pale end of a scale."""

DARK = "#14181d"
"""Pattern lines on a coloured bar, the same in both themes."""


def layout(height: int, **more: Any) -> dict[str, Any]:
    """Return a layout without ornaments; transparent, so that the page's theme shows through."""
    return {
        "height": height,
        "margin": {"l": 60, "r": 16, "t": 12, "b": 44},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 12, "color": INK},
        "hovermode": "closest",
        "showlegend": False,
        "dragmode": "zoom",
        **more,
    }


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """Return an axis with a quiet grid."""
    return {
        "title": {"text": title, "font": {"size": 12}},
        "gridcolor": GRID,
        "zeroline": False,
        "automargin": True,
        **more,
    }


def tint(colour: str, share: float = PALE) -> str:
    """Let either theme's ground shine through a colour.

    Args:
        colour: ``#rrggbb``; share: of it that is seen, at most 1.
    """
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def shades(colour: str) -> list[list[Any]]:
    """Return a colour scale from a pale to the full shade of a colour (``#rrggbb``)."""
    return [[0, tint(colour)], [1, tint(colour, 1)]]
