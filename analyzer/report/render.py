"""From an analysis to one HTML document: facts, templates, assets, and the policy that locks the page.

The document needs no network and no other file. The same analysis gives the same bytes: nothing of the clock, of
random numbers or of this machine goes in.

plotly.js lies in the page as inert text; the page's own script turns it into a script element when the first chart
comes near, so that the first screen is painted before five megabytes are compiled. Both scripts are named in the
policy by their hashes, and nothing else may run.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from analyzer.analysis import Analysis
from analyzer.language import SOURCE, speaking, translated
from analyzer.report.data import page
from analyzer.report.escape import policy, script_json, script_text, shown
from analyzer.report.performance import LIMITS
from analyzer.report.wording import SCRIPT, number, plural, say, say_html

if TYPE_CHECKING:
    from jinja2 import Environment


SCRIPTS = ("page", "theme", "charts", "links", "filter", "grid", "range", "waterfall", "copy", "keys", "start")
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
    "findings",
    "evidence",
    "glossary",
    "narrow",
    "print",
)
"""Parts of the page's style (assets/css); ``narrow`` and ``print`` are last, since they override the others on small
screens and on paper."""


def _asset(name: str) -> str:
    return files("analyzer.report").joinpath("assets", *name.split("/")).read_text("utf-8")


@cache
def page_script() -> str:
    """Return the page's own script as it goes into the page: its parts in one strict function."""
    parts = "\n".join(_asset(f"js/{name}.js") for name in SCRIPTS)
    return script_text(f'"use strict";\n(() => {{\n{parts}}})();\n')


@cache
def page_style() -> str:
    """Return the page's style as it goes into the page, without what only its readers in the source need."""
    parts = "\n".join(_asset(f"css/{name}.css") for name in STYLES)
    return _LAYOUT.sub("\n", _COMMENT.sub("", parts)).strip()


_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LAYOUT = re.compile(r"\n\s*")
_SAID = re.compile(r'\bsay\(\s*"((?:[^"\\]|\\.)*)"')


@cache
def script_messages() -> tuple[str, ...]:
    """Return what the page's script says, in English: the literals that its ``say`` is called with, each once."""
    return tuple(dict.fromkeys(json.loads(f'"{text}"') for text in _SAID.findall(page_script())))


def _script_words() -> dict[str, str]:
    """Return the script's messages in the language that is spoken, without those that stay English."""
    said = {text: translated(text, SCRIPT) for text in script_messages()}
    return {text: other for text, other in said.items() if other != text}


@cache
def plotly_source() -> str:
    """Return plotly.js as it goes into the page, read from the plotly package without importing it."""
    # files("plotly") would run the package; its data folder is a plain one beside it.
    from importlib.util import find_spec

    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("plotly is not installed")
    from pathlib import Path

    path = Path(spec.submodule_search_locations[0], "package_data", "plotly.min.js")
    return script_text(path.read_text("utf-8"))


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
    return environment


def render(analysis: Analysis, lang: str = SOURCE) -> str:
    """Return the report of an analysis as one HTML document (text; write it as UTF-8).

    Args:
        lang: language of the page, of :data:`analyzer.language.LANGUAGES`.

    Raises:
        KeyError: there is no such language.
    """
    with speaking(lang):
        return _render(analysis, lang)


def _render(analysis: Analysis, lang: str) -> str:
    from markupsafe import Markup

    facts = page(analysis)
    own = page_script()
    drawn = [*facts.figures.values(), *(graph for fact in facts.connections.rows for graph in fact.graphs)]
    plotly = plotly_source() if drawn else ""
    figures = {figure.ident: Markup(script_json(figure.spec)) for figure in drawn}
    words = _script_words()
    template = _environment().get_template("page.html.j2")
    head, gap, tail = template.render(
        page=facts,
        lang={"zh": "zh-Hans"}.get(lang, lang),
        figure_json=figures,
        states=dict(facts.about.states),
        limits=LIMITS,
        policy=policy([own, plotly] if plotly else [own]),
        css=Markup(page_style()),
        script=Markup(own),
        words=Markup(script_json(words)) if words else "",
        plotly=Markup(_PLOTLY_MARK) if plotly else "",
    ).partition(_PLOTLY_MARK)
    # Joined here, since passing five megabytes through the template engine would copy them several times.
    return head + plotly + tail if gap else head


_PLOTLY_MARK = "<!--plotly-->"
"""Stands for plotly.js while the template is filled; captured text cannot contain it, since ``<`` is escaped."""
