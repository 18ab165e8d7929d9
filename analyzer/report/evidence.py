"""The evidence file of a finding: its packets as a pcapng file inside the page, and words that say what is in it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from analyzer import sentences
from analyzer.analysis import Analysis
from analyzer.evidence.capsule import capsule, capsule_name
from analyzer.evidence.collect import TOTAL_BYTES
from analyzer.language import SOURCE
from analyzer.report.escape import Prose
from analyzer.report.secrets import masked_args
from analyzer.report.wording import plural, say
from analyzer.schema import FindingRow
from analyzer.units import human_bytes


@dataclass(frozen=True, slots=True)
class CapsuleFact:
    """A file to save, as base64; without one (``data`` is empty) the words say why."""

    name: str
    data: str
    words: str


def evidence(analysis: Analysis, number: int, finding: FindingRow) -> CapsuleFact | None:
    """Make the evidence file of a finding; None when there is none because nothing was collected.

    Args:
        number: of the finding on the page, from 1.
    """
    if not finding.frames or (finding.code, finding.frames) not in analysis.evidence.kept:
        return None
    file = evidence_file(analysis, number, finding)
    if file is None:
        return CapsuleFact("", "", _no_room())
    name, data = file
    kept = len(analysis.evidence.of(finding))
    words = _words(kept, len(finding.frames), human_bytes(len(data)), masked=not analysis.options.reveal)
    return CapsuleFact(Prose(name), Prose(base64.b64encode(data).decode("ascii")), words)


def evidence_file(analysis: Analysis, number: int, finding: FindingRow) -> tuple[str, bytes] | None:
    """Return name and content of a finding's evidence file, None when none of its packets is there.

    What its comments say is English, whatever the page speaks: the file goes its own way.
    """
    packets = analysis.evidence.of(finding)
    if not packets:
        return None
    text = sentences.finding_text(finding.title_key, masked_args(finding.args, analysis.options), SOURCE)
    return capsule_name(number, finding.code), capsule(packets, f"{finding.code}: {text.title}")


def _no_room() -> Prose:
    return say("No evidence file: the {size} for such files went to graver findings.", size=human_bytes(TOTAL_BYTES))


def _words(packets: int, cited: int, size: str, *, masked: bool) -> Prose:
    """Say how much is in the file, and what is not."""
    frames = plural(cited, "frame")
    if packets < cited and masked:
        return say(
            "the first {shown} of {frames}, {size}; payloads are cut, secrets overwritten",
            shown=packets,
            frames=frames,
            size=size,
        )
    if packets < cited:
        return say(
            "the first {shown} of {frames}, {size}; as captured, nothing is masked",
            shown=packets,
            frames=frames,
            size=size,
        )
    if masked:
        return say("{frames}, {size}; payloads are cut, secrets overwritten", frames=frames, size=size)
    return say("{frames}, {size}; as captured, nothing is masked", frames=frames, size=size)
