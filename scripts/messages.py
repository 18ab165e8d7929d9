"""Bring the message catalogues up to date with the sentences in the code: ``python -m scripts.messages``.

The messages are those of the tables listed in :func:`messages`, each under its context (the key of its sentence), and
what the report says (``report_messages.py``). For
each language the catalogue gets the new ones, loses those that are gone, keeps the translation of one whose English
text has changed (marked as fuzzy: to be read again), and is compiled. What is missing, fuzzy or does not fit its
English text is listed, and the exit code is 1 then. ``--check`` writes nothing and fails as well where something would
change.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from analyzer import close_codes, dns_words, http_status, sentences, tcp_states, tcp_words
from analyzer.findings import listing, rules_privacy
from analyzer.language import DOMAIN, FOLDERS, LOCALE
from analyzer.protocols import icmp_words, oicq
from analyzer.sentences import terms
from analyzer.sentences.story import STORY
from analyzer.sentences.words import PARTS, SIDES, STAND_INS, WORDS
from analyzer.visits import steps_web
from scripts.report_messages import report_messages

LEFT_OUT: dict[str, set[str]] = {}
"""Context → arguments that its translations may do without."""

Message = tuple[str, str]
"""Context and English text."""


def messages() -> Iterator[Message]:
    """Give every message of the code, each context once."""
    for key, template in sentences.STEPS.items():
        yield key, template
    for key, text in sentences.FINDINGS.items():
        yield from ((f"{key}.title", text.title), (f"{key}.why", text.why), (f"{key}.advice", text.advice))
    for prefix, table in (
        ("why", sentences.WHY),
        ("word", WORDS),
        ("story", STORY),
        ("state", {**tcp_states.STATES, "UNKNOWN": tcp_states.UNSEEN}),
        ("tcp", tcp_words.DEVIATIONS),
        ("tcp.handshake", tcp_words.HANDSHAKE_WHYS),
        ("tcp.label", tcp_words.LABELS),
        ("tcp.verdict", tcp_words.VERDICTS),
        ("tcp.evidence", tcp_words.WITNESSES),
        ("tcp.evidence", {".".join(pair): clause for pair, clause in tcp_words.EVIDENCE.items()}),
        ("tcp", tcp_words.OPINIONS),
        ("tcp.option", tcp_words.OPTIONS),
        ("tcp.settled", tcp_words.SETTLED),
        ("tcp", tcp_words.ISNS),
        ("rcode", {**dns_words.RCODES, "unregistered": dns_words.OTHERS["rcode"]}),
        ("dnstype", {**dns_words.TYPES, "unregistered": dns_words.OTHERS["type"]}),
        ("term", {f"{key}.name": name for key, (name, _) in terms.TERMS.items()}),
        ("term", {key: text for key, (_, text) in terms.TERMS.items()}),
        ("term.label", {f"{key}.name": name for key, (name, _) in terms.LABELS.items()}),
        ("term.label", {key: text for key, (_, text) in terms.LABELS.items()}),
        ("term.conn", terms.CONN_STATES),
        ("term.history", terms.HISTORY),
        ("threshold", {name: threshold.reason for name, threshold in listing.thresholds().items()}),
    ):
        yield from ((f"{prefix}.{key}", text) for key, text in table.items())
    yield "tcp.old_ack", tcp_words.OLD_ACK
    yield from ((f"status.{status}", text) for status, (_, text) in http_status.STATUS.items())
    yield from ((f"status.{first}xx", text) for first, (_, text) in http_status.CLASSES.items())
    yield from ((f"status.{kind}", text) for kind, text in http_status.OTHERS.items())
    for code, (name, text) in {**close_codes.CODES, **close_codes.OTHERS}.items():
        yield from ((f"close.{code}.name", name), (f"close.{code}", text))
    yield from ((sentences.SPOKEN_CONTEXT, text) for text in spoken())
    yield from report_messages()


def spoken() -> list[str]:
    """Return the words that arguments may be (:data:`analyzer.sentences.words.SPOKEN`), each once."""
    icmp = (icmp_words._TYPES4, icmp_words._TYPES6, icmp_words._CODES4, icmp_words._CODES6)
    words = [
        *SIDES,
        *PARTS,
        *STAND_INS,
        *rules_privacy.PROGRAMS.values(),
        *(words for words in rules_privacy._PERSONAL.values() if " " in words),
        *steps_web._KINDS.values(),
        tcp_words.NO_MEANING,
        *oicq.COMMANDS.values(),
        *(text for table in icmp for text in table.values()),
    ]
    return list(dict.fromkeys(words))


def arguments(template: str) -> set[str]:
    """Return the names of a template's arguments."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def path_of(lang: str) -> Path:
    """Return the file of a language's catalogue."""
    return LOCALE / FOLDERS[lang] / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(lang: str) -> Catalog:
    """Read a language's catalogue; an empty one where there is none yet."""
    path = path_of(lang)
    with io.BytesIO(path.read_bytes() if path.exists() else b"") as file:
        return read_po(file, locale=FOLDERS[lang], domain=DOMAIN)


