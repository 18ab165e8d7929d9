"""What a 304 saved: by ETag, by an earlier answer to the same client, by its own Content-Length, or not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.schema import HttpRow
from tests.visits.scene import Scene, answer, get

HELD = {"If-None-Match": '"v1"'}


def still(**headers: str) -> bytes:
    """A 304 as RFC 9110 section 15.4.5 describes it: no body, whatever its fields say."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 304 Not Modified\r\n{lines}\r\n".encode()


def scene(first: bytes, second: bytes, *, asks: dict[str, str] = HELD, **later: object) -> Scene:
    """A file fetched, and asked about a second later on another connection."""
    out = Scene()
    out.exchange(0, get("/a.css"), first)
    out.exchange(1000, get("/a.css", **asks), second, **{"client_port": 40001, **later})
    return out


def saved(out: Scene, folder: Path) -> int | None:
    return last(out, folder).saved_bytes


def last(out: Scene, folder: Path) -> HttpRow:
    return max(out.analysis(folder).http, key=lambda row: row.request_time or 0)


def test_same_etag(tmp_path: Path) -> None:
    row = last(scene(answer(200, 777, ETag='"v1"'), still(ETag='"v1"')), tmp_path)
    assert (row.cache, row.saved_bytes, row.response_body_bytes) == ("hit_304", 777, 0)


def test_weak_and_strong_etags_name_one_version(tmp_path: Path) -> None:
    """RFC 9110 section 8.8.3.2: weak comparison ignores the mark."""
    assert saved(scene(answer(200, 777, ETag='W/"v1"'), still(ETag='"v1"')), tmp_path) == 777


def test_another_version(tmp_path: Path) -> None:
    assert saved(scene(answer(200, 777, ETag='"v0"'), still(ETag='"v1"')), tmp_path) is None


def test_the_question_names_the_version(tmp_path: Path) -> None:
    """A 304 without ETag answers for the one that was asked about."""
    assert saved(scene(answer(200, 777, ETag='"v1"'), still()), tmp_path) == 777
    assert saved(scene(answer(200, 777, ETag='"v0"'), still()), tmp_path) is None


def test_several_versions_asked_about(tmp_path: Path) -> None:
    asks = {"If-None-Match": '"v0", W/"v1"'}
    assert saved(scene(answer(200, 777, ETag='"v1"'), still(), asks=asks), tmp_path) == 777
    assert saved(scene(answer(200, 777, ETag='"v2"'), still(), asks=asks), tmp_path) is None


def test_any_version(tmp_path: Path) -> None:
    """RFC 9110 section 13.1.2: ``*`` asks whether there is anything; the client's last copy is what it stands for."""
    assert saved(scene(answer(200, 777, ETag='"v1"'), still(), asks={"If-None-Match": "*"}), tmp_path) == 777


def test_tag_without_quotes(tmp_path: Path) -> None:
    assert saved(scene(answer(200, 777, ETag="v1"), still(), asks={"If-None-Match": "v1"}), tmp_path) == 777


def test_another_client_s_copy(tmp_path: Path) -> None:
    """An ETag names a version for everybody; without one a stranger's answer proves nothing."""
    other = {"client": "10.0.0.9"}
    assert saved(scene(answer(200, 777, ETag='"v1"'), still(ETag='"v1"'), **other), tmp_path) == 777
    since = {"If-Modified-Since": "x"}
    assert saved(scene(answer(200, 777), still(), asks=since, **other), tmp_path) is None


@pytest.mark.parametrize(("date", "size"), [("Mon, 03 Nov 2025 09:00:00 GMT", 777), ("Tue, 04 Nov 2025", None)])
def test_by_date(tmp_path: Path, date: str, size: int | None) -> None:
    first = answer(200, 777, **{"Last-Modified": "Mon, 03 Nov 2025 09:00:00 GMT"})
    assert saved(scene(first, still(), asks={"If-Modified-Since": date}), tmp_path) == size


def test_content_length_of_the_304(tmp_path: Path) -> None:
    """RFC 9110 section 8.6: it is what a 200 would have had; servers that send 0 do not mean it."""
    out = Scene()
    out.exchange(0, get("/a.css", **HELD), still(Content_Length="1234"))
    assert saved(out, tmp_path) == 1234
    out = Scene()
    out.exchange(0, get("/a.css", **HELD), still(Content_Length="0"))
    assert saved(out, tmp_path) is None


def test_a_later_answer_is_not_what_was_held(tmp_path: Path) -> None:
    out = Scene()
    out.exchange(0, get("/a.css", **HELD), still(ETag='"v1"'))
    out.exchange(1000, get("/a.css"), answer(200, 777, ETag='"v1"'), client_port=40001)
    assert [row.saved_bytes for row in out.analysis(tmp_path).http] == [None, None]


def test_a_part_is_no_copy(tmp_path: Path) -> None:
    out = scene(answer(206, 777, ETag='"v1"'), still(ETag='"v1"'))
    assert saved(out, tmp_path) is None


def test_another_address(tmp_path: Path) -> None:
    out = Scene()
    out.exchange(0, get("/b.css"), answer(200, 777, ETag='"v1"'))
    out.exchange(1000, get("/a.css", **HELD), still(ETag='"v1"'), client_port=40001)
    assert saved(out, tmp_path) is None
