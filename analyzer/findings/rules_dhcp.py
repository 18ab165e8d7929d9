"""Findings about addresses handed out by DHCP."""

from __future__ import annotations

from analyzer.findings.model import Rule

RULES: tuple[Rule, ...] = ()
