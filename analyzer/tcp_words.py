"""TCP in plain words: what was out of the ordinary, why nobody answered, second opinions, what both sides agreed on.

Rows carry codes and numbers; here they become sentences. Templates follow the rules of :mod:`analyzer.sentences`:
``…_ms`` is written as a duration, ``…_bytes`` as a size, ``{times:SYN|SYNs}`` counts a noun, what is missing is
``unknown``. An argument ``variant`` picks the entry ``code.variant`` where there is one.

Sources: RFC 9293 (TCP), RFC 6191 (TIME_WAIT), RFC 7413 (fast open), RFC 2018 and 2883 (SACK and its duplicate reports),
RFC 7323 (window scale, timestamps), RFC 3168 and 9768 (ECN and its accurate form), RFC 8684 (multipath).
"""

from __future__ import annotations

from collections.abc import Mapping

from analyzer.language import translated
from analyzer.schema import TcpConflict, TcpOpinion, TcpRow
from analyzer.sentences import phrase, word
from analyzer.text import display
from analyzer.units import human_count

DEVIATIONS: dict[str, str] = {
    # who, other, times, over_ms, frame (what shows it)
    "syn_repeated": "The {who} sent its SYN {times} times within {over_ms}: no answer had reached it in time.",
    "syn_repeated.refused": "The {who} sent its SYN {times} times within {over_ms}: it tried again although the "
    "{other} refused.",
    "syn_repeated.unanswered": "The {who} sent its SYN {times} times within {over_ms}, and no answer was captured.",
    "syn_repeated.reset": "The {who} sent its SYN {times} times within {over_ms}: it tried again after its own reset "
    "(frame {frame}).",
    "syn_repeated.old": "The {who} sent its SYN {times} times within {over_ms}: the {other} had answered with an ACK "
    "of an older connection (frame {frame}), which opens nothing.",
    "syn_repeated.closed": "The {who} sent its SYN once more, with the same number, after the connection had been "
    "closed (frame {frame}): it begins anew with that number, or an old packet came late.",
    "synack_repeated": "The {who} sent its SYN/ACK {times} times within {over_ms}: the ACK that completes the "
    "handshake had not reached it in time.",
    "synack_repeated.each": "The {who} sent its SYN/ACK {times} times within {over_ms}: it answered each SYN.",
    "synack_repeated.soon": "The {who} sent its SYN/ACK {times} times within {over_ms}, sooner than timers run out: "
    "perhaps the SYN had reached it twice.",
    "synack_repeated.acked": "The {who} sent its SYN/ACK {times} times within {over_ms} although the ACK that "
    "completes the handshake is in this capture (frame {frame}): that did not reach it in time, or it waits for the "
    "first data.",
    # frame, answer_frame
    "simultaneous_open": "Both sides sent a SYN before either had seen the other's (frames {frame} and "
    "{answer_frame}), so they open the same connection from both ends and no side is the server.",
    "split_handshake": "The server answered the SYN with a SYN of its own (frame {answer_frame}) instead of a SYN/ACK, "
    "so opening took four steps, with the roles turned round.",
    # who, flags, data_bytes
    "data_with_syn": "The {who}'s {flags} already carried {data_bytes} of data, and the other side took them: TCP Fast "
    "Open saves a round trip.",
    "data_with_syn.plain": "The {who}'s {flags} already carried {data_bytes} of data, and the other side took them, "
    "which saves a round trip.",
    "data_with_syn.left": "The {who}'s {flags} already carried {data_bytes} of data, but the other side did not take "
    "them: they have to be sent again once the connection is open.",
    "data_with_syn.unanswered": "The {who}'s {flags} already carried {data_bytes} of data; no answer to it was "
    "captured.",
    # previous, who, after_ms
    "time_wait_reused": "The same addresses and ports were used again less than four minutes after an earlier "
    "connection had closed: a side still kept them in TIME_WAIT, which a new SYN may cut short.",
    "time_wait_reused.known": "The same addresses and ports were used again {after_ms} after stream {previous} had "
    "closed: the {who} still kept them in TIME_WAIT, which a new SYN may cut short.",
    # who (was first), other, frame, answer_frame
    "fin_with_ack": "Three packets close it, because the {other}'s FIN and ACK travelled together (frame "
    "{answer_frame}).",
    "simultaneous_close": "Both sides sent their FIN before either had seen the other's (frames {frame} and "
    "{answer_frame}); each then waits for the other's acknowledgement.",
    # who (is done), other, data_bytes, segments, over_ms
    "data_after_fin": "After the {who}'s FIN the {other} still sent {data_bytes} of data in "
    "{segments:segment|segments}: a FIN closes one direction only, which is called half-close.",
    # who, times, over_ms, frame
    "fin_repeated": "The {who} sent its FIN {times} times within {over_ms}: no acknowledgement had reached it in time.",
    "fin_repeated.acked": "The {who} sent its FIN {times} times within {over_ms} although its acknowledgement is in "
    "this capture (frame {frame}): that had not reached it in time.",
    "fin_repeated.ack": "The {who}'s next acknowledgement (frame {frame}) carries its FIN once more, as some systems "
    "do until the FIN is acknowledged: that is no sign of a loss.",
    "fin_repeated.acks": "The {who}'s next acknowledgements (from frame {frame} on) carry its FIN once more, as some "
    "systems do until the FIN is acknowledged: that is no sign of a loss.",
    # who, other, frame
    "rst_instead_of_fin": "The {who} ended the open connection with a reset (frame {frame}) instead of a FIN: data "
    "still on its way is thrown away.",
    "rst_instead_of_fin.answer": "The {who} answered the {other}'s FIN with a reset (frame {frame}) instead of a FIN "
    "of its own.",
    # who, other, frame, after_ms
    "rst_after_fin": "The {who} sent a reset (frame {frame}) {after_ms} after its own FIN: it no longer takes what the "
    "{other} sends.",
    "rst_after_fin.closed": "The {who} sent a reset (frame {frame}) {after_ms} after its own FIN, when all was closed "
    "already: it does no harm.",
    # who (is done), other
    "unclosed": "Nobody closed it: the connection was still open when the capture ended.",
    "unclosed.half": "Only the {who} said that it is done; the {other} could still send when the capture ended.",
}
"""Code of a deviation (``tcp.deviations``), perhaps with a variant → one sentence with ``{names}`` of its arguments."""


