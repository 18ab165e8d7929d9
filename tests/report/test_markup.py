"""HTML written in Python: every value in it is text, wherever it stands."""

from __future__ import annotations

from dataclasses import fields
from html.parser import HTMLParser

from analyzer.report.cells import Cell, Column, Mark, Row, Table, ms
from analyzer.report.ladder_svg import Ladder, Line
from analyzer.report.markup import ladder_lines, mark, rows, small_rows

EVIL = "\"'><img src=x onerror=alert(1)>&\u202e\x00"
SHOWN = "\"'><img src=x onerror=alert(1)>&⟨U+202E⟩⟨U+0000⟩"


class Reader(HTMLParser):
    """What a browser reads: elements with their attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep text that is more than space."""
        if data.strip():
            self.texts.append(data)


def evil() -> Cell:
    return Cell(EVIL, why=EVIL, link=EVIL, tone=EVIL, title=EVIL, value=1.5, unit=EVIL)


def test_cells_are_text() -> None:
    columns = (Column("#", numeric=True), Column("Text", wide=True))
    table = Table("t", "T", columns, (Row("dns-1", (evil(), Cell("a")), Mark(host=EVIL)),), 1)
    for write, kind in ((rows, "w"), (small_rows, None)):
        read = Reader(write(table, lambda link: link))
        assert [tag for tag, _ in read.elements] == ["tr", "td", "a", "small", "td"]
        line, first, link, _, last = (attributes for _, attributes in read.elements)
        assert line == ({"id": "dns-1", "tabindex": "-1", "data-row": None, "data-host": SHOWN} if kind else {})
        assert first == {"class": f"n {SHOWN}", "data-v": "1.5", "title": SHOWN}
        assert link == {"href": f"#{SHOWN}"}
        assert last == ({"class": "w"} if kind else {})
        assert "".join(read.texts) == f"{SHOWN}{SHOWN}a"


def test_a_link_leads_where_it_is_told_to() -> None:
    table = Table("t", "T", (Column("#"),), (Row("", (Cell("7", link="stream-7"),)),), 1)
    read = Reader(rows(table, lambda link: {"stream-7": "connections"}[link]))
    assert ("a", {"href": "#connections"}) in read.elements
    assert "id" not in read.elements[0][1]


def test_numbers_go_beside_the_words_written_from_them() -> None:
    table = Table(
        "t", "T", (Column("Took", numeric=True),), (Row("", (ms(1234.5),)), Row("", (Cell("3", value=3),))), 2
    )
    read = Reader(small_rows(table, str))
    assert [attributes.get("data-v") for tag, attributes in read.elements if tag == "td"] == ["1234.5", None]


def test_marks_are_text() -> None:
    everything = Mark(**{field.name: EVIL for field in fields(Mark)})
    ((_, attributes),) = Reader(f"<tr{mark(everything)}>").elements
    names = ("host", "status", "method", "stream", "proto", "severity", "dur", "from", "to", "frames", "code", "day")
    assert attributes == {"data-row": None} | {f"data-{name}": SHOWN for name in names}
    assert Reader(f"<tr{mark(Mark())}>").elements == [("tr", {"data-row": None})]


def test_lines_of_ladders_are_text() -> None:
    lines = tuple(
        Line(kind, 30, time=EVIL, delta=EVIL, frame=EVIL, flags=EVIL, detail=EVIL, note=EVIL, tone=EVIL)
        for kind in ("segment", "run", "idle")
    )
    read = Reader(ladder_lines(Ladder(lines, (), (), 100, 3, 3)))
    assert {tag for tag, _ in read.elements} == {"g", "text", "use", "tspan"}
    assert all(SHOWN in text for text in read.texts)
    groups = [attributes for tag, attributes in read.elements if tag == "g"]
    assert groups[0] == {"class": f"seg {SHOWN}", "id": f"frame-{SHOWN}", "transform": "translate(0 30)"}
    assert [group["class"] for group in groups[1:]] == [f"run {SHOWN}", f"idle {SHOWN}"]
