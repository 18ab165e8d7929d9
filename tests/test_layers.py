"""The architecture as a test: imports point down, nothing goes round in circles, and a cold start stays cold."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "analyzer"

LAYERS = (
    # From the bottom up; a module imports from its own entry or from an earlier one.
    ("errors", "version", "problems", "units", "text", "addresses", "provenance", "options", "schema", "language"),
    (
        "addresses",
        "sentences",
        "http_status",
        "dns_words",
        "close_codes",
        "tcp_states",
        "tcp_words",
        "secret_names",
        "vendors",
        "masking",
        "masking_headers",
        "masking_messages",
        "masking_text",
        "masking_urls",
    ),
    ("capture",),
    ("decode",),
    ("flows",),
    ("protocols",),
    ("visits",),
    ("findings",),
    ("evidence",),
    ("analysis",),
    ("walks",),
    ("report", "export"),
    ("pipeline",),
    ("referee",),
    (
        "terminal",
        "text_ladder",
        "follow_text",
        "explain_lines",
        "explain_findings",
        "explain_rest",
        "explain_text",
        "rules_text",
    ),
    ("writing", "api"),
    ("batch",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

BANNED = {"click": "typer no longer depends on it", "scapy": "one object per packet, and GPL"}

HEAVY = {
    "numpy",
    "pandas",
    "plotly",
    "jinja2",
    "cryptography",
    "dns",
    "dpkt",
    "pyshark",
    "rich",
    "brotli",
    "zstandard",
    "publicsuffixlist",
    "asyncio",
    "aiooui",
}
"""What `analyze --help` has no use for."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (module, line) of every import that runs, wherever it stands; TYPE_CHECKING blocks do not run."""

    def walk(node: ast.AST) -> Iterator[tuple[str, int]]:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for child in node.orelse:
                yield from walk(child)
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for alias in node.names:  # "from package import module" imports the module
                whole = f"{node.module}.{alias.name}"
                yield (whole if whole in NAMES else str(node.module)), node.lineno
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")))


NAMES = {name_of(path) for path in modules()}
GRAPH = {name_of(path): list(imports(path)) for path in modules()}


def layer(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("module", sorted(NAMES - {"analyzer"}))
def test_imports_point_down(module: str) -> None:
    assert layer(module) in RANK, f"{layer(module)} has no place in LAYERS; give it one"
    for target, line in GRAPH[module]:
        if target == "analyzer":
            pytest.fail(f"{module}:{line} imports the package's own front door")
        if target.startswith("analyzer.") and layer(target) != layer(module):
            assert RANK[layer(target)] <= RANK[layer(module)], f"{module}:{line} imports {target}, which is above it"


def test_no_circles() -> None:
    own = {
        module: sorted({target for target, _ in targets if target in NAMES and target != module})
        for module, targets in GRAPH.items()
    }
    finished: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, "circle: " + " → ".join((*path[path.index(module) :], module))
        if module not in finished:
            for target in own[module]:
                visit(target, (*path, module))
            finished.add(module)

    for module in own:
        visit(module, ())


@pytest.mark.parametrize("module", sorted(NAMES))
def test_no_banned_library(module: str) -> None:
    for target, line in GRAPH[module]:
        library = target.split(".")[0]
        assert library not in BANNED, f"{module}:{line} imports {library}: {BANNED[library]}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_says_what_it_owns(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if path.name == "__init__.py" and not tree.body:
        return  # an empty one owns nothing
    docstring = ast.get_docstring(tree)
    assert docstring, f"{path} has no docstring"
    assert len(docstring) > 20, f"{path} says next to nothing"


@pytest.mark.parametrize(
    "line",
    [
        "--help",
        "--version",
        "evidence --help",
        "verify --help",
        "follow --help",
        "explain --help",
        "rules --help",
        "--no-such-option",
    ],
)
def test_cold_start(line: str) -> None:
    """Asking for help loads none of the libraries that an analysis needs."""
    program = (
        "import sys; from analyzer.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('\\n'.join(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, *line.split()], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stderr.splitlines())
    assert "typer" in loaded
    assert not loaded & (HEAVY | BANNED.keys())


def test_importing_the_package_is_cheap() -> None:
    program = "import sys, analyzer; print('\\n'.join({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert not set(done.stdout.splitlines()) & (HEAVY | {"typer"})