def deviation(code: str, args: Mapping[str, object], lang: str | None = None) -> str:
    """Say in one sentence what a deviation was.

    Args:
        code: of ``tcp.deviations``; one without a sentence gives its own words.
        args: of :class:`analyzer.flows.deviations.Deviation`.
    """
    key = f"{code}.{args.get('variant', '')}"
    key = key if key in DEVIATIONS else code
    template = DEVIATIONS.get(key)
    return display(code).replace("_", " ") if template is None else phrase(template, f"tcp.{key}", args, lang)


# ── nobody agreed ────────────────────────────────────────────────────────────────────────────────────────────────

HANDSHAKE_WHYS: dict[str, str] = {
    "refused": "Refused: the server answered the SYN with a reset (frame {frame}), as a machine does where no program "
    "listens on the port.",
    "unreachable": "Unreachable: nobody answered the SYN, and an ICMP message (frame {frame}) says why: {meaning}.",
    "filtered": "Filtered: the client sent {attempts:SYN|SYNs} and nothing at all came back. A firewall may drop them "
    "silently, the machine may be off, or the packets were lost.",
    "one_sided": "Recorded from one side only: no packet of the server is in this capture, but the client went on, so "
    "somebody must have answered.",
    "capture_end": "Cut off by the end of the capture: it stopped before an answer to the SYN could be missed.",
}
"""Reason of ``tcp.handshake_why`` → one sentence."""


OLD_ACK = (
    "The server answered the SYN with an ACK of an older connection (frame {frame}), which it still remembers on these "
    "ports: that opens nothing."
)
"""Said of a connection that was not opened, where :func:`analyzer.flows.deviations.stray_acks` finds such an answer."""


NO_MEANING = "what was sent did not arrive"
"""Stands for the meaning of an ICMP message that is not known."""


def handshake_why(row: TcpRow, meaning: str | None = None, lang: str | None = None) -> str:
    """Say why nobody agreed to open a connection; nothing where somebody did.

    Args:
        row: the connection.
        meaning: of the ICMP message in ``row.unreachable_frame`` (``icmp.meaning``).
    """
    reason = row.handshake_why or ""
    template = HANDSHAKE_WHYS.get(reason)
    if template is None:
        return ""
    frame = row.unreachable_frame if reason == "unreachable" else row.rst_frame
    args = {"frame": frame, "attempts": len(row.syn_frames), "meaning": meaning or NO_MEANING}
    return phrase(template, f"tcp.handshake.{reason}", args, lang)


