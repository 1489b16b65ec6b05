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
