"""The public names are what they say: all importable, none forgotten."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import analyzer
from tests.conftest import ROOT

MODULES = sorted((ROOT / "analyzer").rglob("*.py"))


TREE = ast.parse((ROOT / "analyzer" / "__init__.py").read_text(encoding="utf-8"))


def imported(body: list[ast.stmt]) -> dict[str, str]:
    """Return the names that statements import from this package, with their homes."""
    nodes = [node for node in body if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("analyzer.")]
    return {alias.asname or alias.name: str(node.module) for node in nodes for alias in node.names}


def test_all_is_honest() -> None:
    """What ``__init__`` imports, at once or lazily, is what it announces, in order and once."""
    assert sorted(imported(TREE.body).keys() | analyzer._HOMES.keys()) == analyzer.__all__


@pytest.mark.parametrize("name", analyzer.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(analyzer, name) is not None


@pytest.mark.parametrize("name", sorted(analyzer._HOMES))
def test_a_lazy_name_is_the_thing_itself(name: str) -> None:
    home = importlib.import_module(analyzer._HOMES[name])
    assert getattr(analyzer, name) is getattr(home, name)


def test_type_checkers_see_the_lazy_names() -> None:
    guarded = next(node for node in TREE.body if isinstance(node, ast.If))
    assert imported(guarded.body) == analyzer._HOMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = analyzer.nothing


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_all_names_what_exists(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = importlib.import_module(".".join(part for part in parts if part != "__init__"))
    for name in getattr(module, "__all__", ()):
        assert hasattr(module, name), f"{module.__name__}.__all__ names {name}, which is not there"
    assert len(set(getattr(module, "__all__", ()))) == len(getattr(module, "__all__", ()))
