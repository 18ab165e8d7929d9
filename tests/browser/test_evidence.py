"""Evidence files are saved by a click: with and without scripts, under the page's policy, byte for byte."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analyzer.evidence.capsule import capsule
from analyzer.pipeline import analyze
from analyzer.report.render import render
from tests.browser.conftest import Opener
from tests.capture.reading import packets, read
from tests.conftest import SAMPLES

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("script", [True, False], ids=["with scripts", "without"])
def test_a_click_saves_the_file(visit: Opener, script: bool) -> None:
    analysis = analyze(str(SAMPLES / "handshake-and-close.pcapng"))
    opened = visit(render(analysis), script=script)
    links = opened.page.locator(".evidence a[download]")
    assert links.count() == len(analysis.findings)
    for number, finding in enumerate(analysis.findings[:2], 1):
        with opened.page.expect_download() as saving:
            links.nth(number - 1).click()
        download = saving.value
        assert re.fullmatch(r"[A-Za-z0-9._-]+", download.suggested_filename)
        assert download.suggested_filename == f"finding-{number}-{finding.code}.pcapng"
        saved = Path(download.path()).read_bytes()
        index = read(saved)
        assert [(time, data) for time, data, _ in packets(index)] == [
            (packet.time, packet.data) for packet in analysis.evidence.of(finding)
        ]
        assert {text.partition(": ")[2].partition(":")[0] for _, text in index.comments} == {finding.code}
        assert saved[:4] == capsule((), "")[:4]
    assert opened.messages == []
    assert [url for url in opened.requests if not url.startswith("data:")] == []
    if script:
        assert opened.page.evaluate("window.violations") == []
