"""Parts of a PDF that were not read, or not drawn, are named in its page's warnings; ordinary PDFs have none."""

from __future__ import annotations

import io
from collections.abc import Callable

import pikepdf
import pypdfium2
import pytest
from doctr_serve.v1 import ocr_pb2
from pikepdf import Dictionary, Name
from support.encrypted_attachment import with_encrypted_attachment
from support.pdf_fonts import cid_font, page_in, simple_font, to_unicode
from support.samples import add_page, letter_pdf, saved, text_operators
from support.server import Service
from support.tools import ROOT
from support.watched import Watched

Codes = Callable[[bytes], list[str]]

# Letters of the Vai syllabary, which no font that PDFium puts in a missing one's place has.
VAI = "".join(map(chr, range(0xA500, 0xA508)))
VAI_CODES = b"".join(code.to_bytes(2, "big") for code in range(3, 3 + len(VAI)))
VAI_GLYPHS = [f"uni{ord(letter):04X}" for letter in VAI]


@pytest.fixture
def warnings_of(watched: Watched) -> Callable[[bytes], list[ocr_pb2.PageWarning]]:
    """The warnings of a file's first page, taken by the quickest method: the page counts as a picture of a word."""

    def read(content: bytes) -> list[ocr_pb2.PageWarning]:
        request = ocr_pb2.RecognizeTextRequest(documents=[ocr_pb2.Document(content=content)], pages="1")
        (picture,) = watched.service.stub.RecognizeText(iter([request]), timeout=60)
        assert not picture.HasField("error")
        return list(picture.warnings)

    return read


@pytest.fixture
def codes_of(warnings_of: Callable[[bytes], list[ocr_pb2.PageWarning]]) -> Codes:
    """The codes of a first page's warnings."""
    return lambda content: [warning.code for warning in warnings_of(content)]


def vai_page(**layout: str) -> bytes:
    return page_in(cid_font("NoSuchVai"), VAI_CODES, mapping=to_unicode(VAI, 3), **layout)


def test_characters_that_no_font_here_has_are_counted_and_their_font_is_named(warnings_of) -> None:
    (warning,) = warnings_of(vai_page())
    assert warning.code == "CHARACTERS_NOT_SHOWN"
    assert warning.message.startswith("8 characters of the page could not be drawn: ")
    assert "does not embed NoSuchVai, " in warning.message


def test_pages_of_text_have_the_same_warnings(service: Service) -> None:
    ordinary, lacking = service.stream((ROOT / "samples" / "letter.pdf").read_bytes(), vai_page(), pages="1")
    assert list(ordinary.warnings) == []
    assert [warning.code for warning in lacking.warnings] == ["CHARACTERS_NOT_SHOWN"]


@pytest.mark.parametrize("name", ["LiberationSans", "LiberationMono"])
def test_boxes_in_their_place_count_as_missing(name: str, warnings_of) -> None:
    # Where the system has the font, PDFium draws its box for missing characters; elsewhere it draws nothing.
    (warning,) = warnings_of(page_in(simple_font(name, glyphs=[*VAI_GLYPHS, "a"]), bytes(range(1, 10))))
    assert warning.message.startswith("8 characters of the page")


@pytest.mark.parametrize("kind", ["Type1", "TrueType"])
def test_so_are_those_of_simple_fonts_and_no_others(kind: str, warnings_of) -> None:
    font = simple_font("NoSuchFont", kind=kind, glyphs=[*VAI_GLYPHS, "a"])
    (warning,) = warnings_of(page_in(font, bytes([1, 2, 9, 3, 9])))
    assert warning.message.startswith("3 characters of the page"), "the letter a is there"


def drawn(content: bytes) -> bool:
    """Whether anything stands on the first page."""
    with pypdfium2.PdfDocument(content) as document:
        return len(set(bytes(document[0].render().buffer))) > 1


@pytest.mark.parametrize(
    ("encoding", "ordering", "name", "text", "charset"),
    [
        ("UniJIS-UCS2-H", "Japan1", "HeiseiMin-W3", "東京都庁", "utf-16-be"),
        ("90ms-RKSJ-H", "Japan1", "MS-Mincho", "東京都庁", "shift_jis"),
        ("UniGB-UCS2-H", "GB1", "STSong-Light", "北京大学", "utf-16-be"),
        ("UniKS-UCS2-H", "Korea1", "HYSMyeongJo-Medium", "안녕하세요", "utf-16-be"),
    ],
)
def test_asian_text_without_its_font_is_read_or_said_to_be_missing(
    encoding: str, ordering: str, name: str, text: str, charset: str, codes_of: Codes
) -> None:
    content = page_in(cid_font(name, encoding=encoding, ordering=ordering), text.encode(charset))
    expected = [] if drawn(content) else ["CHARACTERS_NOT_SHOWN"]
    assert codes_of(content) == expected, "it depends on the fonts of the machine"