# ── the second opinion ───────────────────────────────────────────────────────────────────────────────────────────

LABELS: dict[str, str] = {
    "retransmission": "a retransmission",
    "fast_retransmission": "a fast retransmission",
    "spurious_retransmission": "a spurious retransmission",
    "out_of_order": "out of order",
}
"""Wireshark's label → how to say it of a frame."""

VERDICTS: dict[str, str] = {
    "needed": "it repaired a loss",
    "needless": "it was sent again without need",
    "reordered": "it was overtaken on its way, not lost",
    "captured_twice": "it was sent once and recorded twice",
    "doubled": "it was sent once, and the network made two of it",
}
"""Verdict of a second opinion → what it concludes."""

WITNESSES: dict[str, str] = {
    "dsack": "the duplicate report (DSACK) of the {other}{where} tells of these bytes",
    "sack": "the selective ACK of the {other}{where} tells of these bytes",
    "ip_id": "its IP number, compared with that of its neighbours{frames}, tells when it was sent",
    "timestamp": "the timestamps{where} tell when it was sent",
    "acknowledged": "the acknowledgement of the {other}{where} tells when these bytes arrived",
    "same_packet": "it is the same packet{frames}, down to its IP number",
    "alike": "it equals an earlier packet{frames} in all that its sender chose",
    "other": "other evidence{frames} tells more",
}
"""Evidence → what it is, where :data:`EVIDENCE` has nothing better for the verdict."""

EVIDENCE: dict[tuple[str, str], str] = {
    ("dsack", "needless"): "the {other} reported afterwards{where} that it got these bytes twice (DSACK)",
    ("dsack", "needed"): "the {other}, which reports what it gets twice, did not report these bytes{where}",
    ("dsack", "reordered"): "the {other} reported{where} that both copies arrived, the first one late (DSACK)",
    ("dsack", "doubled"): "it equals an earlier packet in all that its sender chose, and the {other} reported{where} "
    "that both arrived (DSACK)",
    ("sack", "needed"): "the {other}'s selective ACK{where} had what follows, but not these bytes",
    ("sack", "needless"): "the {other}'s selective ACK{where} had already reported these bytes",
    ("sack", "reordered"): "the {other}'s selective ACK{where} shows that these bytes arrived late, but only once",
    ("ip_id", "needed"): "its IP number is higher than that of its neighbours{frames}, so it was sent after them",
    ("ip_id", "needless"): "its IP number is higher than that of the first copy{frames}, which had arrived",
    ("ip_id", "reordered"): "its IP number is lower than that of frames seen before it{frames}, so it was sent first",
    ("ip_id", "captured_twice"): "it has the same IP number as another one{frames}, which no two packets share",
    ("timestamp", "needed"): "the timestamps{where} show that it was sent later, and that nothing of it had arrived",
    ("timestamp", "needless"): "the {other}'s acknowledgement{where} echoes an older timestamp, so the first copy had "
    "arrived",
    ("timestamp", "reordered"): "its timestamp is older than that of frames seen before it{frames}, so it was sent "
    "first",
    ("acknowledged", "needed"): "the {other} acknowledged these bytes{where} only after it",
    ("acknowledged", "needless"): "the {other} had already acknowledged these bytes{where}",
    ("acknowledged", "reordered"): "the {other} acknowledged these bytes{where} without a copy being sent",
    ("same_packet", "captured_twice"): "it is the same packet as an earlier one{frames}, down to its IP number",
    ("alike", "captured_twice"): "it equals an earlier one{frames} in all that its sender chose, and came within a "
    "millisecond of it",
}
"""(Evidence, verdict) → what the evidence shows; a clause that goes on with "so". ``{other}`` is the receiver;
``{frames}`` are frames it speaks of itself, ``{where}`` where to look: the earlier copy may be one of them."""