def updated(old: Catalog, lang: str) -> Catalog:
    """Return a catalogue of exactly the messages of the code, with the translations that there are."""
    new = Catalog(
        FOLDERS[lang],
        DOMAIN,
        header_comment="# What the analyzer says, in another language. Brought up to date by scripts/messages.py.",
        project="capture-analyzer",
        version="1",
        copyright_holder="capture-analyzer",
        msgid_bugs_address="-",
        last_translator="-",
        language_team=FOLDERS[lang],
        creation_date=old.creation_date,
        revision_date=old.creation_date,  # a date of its own would change with every update
        fuzzy=False,
    )
    by_context = {message.context: message for message in old if message.id}
    for context, text in messages():
        same, before = old.get(text, context), by_context.get(context)
        if same is not None:
            new.add(text, same.string, context=context, flags=same.flags)
        elif before is not None and context != sentences.SPOKEN_CONTEXT and not context.startswith("report"):
            new.add(text, before.string, context=context, flags={"fuzzy"} if before.string else set())
        else:
            new.add(text, context=context)
    return new


def complaints(catalogue: Catalog) -> Iterator[str]:
    """Say what is missing in a catalogue, or does not fit."""
    for message in catalogue:
        if not message.id:
            continue
        where = f"{message.context}: {message.id}"
        if not message.string:
            yield f"not translated: {where}"
        elif message.fuzzy:
            yield f"English has changed: {where}"
        elif arguments(message.id) - LEFT_OUT.get(message.context, set()) != arguments(message.string):
            yield f"other arguments than in English: {where}"
        elif crowded := crowding(message.string):
            yield f"spaces ({crowded}): {where}"


_HAN = "[\u4e00-\u9fff]"
_CROWDED = re.compile(
    f"{_HAN}[A-Za-z0-9]|[A-Za-z0-9]{_HAN}|{_HAN} (?=[{{])|[}}] {_HAN}|{_HAN}[,;:!?()]|[,;:!?()]{_HAN}"
)
_TOUCHING = re.compile(r"\}\{(?!frames|where|surplus)\w+")
"""Two arguments side by side, unless the second brings its own mark of punctuation."""


def crowding(text: str) -> str:
    """Return where a Chinese text breaks the rules for spaces and punctuation, empty where it does not."""
    found = _CROWDED.search(re.sub(r"\{\w+\}", "{}", text)) or _TOUCHING.search(text)
    return found[0] if found else ""


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as the text of its file."""
    out = io.BytesIO()
    write_po(out, catalogue, width=120, sort_output=False, ignore_obsolete=True)
    return out.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    """Return a catalogue as gettext reads it."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def main(argv: list[str]) -> int:
    """Update all catalogues; return the exit code."""
    check, bad = "--check" in argv, 0
    for lang, folder in FOLDERS.items():
        catalogue = updated(read(lang), lang)
        path = path_of(lang)
        for file, content in ((path, written(catalogue)), (path.with_suffix(".mo"), compiled(catalogue))):
            if file.exists() and file.read_bytes() == content:
                continue
            if check:
                print(f"{folder}: {file.name} is not up to date")
                bad += 1
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        for line in complaints(catalogue):
            print(f"{folder}: {line}")
            bad += 1
        print(f"{folder}: {len(catalogue)} messages")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
