"""What ``doctr-serve ocr`` says of a page that was read, though something of it was lost."""

from __future__ import annotations

import json

import pytest
from doctr_serve.errors import UnreadableDocumentError

CUT_SHORT = ("FILE_CUT_SHORT", "the file ends early")
REDUCED = ("PAGE_REDUCED", "the page was rendered at a lower resolution")


def test_with_text_every_warning_is_said_on_standard_error_by_file_and_page(ocr, server, letter):
    server.service.pages = 2
    server.service.warnings = {1: [CUT_SHORT, REDUCED], 2: [REDUCED]}

    result = ocr(letter)

    assert result.stderr.splitlines() == [
        "doctr-serve ocr: letter.pdf, page 1: warning FILE_CUT_SHORT: the file ends early",
        "doctr-serve ocr: letter.pdf, page 1: warning PAGE_REDUCED: the page was rendered at a lower resolution",
        "doctr-serve ocr: letter.pdf, page 2: warning PAGE_REDUCED: the page was rendered at a lower resolution",
    ]
    assert "warning" not in result.stdout


def test_a_warning_is_no_failure(ocr, server, letter):
    server.service.warnings = {1: [CUT_SHORT]}

    result = ocr(letter)

    assert (result.exit_code, result.stdout) == (0, "letter.pdf-1\n")


def test_a_page_that_failed_has_its_error_and_its_warnings(ocr, server, letter):
    server.service.warnings = {1: [CUT_SHORT]}
    server.service.bad_pages[1] = UnreadableDocumentError("x", "is damaged", page_number=1)

    result = ocr(letter)

    assert result.exit_code == 1
    assert "letter.pdf, page 1: 'x', page 1: is damaged" in result.stderr
    assert "letter.pdf, page 1: warning FILE_CUT_SHORT: the file ends early" in result.stderr


def test_with_an_output_file_warnings_are_still_said(ocr, server, letter, tmp_path):
    server.service.warnings = {1: [CUT_SHORT]}

    assert "warning FILE_CUT_SHORT" in ocr(letter, "--output", tmp_path / "out.txt").stderr


def test_a_warning_is_one_line_without_control_characters(ocr, server, tmp_path):
    server.service.warnings = {1: [("A\x1b[2JB", "lost\nmore\x9b2J\u202e")]}
    (tmp_path / "a\x07.pdf").write_bytes(b"content")

    result = ocr(tmp_path / "a\x07.pdf")

    assert result.stderr == (
        r"doctr-serve ocr: a\x07.pdf, page 1: warning A\x1b[2JB: lost\nmore\x9b2J\u202e" + "\n"
    )


@pytest.mark.parametrize("output_format", ["json", "ndjson"])
def test_json_has_warnings_in_the_pages_entry_and_says_them_nowhere_else(ocr, server, letter, output_format):
    server.service.warnings = {1: [CUT_SHORT, REDUCED]}

    result = ocr(letter, "--format", output_format)

    printed = json.loads(result.stdout)
    entry = printed[0] if output_format == "json" else printed
    assert [(warning["code"], warning["message"]) for warning in entry["warnings"]] == [CUT_SHORT, REDUCED]
    assert result.stderr == ""
