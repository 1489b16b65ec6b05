"""``doctr-serve ocr`` as a process: signals, pipes and terminals."""

from __future__ import annotations

import json
import os
import pty
import signal
import termios
import threading


def test_pages_are_printed_as_they_come(start, server, letter):
    server.service.pages = 3
    server.service.page_permits = threading.Semaphore(1)
    process = start(letter, "--format", "ndjson")

    for number in (1, 2, 3):
        assert json.loads(process.stdout.readline())["page_number"] == number
        server.service.page_permits.release()
    assert process.wait(10) == 0


def test_ctrl_c_cancels_the_call(start, server, letter):
    server.service.pages = 3
    server.service.page_permits = threading.Semaphore(1)
    process = start(letter, "--format", "ndjson")
    process.stdout.readline()

    process.send_signal(signal.SIGINT)

    assert process.wait(10) == 130
    assert server.service.calls[0].ended.wait(5)
    assert process.stderr.read() == ""


def test_a_reader_that_goes_away_ends_it_quietly(start, server, letter):
    server.service.pages = 100
    server.service.word = "x" * 10_000
    process = start(letter)
    process.stdout.readline()

    process.stdout.close()

    assert process.wait(10) == 141
    assert process.stderr.read() == ""
    assert server.service.calls[0].ended.wait(5)


def test_progress_is_shown_on_a_terminal(start, server, letter):
    server.service.pages = 3
    controller, terminal = pty.openpty()
    # A new pseudo-terminal is 0 columns wide, and so would be the bar.
    termios.tcsetwinsize(terminal, (24, 100))
    process = start(letter, "--format", "json", stderr=terminal)

    output, _ = process.communicate(timeout=20)

    shown = os.read(controller, 65536).decode()
    os.close(terminal)
    os.close(controller)
    assert "3/3" in shown
    assert len(json.loads(output)) == 3


def without(redirection: str):
    """The command starts with a standard stream closed, by a shell: ``2>&-``.

    With a ``preexec_fn`` Python forks, and gRPC's handlers of forks abort beside the server's threads.
    """
    return {"prefix": ("/bin/sh", "-c", f'exec "$@" {redirection}', "sh")}


def test_a_closed_standard_output_is_said(start, server, letter):
    process = start(letter, **without(">&-"))

    assert process.wait(20) == 1
    assert process.stderr.read() == (
        "doctr-serve ocr: cannot write the output: [Errno 9] standard output is closed\n"
    )
    assert server.service.calls == []


def test_a_closed_standard_input_is_said(start):
    process = start("-", **without("<&-"))

    assert process.wait(20) == 1
    assert process.stderr.read() == "doctr-serve ocr: -: standard input is closed\n"


def test_messages_that_nobody_can_read_stop_nothing(start, letter, tmp_path):
    closed = start(tmp_path / "missing.pdf", letter, **without("2>&-"))
    output, _ = closed.communicate(timeout=20)
    assert (closed.returncode, output) == (1, "letter.pdf-1\n")

    reading, writing = os.pipe()
    os.close(reading)
    (tmp_path / "bad.pdf").write_bytes(b"content")
    broken = start(tmp_path / "missing.pdf", tmp_path / "bad.pdf", letter, stderr=writing)
    os.close(writing)
    output, _ = broken.communicate(timeout=20)
    assert (broken.returncode, output) == (1, "==> letter.pdf, page 1 of 1 <==\nletter.pdf-1\n")


def test_a_full_disk_behind_standard_output_is_said_without_a_traceback(start, letter):
    with open("/dev/full", "w") as full:
        process = start(letter, stdout=full)

    assert process.wait(20) == 1
    assert process.stderr.read() == (
        "doctr-serve ocr: cannot write the output: [Errno 28] No space left on device\n"
    )
