"""What the benchmarks share: a real server, a real Envoy, known pages, memory and CPU readings."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pikepdf
import psutil
from doctr_serve.edge.config import EnvoyOptions, render
from doctr_serve.edge.envoy_process import EnvoyProcess
from doctr_serve_client import OCRClient
from PIL import Image, ImageDraw, ImageFont

DETECTION_MODEL = "bundled/db_mobilenet_v3_large"
RECOGNITION_MODEL = "bundled/crnn_mobilenet_v3_small"
MIB = 1024 * 1024
START_TIMEOUT_S = 300.0

WORDS = (Path(__file__).parents[1] / "samples" / "letter.txt").read_text().split()


@dataclass(frozen=True)
class RunningServer:
    """A server process that is serving.

    Attributes:
        process: the process; its children are the decoders.
        address: ``host:port`` of gRPC.
    """

    process: psutil.Process
    address: str

    def memory_bytes(self) -> int:
        """Resident memory of the server and its decoders; shared pages count for each."""
        return sum(process.memory_info().rss for process in self._processes())

    def cpu_s(self) -> float:
        """CPU seconds used so far by the server and its decoders, those that have ended included."""
        return sum(map(cpu_s_of, self._processes()))

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


def cpu_s_of(process: psutil.Process) -> float:
    """CPU seconds, user and system, of a process and of those of its children that have ended and were waited for."""
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def running_server(threads: int | None, **settings: object) -> Iterator[RunningServer]:
    """Starts ``doctr-serve serve`` with the bundled pair and waits until it serves.

    Args:
        threads: ``intra_op_threads``; None leaves it to the server, which takes the cores that it may use.
        **settings: other settings, by name.
    """
    values = {
        "port": 0,
        "default_detection_model": DETECTION_MODEL,
        "default_recognition_model": RECOGNITION_MODEL,
        "log_level": "warning",
        **({} if threads is None else {"intra_op_threads": threads}),
        **settings,
    }
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder, "port")
        environment = {f"DOCTR_SERVE_{name.upper()}": str(value) for name, value in values.items()}
        process = subprocess.Popen(
            [sys.executable, "-m", "doctr_serve", "serve", "--port-file", str(port_file)],
            env=os.environ | environment,
        )
        try:
            address = f"127.0.0.1:{_read_port(port_file, process)}"
            with OCRClient(address) as client:
                client.wait_until_ready(timeout_s=START_TIMEOUT_S)
            yield RunningServer(psutil.Process(process.pid), address)
        finally:
            process.terminate()
            process.wait()


@contextmanager
def running_envoy(server: RunningServer) -> Iterator[str]:
    """Starts Envoy before the server and yields the base URL of REST."""
    options = EnvoyOptions(
        listen="127.0.0.1:0", upstreams=(server.address,), admin="127.0.0.1:0", access_log="off"
    )
    with EnvoyProcess(render(options)) as envoy:
        yield f"http://127.0.0.1:{envoy.listening_port(START_TIMEOUT_S)}"


def page_image(seed: int, *, lines: int = 28) -> Image.Image:
    """A page of random words: A4 at 150 dpi, RGB, about 7 words a line."""
    rng = random.Random(seed)
    image = Image.new("RGB", (1240, 1754), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(30)
    for line in range(lines):
        text = " ".join(rng.choice(WORDS) for _ in range(7)) + f" {rng.randint(1, 99999)}"
        draw.text((90, 110 + line * 56), text[:68], "black", font)
    return image


def page_jpeg(seed: int, *, lines: int = 28) -> bytes:
    """The page as JPEG."""
    file = io.BytesIO()
    page_image(seed, lines=lines).save(file, "JPEG", quality=90)
    return file.getvalue()


def scanned_pdf(pages: int) -> bytes:
    """A PDF of scanned pages, all different."""
    document = pikepdf.new()
    for page in range(pages):
        picture = document.make_stream(
            page_jpeg(page, lines=12),
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Image,
            Width=1240,
            Height=1754,
            ColorSpace=pikepdf.Name.DeviceRGB,
            BitsPerComponent=8,
            Filter=pikepdf.Name.DCTDecode,
        )
        document.add_blank_page(page_size=(595, 842))
        document.pages[-1].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Scan=picture))
        document.pages[-1].Contents = document.make_stream(b"595 0 0 842 0 0 cm /Scan Do")
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _read_port(port_file: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if port_file.exists() and (text := port_file.read_text()):
            return int(text)
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        time.sleep(0.05)
    raise TimeoutError("the server did not listen in time")
