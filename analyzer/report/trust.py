"""How far a capture can be trusted, as the strip of facts on the first screen."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from analyzer.analysis import Analysis
from analyzer.findings.about_tcp import count, holes
from analyzer.flows.reassembly import MAX_HOLE
from analyzer.report.escape import Prose, safe
from analyzer.report.neighbours import gateway_words
from analyzer.report.wording import message, number, plural, say
from analyzer.units import human_bytes, human_ms

OFFLOAD_BYTES = 1500
"""A TCP payload above this cannot have been one Ethernet frame: the network card joined or will split segments."""

MAX_ACKED = 1 << 20
"""Bytes that one recorded packet may acknowledge on average, with room for some that the recorder lost: 1 MiB."""

TONES = {
    "good": message("fine"),
    "warn": message("beware"),
    "bad": message("bad"),
    "muted": message("cannot be told"),
}
"""Tone → the word that stands for its mark where marks are not seen."""


@dataclass(frozen=True, slots=True)
class Quality:
    """One fact about how far the capture can be trusted; ``tone`` is good, warn, bad or muted."""

    label: str
    value: str
    tone: str
    title: str

    @property
    def doubt(self) -> bool:
        """Whether it says not to trust something; why is then said in the open."""
        return self.tone in ("warn", "bad")

    @property
    def word(self) -> Prose:
        """Return the word for the tone."""
        return say(TONES[self.tone])


def quality(analysis: Analysis) -> tuple[Quality, ...]:
    """Return the capture quality strip."""
    return (
        _whole_packets(analysis),
        _directions(analysis),
        _gaps(analysis),
        _drops(analysis),
        _offload(analysis),
        _duplicates(analysis),
        _clock(analysis),
        _ledger(analysis),
        _gateway(analysis),
        _recorded(analysis),
    )


PLACES = {
    "client": message("near the client"),
    "server": message("near the server"),
    "middle": message("in the middle"),
}


def _recorded(analysis: Analysis) -> Quality:
    place = analysis.capture.vantage
    return Quality(
        say("Recorded"),
        say(PLACES[place]) if place in PLACES else say("unknown where"),
        "muted" if place == "unknown" else "good",
        recorded_why(analysis.capture.vantage_why) or say("the handshakes do not tell"),
    )


_LEGS = re.compile(
    r"(both ends are close \()?median of (\d+) handshakes: (\d[\d.]* ms) to the server, (\d[\d.]* ms) to the client\)?"
)
_NO_HANDSHAKE = {
    "no TCP handshake": message("no TCP handshake"),
    "no complete TCP handshake": message("no complete TCP handshake"),
}


def recorded_why(why: str) -> Prose:
    """Say how it is known where the capture was recorded (:mod:`analyzer.visits.vantage`); empty when nothing is."""
    found = _LEGS.fullmatch(why or "")
    if found is None:
        return say(_NO_HANDSHAKE[why]) if why in _NO_HANDSHAKE else safe(why or "")
    args = {"n": number(int(found[2])), "server": found[3], "client": found[4]}
    if found[1]:
        return say(
            "both ends are close (median of {n} handshakes: {server} to the server, {client} to the client)", **args
        )
    return say("median of {n} handshakes: {server} to the server, {client} to the client", **args)


def _gateway(analysis: Analysis) -> Quality:
    """Name who the traffic for other networks is handed to, and what told so."""
    value, title = gateway_words(analysis.capture.gateways)
    return Quality(say("Gateway"), value, "good" if analysis.capture.gateways else "muted", title)


def _column_sum(analysis: Analysis, *names: str) -> int:
    columns = analysis.connections.columns
    return sum(int(np.maximum(np.asarray(columns[name], np.int64), 0).sum()) for name in names)


def _whole_packets(analysis: Analysis) -> Quality:
    ledger, label = analysis.capture.ledger, say("Packets")
    if not analysis.capture.packets:
        return Quality(label, say("none"), "warn", say("the wrong interface, or a filter that lets nothing through?"))
    if ledger.truncated_file:
        return Quality(label, say("file cut short"), "bad", say("the file ends in the middle of a packet"))
    if ledger.cut_by_snaplen:
        words = say("{n} of {total} cut short", n=number(ledger.cut_by_snaplen), total=number(analysis.capture.packets))
        return Quality(label, words, "warn", say("the recorder kept only the beginning of these packets"))
    return Quality(label, say("recorded whole"), "good", say("no packet was cut short by a snap length"))


def _directions(analysis: Analysis) -> Quality:
    columns, label = analysis.connections.columns, say("Directions")
    client, server = np.asarray(columns["client_packets"]), np.asarray(columns["server_packets"])
    # One side alone with data to send is a recording that hears only one direction; an unanswered SYN is not.
    deaf = int((((client == 0) | (server == 0)) & (client + server > 3)).sum())
    if not client.size:
        return Quality(label, say("no connections"), "muted", say("there is no TCP to judge by"))
    if deaf:
        words = say(
            "{n} of {connections} one-sided", n=number(deaf), connections=plural(int(client.size), "connection")
        )
        return Quality(label, words, "warn", say("the recorder heard only one side of these connections"))
    return Quality(label, say("both"), "good", say("both sides of the connections were recorded"))


def _unjudged(label: Prose) -> Quality:
    """Return what is said of connections where there is none."""
    return Quality(label, say("not judged"), "muted", say("there is no TCP to judge by"))


def _gaps(analysis: Analysis) -> Quality:
    if not len(analysis.connections):
        return _unjudged(say("Gaps"))
    missing, damaged = _missing(analysis)
    if missing or damaged:
        words = say("{size} missing", size=human_bytes(missing)) if missing else say("unclear")
        return Quality(say("Gaps"), words, "warn", _gaps_why(analysis, missing, damaged))
    return Quality(say("Gaps"), say("none"), "good", say("every byte that was acknowledged was recorded"))


def _missing(analysis: Analysis) -> tuple[int, int]:
    """Return how many bytes were not recorded, and in how many connections a damaged number would make up more.

    A hole between recorded bytes counts. What is acknowledged beyond all that was recorded counts as far as the packets
    that acknowledge it can have moved the window on.
    """
    facts = analysis.facts()
    total, damaged = 0, np.zeros(len(facts.connections), np.bool_)
    for side, other in (("client", "server"), ("server", "client")):
        missing = count(facts, f"{side}_missing_bytes")
        beyond = missing - holes(facts, side) if len(facts.segments) else missing
        forged = beyond > np.maximum(count(facts, f"{other}_packets") * MAX_ACKED, MAX_HOLE)
        total += int((missing - np.where(forged, beyond, 0)).sum())
        damaged |= forged
    return total, int(damaged.sum())


def _gaps_why(analysis: Analysis, missing: int, damaged: int) -> Prose:
    """Say what is missing: how much of it is sure to have arrived (as the finding has it), and what is not counted."""
    found = next((one for one in analysis.findings if one.code == "CAPTURE-GAPS"), None)
    arrived = 0 if found is None else int(str(found.args.get("missing_bytes", 0)))
    said = say("sent, but not recorded")
    if 0 < arrived < missing:
        said = say("sent, but not recorded; {size} of it arrived for sure", size=human_bytes(arrived))
    if not damaged:
        return said
    where = plural(damaged, "connection")
    if not missing:
        return say("damaged acknowledgement numbers in {connections}", connections=where)
    return say("{what}; damaged acknowledgement numbers in {connections} not counted", what=said, connections=where)


def _drops(analysis: Analysis) -> Quality:
    known = [interface.drops for interface in analysis.capture.interfaces if interface.drops is not None]
    label = say("Drops")
    if not known:
        title = say("the recorder did not write down how many packets it lost")
        return Quality(label, say("not stated"), "muted", title)
    lost = sum(known)
    words = plural(lost, "packet") if lost else say("none")
    return Quality(label, words, "bad" if lost else "good", say("lost by the recorder"))


def _offload(analysis: Analysis) -> Quality:
    if not len(analysis.connections):
        return _unjudged(say("Offload"))
    lengths = analysis.segments.length
    big = int((lengths > OFFLOAD_BYTES).sum()) if lengths.size else 0
    if big:
        words = say("{segments} over {size}", segments=plural(big, "segment"), size=Prose(f"{OFFLOAD_BYTES} B"))
        title = say("the network card joins or splits segments, so what is here is not what was on the wire")
        return Quality(say("Offload"), words, "warn", title)
    return Quality(say("Offload"), say("none seen"), "good", say("segments have the size they had on the wire"))


def _duplicates(analysis: Analysis) -> Quality:
    if not len(analysis.connections):
        return _unjudged(say("Duplicates"))
    twice = _column_sum(analysis, "client_duplicates_in_capture", "server_duplicates_in_capture")
    if twice:
        title = say("the same packet was recorded twice; not counted as loss")
        return Quality(say("Duplicates"), number(twice), "warn", title)
    return Quality(say("Duplicates"), say("none"), "good", say("no packet was recorded twice"))


def _clock(analysis: Analysis) -> Quality:
    """Judge the clock by TCP's frames: in file order, time must not run backwards."""
    segments, label = analysis.segments, say("Clock")
    if not segments.frame.size:
        return _unjudged(label)
    steps = int((np.diff(segments.time[np.argsort(segments.frame, kind="stable")]) < 0).sum())
    if (even := analysis.capture.clock_step_ms) is not None:
        title = say("the packets were recorded at an even pace, so times do not tell how long anything took")
        return Quality(label, say("one packet every {time}", time=human_ms(even)), "warn", title)
    if steps:
        title = say("time runs backwards from one packet to the next")
        return Quality(label, plural(steps, "step back", "steps back"), "warn", title)
    return Quality(label, say("steady"), "good", say("time never runs backwards"))


def _ledger(analysis: Analysis) -> Quality:
    ledger = analysis.capture.ledger
    unread = sum(ledger.malformed.values())
    unsupported = sum(ledger.unsupported.values())
    words = say(
        "{n} of {frames}",
        n=number(ledger.decoded + ledger.fragments),
        frames=plural(analysis.capture.packets, "frame"),
    )
    title = say(
        "{malformed}, {unsupported} of a kind that is not supported",
        malformed=plural(unread, "malformed frame"),
        unsupported=plural(unsupported, "frame"),
    )
    tone = "warn" if unread or unsupported else "good" if analysis.capture.packets else "muted"
    return Quality(say("Decoded"), words, tone, title)
