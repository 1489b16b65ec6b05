"""Documents that are text which stands for a file's bytes, as base64 does, and text that is only text."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable

import pytest
from doctr_serve.errors import UnsupportedDocumentError
from PIL import Image
from support.pages import short_pdf
from support.samples import encoded

PICTURE = Image.effect_noise((60, 80), 60).convert("RGB")
FILES = {
    "PDF": short_pdf(1),
    "PNG": encoded(PICTURE, "PNG"),
    "JPEG": encoded(PICTURE, "JPEG"),
    "TIFF": encoded(PICTURE, "TIFF"),
    "WebP": encoded(PICTURE, "WEBP"),
    "GIF": encoded(PICTURE, "GIF"),
    "BMP": encoded(PICTURE, "BMP"),
}


def broken(text: bytes, columns: int, line_break: bytes = b"\n") -> bytes:
    return line_break.join(text[start : start + columns] for start in range(0, len(text), columns))


BASE64 = base64.b64encode
WRITTEN: dict[str, Callable[[bytes], bytes]] = {
    "in one line": BASE64,
    "in lines of 76, as MIME has it": base64.encodebytes,
    "in lines of 64, with CR LF": lambda file: broken(BASE64(file), 64, b"\r\n"),
    "in lines of 8": lambda file: broken(BASE64(file), 8),
    "with the alphabet for URLs": base64.urlsafe_b64encode,
    "without padding": lambda file: BASE64(file).rstrip(b"="),
    "after empty lines and spaces": lambda file: b"\r\n\n" + b" " * 100 + BASE64(file),
    "after a mark of UTF-8": lambda file: codecs.BOM_UTF8 + BASE64(file),
    "as UTF-16": lambda file: BASE64(file).decode().encode("utf-16"),
    "as a string of JSON": lambda file: b'"' + BASE64(file) + b'"',
    "as Python prints bytes": lambda file: repr(BASE64(file)).encode(),
}
ADDRESSES: dict[str, Callable[[bytes], bytes]] = {
    "with a type": lambda file: b"data:application/pdf;base64," + BASE64(file),
    "with a character set": lambda file: b"data:application/pdf;charset=utf-8;base64," + BASE64(file),
    "with several parameters": lambda file: b'data:a/b; name="x y"; charset=utf-8; base64,' + BASE64(file),
    "without a type": lambda file: b"DATA:;base64," + BASE64(file),
    "with a line break": lambda file: b"data:image/png;base64,\n" + base64.encodebytes(file),
    "after a mark of UTF-8 and spaces": lambda file: codecs.BOM_UTF8 + b"  data:;base64," + BASE64(file),
    "as a string of JSON": lambda file: b'"data:image/png;base64,' + BASE64(file) + b'"',
    "as UTF-16": lambda file: (b"data:;base64," + BASE64(file)).decode().encode("utf-16"),
    "with the bytes as they are": lambda file: b"data:application/pdf," + file,
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("how", WRITTEN)
def test_base64_is_refused_as_that_and_by_its_format(read, kind: str, how: str) -> None:
    with pytest.raises(
        UnsupportedDocumentError,
        match=f"'file-1': the content is base64 text of a {kind} file; send the file's own bytes",
    ):
        read(WRITTEN[how](FILES[kind]))


@pytest.mark.parametrize("how", ADDRESSES)
def test_a_data_address_is_refused_as_that(read, how: str) -> None:
    with pytest.raises(UnsupportedDocumentError, match="the content is a data: address; send the file's own"):
        read(ADDRESSES[how](FILES["PDF"]))


def test_encoded_text_among_other_documents_is_told_the_same_and_costs_them_nothing(read) -> None:
    pages = read(BASE64(FILES["PNG"]), FILES["PNG"], ADDRESSES["with the bytes as they are"](FILES["PDF"]))

    assert "base64 text of a PNG file" in pages[0].error.message
    assert pages[1].error is None
    assert "a data: address" in pages[2].error.message


@pytest.mark.parametrize(
    "text",
    [
        b"just text, whatever its name says",
        b"Onlywordswithoutanyspacesbetweenthem" * 20,
        base64.b64encode(b"text that somebody encoded as base64"),
        b"data: 17, 18, 19\n",
        b"data:, and more of it",
        b"data:km/h, measured on Monday",
        b"/9j/ is a path",
        b'"quoted"',
        "Grüße".encode("utf-16"),
        b"\xff\xfe\x00",
    ],
)
def test_ordinary_text_is_of_no_accepted_format(read, text: bytes) -> None:
    with pytest.raises(UnsupportedDocumentError, match=r"of no accepted format.*; accepted are JPEG, PNG"):
        read(text)
