"""What this process has open: files that have no name cannot be listed in their folder."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["open_files"]


def open_files(folder: Path) -> list[str]:
    """The files in a folder that this process holds open, names or not; Linux tells."""
    links = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(entry))
        except FileNotFoundError:  # the descriptor of this very listing
            continue
    return [link for link in links if link.startswith(str(folder))]
