"""Findings about visits as a whole."""

from __future__ import annotations

from analyzer.findings.model import Rule

RULES: tuple[Rule, ...] = ()
