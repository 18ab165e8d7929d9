"""The pages that the program makes itself are the ones in the repository."""

from __future__ import annotations

import pytest

from scripts import docs
from tests.conftest import ROOT


@pytest.mark.parametrize("page", list(docs.PAGES))
def test_a_page_is_what_the_program_makes(page: str) -> None:
    """After a change of rules, sentences or samples: ``make docs``."""
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == docs.PAGES[page]()