OPINIONS: dict[str, str] = {
    # frame, who (sent it), label, shown, verdict
    "opinion": "Wireshark calls frame {frame} of the {who} {label}; {shown}, so {verdict}.",
    "opinion.so": "Wireshark calls frame {frame} of the {who} {label}; {shown}: {verdict}.",
    # frames; where: what evidence speaks of, and where to look for it
    "opinion.frames": " ({frames})",
    "opinion.where": " (see {frames})",
    "opinion.frame": "frame {frame}",
    "opinion.several": "frames {frames} and {last}",
    # frame, who (sent it), position, bytes, first_frame
    "conflict": "Frame {frame} sends bytes of the {who} again with other contents: from byte {position} of its data "
    "on, {bytes:byte differs|bytes differ} from frame {first_frame}, whose bytes count here. A receiver that keeps the "
    "later ones reads something else.",
}
"""Key → sentence, or part of one: a second opinion, and bytes that came twice (``opinion.so``: what is shown says why
already)."""


def _phrase(key: str, args: Mapping[str, object], lang: str | None) -> str:
    return phrase(OPINIONS[key], f"tcp.{key}", args, lang)


def opinion(found: TcpOpinion, lang: str | None = None) -> str:
    """Say in one sentence what Wireshark calls a segment, what the evidence says instead, and why."""
    pair = (found.evidence, found.verdict)
    if pair in EVIDENCE:
        clause, context = EVIDENCE[pair], f"tcp.evidence.{found.evidence}.{found.verdict}"
    else:
        witness = found.evidence if found.evidence in WITNESSES else "other"
        clause, context = WITNESSES[witness], f"tcp.evidence.{witness}"
    frames = _frames(found.evidence_frames, lang)
    where = {
        name: _phrase(f"opinion.{name}", {"frames": frames}, lang) if frames else "" for name in ("frames", "where")
    }
    args = {
        "frame": found.frame,
        "who": found.from_,
        "label": _known(LABELS, "label", found.label, lang),
        "shown": phrase(clause, context, {"other": _other(found.from_), **where}, lang),
        "verdict": _known(VERDICTS, "verdict", found.verdict, lang),
    }
    return _phrase("opinion.so" if ", so " in clause else "opinion", args, lang)


def _known(words: Mapping[str, str], kind: str, code: str, lang: str | None) -> str:
    """Say a code in words, one without any as it is written."""
    text = words.get(code)
    return code.replace("_", " ") if text is None else translated(text, f"tcp.{kind}.{code}", lang)


def _frames(frames: tuple[int, ...], lang: str | None) -> str:
    """Return ``frame 3`` or ``frames 3 and 9``; nothing without frames."""
    if len(frames) < 2:
        return _phrase("opinion.frame", {"frame": frames[0]}, lang) if frames else ""
    first = word("comma", lang).join(map(str, frames[:-1]))
    return _phrase("opinion.several", {"frames": first, "last": frames[-1]}, lang)


def conflict(found: TcpConflict, lang: str | None = None) -> str:
    """Say in one sentence which bytes came twice with different contents, and which count."""
    args = {
        "frame": found.frame,
        "who": found.from_,
        "position": human_count(found.position + 1),
        "bytes": human_count(found.bytes),
        "first_frame": found.first_frame,
    }
    return _phrase("conflict", args, lang)


def _other(side: str) -> str:
    return "server" if side == "client" else "client"


# ── what both sides agreed on ────────────────────────────────────────────────────────────────────────────────────

OPTIONS: dict[str, str] = {
    "mss": "Maximum segment size: the most data a side takes in one segment.",
    "window_scale": "Window scaling: windows are written divided by a factor, so that they may exceed 64 kB.",
    "sack": "Selective ACK: a receiver says which bytes behind a hole it already has, so only the hole is sent again.",
    "timestamps": "Timestamps: each segment carries its sender's clock, which measures round trips and dates segments.",
    "fast_open": "TCP Fast Open: a client that knows the server may send data with its SYN.",
    "ecn": "Explicit congestion notification: routers mark packets instead of dropping them.",
    "accurate_ecn": "Accurate ECN: a receiver counts the congestion marks for the sender, one by one.",
    "multipath": "Multipath TCP: one conversation may use several paths (a phone's Wi-Fi and mobile network).",
}
"""Option → its name, and in a sentence what it is for."""


SETTLED: dict[str, str] = {
    "bytes": "{number} bytes",
    "times": "times {number}",
    "each": "{what} each",
    "side": "{who} {what}",
    "unscaled": "not used: both sides must ask for it",
    "asked": "asked for",
}
"""How what was settled is written; ``side`` is said of each where the two differ."""


def _settled(key: str, args: Mapping[str, object], lang: str | None) -> str:
    return phrase(SETTLED[key], f"tcp.settled.{key}", args, lang)


