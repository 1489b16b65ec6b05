"""A page in a language whose letters the recognition model does not know says so, where the language is sure."""

from __future__ import annotations

from pathlib import Path

import langdetect
import pytest
from doctr.datasets.vocabs import VOCABS
from doctr_serve.inference.missing_letters import NAMES, missing_letters
from doctr_serve.v1 import ocr_pb2
from support.samples import encoded, letter_image
from support.server import Service

GERMAN = """Sehr geehrte Frau Müller,

vielen Dank für Ihre Bestellung vom 14. März. Die zwölf
Gartenstühle haben unsere Werkstatt am Montag verlassen und
sollten Ihr Haus in fünf Werktagen erreichen. Unser Fahrer
ruft vor der Lieferung an und braucht jemanden, der für den
Empfang unterschreibt. Zwei der Kissen sind ausverkauft."""
FRENCH = """Chère Madame,

nous vous remercions de votre commande du 14 mars. Les douze
chaises de jardin ont quitté notre atelier lundi et devraient
arriver chez vous dans cinq jours ouvrables. Le chauffeur
appellera avant la livraison et demande une signature."""


def read(service: Service, text: str, **options: bool) -> ocr_pb2.PageResult:
    (page,) = service.stream(encoded(letter_image(text), "PNG"), **options)
    return page


def fields(service: Service, text: str) -> ocr_pb2.ExtractFieldsResponse:
    document = ocr_pb2.Document(content=encoded(letter_image(text), "PNG"))
    request = ocr_pb2.ExtractFieldsRequest(documents=[document], detect_language=True)
    (page,) = service.stub.ExtractFields(iter([request]), timeout=240)
    return page


@pytest.mark.parametrize("method", ["ocr", "kie"])
def test_letters_of_the_page_s_language_that_the_model_does_not_know_are_named(
    method: str, service: Service
) -> None:
    page = fields(service, GERMAN) if method == "kie" else read(service, GERMAN, detect_language=True)
    assert page.language.value == "de"
    (warning,) = page.warnings
    assert warning.code == "VOCABULARY_LACKS_LETTERS"
    assert (
        "seems to be in German, and the recognition model does not know the letters ä ö ß:" in warning.message
    )


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (GERMAN, {}),
        (FRENCH, {"detect_language": True}),
        ("Müller\nKöln\nStraße", {"detect_language": True}),
    ],
    ids=["not asked for", "the model knows French", "too few letters to be sure"],
)
def test_nothing_is_said_otherwise(text: str, options: dict[str, bool], service: Service) -> None:
    page = read(service, text, **options)
    assert page.pages[0].blocks
    assert list(page.warnings) == []


def test_every_language_that_can_be_told_has_its_letters_in_doctr() -> None:
    told = {path.name for path in (Path(langdetect.__file__).parent / "profiles").iterdir()}
    assert told - set(NAMES) == {"ja", "ko", "zh-cn", "zh-tw"}
    assert set(NAMES.values()) <= set(VOCABS)


@pytest.mark.parametrize(
    ("language", "missing"),
    [("de", "äöß"), ("en", ""), ("fr", ""), ("pl", "ąćęłńóśźż"), ("unknown", ""), ("zh-tw", "")],
)
def test_the_letters_missing_from_doctr_s_french_vocabulary_are_known(language: str, missing: str) -> None:
    assert missing_letters(language, VOCABS["french"]) == missing
