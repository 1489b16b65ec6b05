"""A page too long or too large for the detection network -> overlapping tiles of it, and one set of boxes of theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from doctr.utils.geometry import order_points

__all__ = ["MAX_TILES", "Tile", "merged", "tile_shapes", "tiles"]

MAX_TILES = 40
"""Of one page: each costs a forward of the detection network. A page that needs more has larger ones."""
TILE_ASPECT_RATIO = 1.5
"""How much longer than the page's short side a tile is: as paper is, for which the network was trained."""
OVERLAP_SHARE = 0.2
"""Of a tile: a word that one tile cuts is whole in the next, unless it is longer."""
MIN_SIDE_PIXELS = 8
"""A page that is narrower has no text."""
SAME_WORD_SHARE = 0.5
"""Of the smaller of two boxes that the other one covers, where both are the same word."""
SAME_LINE_SHARE = 0.5
"""Of the smaller height or width that two parts of a cut word share."""
EDGE_SHARE = 0.005
"""Of a tile's side, 5 pixels of the network's input: a box that is nearer to a cut is of a word that it cuts."""


@dataclass(frozen=True)
class Tile:
    """A part of a page, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, image: np.ndarray) -> np.ndarray:
        """Returns the tile's pixels, a view of the page's."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


def tile_shapes(page_shape: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yields heights and widths of tiles, each smaller than the one before, while ``MAX_TILES`` are enough.

    A long page is cut along its long side first; then both sides are halved.
    """
    height, width = page_shape
    shorter = min(height, width)
    if shorter < MIN_SIDE_PIXELS:
        return
    height, width = (min(side, ceil(shorter * TILE_ASPECT_RATIO)) for side in (height, width))
    if (height, width) == page_shape:
        height, width = ceil(height / 2), ceil(width / 2)
    elif len(tiles(page_shape, (height, width))) > MAX_TILES:
        yield _longest(page_shape)
        return
    while min(height, width) >= MIN_SIDE_PIXELS and len(tiles(page_shape, (height, width))) <= MAX_TILES:
        yield height, width
        height, width = ceil(height / 2), ceil(width / 2)


def tiles(page_shape: tuple[int, int], tile_shape: tuple[int, int]) -> list[Tile]:
    """Returns tiles that cover the page, row by row; neighbours share ``OVERLAP_SHARE`` or more of their side."""
    rows, columns = (_starts(page, tile) for page, tile in zip(page_shape, tile_shape, strict=True))
    return [Tile(top, left, *tile_shape) for top in rows for left in columns]


def merged(
    page_shape: tuple[int, int],
    parts: Sequence[Tile],
    boxes: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the boxes and scores of a page from those of its tiles, each word once and whole.

    Args:
        page_shape: height and width, in pixels.
        parts: the tiles.
        boxes: of each, (N, 4) or (N, 4, 2), relative to it.
        scores: of each, (N,).
    """
    placed = np.concatenate(
        [_on_page(tile, found, page_shape) for tile, found in zip(parts, boxes, strict=True)]
    )
    of_tile = np.repeat(np.arange(len(parts)), [len(found) for found in boxes])
    is_cut = np.concatenate(
        [_is_cut(tile, found, page_shape) for tile, found in zip(parts, boxes, strict=True)]
    )
    all_scores = np.concatenate(list(scores))
    # Whole words first, then the larger parts: what comes later is compared with what is kept.
    order = np.lexsort((-_areas(_rectangles(placed)), is_cut))
    kept = _Kept(len(order), placed)
    for index in order:
        kept.take(placed[index], float(all_scores[index]), int(of_tile[index]), bool(is_cut[index]))
    found, found_scores = kept.result()
    return _relative(found, page_shape), found_scores


class _Kept:
    """The words so far."""

    def __init__(self, capacity: int, like: np.ndarray) -> None:
        self._boxes = np.empty((capacity, *like.shape[1:]), np.float64)
        self._rectangles = np.empty((capacity, 4), np.float64)
        self._tiles = np.full(capacity, -1)
        self._is_cut = np.zeros(capacity, bool)
        self._scores = np.empty(capacity, np.float64)
        self._count = 0

    def take(self, box: np.ndarray, score: float, tile: int, is_cut: bool) -> None:
        """Keeps a box, unless it is a word that another tile has; the rest of a cut one is added to its other part."""
        rectangle = _rectangles(box[None])[0]
        kept = slice(0, self._count)
        others = self._tiles[kept] != tile
        shared = _shared_sides(self._rectangles[kept], rectangle)
        smaller_area = np.minimum(_areas(self._rectangles[kept]), _areas(rectangle[None])[0])
        covered = shared.prod(axis=1) / np.maximum(smaller_area, 1e-9)
        parts = others & self._is_cut[kept] & is_cut & self._continues(rectangle, shared)
        if parts.any():
            index = int(np.flatnonzero(parts)[np.argmax(covered[parts])])
            self._put(index, _union(self._boxes[index], box), max(score, self._scores[index]))
        elif not (others & (covered > SAME_WORD_SHARE)).any():
            self._tiles[self._count], self._is_cut[self._count] = tile, is_cut
            self._put(self._count, box, score)
            self._count += 1

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns boxes and scores."""
        return self._boxes[: self._count], self._scores[: self._count].astype(np.float32)

    def _continues(self, rectangle: np.ndarray, shared: np.ndarray) -> np.ndarray:
        """Whether each kept box and this one overlap, and are of one line."""
        sides = np.minimum(_sides(self._rectangles[: self._count]), _sides(rectangle[None]))
        return (shared > 0).all(axis=1) & (shared > SAME_LINE_SHARE * sides).any(axis=1)

    def _put(self, index: int, box: np.ndarray, score: float) -> None:
        self._boxes[index], self._rectangles[index] = box, _rectangles(box[None])[0]
        self._scores[index] = score


def _longest(page_shape: tuple[int, int]) -> tuple[int, int]:
    """Returns the tile of a page that would need more than ``MAX_TILES``: with these it is covered."""
    height, width = page_shape
    share = 1 / (1 + (MAX_TILES - 1) * (1 - OVERLAP_SHARE))
    longer = ceil(max(height, width) * share) + 1
    return (longer, width) if height > width else (height, longer)


def _starts(page: int, tile: int) -> list[int]:
    count = 1 if tile >= page else 1 + ceil((page - tile) / (tile * (1 - OVERLAP_SHARE)))
    return [round(start) for start in np.linspace(0, max(0, page - tile), count)]


def _on_page(tile: Tile, boxes: np.ndarray, page_shape: tuple[int, int]) -> np.ndarray:
    """Boxes in pixels of the page."""
    points = _points(boxes) * (tile.width, tile.height) + (tile.left, tile.top)
    return np.clip(points, 0, page_shape[::-1]).reshape(boxes.shape)


def _is_cut(tile: Tile, boxes: np.ndarray, page_shape: tuple[int, int]) -> np.ndarray:
    """Whether each box is at a side of the tile where the page goes on."""
    left, top, right, bottom = _rectangles(boxes).T
    height, width = page_shape
    return (
        ((left < EDGE_SHARE) & (tile.left > 0))
        | ((top < EDGE_SHARE) & (tile.top > 0))
        | ((right > 1 - EDGE_SHARE) & (tile.left + tile.width < width))
        | ((bottom > 1 - EDGE_SHARE) & (tile.top + tile.height < height))
    )


def _relative(boxes: np.ndarray, page_shape: tuple[int, int]) -> np.ndarray:
    return (_points(boxes) / page_shape[::-1]).reshape(boxes.shape).astype(np.float32)


def _points(boxes: np.ndarray) -> np.ndarray:
    """The two or four corners of each box, (N, 2 or 4, 2)."""
    return boxes.reshape(len(boxes), 2, 2) if boxes.ndim == 2 else boxes


def _rectangles(boxes: np.ndarray) -> np.ndarray:
    """Left, top, right and bottom of each box, (N, 4)."""
    if boxes.ndim == 2:
        return boxes
    return np.concatenate([boxes.min(axis=1), boxes.max(axis=1)], axis=1)


def _sides(rectangles: np.ndarray) -> np.ndarray:
    return rectangles[:, 2:] - rectangles[:, :2]


def _areas(rectangles: np.ndarray) -> np.ndarray:
    return _sides(rectangles).prod(axis=1)


def _shared_sides(rectangles: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Width and height of what each shares with the other one, (N, 2); 0 where they are apart."""
    first = np.maximum(rectangles[:, :2], other[:2])
    end = np.minimum(rectangles[:, 2:], other[2:])
    return np.maximum(end - first, 0)


def _union(box: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The smallest box around two."""
    if box.ndim == 1:
        return np.concatenate([np.minimum(box[:2], other[:2]), np.maximum(box[2:], other[2:])])
    around = cv2.minAreaRect(np.concatenate([box, other]).astype(np.float32))
    return order_points(cv2.boxPoints(around))
