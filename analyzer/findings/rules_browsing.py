"""Findings about how HTTP was used: what it gave away (:mod:`rules_privacy`), what it cost (:mod:`rules_economy`)."""

from __future__ import annotations

from analyzer.findings import rules_economy, rules_privacy
from analyzer.findings.model import Rule

RULES: tuple[Rule, ...] = (*rules_privacy.RULES, *rules_economy.RULES)
