"""What file names and the server's messages can do to the terminal of ``doctr-serve ocr``: nothing."""

from __future__ import annotations

import json
import os
import pty
import termios
import threading

import pytest

RETITLE = "\x1b]0;owned\x07"
ESCAPED = r"\x1b]0;owned\x07"


@pytest.fixture
def terminal():
    """A pseudo-terminal, and what was written to it once the test closes it."""
    controller, side = pty.openpty()
    termios.tcsetwinsize(side, (24, 200))
    written = bytearray()

    def drain():
        try:
            while piece := os.read(controller, 65536):
                written.extend(piece)
        except OSError:  # the last process closed its end
            pass

    reader = threading.Thread(target=drain)
    reader.start()

    def shown() -> str:
        os.close(side)
        reader.join(10)
        os.close(controller)
        return written.decode()

    return side, shown


def test_names_and_messages_reach_a_terminal_without_control_characters(start, server, tmp_path, terminal):
    server.service.pages = 2
    for name in ("good", "bad"):
        (tmp_path / f"{name}{RETITLE}.pdf").write_bytes(b"content")
    side, shown = terminal

    process = start(*sorted(tmp_path.iterdir()), tmp_path / f"missing{RETITLE}.pdf", stdout=side, stderr=side)

    assert process.wait(20) == 1
    screen = shown()
    assert "\x1b" not in screen
    assert "\x07" not in screen
    assert f"==> good{ESCAPED}.pdf, page 1 of 2 <==" in screen
    assert f"/bad{ESCAPED}.pdf: INVALID_ARGUMENT: 'bad{ESCAPED}.pdf': is no JPEG" in screen
    assert f"/missing{ESCAPED}.pdf: no such file" in screen


@pytest.mark.parametrize("output_format", ["text", "json", "ndjson"])
def test_the_text_of_a_page_cannot_command_a_terminal(start, server, letter, terminal, output_format):
    server.service.word = "\x1b[2J\x9b2J\ttext"
    side, shown = terminal

    assert start(letter, "--format", output_format, stdout=side).wait(20) == 0

    screen = shown()
    assert not {"\x1b", "\x9b"} & set(screen)
    assert "text" in screen


def test_text_that_goes_elsewhere_is_as_it_was_read(start, server, letter):
    server.service.word = "\x1b[2J"

    output, _ = start(letter).communicate(timeout=20)

    assert output == "\x1b[2J\n"


@pytest.mark.parametrize("output_format", ["json", "ndjson"])
def test_json_keeps_every_name_and_word_and_one_entry_a_line(ocr, server, tmp_path, output_format):
    word = '\x1b \x7f \x85 \x9b \u2028 \u2029 é \\ "'
    server.service.word = word
    path = tmp_path / "a\x1b\n\x9b\u2028.pdf"
    path.write_bytes(b"content")

    output = ocr(path, "--format", output_format).stdout

    lines = output.splitlines()
    entry = json.loads(output)[0] if output_format == "json" else json.loads(lines[0])
    assert len(lines) == (3 if output_format == "json" else 1)
    assert entry["name"] == path.name
    assert entry["pages"][0]["blocks"][0]["lines"][0]["words"][0]["value"] == word
    assert "é" in output


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb.pdf", r"a\nb.pdf"),
        ("a\rb.pdf", r"a\rb.pdf"),
        ("a\x9b2Jb.pdf", r"a\x9b2Jb.pdf"),
        ("fdp.\u202egnp.pdf", r"fdp.\u202egnp.pdf"),
        ("caf\udce9.pdf", r"caf\udce9.pdf"),
        ("Lärm 音 \u200d back\\slash.pdf", "Lärm 音 \u200d back\\slash.pdf"),
    ],
)
def test_a_message_is_one_line_and_its_names_are_readable(ocr, tmp_path, name, shown):
    result = ocr(tmp_path / name)

    assert result.stderr == f"doctr-serve ocr: {tmp_path}/{shown}: no such file\n"


def test_a_page_that_failed_is_named_without_control_characters(ocr, server, tmp_path):
    from doctr_serve.errors import UnreadableDocumentError

    server.service.bad_pages[1] = UnreadableDocumentError(RETITLE, "is\ndamaged", page_number=1)
    (tmp_path / f"{RETITLE}.pdf").write_bytes(b"content")

    result = ocr(tmp_path / f"{RETITLE}.pdf")

    assert result.stderr == (f"doctr-serve ocr: {ESCAPED}.pdf, page 1: '{ESCAPED}', page 1: is\\ndamaged\n")
