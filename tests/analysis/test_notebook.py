"""The notebook of the docs does what it shows: every cell is run again, and gives what is written there."""

from __future__ import annotations

import pytest

from scripts import notebook


@pytest.mark.filterwarnings("ignore")  # of jupyter's own packages
def test_the_notebook_runs_and_gives_what_it_shows() -> None:
    again = notebook.written(notebook.executed())
    assert again == notebook.PATH.read_text("utf-8"), "python -m scripts.notebook writes it anew"
    assert again.count('"output_type": "error"') == 0
    assert again.count('"execution_count"') >= 8
