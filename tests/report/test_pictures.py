"""The pictures of ``docs/report.md``: each is shown once, is small, and is what the script draws."""

from __future__ import annotations

import ast
import re
import struct

from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "pictures"
PAGE = (ROOT / "docs" / "report.md").read_text("utf-8")


def drawn() -> set[str]:
    """Return the names in the script's list, without running it: it needs a library that only it needs."""
    tree = ast.parse((ROOT / "scripts" / "pictures.py").read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    named = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Picture"]
    return {str(name.value) for name in named if isinstance(name, ast.Constant)}


def test_every_picture_is_shown_once() -> None:
    shown = re.findall(r"pictures/([\w-]+)\.png", PAGE)
    assert len(shown) == len(set(shown)) > 8
    assert set(shown) == drawn() == {path.stem for path in FOLDER.iterdir()}


def test_every_picture_has_words_for_those_who_do_not_see_it() -> None:
    words = re.findall(r"!\[([^\]]*)\]\(pictures/", PAGE) + re.findall(r'<img src="pictures/[^>]* alt="([^"]*)"', PAGE)
    assert len(words) == len(drawn())
    assert all(len(text) > 15 for text in words)


def test_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_500_000
    for path in FOLDER.iterdir():
        head = path.read_bytes()[:33]
        assert head.startswith(b"\x89PNG\r\n\x1a\n")
        width, height, _, colour = struct.unpack(">IIBB", head[16:26])  # PNG, 11.2.1: IHDR
        assert width in (390, 1440)
        assert height <= 1200
        assert colour == 3  # with a palette
