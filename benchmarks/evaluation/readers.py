"""Who reads pages: the service, and Tesseract. Each takes pictures and gives text by page name."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from doctr_serve.v1 import ocr_pb2
from doctr_serve_client import OCRClient
from tqdm import tqdm

__all__ = ["TESSERACT_MODES", "entry_lines", "read_pages", "tesseract_pages", "tesseract_version"]

TESSERACT_MODES = (3, 4, 6, 11)


def read_pages(
    client: OCRClient, pictures: Sequence[Path], *, label: str = "reading", **options: object
) -> dict[str, ocr_pb2.PageResult]:
    """Sends pictures through the service, one a call.

    Args:
        client: of the running service.
        pictures: the pages.
        label: what the progress bar says.
        **options: the request's options, the contract's defaults where absent.

    Returns:
        The result of each page by the picture's name without its suffix.
    """
    found = {}
    for picture in tqdm(pictures, desc=label, unit="page"):
        [result] = client.read(picture, timeout_s=600, **options)  # type: ignore[arg-type]
        found[picture.stem] = result
    return found


def entry_lines(result: ocr_pb2.PageResult) -> str:
    """Returns a page's text, one line per line of text, words joined by spaces."""
    lines = (line for page in result.pages for block in page.blocks for line in block.lines)
    return "\n".join(" ".join(word.value for word in line.words) for line in lines)


def tesseract_version() -> str | None:
    """Returns Tesseract's version, or None where it is not installed."""
    program = shutil.which("tesseract")
    if program is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    match = re.search(r"tesseract (\S+)", said.stdout + said.stderr)
    return match.group(1) if match else "of unknown version"


def tesseract_pages(pictures: Sequence[Path], mode: int, workers: int) -> dict[str, str]:
    """Reads pictures with Tesseract in a page segmentation mode, one thread a page."""

    def read(picture: Path) -> str:
        command = ["tesseract", str(picture), "stdout", "--psm", str(mode)]
        environment = os.environ | {"OMP_THREAD_LIMIT": "1"}
        done = subprocess.run(command, capture_output=True, env=environment, check=False)
        return done.stdout.decode("utf-8", "replace")

    with ThreadPoolExecutor(workers) as pool:
        texts = list(
            tqdm(pool.map(read, pictures), total=len(pictures), desc=f"tesseract psm {mode}", unit="page")
        )
    return {picture.stem: text for picture, text in zip(pictures, texts, strict=True)}
