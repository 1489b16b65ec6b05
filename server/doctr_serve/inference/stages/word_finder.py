"""Boxes of a page's words, of the whole page or, where its text would be scaled down too far, of its tiles."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
from doctr.models.detection.predictor import DetectionPredictor
from doctr.utils.geometry import detach_scores

from doctr_serve.inference.limits import PageLimits
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.legibility import smallest_legible_pixels
from doctr_serve.inference.stages.tiling import Tile, merged, tile_shapes, tiles

__all__ = ["WordFinder"]

MAX_SCALE_OF_LOST_TEXT = 0.2
"""A page without words is looked at in tiles where it is scaled down to less: paper at 600 dpi, or a large drawing."""
MIN_CONTRAST = 16
"""Levels, of 255, between the lightest and the darkest of a page: one with less is blank."""
BoxesAndScores: TypeAlias = dict[str, tuple[np.ndarray, np.ndarray]]
"""By class: (N, 4) or (N, 4, 2), and (N,)."""
MAX_SEEN_PER_WORD = 4
"""Tiles that share a corner each see its words."""


class WordFinder:
    """Makes pages of boxes out of docTR's predictions, and looks closer where text was lost.

    Args:
        detection: docTR's detection predictor over the request's detection model.
        limits: bounds of a page.
        keeps_classes: whether the words of all classes of the detection model count; docTR's OCR takes the first.
        tiles_pages: whether pages are looked at in tiles.
    """

    def __init__(
        self, detection: DetectionPredictor, limits: PageLimits, *, keeps_classes: bool, tiles_pages: bool
    ) -> None:
        self._detection = detection
        self._limits = limits
        self._keeps_classes = keeps_classes
        self._tiles_pages = tiles_pages

    def find(self, images: list[np.ndarray], predictions: list[dict[str, np.ndarray]]) -> list[DetectedPage]:
        """Returns the pages with their words.

        Args:
            images: pages, (H, W, 3) uint8 RGB.
            predictions: docTR's, of the whole pages: by class, boxes with scores.

        Raises:
            PageBeyondLimit: a page has too many words.
        """
        pages = [
            self._detected_page(image, self._boxes_and_scores(found))
            for image, found in zip(images, predictions, strict=True)
        ]
        return [self._closer(page) for page in pages]

    def _closer(self, page: DetectedPage) -> DetectedPage:
        """Returns the page in tiles where text of it was lost as it was scaled down."""
        if not self._may_have_lost_text(page):
            return page
        if int(page.image.max()) - int(page.image.min()) < MIN_CONTRAST:
            return replace(page, smallest_legible_pixels=None)
        return self._in_tiles(page) if self._tiles_pages else page

    def _detected_page(
        self, image: np.ndarray, found: BoxesAndScores, tile_shape: tuple[int, int] | None = None
    ) -> DetectedPage:
        boxes = np.concatenate([boxes for boxes, _ in found.values()])
        self._limits.check_words(len(boxes))
        resize = self._detection.pre_processor.resize
        ends = np.cumsum([len(own) for own, _ in found.values()]).tolist()
        return DetectedPage(
            image,
            boxes,
            np.concatenate([scores for _, scores in found.values()]),
            classes={
                name: slice(start, end) for name, start, end in zip(found, [0, *ends], ends, strict=False)
            },
            smallest_legible_pixels=smallest_legible_pixels(
                image.shape[:2],
                boxes,
                input_shape=resize.size,
                preserve_aspect_ratio=resize.preserve_aspect_ratio,
                tile_shape=tile_shape,
            ),
        )

    def _boxes_and_scores(self, predictions: dict[str, np.ndarray]) -> BoxesAndScores:
        """Returns boxes and scores of each class that counts."""
        classes = predictions if self._keeps_classes else dict([next(iter(predictions.items()))])
        boxes, scores = detach_scores(list(classes.values()))
        return dict(zip(classes, zip(boxes, scores, strict=True), strict=True))

    def _may_have_lost_text(self, page: DetectedPage) -> bool:
        sides = zip(self._detection.pre_processor.resize.size, page.image.shape[:2], strict=True)
        is_empty = len(page.boxes) == 0 and min(own / full for own, full in sides) < MAX_SCALE_OF_LOST_TEXT
        return page.smallest_legible_pixels is not None or is_empty

    def _in_tiles(self, page: DetectedPage) -> DetectedPage:
        """Returns the page as its tiles show it: the largest in which all is legible, or the smallest."""
        page_shape, untiled = page.image.shape[:2], page.smallest_legible_pixels
        for tile_shape in tile_shapes(page_shape):
            parts = tiles(page_shape, tile_shape)
            found = self._found_in(parts, page.image)
            words = {
                name: merged(page_shape, parts, *zip(*(part[name] for part in found), strict=True))
                for name in found[0]
            }
            page = replace(
                self._detected_page(page.image, words, tile_shape),
                smallest_legible_untiled=untiled,
                tile_count=len(parts),
            )
            if page.smallest_legible_pixels is None:
                break
        return page

    def _found_in(self, parts: list[Tile], image: np.ndarray) -> list[BoxesAndScores]:
        """Returns what each tile shows, a batch of them at a time."""
        found: list[BoxesAndScores] = []
        batch_size = self._detection.pre_processor.batch_size
        for start in range(0, len(parts), batch_size):
            predictions = self._detection([tile.of(image) for tile in parts[start : start + batch_size]])
            found.extend(self._boxes_and_scores(prediction) for prediction in predictions)
            seen = sum(len(boxes) for part in found for boxes, _ in part.values())
            self._limits.check_words(seen // MAX_SEEN_PER_WORD)
        return found
