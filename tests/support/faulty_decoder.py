"""A decoder process that fails on purpose: the real one, with a fault in front of one operation.

Started with ``worker_command=faulty(fault)``. Faults, each ``<kind>:<page>[:<argument>]``:

    crash:2             a real segmentation fault on page 2
    exhaust:2           page 2 asks for more memory than there is
    hang:2              page 2 never ends
    spin:2              page 2 never ends, and computes all the while
    slow:2:0.4          page 2 takes 0.4 s longer
    drip:2:0.004        the answer to page 2 comes byte by byte, 0.004 s apart
    lie:2               page 2 is announced larger than any limit
    negative:2          page 2 is announced with a height of -1
    events:0:<fifo>     the number of every page goes into a named pipe when its decoding begins
    kill:2:<fifo>       page 2 has the process killed, in the first process that gets there, as a system short of
                        memory kills it
    stop:2:<fifo>       page 2 has the process stopped, in the first process that gets there
    openkill:0:<fifo>   as kill, when a document is opened
    babble:0            warnings that no honest decoder sends come with every answer
    reopen:2:<fifo>     page 2 crashes, and so does every opening of a document in the processes after that
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from doctr_serve.decoder.channel import Channel
from doctr_serve.decoder.worker import Worker, main


def faulty(fault: str) -> tuple[str, ...]:
    """The worker command for a fault."""
    return sys.executable, str(Path(__file__)), fault


KIND, PAGE, ARGUMENT = ([*sys.argv[1].split(":"), "", ""] if __name__ == "__main__" else [""] * 3)[:3]


def crash() -> None:
    ctypes.string_at(0)


class DrippingChannel(Channel):
    """Sends byte by byte."""

    def send_bytes(self, data: bytes) -> None:
        for position in range(len(data)):
            super().send_bytes(data[position : position + 1])
            time.sleep(float(ARGUMENT))


def from_outside(number: signal.Signals) -> None:
    if not Path(ARGUMENT).exists():
        os.mkfifo(ARGUMENT)  # A file would be over RLIMIT_FSIZE.
        os.kill(os.getpid(), number)


BABBLE = [
    ["GOOD", "first"],
    ["GOOD"],
    ["GOOD", "too", "long"],
    ["not a code", "x"],
    ["", "x"],
    ["A" * 65, "x"],
    ["LONG", "y" * 10_000],
    ["CONTROL", "a\x1b[31m\nb\x00c"],
    [7, "x"],
    ["GOOD", {"x": 1}],
    "GOOD",
    None,
    ["LAST", ""],
    *[["MANY", "z"]] * 1000,
]


class FaultyWorker(Worker):
    def open(self, file: BinaryIO, password: str) -> dict[str, Any]:
        if KIND == "openkill":
            from_outside(signal.SIGKILL)
        if KIND == "reopen" and Path(ARGUMENT).exists():
            crash()
        return super().open(file, password)

    def page(self, page_number: int) -> Any:
        if KIND == "events":
            with open(ARGUMENT, "w") as events:
                events.write(f"{page_number}\n")
        elif page_number == int(PAGE):
            self.fail()
            if KIND == "lie":
                _, pixels = super().page(page_number)
                return {"height": 10**6, "width": 10**6}, pixels
            if KIND == "negative":
                _, pixels = super().page(page_number)
                return {"height": -1, "width": "wide"}, pixels
        reply, pixels = super().page(page_number)
        if KIND == "babble":
            reply["warnings"] = {"not": "a list"} if page_number == int(ARGUMENT or 0) else BABBLE
        return reply, pixels

    def fail(self) -> None:
        if KIND == "reopen":
            os.mkfifo(ARGUMENT)  # A file would be over RLIMIT_FSIZE.
        if KIND in ("kill", "stop"):
            from_outside(signal.SIGKILL if KIND == "kill" else signal.SIGSTOP)
        if KIND in ("crash", "reopen"):
            crash()
        if KIND == "exhaust":
            bytearray(2**40)
        if KIND == "drip":
            self._channel.__class__ = DrippingChannel
        if KIND == "slow":
            time.sleep(float(ARGUMENT))
        while KIND == "hang":
            time.sleep(1)
        while KIND == "spin":
            pass


if __name__ == "__main__":
    main(sys.argv[2:], FaultyWorker)
