"""How a model's characters are called."""

from __future__ import annotations

import pytest
from doctr.datasets import VOCABS
from doctr_serve.inference.vocabulary import vocabulary_of


@pytest.mark.parametrize(
    ("name", "scripts"),
    [
        ("french", ["Latin"]),
        ("digits", []),
        ("punctuation", []),
        ("ancient_greek", ["Greek"]),
        ("russian", ["Cyrillic"]),
        ("hindi", ["Devanagari"]),
    ],
)
def test_doctrs_vocabularies_have_their_name_and_scripts(name: str, scripts: list[str]) -> None:
    vocabulary = vocabulary_of(VOCABS[name])
    assert vocabulary.size == len(VOCABS[name])
    assert VOCABS[vocabulary.name] == VOCABS[name]
    assert list(vocabulary.scripts) == scripts


def test_the_order_of_the_characters_does_not_matter() -> None:
    assert vocabulary_of(VOCABS["french"][::-1]).name == "french"


def test_of_equal_vocabularies_the_first_name_is_told() -> None:
    assert VOCABS["danish"] == VOCABS["norwegian"]
    assert vocabulary_of(VOCABS["norwegian"]).name == "danish"


def test_characters_that_doctr_has_no_name_for_have_none() -> None:
    vocabulary = vocabulary_of(VOCABS["french"] + "я")
    assert (vocabulary.name, vocabulary.size) == ("", 127)


def test_scripts_come_in_the_order_of_how_many_characters_they_have() -> None:
    assert vocabulary_of("aδβλшж").scripts == ("Greek", "Cyrillic", "Latin")


def test_marks_and_digits_of_no_script_are_left_out() -> None:
    assert vocabulary_of("a1.\u0301").scripts == ("Latin",)
