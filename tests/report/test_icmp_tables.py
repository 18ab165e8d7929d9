"""Pings, traceroutes and OICQ on the page: what is said, and that links lead somewhere."""

from __future__ import annotations

from pathlib import Path

from analyzer.analysis import Analysis
from analyzer.report.cells import Table
from analyzer.report.data import page
from analyzer.report.render import render
from tests.findings.icmp_scene import FAR, HOST, ROUTERS, Net, udp_trace
from tests.protocols_names.test_oicq import LOGOUT, USER


def column(table: Table, label: str) -> list[str]:
    at = [column.label for column in table.columns].index(label)
    return [row.cells[at].text for row in table.rows]


def lost_pings(folder: Path) -> Analysis:
    net = Net()
    net.pings([20.0, None, 22.0, 21.0])
    return net.analysis(folder)


def test_pings_are_summed_up(tmp_path: Path) -> None:
    table = page(lost_pings(tmp_path)).protocols.pings
    assert (column(table, "From"), column(table, "To"), column(table, "Result")) == (
        [HOST],
        [FAR],
        ["4 sent, 3 answered"],
    )
    assert column(table, "Lost") == ["25 %"]
    assert (column(table, "Shortest"), column(table, "Mean"), column(table, "Longest")) == (
        ["20 ms"],
        ["21 ms"],
        ["22 ms"],
    )
    assert column(table, "Every") == ["1.00 s"]


def test_silent_hops_are_shown_as_silent(tmp_path: Path) -> None:
    table = page(udp_trace(silent=(2,)).analysis(tmp_path)).protocols.traceroutes
    assert column(table, "Hop") == ["1", "2", "3", "4", "5"]
    first, second, *_, last = column(table, "Answered by")
    assert (first, second[:6], last) == (ROUTERS[0], "silent", f"{FAR} (the destination)")
    assert column(table, "Answers") == ["3 of 3", "0 of 3", "3 of 3", "3 of 3", "3 of 3"]


def test_a_quoted_ping_is_linked(tmp_path: Path) -> None:
    net = Net()
    net.error(3, ROUTERS[0], 3, 1, net.ping(0, 2, None))
    facts = page(net.analysis(tmp_path))
    about = facts.protocols.icmp.rows[1].cells[8]
    assert (about.text, about.link, facts.reach(about.link)) == ("ping 1", "icmp-1", "icmp-1")


def test_the_list_of_tables_leads_to_them(tmp_path: Path) -> None:
    facts = page(udp_trace().analysis(tmp_path))
    links = {entry.name: facts.reach(entry.link) for entry in facts.tables.index if entry.rows}
    assert (links["icmp"], links["traceroutes"]) == ("icmp-table", "traceroute-table")


def test_oicq_says_on_what_it_rests_and_hides_numbers(tmp_path: Path) -> None:
    net = Net()
    net.udp(0, LOGOUT, client=HOST, server=FAR, port=4000, server_port=8000)
    analysis = net.analysis(tmp_path)
    table = page(analysis).protocols.oicq
    assert (column(table, "Command"), column(table, "QQ number")) == (["log out (1)"], ["[masked]39"])
    html = render(analysis)
    assert "taken for OICQ because of their port" in html
    assert USER not in html
