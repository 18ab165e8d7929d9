"""From an analysis to one HTML document: facts, templates, assets, and the policy that locks the page.

The document needs no network and no other file. The same analysis gives the same bytes: nothing of the clock, of
random numbers or of this machine goes in.

plotly.js lies in the page as inert text; the page's own script turns it into a script element when the first chart
comes near, so that the first screen is painted before five megabytes are compiled. Both scripts are named in the
policy by their hashes, and nothing else may run.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from analyzer.analysis import Analysis
from analyzer.report.data import page
from analyzer.report.escape import policy, script_json, script_text, shown
from analyzer.report.performance import LIMITS

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def _asset(name: str) -> str:
    return files("analyzer.report").joinpath("assets", name).read_text("utf-8")


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

    return Environment(
        loader=PackageLoader("analyzer.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )


def render(analysis: Analysis) -> str:
    """Return the report of an analysis as one HTML document (text; write it as UTF-8)."""
    from markupsafe import Markup

    facts = page(analysis)
    own = script_text(_asset("report.js"))
    drawn = [*facts.figures.values(), *(graph for fact in facts.connections.rows for graph in fact.graphs)]
    plotly = plotly_source() if drawn else ""
    figures = {figure.ident: Markup(script_json(figure.spec)) for figure in drawn}
    template = _environment().get_template("page.html.j2")
    head, gap, tail = template.render(
        page=facts,
        figure_json=figures,
        states=dict(facts.about.states),
        limits=LIMITS,
        policy=policy([own, plotly] if plotly else [own]),
        css=Markup(_asset("report.css")),
        script=Markup(own),
        plotly=Markup(_PLOTLY_MARK) if plotly else "",
    ).partition(_PLOTLY_MARK)
    # Joined here, since passing five megabytes through the template engine would copy them several times.
    return head + plotly + tail if gap else head


_PLOTLY_MARK = "<!--plotly-->"
"""Stands for plotly.js while the template is filled; captured text cannot contain it, since ``<`` is escaped."""
