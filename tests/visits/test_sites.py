"""Sites: what browsers hold to be one (examples of publicsuffix.org), and which requests leave a visit's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.visits.sites import Sites
from tests.visits.scene import Scene, answer, get


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("example.com", "example.com", True),
        ("www.example.com", "example.com", True),
        ("a.b.example.com", "c.example.com", True),
        ("example.com", "example.org", False),
        ("example.com", "notexample.com", False),
        # publicsuffix.org's own test data: uk.com, co.uk and k12.ak.us are suffixes, b.c.kobe.jp is a site
        ("example.uk.com", "other.uk.com", False),
        ("www.bbc.co.uk", "news.bbc.co.uk", True),
        ("bbc.co.uk", "itv.co.uk", False),
        ("www.test.k12.ak.us", "other.k12.ak.us", False),
        ("a.b.c.kobe.jp", "b.c.kobe.jp", True),
        # suffixes of companies that give names away
        ("alice.github.io", "bob.github.io", False),
        ("d111.cloudfront.net", "d222.cloudfront.net", False),
        # no names, and names nobody registered
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("[2001:db8::1]", "[2001:db8::2]", False),
        ("localhost", "intranet", False),
        ("a.internal", "b.internal", False),
        ("a.shop.internal", "b.shop.internal", True),
        ("co.uk", "bbc.co.uk", False),
    ],
)
def test_same_site(one: str, other: str, same: bool) -> None:
    assert Sites().same(one, other) is same
    assert Sites().same(other, one) is same


def page(folder: Path, *hosts: str, own: str = "www.shop.example") -> list[tuple[str | None, bool | None]]:
    """A page, and its parts from several hosts, all named by their Referer; what became of each."""
    scene = Scene()
    scene.exchange(0, get("/", own), answer())
    for number, host in enumerate(hosts, 1):
        request = get(f"/{number}.png", host, Referer=f"http://{own}/")
        scene.exchange(150 + number, request, answer(kind="image/png"), client_port=40000 + number)
    analysis = scene.analysis(folder)
    assert len(analysis.visits) == 1
    return [(row.host, row.third_party) for row in sorted(analysis.http, key=lambda row: row.request_time or 0)]


def test_parts_from_other_sites(tmp_path: Path) -> None:
    assert page(tmp_path, "cdn.shop.example", "ads.other.example", "10.0.0.2") == [
        ("www.shop.example", False),
        ("cdn.shop.example", False),
        ("ads.other.example", True),
        ("10.0.0.2", True),
    ]


def test_a_redirect_to_another_site_is_the_visit_s_own(tmp_path: Path) -> None:
    """Who follows a short address wants to go where it leads."""
    scene = Scene()
    scene.exchange(0, get("/x", "short.example"), answer(301, 0, Location="http://www.shop.example/"))
    scene.exchange(150, get("/", "www.shop.example"), answer(), client_port=40001)
    analysis = scene.analysis(tmp_path)
    assert [visit.redirects for visit in analysis.visits] == [1]
    assert [row.third_party for row in analysis.http] == [False, False]


def test_without_a_request_nothing_is_said(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.recording = False
    p.handshake()
    p.at(50).client.send(get("/"))
    p.recording = True
    p.at(90).server.send(answer())
    assert [row.third_party for row in scene.analysis(tmp_path).http] == [None]


def test_the_list_is_read_only_when_it_is_needed() -> None:
    """Names that end differently, or are the same, need no list."""
    code = (
        "import sys; from analyzer.visits.sites import Sites; s = Sites();"
        "s.same('a.example', 'a.example'); s.same('a.example', 'b.test'); s.same('10.0.0.1', 'b.test');"
        "assert 'publicsuffixlist' not in sys.modules; s.same('a.b.example', 'c.b.example');"
        "assert 'publicsuffixlist' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
