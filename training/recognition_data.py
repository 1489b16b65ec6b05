"""Batches of rendered words for the recogniser, with a label for every time step."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from synth import words
from synth.fonts import VOCAB

__all__ = ["BLANK", "INDEX", "POOL", "HardWords", "Rounds", "frame_labels"]

BLANK = len(VOCAB)
INDEX = {c: i for i, c in enumerate(VOCAB)}
POOL = 12  # batches rendered together, so that crops of like width share one
Batch = tuple[np.ndarray, np.ndarray, list[str]]  # images (N, 32, W, 3), frame labels (N, steps), texts


def frame_labels(word: words.Word, steps: int) -> np.ndarray:
    """Label each time step with the character whose centre falls there; doubled characters keep a blank between."""
    labels = np.full(steps, BLANK, np.int64)
    places: list[int] = []
    for i, (char, centre) in enumerate(zip(word.text, word.centres)):
        gap = 2 if i and char == word.text[i - 1] else 1
        least = places[-1] + gap if places else 0
        places.append(max(least, int(centre * words.STEPS / words.WIDTH)))
    for i in range(len(places) - 1, -1, -1):  # push back what ran over the end
        limit = steps - 1 if i == len(places) - 1 else places[i + 1] - 1
        places[i] = max(0, min(places[i], limit))
    labels[places] = [INDEX[c] for c in word.text]
    return labels


class Rounds:
    """Renders a pool of words and cuts it into batches; narrow crops lose their padding unless `full`."""

    def __init__(self, batch: int, full: float, short_until: int) -> None:
        self.batch, self.full, self.short_until = batch, full, short_until

    def __call__(self, rng: random.Random, index: int) -> list[Any]:
        """Return the batches of one round: images, frame labels, texts."""
        limit = 4 + 16 * index // self.short_until if index < self.short_until else None
        pool = [words.render(rng, limit) for _ in range(self.batch * POOL)]
        widths = [int(w.image.any((0, 2)).nonzero()[0].max(initial=0)) + 1 for w in pool]
        return self._batches(rng, pool, widths)

    def _batches(self, rng: random.Random, pool: list[words.Word], widths: list[int]) -> list[Batch]:
        order = rng.sample(range(len(pool)), len(pool))
        full = rng.random() < self.full
        if not full:
            order.sort(key=lambda i: widths[i] + rng.random() * 16)
        out = []
        for at in range(0, len(order), self.batch):
            part = order[at : at + self.batch]
            widest = words.WIDTH if full else max(32, max(widths[i] for i in part))
            width = min(words.WIDTH, -(-widest // 16) * 16)
            images = np.stack([pool[i].image[:, :width] for i in part])
            steps = width * words.STEPS // words.WIDTH
            labels = np.stack([frame_labels(pool[i], steps) for i in part])
            out.append((images, labels, [pool[i].text for i in part]))
        rng.shuffle(out)
        return out


class HardWords:
    """Collects the words of each batch that were read worst, to be shown once more: most are read well by then.

    `share` of each batch is kept; batches come back once `POOL` of them can be filled, sorted by width.
    """

    def __init__(self, batch: int, share: float, seed: int) -> None:
        self.batch, self.share, self.rng = batch, share, random.Random(seed)
        self.kept: list[tuple[np.ndarray, np.ndarray, str]] = []

    def add(self, batch: Batch, losses: np.ndarray) -> list[Batch]:
        """Take in a batch and the loss of each word; return the batches to show again, most often none."""
        images, labels, texts = batch
        for i in np.argsort(-losses)[: round(self.share * len(texts))]:
            self.kept.append((images[i], labels[i], texts[i]))
        if len(self.kept) < self.batch * POOL:
            return []
        self.kept.sort(key=lambda item: item[0].shape[1])
        out = [self._stacked(self.kept[i : i + self.batch]) for i in range(0, len(self.kept), self.batch)]
        self.kept = []
        self.rng.shuffle(out)
        return out

    @staticmethod
    def _stacked(items: list[tuple[np.ndarray, np.ndarray, str]]) -> Batch:
        width, steps = (max(item[k].shape[at] for item in items) for k, at in ((0, 1), (1, 0)))
        images = np.zeros((len(items), words.HEIGHT, width, 3), np.uint8)  # black, as padding is
        labels = np.full((len(items), steps), BLANK, np.int64)
        for i, (image, label, _) in enumerate(items):
            images[i, :, : image.shape[1]], labels[i, : len(label)] = image, label
        return images, labels, [text for _, _, text in items]
