"""The index as a page: every capture in it, what they share counted, nothing from outside that acts."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import zlib
from collections import Counter
from functools import cache
from typing import Any

import jsonschema
import pytest

from analyzer.batch import index
from analyzer.batch.index_facets import MAX_FOLDED, MAX_FOLDERS, MAX_SAME, MAX_SAME_FOLDED, facets
from analyzer.batch.index_facts import folders
from analyzer.batch.index_page import MAX_FAILED, html_text, index_page
from analyzer.batch.index_rows import MAX_MARKUP_ROWS, own_path
from analyzer.batch.index_schema import schema
from analyzer.batch.index_titles import WORDS, general_title
from analyzer.batch.log import SHOWN, Log, print_table
from analyzer.batch.plan import jobs
from analyzer.batch.sources import Found, Source
from analyzer.batch.summary import FIELDS, summary
from analyzer.findings.run import RULES
from analyzer.language import speaking
from analyzer.pipeline import analyze
from analyzer.report.cells import Cell
from analyzer.report.wording import say
from tests.batch import outcomes
from tests.batch.outcomes import broken, outcome
from tests.conftest import ROOT, SAMPLES
from tests.report.pages import Page

CUT = outcome(3, status="partial", error="the file ends inside a block", sha256=outcome(2)["sha256"])
SOME = [broken("broken.pcap", "its header says 65536 bytes", 24), outcome(1), outcome(2), CUT, outcome(5)]


@cache
def html(name: str) -> str:
    return html_text({"some": SOME, "hostile": outcomes.hostile(), "many": outcomes.many(400)}[name])


@cache
def parsed(name: str) -> Page:
    return Page(html(name))


def terms(captures: list[dict[str, Any]]) -> dict[str, int]:
    return {facet.term: facet.count for group in facets(captures) for facet in group.facets}


def grid(page: Page) -> dict[str, Any]:
    text = next(text for kind, text in page.scripts if kind in ("text/plain", "application/json"))
    if not text.startswith("{"):
        text = zlib.decompress(base64.b64decode(text)).decode()
    value: dict[str, Any] = json.loads(text)
    return value


@pytest.mark.parametrize("name", ["some", "hostile", "many"])
def test_the_page_is_whole_and_locked(name: str) -> None:
    page = parsed(name)
    assert page.unbalanced == []
    assert [ident for ident, count in Counter(page.ids).items() if count > 1] == []
    policy = next(
        attributes["content"] for tag, attributes in page.tags if tag == "meta" and "http-equiv" in attributes
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.split("style-src")[0]
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        assert "src" not in attributes
        assert "style" not in attributes
    for href in page.hrefs:
        assert re.fullmatch(r"#[a-z]+(-[a-z]+)*(-\d+)?|[A-Za-z0-9_][A-Za-z0-9._/-]*", href), href


def test_the_same_captures_give_the_same_bytes() -> None:
    assert html_text(SOME) == html("some")


def test_every_capture_has_a_row_whatever_became_of_it() -> None:
    rows = [attributes for tag, attributes in parsed("some").tags if tag == "tr" and "data-row" in attributes]
    assert [row["id"] for row in rows] == [f"capture-{n}" for n in range(1, 6)]
    assert [row["data-status"] for row in rows] == ["failed", "ok", "ok", "partial", "ok"]
    assert "data-severity" not in rows[0]
    assert rows[1]["data-severity"] == "note"
    assert rows[4]["data-severity"] == "error note"
    assert rows[4]["data-code"] == "TEST-5 HTTP-SERVER-ERROR"
    assert rows[4]["data-day"] == "2026-11-06"
    assert rows[4]["data-host"] == "shop.example host-5.example"
    assert rows[4]["data-dur"] == "9500.000"


def test_a_name_leads_to_the_report_and_a_failed_one_nowhere() -> None:
    links = [href for href in parsed("some").hrefs if not href.startswith("#")]
    assert links == [SOME[n]["outputs"]["html"] for n in (1, 2, 3, 4)]
    without = outcome(1, outputs={"json": "lab/a.pcap.json", "csv": "lab/a.pcap.csv"})
    assert [h for h in Page(html_text([without])).hrefs if h[0] != "#"] == ["lab/a.pcap.json"]
    nothing = Page(html_text([outcome(1, outputs={"parquet": "parquet"})]))
    assert [h for h in nothing.hrefs if h[0] != "#"] == []
    assert "No reports were asked for" in nothing.text


@pytest.mark.parametrize(
    "path",
    [
        *(
            "../a.html",
            "a/../b.html",
            "/etc/passwd",
            "//evil.example/a",
            "javascript:alert(1)",
            "a b.html",
            "a%2e.html",
        ),
        *("a\n.html", ".analyze/x", "a//b.html", "a/", "", None, 7, "a?b.html", "a#b.html", "C:\\a.html", "a.html\n"),
    ],
)
def test_what_is_no_path_of_ours_is_no_link(path: object) -> None:
    assert own_path(path) == ""


def test_a_link_is_not_cut_however_deep_it_leads() -> None:
    path = "/".join(["x" * 100] * 5) + "/a.pcap.html"
    assert f'href="{path}"' in html_text([outcome(1, outputs={"html": path})])


def test_the_first_screen_says_how_it_went() -> None:
    text = parsed("some").text
    assert "Of 5 captures, 3 were analyzed in full, 1 in part and 1 failed." in text
    assert "1 of them repeats the content of another." in text
    assert "Together they hold 411 packets in 40.4 kB." in text
    assert "1 capture could not be analyzed." in text
    assert "its header says 65536 bytes (at byte 24)" in text
    assert "2 captures: 2 were analyzed in full." in Page(html_text([outcome(1), outcome(2)])).text
    assert "Nothing: every capture was analyzed in full." in Page(html_text([outcome(1)])).text


def test_failed_captures_come_first_and_are_counted_where_they_are_cut() -> None:
    page = index_page([CUT, *(broken(f"{n}.pcap") for n in range(MAX_FAILED))])
    assert [one.status for one in page.failed] == ["failed"] * MAX_FAILED
    assert page.failed[0].anchor == "capture-2"
    assert page.failed_total == MAX_FAILED + 1
    assert page.captures.total == MAX_FAILED + 1


def test_only_failed_captures_are_a_page_too() -> None:
    page = Page(html_text([broken()]))
    assert "1 capture: 1 failed." in page.text
    assert page.unbalanced == []


def test_shared_findings_are_those_of_several_captures() -> None:
    page = index_page([outcome(1), outcome(8), outcome(5), outcome(10)])
    assert [(one.code, one.term, one.count) for one in page.shared] == [
        ("HTTP-SERVER-ERROR", "code:HTTP-SERVER-ERROR", 2),
        ("TEST-1", "code:TEST-1", 2),
    ]
    assert page.shared[0].title == "‹host› answered ‹status› ‹reason› to ‹method› ‹target›"
    assert page.shared[1].title == "TEST-1"


def test_shared_findings_come_in_order_of_their_severity() -> None:
    """The gravest first, then the most frequent; a code that no rule has is last."""
    many = {"HTTP-CACHE": 1, "TCP-LOSS": 1, "UNKNOWN-CODE": 1}
    some = [outcome(n, codes=many) for n in (1, 2, 3)] + [outcome(n, codes={"DNS-FAILED": 1}) for n in (4, 6)]
    page = index_page([*some, outcome(7, codes={"TCP-RESET": 2}), outcome(8, codes={"TCP-RESET": 1})])
    assert [(one.code, one.severity_words, one.count) for one in page.shared] == [
        ("DNS-FAILED", "▲ error", 2),
        ("TCP-LOSS", "● warning", 3),
        ("TCP-RESET", "● warning", 2),
        ("HTTP-CACHE", "i info", 3),
        ("UNKNOWN-CODE", "", 3),
    ]


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("DNS-SLOW", "Resolving ‹name› took ‹time›"),
        ("TCP-LOSS", "‹number› segments between ‹client› and ‹server› were sent again"),
        ("CAPTURE-SNAPLEN", "‹number› packets were cut short when recorded"),
        ("TCP-RESET", "The ‹side› reset the connection between ‹client› and ‹server› port ‹port›"),
        ("HTTP-CACHE", "‹number› files were still good in the cache of ‹client›, which saved ‹size›"),
        ("ARP-SLOW", "‹target› took ‹time› to tell its hardware address to ‹asker›"),
        ("DHCP-SLOW", "It took ‹client› ‹time› to get the address ‹address›"),
    ],
)
def test_a_general_title_says_what_differs_in_words(code: str, title: str) -> None:
    assert general_title(code) == title


def test_no_general_title_has_a_name_of_the_code() -> None:
    assert len(RULES) > 90
    for rule in RULES:
        assert not re.search("‹[^›]*_|‹›|…", general_title(rule.code)), rule.code
        with speaking("zh"):
            # only what has a word of its own is named in another language
            assert {*re.findall("‹([^›]*)›", general_title(rule.code))} <= {
                say(word, "place") for word in WORDS.values()
            }


def test_facets_count_what_their_filter_keeps() -> None:
    www = outcome(5, hosts=["www.shop.example"])
    found = terms([*SOME[:4], www])
    assert found["status:ok"] == 3
    assert found["status:partial"] == 1
    assert found["status:failed"] == 1
    assert found["finding:error"] == 1
    assert found["finding:note"] == 4
    assert "finding:warning" not in found
    assert found["host:shop.example"] == 4  # a host's name is found within others
    assert found["host:www.shop.example"] == 1
    assert found["day:2026-11-04"] == 1


def test_a_host_that_the_filter_cannot_hold_is_not_offered() -> None:
    found = terms([outcome(1, hosts=['a"b', "a b", "A.Example"])])
    assert [term for term in found if term.startswith("host")] == ["host:A.Example", 'host:"a b"']


def test_captures_with_the_same_content_are_named_in_groups() -> None:
    """Each name leads to its row; what is not seen at once is folded, and counted where it is left out."""
    one, other = "1" * 64, "2" * 64
    some = [outcome(n, sha256=one if n in (1, 3, 5) else other if n in (2, 4) else f"{n:064d}") for n in range(1, 7)]
    page = index_page(some)
    assert [(group.term, group.count) for group in page.same] == [("same:" + "1" * 12, 3), ("same:" + "2" * 12, 2)]
    assert page.same[0].names == tuple((f"lab{n}/group-{n:04d}.pcapng", f"capture-{n}") for n in (1, 3, 5))
    assert page.same_more == ()
    assert terms(some)["same:any"] == 5
    text = Page(html_text(some)).text
    assert "3 of them repeat the content of others." in text
    assert "The same content under several names" in text
    assert "The same content under several names" not in Page(html_text([outcome(1), outcome(2)])).text
    pairs = [outcome(n, sha256=f"{n // 2:012d}" + "0" * 52) for n in range(2 * (MAX_SAME + MAX_SAME_FOLDED + 3))]
    page = index_page(pairs)
    assert len(page.same) == MAX_SAME
    assert len(page.same_more) == MAX_SAME_FOLDED
    assert page.same_folded == MAX_SAME_FOLDED + 3
    assert page.same_cut == f"showing {MAX_SAME + MAX_SAME_FOLDED} of {MAX_SAME + MAX_SAME_FOLDED + 3}; " + (
        "the table has all of them"
    )


def test_folders_are_offered_where_there_are_several() -> None:
    names = ("class/ann/a.pcap", "class/ann/deep/b.pcap", "class/Bob B/c.pcap", "class/d.pcap")
    some = [outcome(n, capture=name) for n, name in enumerate(names)]
    found = {term: count for term, count in terms(some).items() if term.startswith("folder")}
    assert found == {"folder:ann": 2, 'folder:"Bob B"': 1}  # "class" tells nothing: all lie in it
    assert folders(some) == ["ann", "ann", "Bob B", ""]
    assert not [term for term in terms([some[0], some[0]]) if term.startswith("folder")]
    assert not [term for term in terms([outcome(1, capture="a.pcap")]) if term.startswith("folder")]


def test_values_without_a_button_are_folded_and_then_counted() -> None:
    many = [outcome(n, capture=f"s{n:03d}/a.pcap") for n in range(MAX_FOLDERS + MAX_FOLDED + 5)]
    group = next(group for group in facets(many) if group.name == "Folder")
    assert [facet.term for facet in group.facets] == [f"folder:s{n:03d}" for n in range(MAX_FOLDERS)]
    assert len(group.folded) == MAX_FOLDED
    assert (group.more, group.unseen) == (5, MAX_FOLDED + 5)
    page = Page(html_text(many))
    assert f"and {MAX_FOLDED + 5} more" in page.text
    assert "and 5 more" in page.text
    assert f"folder:s{MAX_FOLDERS:03d}" in [attributes.get("data-term") for _, attributes in page.tags]


def test_percentiles_are_those_of_the_index() -> None:
    table = index_page(SOME).percentiles
    told = index.totals(SOME)["percentiles"]
    rows = {row.cells[0].text: [cell.value for cell in row.cells[1:]] for row in table.rows}
    assert rows["Wait (p95)"] == [*(told["wait_p95_ms"][f"p{share}"] for share in (50, 95, 99))]
    assert rows["Packets"] == [102, 105, 105]
    assert {row.cells[0].title for row in table.rows} == {"4 captures have such a number"}


def test_the_small_bar_is_the_share_of_each_phase() -> None:
    spent = {"dns": 10.0, "connect": 20.0, "wait": 70.0}
    row = index_page([outcome(1, phases_ms=spent)]).captures.rows[0]
    cell = next(cell for cell in row.cells if cell.bar)
    assert cell.bar == (("dns", 0.0, 10.0), ("connect", 10.0, 20.0), ("wait", 30.0, 70.0))
    assert cell.text == "Wait 70 %"
    assert cell.title == "DNS 10 ms, TCP 20 ms, Wait 70 ms"
    assert cell.value == 100.0


def test_columns_without_content_are_left_out() -> None:
    bare = outcome(1, failures=0, problems=0, phases_ms={}, worst=None, hosts=[])
    labels = [column.label for column in index_page([bare]).captures.columns]
    assert labels[-1] == "SHA-256"
    assert not {"Failures", "Problems", "Where time went", "Worst finding", "Hosts"} & {*labels}


def column(captures: list[dict[str, Any]], label: str) -> list[Cell]:
    table = index_page(captures).captures
    at = [column.label for column in table.columns].index(label)
    return [row.cells[at] for row in table.rows]


def test_every_column_of_numbers_can_be_sorted() -> None:
    """Times count from 1970 (date -u -d 2026-11-02T08:01:00 +%s); what is not shown since it is zero is zero."""
    some = [outcome(1, failures=0, problems=3), outcome(2, failures=2, problems=0), broken()]
    some[1]["start_time"] = "2026-11-02T08:01:00.250000000Z"
    assert [cell.value for cell in column(some, "Start")] == [1_793_606_460.0, 1_793_606_460.25, None]
    assert [(cell.text, cell.value) for cell in column(some, "Failures")] == [("", 0), ("2", 2), ("–", None)]
    assert [(cell.text, cell.value) for cell in column(some, "Problems")] == [("3", 3), ("", 0), ("–", None)]
    page = Page(html_text(some))
    assert "1793606460.25" in [attributes.get("data-v") for tag, attributes in page.tags if tag == "td"]


def test_a_start_that_is_none_is_not_sorted_by() -> None:
    (cell,) = column([outcome(1, start_time="yesterday, or the day before")], "Start")
    assert cell.value is None


def test_why_a_capture_failed_stands_where_its_worst_finding_would() -> None:
    captures = index_page(SOME).captures
    at = [column.label for column in captures.columns].index("Worst finding")
    by_status = {row.cells[1].text: row.cells[at] for row in captures.rows}
    assert by_status["failed"].why
    assert by_status["failed"].value == -1  # before all severities, where it is sorted
    assert by_status["ok"].value >= 0


def test_many_captures_are_a_grid_with_all_of_them() -> None:
    page = parsed("many")
    data = grid(page)
    assert data["rows"] == 400 > MAX_MARKUP_ROWS
    assert set(data["marks"]) == {
        *("host", "status", "severity", "dur", "code", "day", "folder"),
        *("packets", "failures", "size", "wait", "connections", "visits"),
    }
    names = data["columns"][0]["cells"]
    assert names[99] == "lab/broken-0099.pcap"
    assert names[98][0] == "lab8/group-0098.pcapng"
    assert names[98][6] == "lab8/group-0098.pcapng.html"
    assert len(page.tags) < 5_000


def test_an_attack_is_text() -> None:
    page = parsed("hostile")
    assert [href for href in page.hrefs if not href.startswith("#")] == ["x" * 255]  # a safe name, if a long one
    assert "<img src=x onerror=" in page.text
    assert "⟨U+000A⟩" in page.text
    assert "⟨U+202E⟩" in page.text
    assert not re.search("[\x00\u202e\ud800-\udfff]", html("hostile"))
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in parsed("some").tags}


def test_the_page_speaks_chinese_where_it_has_words() -> None:
    text = html_text(SOME, "zh")
    assert '<html lang="zh-Hans">' in text
    assert text != html("some")


@pytest.mark.parametrize("name", ["index", "batch", "INDEX"])
def test_no_capture_takes_the_name_of_the_batch_s_own_files(name: str) -> None:
    (job,) = jobs([Source(name, f"/lab/{name}")])
    assert re.fullmatch(f"{name}-[0-9a-f]{{6}}", job.stem)


def test_the_terminal_lists_the_gravest_kinds_and_counts_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    codes = {**{f"A-{n:02d}": 1 for n in range(SHOWN)}, "HTTP-CACHE": 1, "DNS-FAILED": 1}
    log = Log(2, None, as_json=False, quiet=False)
    print_table([outcome(1, codes=codes), outcome(2, codes={"HTTP-CACHE": 1})], Found(), log, "index.html", 1, False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["1", "capture", "with", "DNS-FAILED", "(error)"]
    assert lines[2].split() == ["2", "captures", "with", "HTTP-CACHE", "(info)"]
    assert lines[3].split() == ["1", "capture", "with", "A-00"]
    assert lines[1 + SHOWN].strip() == "and 2 more kinds of findings, in the index"


# ── the schema of index.json ─────────────────────────────────────────────────────────────────────────────────────


def faults(captures: list[dict[str, Any]]) -> list[str]:
    document = json.loads("".join(index.json_text(captures)))
    checked = jsonschema.Draft202012Validator(schema()).iter_errors(document)
    return [f"{error.json_path}: {error.message[:200]}" for error in checked]


def test_an_index_is_as_its_schema_says() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    real = [
        {"capture": f"{name}.pcapng", **summary(analyze(str(SAMPLES / f"{name}.pcapng"))), "outputs": {}}
        for name in ("status-codes", "ping")
    ]
    assert faults([*real, *SOME]) == []


def test_the_schema_has_every_field_and_allows_no_other() -> None:
    entry = schema()["properties"]["captures"]["items"]
    assert set(entry["properties"]) == {"capture", "outputs", *FIELDS}
    assert faults([outcome(1, status="good")]) != []
    assert faults([outcome(1, more=1)]) != []
    assert faults([outcome(1, outputs={"html": "../a.html"})]) != []
    assert faults([outcome(1, start_time="yesterday")]) != []
    missing = outcome(1)
    del missing["packets"]
    document = json.loads("".join(index.json_text(SOME))) | {"captures": [missing]}
    assert not jsonschema.Draft202012Validator(schema()).is_valid(document)


def test_the_schema_is_printed() -> None:
    command = [sys.executable, "-m", "analyzer.batch.index_schema"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == schema()
