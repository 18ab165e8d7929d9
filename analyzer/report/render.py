"""From an analysis to one HTML document: facts, templates, assets, and the policy that locks the page.

The document needs no network and, unless that is asked for, no other file. The same analysis gives the same bytes:
nothing of the clock, of random numbers or of this machine goes in.

plotly.js lies in the page as inert text; the page's own script turns it into a script element when the first chart
comes near, so that the first screen is painted before five megabytes are compiled. Both scripts are named in the
policy by their hashes, and nothing else may run. A folder of reports may share one plotly.js
(:mod:`analyzer.report.plotly_library`).
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from analyzer.analysis import Analysis
from analyzer.language import SOURCE, speaking, translated
from analyzer.report import grid, markup
from analyzer.report.data import page
from analyzer.report.escape import policy, script_json, script_text, shown
from analyzer.report.performance import limits
from analyzer.report.plotly_library import integrity, plotly_source, shared_path
from analyzer.report.wording import SCRIPT, number, plural, say, say_html

if TYPE_CHECKING:
    from jinja2 import Environment


SCRIPTS = (
    *("page", "theme", "charts", "links", "query", "filter", "columns", "grid"),
    *("gridkeys", "gridfind", "tables", "range", "waterfall", "ladder", "copy", "keys", "clock", "start"),
)
"""Parts of the page's script (assets/js), in the order they are joined: a part uses what stands before it when it is
loaded, and anything when something happens."""

STYLES = (
    "base",
    "header",
    "page",
    "charts",
    "phases",
    "visits",
    "waterfall",
    "connections",
    "tables",
    "grid",
    "protocols",
    "findings",
    "evidence",
    "glossary",
    "narrow",
    "print",
)
"""Parts of the page's style (assets/css); ``narrow`` and ``print`` are last, since they override the others on small
screens and on paper."""

INDEX_SCRIPTS = (*SCRIPTS[:-1], "terms", SCRIPTS[-1])
INDEX_STYLES = (*STYLES, "index")
"""The same for the index of a batch, which has parts that no report needs."""


def _asset(name: str) -> str:
    return files("analyzer.report").joinpath("assets", *name.split("/")).read_text("utf-8")


@cache
def page_script(names: tuple[str, ...] = SCRIPTS) -> str:
    """Return the page's own script as it goes into the page: its parts in one strict function.

    Comments and indentation stay in the source. No text in it spans lines or holds the beginning of a comment: the
    script would be none, and the browser's tests fail.
    """
    parts = "\n".join(_asset(f"js/{name}.js") for name in names)
    told = _END_COMMENT.sub(r"\1", _LINE_COMMENT.sub("", _COMMENT.sub("", parts)))
    bare = _INDENT.sub("", told).replace(";\n}", "}")
    return script_text(f'"use strict";\n(() => {{\n{bare}}})();\n')


@cache
def page_style(names: tuple[str, ...] = STYLES) -> str:
    """Return the page's style as it goes into the page, without what only its readers in the source need."""
    parts = "\n".join(_asset(f"css/{name}.css") for name in names)
    bare = _ZERO.sub("", _AROUND.sub(r"\1", _COMMENT.sub("", parts)).replace(": ", ":"))
    return bare.replace(";}", "}").replace(" > ", ">").strip()


_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LINE_COMMENT = re.compile(r"^\s*//.*\n", re.MULTILINE)
_END_COMMENT = re.compile(r"([;{},(]) *// .*")
_INDENT = re.compile(r"^\s+", re.MULTILINE)
_ZERO = re.compile(r"(?<=[ :,(-])0(?=\.[0-9])")
_AROUND = re.compile(r"\s*([{};,])\s*")
_SAID = re.compile(r'\bsay\(\s*"((?:[^"\\]|\\.)*)"')


@cache
def script_messages() -> tuple[str, ...]:
    """Return what the page's script says, in English: the literals that its ``say`` is called with, each once."""
    return tuple(dict.fromkeys(json.loads(f'"{text}"') for text in _SAID.findall(page_script(INDEX_SCRIPTS))))


def _script_words() -> dict[str, str]:
    """Return the script's messages in the language that is spoken, without those that stay English."""
    said = {text: translated(text, SCRIPT) for text in script_messages()}
    return {text: other for text, other in said.items() if other != text}


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("analyzer.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.globals.update(say=say, say_html=say_html, plural=plural, number=number)
    environment.globals.update(grid_of=grid.drawn, long_table=grid.long)
    environment.globals.update(
        mark=markup.mark, rows=markup.rows, small_rows=markup.small_rows, ladder_lines=markup.ladder_lines
    )
    return environment


def render(analysis: Analysis, lang: str = SOURCE, shared: str | None = None) -> str:
    """Return the report of an analysis as one HTML document (text; write it as UTF-8).

    Args:
        lang: language of the page, of :data:`analyzer.language.LANGUAGES`.
        shared: plotly.js is in a file (:func:`analyzer.report.plotly_library.shared_path`) instead of in the page: in
            the report's own folder (empty text), or above it (``../``).

    Raises:
        KeyError: there is no such language.
    """
    with speaking(lang):
        return _render(analysis, lang, shared)


def render_index(facts: object, lang: str) -> str:
    """Return the index of a batch in the shell of the reports; its facts speak the language already."""
    script, style = page_script(INDEX_SCRIPTS), page_style(INDEX_STYLES)
    template = _environment().get_template("index.html.j2")
    return template.render(page=facts, policy=policy([script]), **_shell(lang, script, style))


def _shell(lang: str, script: str, style: str) -> dict[str, object]:
    """Return what every page is made with."""
    from markupsafe import Markup

    words = _script_words()
    return {
        "lang": {"zh": "zh-Hans"}.get(lang, lang),
        "css": Markup(style),
        "script": Markup(script),
        "words": Markup(script_json(words)) if words else "",
    }


def _render(analysis: Analysis, lang: str, shared: str | None) -> str:
    from markupsafe import Markup

    facts = page(analysis)
    own = page_script()
    drawn = [*facts.figures.values(), *(graph for fact in facts.connections.rows for graph in fact.graphs)]
    plotly = plotly_source() if drawn and shared is None else ""
    library = f"{shared}{shared_path()}" if drawn and shared is not None else ""
    figures = {figure.ident: Markup(script_json(figure.spec)) for figure in drawn}
    template = _environment().get_template("page.html.j2")
    head, gap, tail = template.render(
        page=facts,
        figure_json=figures,
        limits=limits(),
        policy=policy([own, plotly] if plotly else [own], loading=bool(library)),
        plotly=Markup(_PLOTLY_MARK) if plotly else "",
        library=library,
        integrity=integrity() if library else "",
        **_shell(lang, own, page_style()),
    ).partition(_PLOTLY_MARK)
    # Joined here, since passing five megabytes through the template engine would copy them several times.
    return "".join((head, plotly, tail)) if gap else head


_PLOTLY_MARK = "<!--plotly-->"
"""Stands for plotly.js while the template is filled; captured text cannot contain it, since ``<`` is escaped."""
