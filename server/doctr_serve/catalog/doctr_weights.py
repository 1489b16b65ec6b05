"""docTR's own pretrained weights: where they are published, where they lie, whether they are intact."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from doctr_serve.errors import WeightsUnavailableError
from doctr_serve.settings import Settings

if TYPE_CHECKING:
    from doctr_serve.catalog.download import Downloader

__all__ = [
    "DETECTION_URLS",
    "LAYOUT_URLS",
    "PAGE_ORIENTATION_URLS",
    "RECOGNITION_URLS",
    "TABLE_STRUCTURE_URLS",
    "TEXT_ORIENTATION_URLS",
    "DoctrWeights",
    "are_published",
    "doctr_cache_dir",
    "file_name_of",
    "sha256_prefix_of",
    "unpublished_weights",
]

# The addresses are those of docTR 1.1.0's default_cfgs, copied so that listing the models needs no torch
# (seconds to import). tests/contract/test_doctr_weights.py compares each with the installed docTR's.
_SERVER = "https://doctr-static.mindee.com/models?id="
_MOBILENET_SMALL = f"{_SERVER}v0.8.1/mobilenet_v3_small"
_RELEASES = "https://github.com/mindee/doctr/releases/download"

# Source: doctr/models/detection/*/pytorch.py, in the order of the REST contract.
DETECTION_URLS = {
    "db_resnet50": f"{_SERVER}v0.7.0/db_resnet50-79bd7d70.pt&src=0",
    "db_resnet34": f"{_SERVER}v0.7.0/db_resnet34-cb6aed9e.pt&src=0",
    "db_mobilenet_v3_large": f"{_SERVER}v0.8.1/db_mobilenet_v3_large-21748dd0.pt&src=0",
    "linknet_resnet18": f"{_SERVER}v0.7.0/linknet_resnet18-e47a14dc.pt&src=0",
    "linknet_resnet34": f"{_SERVER}v0.7.0/linknet_resnet34-9ca2df3e.pt&src=0",
    "linknet_resnet50": f"{_SERVER}v0.7.0/linknet_resnet50-6cf565c1.pt&src=0",
    "fast_tiny": f"{_SERVER}v0.8.1/fast_tiny-1acac421.pt&src=0",
    "fast_small": f"{_SERVER}v0.8.1/fast_small-10952cc1.pt&src=0",
    "fast_base": f"{_SERVER}v0.8.1/fast_base-688a8b34.pt&src=0",
}

# Source: doctr/models/recognition/*/pytorch.py, in the order of the REST contract.
RECOGNITION_URLS = {
    "crnn_vgg16_bn": f"{_SERVER}v0.12.0/crnn_vgg16_bn-0417f351.pt&src=0",
    "crnn_mobilenet_v3_small": f"{_SERVER}v0.3.1/crnn_mobilenet_v3_small_pt-3b919a02.pt&src=0",
    "crnn_mobilenet_v3_large": f"{_SERVER}v0.3.1/crnn_mobilenet_v3_large_pt-f5259ec2.pt&src=0",
    "sar_resnet31": f"{_SERVER}v0.7.0/sar_resnet31-9a1deedf.pt&src=0",
    "master": f"{_SERVER}v0.7.0/master-fde31e4a.pt&src=0",
    "vitstr_small": f"{_SERVER}v0.7.0/vitstr_small-fcd12655.pt&src=0",
    "vitstr_base": f"{_SERVER}v0.7.0/vitstr_base-50b21df2.pt&src=0",
    "parseq": f"{_SERVER}v0.7.0/parseq-56125471.pt&src=0",
    "viptr_tiny": f"{_SERVER}v0.11.0/viptr_tiny-1cb2515e.pt&src=0",
}

# Source: doctr/models/classification/mobilenet/pytorch.py.
PAGE_ORIENTATION_URLS = {
    "mobilenet_v3_small_page_orientation": f"{_MOBILENET_SMALL}_page_orientation-8e60325c.pt&src=0",
}
TEXT_ORIENTATION_URLS = {
    "mobilenet_v3_small_crop_orientation": f"{_MOBILENET_SMALL}_crop_orientation-f0847a18.pt&src=0",
}

# Source: doctr/models/layout/lw_detr/pytorch.py; of lw_detr_m docTR has published none.
LAYOUT_URLS = {
    "lw_detr_s": f"{_RELEASES}/v1.0.1/lw_detr_s-ebbd6ab9.pt",
    "lw_detr_m": None,
}

# Source: doctr/models/table_structure/tablecenternet/pytorch.py.
TABLE_STRUCTURE_URLS = {
    "tablecenternet": f"{_RELEASES}/v1.0.1/tablecenternet-ea5b30a3.pt",
}

_URLS: dict[str, str | None] = {
    **DETECTION_URLS,
    **RECOGNITION_URLS,
    **PAGE_ORIENTATION_URLS,
    **TEXT_ORIENTATION_URLS,
    **LAYOUT_URLS,
    **TABLE_STRUCTURE_URLS,
}


def are_published(architecture: str) -> bool:
    """Whether docTR has published weights of its architecture."""
    return _URLS[architecture] is not None


def unpublished_weights(architecture: str) -> WeightsUnavailableError:
    """Returns the error of an architecture without published weights; the message says how to do without."""
    return WeightsUnavailableError(
        f"docTR has published no weights of '{architecture}': name another model; who has weights of it puts them into "
        f"weights_dir as {architecture}.safetensors"
    )


def file_name_of(url: str) -> str:
    """Name under which docTR stores the file of ``url``, e.g. ``db_resnet50-79bd7d70.pt``.

    Source: ``download_from_url`` of doctr/utils/data.py.
    """
    return url.rpartition("/")[-1].split("&")[0]


def sha256_prefix_of(file_name: str) -> str | None:
    """First hexadecimal digits of the file's SHA-256, which docTR puts into the name; None without them.

    Source: ``HASH_REGEX`` of doctr/utils/data.py, here with at least one digit.
    """
    match = re.search(r"-([a-f0-9]+)\.", file_name)
    return match.group(1) if match else None


def doctr_cache_dir() -> Path:
    """Folder of docTR's cached weights: ``models`` in ``DOCTR_CACHE_DIR``, or in ``~/.cache/doctr``.

    Source: ``download_from_url`` of doctr/utils/data.py and its callers' ``cache_subdir="models"``.
    """
    cache_dir = os.environ.get("DOCTR_CACHE_DIR", os.path.join(os.path.expanduser("~"), ".cache", "doctr"))
    return Path(cache_dir, "models")


class DoctrWeights:
    """Files of docTR's weights: in ``weights_dir``, then in docTR's cache, else to be downloaded into it.

    Args:
        settings: ``weights_dir`` and the download limits.
        downloader: fetches missing files; by default one with the limits of ``settings``.
    """

    def __init__(self, settings: Settings, downloader: Downloader | None = None) -> None:
        self._settings = settings
        self._downloader = downloader
        # Verdict per state of a file, so that 100 MB are hashed once, and again only after they changed.
        self._is_intact: dict[tuple[Path, int, int], bool] = {}

    def locate(self, architecture: str) -> Path | None:
        """Path of the architecture's weights, or None where they are not on disk. Reads nothing."""
        url = _URLS[architecture]
        published = [] if url is None else [file_name_of(url)]
        candidates = [doctr_cache_dir() / name for name in published]
        if self._settings.weights_dir is not None:
            names = (*published, f"{architecture}.safetensors", f"{architecture}.pt")
            candidates = [self._settings.weights_dir / name for name in names] + candidates
        # docTR's own download, when it fails, leaves an empty file behind (_urlretrieve of doctr/utils/data.py).
        return next((path for path in candidates if path.is_file() and path.stat().st_size), None)

    def is_published(self, architecture: str, path: Path) -> bool:
        """Whether the file has the name of the architecture's weights as docTR publishes them. Reads nothing."""
        url = _URLS[architecture]
        return url is not None and path.name == file_name_of(url)

    def is_known_damaged(self, path: Path) -> bool:
        """Whether the file, as it is now, was found damaged before. Reads nothing."""
        return not self._is_intact.get(_state_of(path), True)

    def is_intact(self, path: Path) -> bool:
        """Whether the file has the hash its name promises; a name that promises none is believed."""
        prefix = sha256_prefix_of(path.name)
        if prefix is None:
            return True
        state = _state_of(path)
        if state not in self._is_intact:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self._is_intact[state] = digest.startswith(prefix)
        return self._is_intact[state]

    def check(self, architecture: str, path: Path) -> None:
        """Returns where the file is intact.

        Raises:
            WeightsUnavailableError: it is damaged; the message says what helps.
        """
        if self.is_intact(path):
            return
        remedy = f"fetches them again with: doctr-serve pull {architecture}"
        if path.parent != doctr_cache_dir():
            remedy = "replaces or removes that file in weights_dir"
        raise WeightsUnavailableError(
            f"the weights of '{architecture}' on this server are damaged (the SHA-256 of {path.name} does "
            f"not start with {sha256_prefix_of(path.name)}); its operator {remedy}"
        )

    def pull(self, architecture: str, *, progress: bool) -> Path:
        """Path of the intact weights, downloaded where they are missing or the cached file is damaged.

        The file goes where docTR itself would put it, so that both share one cache.

        Raises:
            WeightsDownloadError: the download failed.
            WeightsUnavailableError: a damaged file in ``weights_dir``, which no download may replace; or docTR has
                published none.
        """
        url = _URLS[architecture]
        located = self.locate(architecture)
        if url is None:
            if located is None:
                raise unpublished_weights(architecture)
            return located
        target = doctr_cache_dir() / file_name_of(url)
        if located is not None and (located != target or self.is_intact(located)):
            self.check(architecture, located)
            return located
        if self._downloader is None:
            from doctr_serve.catalog.download import Downloader

            self._downloader = Downloader(
                stall_timeout_s=self._settings.download_timeout_s,
                max_bytes=self._settings.max_download_bytes,
                max_attempts=self._settings.download_attempts,
            )
        prefix = sha256_prefix_of(target.name)
        return self._downloader.fetch(url, target, sha256_prefix=prefix, progress=progress)


def _state_of(path: Path) -> tuple[Path, int, int]:
    status = path.stat()
    return path, status.st_size, status.st_mtime_ns
