"""``analyze rules``: the list, one rule in full, and both for programs."""

from __future__ import annotations

import ast
import importlib
import json
from pathlib import Path

import pytest

from analyzer.findings import thresholds as constants
from analyzer.findings.listing import listed, readable, thresholds
from analyzer.findings.run import RULES
from analyzer.language import LANGUAGES
from analyzer.sentences import FINDINGS
from tests.cli.conftest import Analyze

GENERAL = {"MAX_FRAMES", "MAX_FINDINGS_PER_CODE", "COST_NOTICED_MS"}
"""Thresholds of all findings, not of one rule."""

BOUNDS = {
    "MAX_RESETS_WEIGHED": "keeps the work of an attack's resets bounded; nothing is judged by it",
    "MAX_STARTS": "keeps the search for one segment bounded",
    "MAX_STREAMS_WEIGHED": "keeps the work of looking at segments bounded",
}
"""Constants that limit work, with why no reader of a rule needs them."""

FOLDER = Path(constants.__file__).parent


def test_all_rules_are_listed(analyze: Analyze) -> None:
    result = analyze("rules")
    assert (result.code, result.err) == (0, "")
    assert all(f"  {rule.code} " in result.out for rule in RULES)
    assert result.out.startswith(f"{len(RULES)} kinds of findings")


def test_one_rule_in_full(analyze: Analyze) -> None:
    out = analyze("rules", "tcp-loss").out
    assert out.startswith("TCP-LOSS\n")
    for words in ("RFC 6298", "the network", "Why it matters", "What to try", "HEAVY_LOSS_SHARE = 3 %"):
        assert words in out
    assert "‹retransmissions› segments between ‹client› and ‹server› were sent again" in out
    assert "about 3 % loss" in out


def test_variants_are_told(analyze: Analyze) -> None:
    out = analyze("rules", "TCP-REFUSED").out
    assert all(f"Variant {variant}" in out for variant in ("scan", "probed", "clients"))


def test_it_speaks_chinese(analyze: Analyze) -> None:
    out = analyze("rules", "TCP-LOSS", "--lang", "zh").out
    assert "严重程度  警告" in out
    assert "‹client› 与 ‹server› 之间有 ‹retransmissions› 个报文段被重传" in out
    assert "Why" not in out


def test_for_programs(analyze: Analyze) -> None:
    rules = json.loads(analyze("rules", "--format", "json").out)
    assert [rule["code"] for rule in rules] == [rule.code for rule in RULES]
    loss = next(rule for rule in rules if rule["code"] == "TCP-LOSS")
    assert (loss["severity"], loss["layer"], loss["blame"]) == ("warning", "tcp", "network")
    assert loss["thresholds"][0]["value"] == "3 %"
    assert len(json.loads(analyze("rules", "TCP-LOSS", "--format", "json").out)) == 1


def test_an_unknown_code_is_one_line_and_2(analyze: Analyze) -> None:
    result = analyze("rules", "TCP-LOS")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "perhaps TCP-LOSS" in result.err


# ── thresholds ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_constant_has_its_value_and_reason() -> None:
    known = thresholds()
    assert set(known) == {name for name in vars(constants) if name.isupper()}
    assert all(one.reason.endswith(".") for one in known.values())
    assert (known["HEAVY_LOSS_SHARE"].value, known["SLOW_SERVER_MS"].value) == ("3 %", "500 ms")
    assert (known["MOVE_NS"].value, known["COMPRESSION_BYTES"].value) == ("1.00 s", "14.6 kB")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_names_thresholds_that_there_are(rule: object) -> None:
    assert set(rule.thresholds) <= set(thresholds()) - GENERAL  # type: ignore[attr-defined]


def compared(module: str) -> set[str]:
    """Return the thresholds that a module of the rules imports."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    parts = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {a.name for node in parts if node.module == constants.__name__ for a in node.names}
    return names - GENERAL - set(BOUNDS)


@pytest.mark.parametrize("module", sorted(path.stem for path in FOLDER.glob("rules_*.py")))
def test_what_a_module_compares_with_is_named_by_one_of_its_rules(module: str) -> None:
    rules = importlib.import_module(f"analyzer.findings.{module}").RULES
    assert compared(module) <= {name for rule in rules for name in rule.thresholds}


def test_every_threshold_is_named_by_a_rule() -> None:
    assert set(thresholds()) - GENERAL - set(BOUNDS) == {name for rule in RULES for name in rule.thresholds}


def test_days_are_written_beside_what_they_are_of() -> None:
    """RFC 8996 forbade TLS 1.0 in March 2021; what was never allowed has no day."""
    said = thresholds()["FORBIDDEN_SINCE"].value
    assert "TLSv1.0 2021-03-23, " in said
    assert "NULL, anon, " in said


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_rule_has_texts_without_braces(lang: str) -> None:
    for rule in RULES:
        texts = listed(rule, lang).texts
        assert texts, rule.code
        for text in texts:
            assert not set("{}") & set(text.title + text.why + text.advice)


def test_every_text_belongs_to_a_rule() -> None:
    assert {key.split(".", 1)[0] for key in FINDINGS} == {rule.code for rule in RULES}


def test_names_stand_for_values() -> None:
    assert readable("{attempts:query|queries} for {name}") == "‹attempts› queries for ‹name›"
    assert readable("{client}向{server}查询", "zh") == "‹client› 向 ‹server› 查询"