def agreed(row: TcpRow, lang: str | None = None) -> tuple[tuple[str, str], ...]:
    """Return (option, what was settled) for each option that the SYNs tell of, in the order of :data:`OPTIONS`.

    An option whose two SYNs were not both captured is left out, except the sizes and factors of the side that was.
    """
    out = [("mss", _each(row.client_mss, row.server_mss, "bytes", lang))]
    client, server = row.client_window_scale, row.server_window_scale
    if client is not None and server is not None:
        out.append(("window_scale", _each(1 << client, 1 << server, "times", lang)))
    elif row.client_isn is not None and row.server_isn is not None:
        out.append(("window_scale", _settled("unscaled", {}, lang)))
    answers = {
        "sack": row.sack_permitted,
        "timestamps": row.timestamps,
        "ecn": row.ecn,
        "accurate_ecn": row.accurate_ecn,
        "multipath": row.multipath,
    }
    if row.fast_open:
        out.append(("fast_open", _settled("asked", {}, lang)))
    rare = ("accurate_ecn", "multipath")  # that nobody asked for them says nothing
    out += [
        (name, word("yes" if yes else "no", lang))
        for name, yes in answers.items()
        if yes or (yes is False and name not in rare)
    ]
    order = list(OPTIONS)
    return tuple(sorted((item for item in out if item[1]), key=lambda item: order.index(item[0])))


def _each(client: int | None, server: int | None, words: str, lang: str | None) -> str:
    """Say a number of both sides, once where it is the same."""

    def said(value: int) -> str:
        return _settled(words, {"number": human_count(value)}, lang)

    if client == server:
        return "" if client is None else _settled("each", {"what": said(client)}, lang)
    sides = (("client", client), ("server", server))
    return word("comma", lang).join(
        _settled("side", {"who": who, "what": said(value)}, lang) for who, value in sides if value is not None
    )


# ── initial sequence numbers ─────────────────────────────────────────────────────────────────────────────────────

_WRAP = 1 << 32


ISNS: dict[str, str] = {
    # who, other, isn, number (told or following), more (than the ISN), frame, because, surplus
    "isn": "The {who}'s initial sequence number (ISN) is {isn}.",
    "isn.first": "Its first byte of data has the number {number} = ISN + 1, {because}.",
    "isn.acked": "The {other} acknowledges {number} = ISN + {more} (frame {frame}), {because}{surplus}.",
    "isn.because": "because a SYN counts as one byte",
    "isn.because.wrap": "because a SYN counts as one byte (after {isn} the count begins again at 0)",
    "isn.surplus": ", and {data:byte|bytes} of data had come too",
}
"""How the numbers of a handshake follow from each other: key → sentence, or part of one."""


def isn_lines(
    row: TcpRow, acks: Mapping[str, tuple[int, int]] | None = None, lang: str | None = None
) -> tuple[str, ...]:
    """Write out how the numbers of the handshake follow from each other (RFC 9293 sections 3.4 and 3.5).

    Args:
        row: the connection.
        acks: side → (frame, number) of the other side's acknowledgement of its SYN, as
            :func:`analyzer.flows.deviations.handshake_acks` finds them. Without, only what follows from the initial
            sequence numbers themselves is said.

    Returns:
        One sentence a line; none when neither SYN was captured.
    """

    def say(key: str, **args: object) -> str:
        return phrase(ISNS[key], f"tcp.{key}", args, lang)

    lines: list[str] = []
    for who, other, isn in (("client", "server", row.client_isn), ("server", "client", row.server_isn)):
        if isn is None:
            continue
        after = (isn + 1) % _WRAP
        lines.append(say("isn", who=who, isn=human_count(isn)))
        because = say("isn.because.wrap" if isn == _WRAP - 1 else "isn.because", isn=human_count(isn))
        if acks is None or who not in acks:
            lines.append(say("isn.first", number=human_count(after), because=because))
            continue
        frame, told = acks[who]
        more, data = (told - isn) % _WRAP, (told - after) % _WRAP
        surplus = say("isn.surplus", data=human_count(data)) if data else ""
        lines.append(
            say(
                "isn.acked",
                other=other,
                number=human_count(told),
                more=human_count(more),
                frame=frame,
                because=because,
                surplus=surplus,
            )
        )
    return tuple(lines)
