"""Sentences in Chinese: the words of the catalogue, arguments as they are, spaces where two scripts meet."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer import close_codes, http_status, tcp_states, tcp_words
from analyzer.language import joined, translated, woven
from analyzer.schema import TcpConflict
from analyzer.sentences import FINDINGS, STEPS, WHY, finding_text, sentence, why

HAN = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize("key", [*STEPS, *FINDINGS])
def test_every_sentence_is_chinese_and_whole(key: str) -> None:
    text = sentence(key, {}, "zh")
    assert HAN.search(text)
    assert not re.search("[{}]|None|unknown", text)


@pytest.mark.parametrize("code", list(FINDINGS))
def test_every_finding_says_all_three_things(code: str) -> None:
    text = finding_text(code, {"status": 404, "close_code": 1006, "rcode": "SERVFAIL"}, "zh")
    assert all(HAN.search(part) for part in (text.title, text.why, text.advice))
    assert (text.why[-1], text.advice[-1]) == ("。", "。")
    assert not text.title.endswith("。")


@pytest.mark.parametrize("reason", list(WHY))
def test_reasons_are_clauses(reason: str) -> None:
    assert HAN.search(why(reason, "zh"))
    assert not why(reason, "zh").endswith("。")


def test_arguments_stand_as_they_are_with_spaces_around_latin() -> None:
    args = {"client": "10.0.0.5", "server": "10.0.0.1", "name": "a.example", "attempts": 3, "latency_ms": 3024.0}
    text = sentence("step.dns.retry", {**args, "addresses": ("192.0.2.1", "192.0.2.2")}, "zh")
    assert text == (
        "10.0.0.5 向 10.0.0.1 查询 a.example，未及时得到应答而重发（共 3 次查询）；"
        "从第一次查询起 3.02 s 后才得到 192.0.2.1、192.0.2.2。"
    )


def test_a_long_list_says_how_many_more_there_are() -> None:
    addresses = [f"192.0.2.{n}" for n in range(1, 8)]
    text = sentence("step.dns", {"addresses": addresses}, "zh")
    assert "192.0.2.1、192.0.2.2、192.0.2.3、192.0.2.4 等，另有 3 个" in text
    assert "向未知查询未知" in text


def test_words_of_the_program_are_translated_words_of_the_capture_are_not() -> None:
    args = {"by": "client", "client": "client", "server": "server", "server_port": 80, "stream": 1}
    assert sentence("TCP-RESET", args, "zh") == "客户端复位了 client 与 server 的 80 端口之间的连接"
    meaning = "destination unreachable: port unreachable"
    text = sentence("ICMP-UNREACHABLE", {"source": "10.0.0.1", "destination": "10.0.0.2", "meaning": meaning}, "zh")
    assert text == "10.0.0.1 报告无法到达 10.0.0.2：目的不可达：端口不可达"
    strange = sentence("ICMP-UNREACHABLE", {"meaning": "type 77, code 3"}, "zh")
    assert strange.endswith("：type 77, code 3")


def test_what_stands_for_a_missing_value_is_translated_but_not_a_field_s_name() -> None:
    args = {"method": "a request", "target": "that was not captured", "host": "h", "status": 404, "reason": "Not Found"}
    assert sentence("HTTP-CLIENT-ERROR", args, "zh") == "h 对没有抓到的请求答复 404 Not Found"
    asked = sentence("HTTP-FORM-IN-URL", {"host": "h", "names": ["key"]}, "zh")
    assert asked == "发给 h 的请求在网址里带着密码（在 key 中）"
    assert "一个 Windows 程序" in sentence("HTTP-TYPE-MISMATCH", {"host": "h", "seen": "a Windows program"}, "zh")


def test_words_that_begin_a_value_are_translated() -> None:
    args = {"name": "h.example", "weak": ["key: RSA 1024 bits", "signature: MD5"]}
    assert sentence("TLS-WEAK-KEY", args, "zh") == "h.example 的证书可以伪造（密钥：RSA 1024 bits、签名：MD5）"
    assert "a: b" in sentence("TCP-LOSS", {"client": "a: b"}, "zh")
    assert "不同之处：网络、默认网关。" in finding_text("DHCP-SERVERS", {"what": ["network", "gateway"]}, "zh").why


def test_a_step_without_a_sentence_still_says_something() -> None:
    assert sentence("step.tls.absent.cached", {}, "zh") == "没有 tls：先前已经知道，所以不必再问。"
    assert why("some_new_reason", "zh") == "some new reason"
    assert why(None, "zh") == "从这份抓包中无法得知"


def test_status_names_stay_and_their_meaning_is_translated() -> None:
    text = sentence("step.response.empty", {"host": "h.example", "status": 404, "reason": "", "wait_ms": 5.0}, "zh")
    assert text == "h.example 在 5.00 ms 后答复 404 Not Found，不带正文。"
    assert http_status.explain(404, "zh") == "服务器上没有这个地址的内容。"
    assert http_status.explain(499, "zh") == "未登记的状态码，按 4xx 处理：服务器认为问题出在请求上。"
    assert http_status.explain(999, "zh") == "不是有效的 HTTP 状态码。"


def test_close_codes_and_states() -> None:
    assert (close_codes.name(1000, "zh"), close_codes.name(3001, "zh")) == ("正常关闭", "库或框架的代码")
    assert close_codes.explain(4500, "zh").startswith("只有应用程序")
    assert tcp_states.explain("LISTEN", "zh") == "这一方在等待别人来连接。"
    assert tcp_states.explain("NO_STATE", "zh") == "从抓包中看不出这一方处于什么状态。"


def test_tcp_words() -> None:
    args = {"variant": "refused", "who": "client", "other": "server", "times": 3, "over_ms": 3000.0}
    assert tcp_words.deviation("syn_repeated", args, "zh") == (
        "客户端在 3.00 s 内发了 3 次 SYN：尽管服务器已拒绝，它还是再试。"
    )
    conflict = TcpConflict(from_="server", frame=9, first_frame=7, position=100, bytes=12)
    assert tcp_words.conflict(conflict, "zh").startswith(
        "第 9 帧又发送了服务器的字节，内容却不同：从其数据的第 101 个字节起，有 12 个字节与第 7 帧不同"
    )


def test_there_is_no_other_language() -> None:
    with pytest.raises(KeyError):
        translated("text", "key", "tlh")


def test_a_message_without_a_translation_stays_english() -> None:
    assert translated("No such sentence.", "no.such.key", "zh") == "No such sentence."


# ── spaces ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["共", "3", "次"], "共 3 次"),
        (["由", "客户端", "关闭"], "由客户端关闭"),
        (["到", "80", "，", "再见"], "到 80，再见"),
        (["（", "80", "）"], "（80）"),
        (["答复 ", "404"], "答复 404"),
        (["见", "", "7"], "见 7"),
        (["取", "/index.html", "。"], "取 /index.html。"),
        (["GET", "/"], "GET/"),
        (["对", "某个", " ", "请求", "的"], "对某个请求的"),
        (["对", "GET", " ", "/", "的"], "对 GET / 的"),
        ([], ""),
    ],
)
def test_a_space_stands_where_two_scripts_meet(pieces: list[str], expected: str) -> None:
    assert joined(pieces) == expected


def test_weaving_knows_formats_and_braces() -> None:
    assert woven("{{{a}}}有{b:>3}个", {"a": "x", "b": "7"}) == "{x} 有  7 个"


ARGUMENT = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.text())


@given(
    st.sampled_from([*STEPS, *FINDINGS]) | st.text(),
    st.dictionaries(
        st.sampled_from(["client", "name", "latency_ms", "attempts", "addresses", "status", "by", "meaning", "kinds"]),
        ARGUMENT,
    ),
)
def test_no_argument_breaks_a_sentence_or_leaves_it_unsafe(key: str, args: dict[str, object]) -> None:
    text = finding_text(key, args, "zh")
    for said in (sentence(key, args, "zh"), text.title, text.why, text.advice):
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", said)


def test_english_reads_no_catalogue() -> None:
    program = (
        "import sys; from analyzer.sentences import sentence, finding_text, why\n"
        "sentence('step.dns', {}), finding_text('TCP-LOSS', {}), why('cached')\n"
        "print('gettext' in sys.modules, 'babel' in sys.modules)\n"
        "why('cached', 'zh'); print('gettext' in sys.modules, 'babel' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "False", "True", "False"]