CP1252 = bytes(code for code in range(32, 256) if code not in (0x7F, 0x81, 0x8D, 0x8F, 0x90, 0x9D))
SCAN = "q 300 0 0 200 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \xff EI Q"
ORDINARY = {
    "every letter of Helvetica": page_in(simple_font("Helvetica"), CP1252),
    "Times": page_in(simple_font("Times-BoldItalic"), CP1252),
    "Courier": page_in(simple_font("Courier"), CP1252),
    "Arial": page_in(simple_font("Arial", kind="TrueType"), CP1252),
    "an unknown name": page_in(simple_font("NoSuchFont", kind="TrueType"), CP1252),
    "MacRoman": page_in(simple_font("Helvetica", encoding="MacRomanEncoding"), bytes(range(32, 127))),
    "Symbol": page_in(simple_font("Symbol", encoding=None), b"abcDEF"),
    "ZapfDingbats": page_in(simple_font("ZapfDingbats", encoding=None), b"4nl"),
    "a ligature that stands for two letters": page_in(
        cid_font("Arial"), b"\0\3\0\4", mapping=to_unicode("fi", 3).replace(b"<0066>", b"<00660066>")
    ),
    "spaces, soft hyphens and control characters": page_in(
        simple_font("Helvetica"), b"\0\t\r\n \xa0\xad\x01"
    ),
    "invisible text, as OCR adds it": vai_page(before="3 Tr"),
    "text outside of the page": vai_page(before="1 0 0 1 0 900 cm"),
    "the letter of the samples": (ROOT / "samples" / "letter.pdf").read_bytes(),
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_an_ordinary_pdf_has_no_warning(kind: str, codes_of: Codes) -> None:
    assert codes_of(ORDINARY[kind]) == []


def test_a_page_of_millions_of_characters_is_read_all_the_same(codes_of: Codes) -> None:
    document = pikepdf.new()
    line = b"(" + b"abcdefghij" * 3200 + b") Tj T* "
    add_page(document, b"BT /F1 0.01 Tf 0.2 TL 20 820 Td " + line * 100 + b"ET")
    assert codes_of(saved(document)) == []


def with_attachment(**entries: object) -> bytes:
    """A cover page and an attached file, whose file specification has more entries."""
    document = pikepdf.new()
    add_page(document, text_operators("Cover page", (300, 200)), (300, 200))
    file = pikepdf.AttachedFileSpec(document, letter_pdf("Annex", password="secret").content)
    document.attachments["annex.pdf"] = file
    for name, value in entries.items():
        file.obj[f"/{name}"] = value
    return saved(document)


def test_attached_files_are_counted(warnings_of) -> None:
    (warning,) = warnings_of(with_attachment())
    assert warning.code == "ATTACHMENTS_NOT_READ"
    assert "1 attached file" in warning.message


@pytest.mark.parametrize("is_packed", [False, True])
def test_the_cover_of_an_encrypted_document_says_that_it_is_one(is_packed: bool, warnings_of) -> None:
    payload = Dictionary(Type=Name.EncryptedPayload, Subtype=Name.MicrosoftIRMServices, Version="2")
    content = with_attachment(AFRelationship=Name.EncryptedPayload, EP=payload)
    if is_packed:
        with pikepdf.open(io.BytesIO(content)) as document:
            content = saved(document, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    attached, encrypted = warnings_of(content)
    assert (attached.code, encrypted.code) == ("ATTACHMENTS_NOT_READ", "ENCRYPTED_PART_NOT_READ")
    assert "cover of an encrypted document" in encrypted.message


def test_attachments_with_a_password_of_their_own_are_named_as_such(warnings_of) -> None:
    attached, encrypted = warnings_of(with_encrypted_attachment())
    assert (attached.code, encrypted.code) == ("ATTACHMENTS_NOT_READ", "ENCRYPTED_PART_NOT_READ")
    assert "a password of their own" in encrypted.message


def test_a_pdf_that_only_its_owner_may_change_is_read_whole(codes_of: Codes) -> None:
    assert codes_of(letter_pdf("Words", owner_password="owner").content) == []


def test_files_on_a_page_s_annotations_are_counted(warnings_of) -> None:
    document = pikepdf.new()
    page = add_page(document, text_operators("Words", (300, 200)), (300, 200))
    file = pikepdf.AttachedFileSpec(document, b"text", filename="notes.txt")
    paperclip = Dictionary(
        Type=Name.Annot, Subtype=Name.FileAttachment, Rect=[10, 10, 30, 30], FS=file.obj, Contents="Notes"
    )
    link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[50, 10, 70, 30])
    page.obj.Annots = document.make_indirect([document.make_indirect(one) for one in (paperclip, link)])
    (warning,) = warnings_of(saved(document))
    assert warning.code == "ATTACHMENTS_NOT_READ"
    assert "on the page hang 1 attached file, which was not read" in warning.message


def test_the_placeholder_of_an_xfa_form_says_that_it_is_one(warnings_of) -> None:
    document = pikepdf.new()
    add_page(document, text_operators("Please wait...", (300, 200)), (300, 200))
    form = document.make_stream(b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'/>")
    document.Root.AcroForm = Dictionary(Fields=pikepdf.Array(), XFA=form)
    document.Root.NeedsRendering = True
    (warning,) = warnings_of(saved(document))
    assert warning.code == "FORM_NOT_SHOWN"
    assert "an XFA form" in warning.message
