"""Word crops of real pages with known text, for evaluation only; nothing here is ever trained on."""

from __future__ import annotations

import json
import random
from pathlib import Path

import cv2
import numpy as np

from synth.fonts import VOCAB
from synth.words import fit

__all__ = ["accuracy", "load_crops"]


def load_crops(folder: Path, count: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Return up to `count` word crops, as the recogniser gets them, and their texts."""
    images, texts = [], []
    for truth in sorted(folder.glob("*.json")):
        picture = next(p for p in (truth.with_suffix(s) for s in (".png", ".jpg")) if p.exists())
        page = cv2.cvtColor(cv2.imread(str(picture)), cv2.COLOR_BGR2RGB)
        for entry in json.loads(truth.read_text()):
            text = entry["text"]
            quad = np.array(entry["quad"]).reshape(4, 2)
            (x0, y0), (x1, y1) = np.maximum(quad.min(0), 0), quad.max(0)
            crop = page[max(0, y0 - 1) : y1 + 1, max(0, x0 - 1) : x1 + 1]
            if (
                text
                and set(text) <= set(VOCAB)
                and min(crop.shape[:2]) > 3
                and crop.shape[1] <= 8 * crop.shape[0]
            ):
                images.append(fit(crop)[0])
                texts.append(text)
    order = random.Random(seed).sample(range(len(texts)), min(count, len(texts)))
    return np.stack([images[i] for i in order]), [texts[i] for i in order]


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def accuracy(read: list[str], truth: list[str]) -> tuple[float, float]:
    """Return the share read exactly, and the share read right if only letters and digits count, case ignored."""
    exact = sum(a == b for a, b in zip(read, truth)) / max(1, len(truth))
    pairs = [(_plain(a), _plain(b)) for a, b in zip(read, truth) if _plain(b)]
    return exact, sum(a == b for a, b in pairs) / max(1, len(pairs))
