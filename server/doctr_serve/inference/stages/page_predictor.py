"""docTR's OCRPredictor in two stages, so that a page can leave before the next one is recognised.

The stages call docTR's own steps in the order of ``OCRPredictor.forward`` (doctr/models/predictor/pytorch.py);
``tests/contract`` compares both, option by option.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import torch
from doctr.io.elements import Page
from doctr.models.classification.predictor import OrientationPredictor
from doctr.models.detection.predictor import DetectionPredictor
from doctr.models.predictor import OCRPredictor
from doctr.models.predictor.base import _OCRPredictor
from doctr.utils.geometry import detach_scores

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.limits import PageLimits
from doctr_serve.inference.stages.crops import crop_groups, straight_piece_count, without_widthless_boxes
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.language import language_of
from doctr_serve.inference.stages.legibility import smallest_legible_pixels
from doctr_serve.inference.stages.orientation import page_orientation
from doctr_serve.inference.stages.reading_direction import checked_guess
from doctr_serve.inference.stages.recognition import StreamedRecognition
from doctr_serve.inference.stages.straightening import straightened
from doctr_serve.inference.stages.tiling import Tile, merged, tile_shapes, tiles
from doctr_serve.inference.stages.working_memory import working_bytes
from doctr_serve.options import ReadingOptions

__all__ = ["PagePredictor"]

MAX_SCALE_OF_LOST_TEXT = 0.2
"""A page without words is looked at in tiles where it is scaled down to less: paper at 600 dpi, or a large drawing."""
MIN_CONTRAST = 16
"""Levels, of 255, between the lightest and the darkest of a page: one with less is blank."""
BoxesAndScores: TypeAlias = dict[str, tuple[np.ndarray, np.ndarray]]
"""By class: (N, 4) or (N, 4, 2), and (N,)."""
MAX_SEEN_PER_WORD = 4
"""Tiles that share a corner each see its words."""


class PagePredictor(OCRPredictor):
    """docTR's OCR for the options of one request.

    Args:
        options: the request's options.
        limits: bounds of a page.
        interrupt: the request's stop signal, looked at before each group of crops; forwards look at it themselves.
        min_orientation_confidence: see :func:`page_orientation` and :func:`checked_guess`.
        detection: docTR's detection predictor over the request's detection model.
        recognition: docTR's recognition predictor; None for a predictor that reads no words.
        page_orientation: page orientation predictor, or None where the options need none.
        text_orientation: crop orientation predictor, or None where the options need none.

    Attributes:
        keeps_classes: whether the words of all classes of the detection model count; docTR's OCR takes the first.
    """

    keeps_classes = False

    def __init__(
        self,
        options: ReadingOptions,
        *,
        limits: PageLimits,
        interrupt: Interrupt,
        min_orientation_confidence: float,
        detection: DetectionPredictor,
        recognition: StreamedRecognition | None,
        page_orientation: OrientationPredictor | None,
        text_orientation: OrientationPredictor | None,
    ) -> None:
        torch.nn.Module.__init__(self)
        # These flags, at their real values, make docTR's constructor download the orientation classifiers
        # (doctr/models/predictor/base.py, `pretrained=True`); ours come from the catalog instead.
        _OCRPredictor.__init__(
            self,
            assume_straight_pages=True,
            preserve_aspect_ratio=options.preserve_aspect_ratio,
            symmetric_pad=options.symmetric_padding,
            disable_page_orientation=options.disable_page_orientation,
            disable_crop_orientation=options.disable_text_orientation,
            resolve_lines=options.group_lines,
            resolve_blocks=options.group_blocks,
            paragraph_break=options.paragraph_break,
        )
        self._limits = limits
        self._interrupt = interrupt
        self._min_orientation_confidence = min_orientation_confidence
        self._tiling = options.tiling == "auto"
        self.assume_straight_pages = options.assume_straight_pages
        self.straighten_pages = options.straighten_pages
        self.detect_orientation = options.detect_orientation
        self.detect_language = options.detect_language
        self.det_predictor = detection
        self.reco_predictor = recognition
        self.page_orientation_predictor = page_orientation
        self.crop_orientation_predictor = text_orientation

    @property
    def batch_size(self) -> int:
        """Pages that :meth:`detect` takes at once."""
        return self.det_predictor.pre_processor.batch_size

    @property
    def vocabulary(self) -> str:
        """The characters that it can read; "" for one that reads none."""
        return "" if self.reco_predictor is None else self.reco_predictor.vocabulary

    def working_bytes(self, pixels: int) -> int:
        """Returns a bound of the bytes that pages of up to ``pixels`` take beside their own; see ``working_memory``."""
        return working_bytes(
            pixels,
            detection=self.det_predictor,
            recognition=self.reco_predictor,
            text_orientation=self.crop_orientation_predictor,
            is_straightened=self.straighten_pages,
        )

    @torch.inference_mode()
    def detect(self, images: list[np.ndarray]) -> list[DetectedPage]:
        """Finds the words of pages, ``detection_batch_size`` pages per forward.

        Args:
            images: pages, (H, W, 3) uint8 RGB.

        Returns:
            one entry per page, straightened where the options say so.

        Raises:
            PageBeyondLimit: a page has a shape that is not read, or too many words.
        """
        for image in images:
            self._limits.check_shape(*image.shape[:2])
        if not (self.detect_orientation or self.straighten_pages):
            return self._detected(images, self.det_predictor(images))
        boxes, orientations = self._orientations(images)
        scales = [1.0] * len(images)
        if self.straighten_pages:
            images, scales = self._upright(images, [angle for angle, _ in orientations])
            boxes = self.det_predictor(images)
        pages = self._detected(images, boxes)
        for page, scale, (angle, confidence) in zip(pages, scales, orientations, strict=True):
            page.scale = scale
            if self.detect_orientation:
                page.orientation = {
                    "value": angle,
                    "confidence": None if self._page_orientation_disabled else confidence,
                }
        return pages

    @torch.inference_mode()
    def recognise(self, page: DetectedPage) -> Page:
        """Reads the words of one page, ``recognition_batch_size`` crops per forward.

        Returns:
            docTR's page: blocks, lines and words, with orientation and language where asked for.

        Raises:
            PageBeyondLimit: its words are cut into too many pieces.
        """
        boxes, scores, texts, orientations = self._words_of(page)
        document = self.doc_builder(
            [page.image],
            [boxes],
            [scores],
            [texts],
            [page.image.shape[:2]],
            [orientations],  # type: ignore[list-item]  # docTR annotates one page of them, and takes a list of pages
            [page.orientation] if page.orientation else None,
            [language_of([text for text, _ in texts])] if self.detect_language else None,
        )
        return document.pages[0]

    def _words_of(
        self, page: DetectedPage
    ) -> tuple[np.ndarray, np.ndarray, list[tuple[str, float]], list[dict[str, Any]]]:
        """Returns boxes, scores, texts with confidences, and orientations of the words of a page."""
        if not self.assume_straight_pages and self._page_orientation_disabled:
            page = without_widthless_boxes(page)
        if self.assume_straight_pages:
            self._limits.check_pieces(straight_piece_count(page.image, page.boxes))
        cut: list[np.ndarray] = []
        crop_orientations: list[dict[str, Any]] = []
        words = self.reco_predictor(self._crops(page, cut, crop_orientations))
        if not crop_orientations:
            crop_orientations = [{"value": 0, "confidence": None} for _ in words]
        (boxes,), (texts,), (orientations,) = self._process_predictions(
            [np.concatenate(cut) if cut else page.boxes], words, crop_orientations
        )
        return boxes, page.scores, texts, orientations

    def _orientations(
        self, images: list[np.ndarray]
    ) -> tuple[list[dict[str, np.ndarray]], list[tuple[int, float | None]]]:
        """Returns the predictions of detection, and degrees and confidence of each page's orientation."""
        predictions, probability_maps = self.det_predictor(images, return_maps=True)
        threshold = self.det_predictor.model.postprocessor.bin_thresh
        min_confidence = self._min_orientation_confidence
        guesses = self._general_page_orientations(images)
        orientations = []
        for image, probabilities, guess, found in zip(
            images, probability_maps, guesses, map(_only_class, predictions), strict=True
        ):
            text_map = (probabilities > threshold).astype(np.uint8) * 255
            checked = checked_guess(guess, image, found, self.reco_predictor, min_confidence=min_confidence)
            orientations.append(
                page_orientation(text_map, checked, has_words=len(found) > 0, min_confidence=min_confidence)
            )
        return predictions, orientations

    def _upright(self, images: list[np.ndarray], angles: list[int]) -> tuple[list[np.ndarray], list[float]]:
        """Returns the pages turned by these degrees, and their scales."""
        turned = []
        for image, angle in zip(images, angles, strict=True):
            self._interrupt.check()
            turned.append(straightened(image, angle, self._limits.max_pixels))
        return [image for image, _ in turned], [scale for _, scale in turned]

    def _crops(
        self, page: DetectedPage, boxes: list[np.ndarray], orientations: list[dict[str, Any]]
    ) -> Iterator[np.ndarray]:
        """Yields the page's crops, turned upright, a group in memory at a time.

        ``boxes`` gets those of each group, without the ones that hold no pixel; ``orientations`` those of the crops
        where the options ask for them.
        """
        for group in crop_groups(page.image, page.boxes):
            self._interrupt.check()
            crops, kept = self._prepare_crops(
                [page.image],
                [page.boxes[group]],
                assume_straight_pages=self.assume_straight_pages,
                assume_horizontal=self._page_orientation_disabled,
            )
            if not self.assume_straight_pages:
                crops, kept, classified = self._rectify_crops(crops, kept)
                disabled = self._crop_orientation_disabled
                orientations.extend(
                    {"value": value, "confidence": None if disabled else confidence}
                    for value, confidence in classified
                )
            boxes.extend(kept)
            yield from crops[0]
            del crops  # before the next group is cut

    def _detected(
        self, images: list[np.ndarray], predictions: list[dict[str, np.ndarray]]
    ) -> list[DetectedPage]:
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
        return self._in_tiles(page) if self._tiling else page

    def _detected_page(
        self, image: np.ndarray, found: BoxesAndScores, tile_shape: tuple[int, int] | None = None
    ) -> DetectedPage:
        boxes = np.concatenate([boxes for boxes, _ in found.values()])
        self._limits.check_words(len(boxes))
        resize = self.det_predictor.pre_processor.resize
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
        classes = predictions if self.keeps_classes else dict([next(iter(predictions.items()))])
        boxes, scores = detach_scores(list(classes.values()))
        return dict(zip(classes, zip(boxes, scores, strict=True), strict=True))

    def _may_have_lost_text(self, page: DetectedPage) -> bool:
        sides = zip(self.det_predictor.pre_processor.resize.size, page.image.shape[:2], strict=True)
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
        for start in range(0, len(parts), self.batch_size):
            predictions = self.det_predictor(
                [tile.of(image) for tile in parts[start : start + self.batch_size]]
            )
            found.extend(self._boxes_and_scores(prediction) for prediction in predictions)
            seen = sum(len(boxes) for part in found for boxes, _ in part.values())
            self._limits.check_words(seen // MAX_SEEN_PER_WORD)
        return found


def _only_class(predictions: dict[str, np.ndarray]) -> np.ndarray:
    """Returns the boxes with scores of a page's words."""
    return next(iter(predictions.values()))
