"""The message catalogues: everything that is said is in them, translated, compiled, and fits its English text."""

from __future__ import annotations

import io
from gettext import GNUTranslations

import pytest

from analyzer.language import FOLDERS, LANGUAGES
from analyzer.sentences import FINDINGS, STEPS, WHY
from scripts import messages

LANGS = sorted(FOLDERS)


def compiled(lang: str) -> dict[tuple[str, str], str]:
    """Return what gettext has to say: (context, English) → translation."""
    with messages.path_of(lang).with_suffix(".mo").open("rb") as file:
        catalogue = GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {tuple(key.split("\x04", 1)): text for key, text in catalogue.items() if "\x04" in key}


@pytest.mark.parametrize("lang", LANGS)
def test_the_catalogue_is_what_the_code_says(lang: str) -> None:
    """``make messages`` would change nothing."""
    kept = [(message.context, message.id) for message in messages.read(lang) if message.id]
    assert kept == list(messages.messages())
    assert messages.written(messages.updated(messages.read(lang), lang)) == messages.path_of(lang).read_bytes()


@pytest.mark.parametrize("lang", LANGS)
def test_nothing_is_missing_fuzzy_or_unfitting(lang: str) -> None:
    assert list(messages.complaints(messages.read(lang))) == []


@pytest.mark.parametrize("lang", LANGS)
def test_the_compiled_catalogue_is_the_written_one(lang: str) -> None:
    written = {(str(m.context), str(m.id)): str(m.string) for m in messages.read(lang) if m.id}
    assert compiled(lang) == written


def test_each_message_has_a_context_of_its_own() -> None:
    pairs = list(messages.messages())
    assert len(set(pairs)) == len(pairs)
    contexts = [context for context, _ in pairs if context != "word.spoken" and not context.startswith("report")]
    assert len(set(contexts)) == len(contexts)
    assert {*STEPS, *(f"why.{key}" for key in WHY), *(f"{key}.advice" for key in FINDINGS)} <= set(contexts)


def test_every_language_has_a_folder_with_a_catalogue() -> None:
    assert ("en", *FOLDERS) == LANGUAGES
    for lang in FOLDERS:
        assert messages.path_of(lang).with_suffix(".mo").is_file()


# ── what the script notices ──────────────────────────────────────────────────────────────────────────────────────


def catalogue(*entries: tuple[str, str, str]) -> messages.Catalog:
    made = messages.Catalog("zh_CN")
    for context, text, string in entries:
        made.add(text, string, context=context)
    return made


@pytest.mark.parametrize(
    ("text", "string", "complaint"),
    [
        ("{client} asked.", "", "not translated"),
        ("{client} asked {server}.", "{client}问了。", "other arguments"),
        ("{client} asked.", "{client}问了{server}。", "other arguments"),
        ("{client} asked.", "{client} 问了。", "spaces"),
        ("A DNS query.", "DNS查询。", "spaces"),
        ("One, two.", "一,二。", "spaces"),
        ("{a} {b}", "{a}{b}", "spaces"),
    ],
)
def test_what_does_not_fit_is_told(text: str, string: str, complaint: str) -> None:
    told = list(messages.complaints(catalogue(("key", text, string))))
    assert len(told) == 1
    assert told[0].startswith(complaint)


def test_what_fits_is_not() -> None:
    good = catalogue(("key", "{client} sent {attempts:DNS query|DNS queries}.", "{client}发了{attempts}次 DNS 查询。"))
    assert list(messages.complaints(good)) == []


def test_a_changed_sentence_keeps_its_translation_to_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    old = catalogue(
        ("step.a", "It was so.", "从前如此。"), ("step.b", "It stays.", "不变。"), ("step.c", "Gone.", "没了。")
    )
    new = [("step.a", "It is so."), ("step.b", "It stays."), ("step.d", "It is new.")]
    monkeypatch.setattr(messages, "messages", lambda: iter(new))
    made = {m.context: m for m in messages.updated(old, "zh") if m.id}
    assert list(made) == ["step.a", "step.b", "step.d"]
    assert (made["step.a"].string, made["step.a"].fuzzy) == ("从前如此。", True)
    assert (made["step.b"].string, made["step.b"].fuzzy) == ("不变。", False)
    assert not made["step.d"].string
    file = io.BytesIO(messages.written(messages.updated(old, "zh")))
    assert "从前如此" in file.getvalue().decode()
