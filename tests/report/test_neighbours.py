"""The page's tables of neighbours and leases, the gateway's line, and hostile text in them."""

from __future__ import annotations

from pathlib import Path

from analyzer.analysis import Analysis
from analyzer.report.data import page
from analyzer.report.neighbours import station
from analyzer.report.render import render
from tests import build
from tests.findings.test_link_findings import MAC, arp_ask, arp_tell, dhcp, far, gateway_taken_over, icmp6, leased
from tests.protocols_names import lease
from tests.protocols_names.test_ndp import DNSSL, PREFIX, RDNSS, ask, mac_option, router_tells
from tests.report.pages import Page
from tests.visits.scene import Scene


def cells(analysis: Analysis, table: str, row: int = 0) -> dict[str, str]:
    """Return heading → shown text (and reason) of one row."""
    drawn = getattr(page(analysis).protocols, table)
    shown = [" ".join(filter(None, (cell.text, cell.why))) for cell in drawn.rows[row].cells]
    return dict(zip((column.label for column in drawn.columns), shown, strict=True))


def test_a_lease(tmp_path: Path) -> None:
    scene = Scene()
    leased(scene, 0)
    analysis = scene.analysis(tmp_path)
    row = cells(analysis, "dhcp")
    assert (row["Wanted"], row["Outcome"], row["Address"], row["Server"]) == (
        "new address",
        "given",
        "10.0.0.7/24",
        "10.0.0.2",
    )
    assert row["Client"] == "laptop (02:00:00:00:00:01, locally administered)"
    assert row["Told"] == "gateway 10.0.0.254, resolver 10.0.0.53, resolver 9.9.9.9, domain corp.example"
    assert (row["Took"], row["Tries"], row["Frames"], row["Lease"]) == ("10 ms", "1", "1–4", "1 h 0 min")
    assert "dhcp-1" in Page(render(analysis)).ids


def test_a_router_and_a_free_address(tmp_path: Path) -> None:
    scene = Scene()
    icmp6(scene, 0, "fe80::2", "ff02::1", router_tells(mac_option(1, MAC[2]), PREFIX, RDNSS, DNSSL), 2)
    icmp6(scene, 9, "::", "ff02::1:ff00:77", ask("2001:db8::77", None), 1)
    analysis = scene.analysis(tmp_path)
    told = cells(analysis, "ndp")
    assert told["Kind"] == "router advertisement"
    assert told["Answer"] == (
        "prefix 2001:db8::/64 for 2592000 s, gateway for 1800 s, resolver 2001:db8::53, resolver 2001:db8::54, "
        "domain corp.example"
    )
    assert cells(analysis, "ndp", 1)["Answer"] == "nobody, it is free"
    assert "Conflict" not in told  # no row has one
    assert {"ndp-1", "ndp-2"} <= set(Page(render(analysis)).ids)


def test_makers_and_when_somebody_else_claimed_it(tmp_path: Path) -> None:
    scene = Scene()
    arp_ask(scene, 0, 1, "10.0.0.5")
    arp_tell(scene, 1, "00:00:0c:01:02:03", "10.0.0.5", 1)
    arp_tell(scene, 1500, MAC[9], "10.0.0.5", 1)
    row = cells(scene.analysis(tmp_path), "arp")
    assert row["Answer"] == "00:00:0c:01:02:03, Cisco Systems, Inc"
    assert row["Conflict"] == f"also claimed by {MAC[9]} at 1.500 s (frame 3)"


def test_a_malformed_message_says_why(tmp_path: Path) -> None:
    scene = Scene()
    scene.add(0, build.eth(build.arp(1, MAC[1], "10.0.0.1", MAC[2], "10.0.0.2")[:20], ethertype=0x0806))
    assert cells(scene.analysis(tmp_path), "arp")["Answer"] == "malformed it ends before what it must contain"


def test_the_gateway_has_a_line(tmp_path: Path) -> None:
    """The busiest one, what told its address, and how many more there are."""
    scene = gateway_taken_over(MAC[51])
    far(scene, 6000, MAC[51])
    line = next(fact for fact in page(scene.analysis(tmp_path)).quality if fact.label == "Gateway")
    assert (line.value, line.tone) == (f"10.0.0.254 at {MAC[51]} and 1 more", "good")
    assert "10.0.0.254 (told by ARP); 2 packets of 10.0.0.1" in line.title
    scene = Scene()
    leased(scene, 0)
    line = next(fact for fact in page(scene.analysis(tmp_path)).quality if fact.label == "Gateway")
    assert (line.value, line.tone) == ("none seen", "muted")


def test_findings_lead_to_their_rows(tmp_path: Path) -> None:
    scene = Scene()
    for ms in (0, 4000):
        dhcp(scene, ms, lease.discover())
    drawn = Page(render(scene.analysis(tmp_path)))
    assert "#dhcp-1" in drawn.hrefs
    assert "dhcp-1" in drawn.ids


def test_a_name_with_markup_is_text(tmp_path: Path) -> None:
    scene = Scene()
    name = "<script>alert(1)</script>\x1b"
    for ms in (0, 4000):
        dhcp(scene, ms, lease.message(1, 1, name=name))
    html = render(scene.analysis(tmp_path))
    assert "<script>alert" not in html
    assert "\x1b" not in html
    assert Page(html).unbalanced == []


def test_how_a_machine_is_written() -> None:
    assert station(None, "10.0.0.1") == "10.0.0.1"
    assert station("02:00:00:00:00:01") == "02:00:00:00:00:01, locally administered"
    assert station("18:41", "10.0.0.1") == "10.0.0.1 (18:41)"
    assert station(None) == ""
