"""A decoder process that fails on purpose: the real one, with a fault in front of one operation.

Started with ``worker_command=faulty(fault)``. Faults, each ``<kind>:<page>[:<argument>]``:

    crash:2             a real segmentation fault on page 2
    exhaust:2           page 2 asks for more memory than there is
    hang:2              page 2 never ends
    slow:2:0.4          page 2 takes 0.4 s longer
    drip:2:0.004        the answer to page 2 comes byte by byte, 0.004 s apart
    lie:2               page 2 is announced larger than any limit
    events:0:<fifo>     the number of every page goes into a named pipe when its decoding begins
    reopen:2:<fifo>     page 2 crashes, and so does every opening of a document in the processes after that
"""

from __future__ import annotations

import ctypes
import os
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


class FaultyWorker(Worker):
    def open(self, file: BinaryIO, password: str) -> dict[str, Any]:
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
        return super().page(page_number)

    def fail(self) -> None:
        if KIND == "reopen":
            os.mkfifo(ARGUMENT)  # A file would be over RLIMIT_FSIZE.
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


if __name__ == "__main__":
    main(sys.argv[2:], FaultyWorker)
