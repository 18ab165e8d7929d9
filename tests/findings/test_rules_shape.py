"""What all rules have in common: stable codes, words from fixed lists, sentences for all they can say, tests."""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from analyzer.findings.model import SEVERITIES, Rule
from analyzer.findings.run import RULES
from analyzer.sentences import FINDINGS
from tests.conftest import ROOT

STABLE = (
    "ARP-ADDRESS-TAKEN",
    "ARP-CONFLICT",
    "ARP-GATEWAY-CHANGED",
    "ARP-SCAN",
    "ARP-SLOW",
    "ARP-STORM",
    "ARP-UNANSWERED",
    "CAPTURE-CLOCK",
    "CAPTURE-DROPS",
    "CAPTURE-DUPLICATES",
    "CAPTURE-GAPS",
    "CAPTURE-OFFLOAD",
    "CAPTURE-ONE-WAY",
    "CAPTURE-PACED",
    "CAPTURE-SNAPLEN",
    "CAPTURE-TRUNCATED",
    "DHCP-DECLINED",
    "DHCP-NO-ANSWER",
    "DHCP-REFUSED",
    "DHCP-SERVERS",
    "DHCP-SLOW",
    "DNS-CHAIN",
    "DNS-CONFLICTING",
    "DNS-ENCRYPTED",
    "DNS-FAILED",
    "DNS-LAME",
    "DNS-MALFORMED",
    "DNS-NO-ANSWER",
    "DNS-RESOLVER-DEAD",
    "DNS-RETRY",
    "DNS-SLOW",
    "DNS-STORM",
    "DNS-TRUNCATED",
    "DNS-UNASKED",
    "DNS-UNCACHED",
    "HTTP-CACHE",
    "HTTP-CLIENT-ERROR",
    "HTTP-COOKIE-FLAGS",
    "HTTP-CREDENTIALS-CLEAR",
    "HTTP-CUT-SHORT",
    "HTTP-FORM-IN-URL",
    "HTTP-LONG-POLLING",
    "HTTP-MALFORMED",
    "HTTP-NO-COMPRESSION",
    "HTTP-NO-HSTS",
    "HTTP-NO-KEEPALIVE",
    "HTTP-NO-RESPONSE",
    "HTTP-ON-TLS-PORT",
    "HTTP-PLAIN",
    "HTTP-POLLING",
    "HTTP-REDIRECTS",
    "HTTP-SERVER-ERROR",
    "HTTP-SLOW-SERVER",
    "HTTP-THIRD-PARTY",
    "HTTP-TLS-ON-PLAIN-PORT",
    "HTTP-TYPE-MISMATCH",
    "ICMP-BLACK-HOLE",
    "ICMP-ECHO-LOSS",
    "ICMP-ECHO-SLOW",
    "ICMP-LOOP",
    "ICMP-PMTU",
    "ICMP-REDIRECT",
    "ICMP-TRACEROUTE",
    "ICMP-TUNNEL",
    "ICMP-UNREACHABLE",
    "NDP-ADDRESS-TAKEN",
    "NDP-CONFLICT",
    "NDP-ROUTERS",
    "NDP-UNANSWERED",
    "OICQ-CLEAR",
    "TCP-BACKOFF",
    "TCP-KEEPALIVE-DEAD",
    "TCP-LOSS",
    "TCP-OVERLAP-CONFLICT",
    "TCP-REFUSED",
    "TCP-RESET",
    "TCP-SLOW-CONNECT",
    "TCP-SYN-FLOOD",
    "TCP-SYN-LOST",
    "TCP-SYN-UNANSWERED",
    "TCP-WINDOW-LIMIT",
    "TCP-ZERO-WINDOW",
    "TLS-ALERT",
    "TLS-CERT-EXPIRED",
    "TLS-CERT-EXPIRES",
    "TLS-CERT-NAME",
    "TLS-CERT-SELF-SIGNED",
    "TLS-HELLO-RETRY",
    "TLS-INCOMPLETE",
    "TLS-NO-RESUMPTION",
    "TLS-OLD-VERSION",
    "TLS-SLOW",
    "TLS-WEAK-CIPHER",
    "TLS-WEAK-KEY",
    "VISIT-CONNECTIONS",
    "VISIT-FAILED",
    "VISIT-REDIRECTS",
    "VISIT-SLOW",
    "VISIT-WASTE",
    "WS-BAD-ACCEPT",
    "WS-CLOSED-ABNORMALLY",
)
"""Codes that others build on (``--fail-on``, scripts, the tables): one that was published stays, with its meaning."""
AT_LEAST = 101
"""Rules there are; the number only grows."""
LAYERS = ("capture", "arp", "ndp", "dhcp", "dns", "icmp", "oicq", "tcp", "tls", "http", "visit")
BLAMES = ("client", "network", "server", "resolver", "capture", "unknown")
PACKAGE = ROOT / "analyzer" / "findings"
MODULES = sorted(PACKAGE.glob("rules_*.py"))
VARIANTS = {key.partition(".")[2] for key in FINDINGS if "." in key}


