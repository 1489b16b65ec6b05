"""docTR's own pretrained weights: where they are published and under which file name.

A copy of the addresses in docTR's ``default_cfgs``, so that the catalog can be listed without importing torch
(several seconds). ``tests/contract/test_doctr_weights.py`` compares it with the installed docTR, entry by entry.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = [
    "DETECTION_URLS",
    "PAGE_ORIENTATION_URLS",
    "RECOGNITION_URLS",
    "TEXT_ORIENTATION_URLS",
    "doctr_cache_dir",
    "file_name_of",
    "sha256_prefix_of",
]

# docTR builds the same addresses by hand: the "id" query parameter is a path, "&src=0" is part of the address.
_SERVER = "https://doctr-static.mindee.com/models?id="

# Source: doctr/models/detection/*/pytorch.py (docTR 1.1.0), in the order of the REST contract.
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

# Source: doctr/models/recognition/*/pytorch.py (docTR 1.1.0), in the order of the REST contract.
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

# Source: doctr/models/classification/mobilenet/pytorch.py (docTR 1.1.0).
PAGE_ORIENTATION_URLS = {
    "mobilenet_v3_small_page_orientation": f"{_SERVER}v0.8.1/mobilenet_v3_small_page_orientation-8e60325c.pt&src=0",
}
TEXT_ORIENTATION_URLS = {
    "mobilenet_v3_small_crop_orientation": f"{_SERVER}v0.8.1/mobilenet_v3_small_crop_orientation-f0847a18.pt&src=0",
}


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
