"""Findings about IPv6 neighbours and routers."""

from __future__ import annotations

from analyzer.findings.model import Rule

RULES: tuple[Rule, ...] = ()