def _module(path: Path) -> ModuleType:
    return importlib.import_module(f"analyzer.findings.{path.stem}")


def test_codes_are_unique_and_none_has_vanished() -> None:
    codes = Counter(rule.code for rule in RULES)
    assert [code for code, times in codes.items() if times > 1] == []
    assert sorted(set(STABLE) - set(codes)) == []
    assert len(codes) >= AT_LEAST


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_words_are_from_the_lists(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Z]+(-[A-Z0-9]+)+", rule.code)
    assert rule.severity in SEVERITIES
    assert rule.layer in LAYERS
    assert rule.blame in BLAMES
    assert rule.reference.strip()
    assert rule.check.__doc__, "what it finds is said where it is found"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_code_begins_with_its_layer(rule: Rule) -> None:
    family = {"WS": "http", "TCP": "tcp"}.get(rule.code.partition("-")[0], rule.code.partition("-")[0].lower())
    assert rule.layer == family


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_code_is_tested(rule: Rule) -> None:
    tests = (path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__))
    assert any(f'"{rule.code}' in path.read_text(encoding="utf-8") for path in tests)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_module_s_rules_run(path: Path) -> None:
    assert set(_module(path).RULES) <= set(RULES)


def _texts(node: ast.AST) -> set[str]:
    """Return the strings that an expression may give: not those it compares with or looks up by."""
    if isinstance(node, ast.IfExp):
        return _texts(node.body) | _texts(node.orelse)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
        return set().union(*map(_texts, node.value.values))
    return set()


def _said(tree: ast.AST) -> set[str]:
    """Return the variants that a module names literally: assigned to ``variant`` or handed over as ``variant=``."""
    out: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "variant":
            out |= _texts(node.value)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            out |= _texts(node.value) if node.targets[0].id == "variant" else set()
    return out


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_variant_has_sentences_of_its_own(path: Path) -> None:
    codes = {rule.code for rule in _module(path).RULES}
    mine = {key.partition(".")[2] for key in FINDINGS if key.partition(".")[0] in codes}
    assert sorted(_said(ast.parse(path.read_text(encoding="utf-8"))) - mine) == []


def test_no_sentence_without_a_rule_that_says_it() -> None:
    """Each variant is a word of some rule's module, or made of such words (``client_many``)."""
    words = {
        node.value.lower()
        for path in PACKAGE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert [v for v in sorted(VARIANTS) if v not in words and not set(v.split("_")) <= words] == []
    assert {key.partition(".")[0] for key in FINDINGS} <= {rule.code for rule in RULES}


@pytest.mark.parametrize("key", list(FINDINGS))
def test_sentences_are_for_readers(key: str) -> None:
    """A statement of one line without a full stop; why and advice in whole sentences; no code's name in them."""
    text = FINDINGS[key]
    assert not text.title.endswith(".")
    assert 10 < len(text.title) < 200
    for part in (text.why, text.advice):
        assert part[0].isupper() or part[0] == "{"
        assert part.endswith(".")
        assert "  " not in part
    assert key.partition(".")[0] not in " ".join((text.title, text.why, text.advice))
