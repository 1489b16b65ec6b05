"""docTR's OCRPredictor in two stages, so that a page can leave before the next one is recognised.

The stages call docTR's own steps in the order of ``OCRPredictor.forward`` (doctr/models/predictor/pytorch.py);
``tests/contract`` compares both, option by option.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from doctr.io.elements import Page
from doctr.models.classification.predictor import OrientationPredictor
from doctr.models.detection.predictor import DetectionPredictor
from doctr.models.layout.predictor import LayoutPredictor
from doctr.models.predictor.base import _OCRPredictor
from doctr.models.table_structure.predictor import TablePredictor

from doctr_serve.common.interrupt import Interrupt
from doctr_serve.inference.limits import PageLimits
from doctr_serve.inference.stages.canvas import Shape, pixels
from doctr_serve.inference.stages.crops import crop_groups, straight_piece_count, without_widthless_boxes
from doctr_serve.inference.stages.detected_page import DetectedPage
from doctr_serve.inference.stages.language import language_of
from doctr_serve.inference.stages.layout import Regions
from doctr_serve.inference.stages.orientation import page_orientation
from doctr_serve.inference.stages.page_builder import PageBuilder
from doctr_serve.inference.stages.parts_of_pages import PartsOfPages
from doctr_serve.inference.stages.preprocessing import LARGE_IMAGE_PIXELS
from doctr_serve.inference.stages.reading_direction import checked_guess
from doctr_serve.inference.stages.recognition import StreamedRecognition
from doctr_serve.inference.stages.tables import TABLE_CLASS
from doctr_serve.inference.stages.turning import PageTurner, is_copy
from doctr_serve.inference.stages.word_finder import WordFinder
from doctr_serve.inference.stages.working_memory import turning_bytes, working_bytes
from doctr_serve.options import ReadingOptions

__all__ = ["PagePredictor"]


class PagePredictor(PartsOfPages):
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
        layout: docTR's layout predictor, or None likewise.
        tables: docTR's table predictor, or None likewise; needs ``layout``.

    Attributes:
        keeps_classes: whether the words of all classes of the detection model count; docTR's OCR takes the first.
    """

    keeps_classes = False
    doc_builder: PageBuilder

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
        layout: LayoutPredictor | None = None,
        tables: TablePredictor | None = None,
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
            ignore_regions=options.ignore_regions,
        )
        self.doc_builder = PageBuilder(
            interrupt,
            resolve_lines=options.group_lines,
            resolve_blocks=options.group_blocks,
            paragraph_break=options.paragraph_break,
            export_as_straight_boxes=options.export_as_straight_boxes,
            keep_reading_order=options.reading_order == "auto",
        )
        self._limits = limits
        self._interrupt = interrupt
        self._min_orientation_confidence = min_orientation_confidence
        self._finder = WordFinder(
            detection, limits, keeps_classes=self.keeps_classes, tiles_pages=options.tiling == "auto"
        )
        self._turner = PageTurner(
            keeps_way_back=options.preserve_original_coords, max_pixels=limits.max_pixels, interrupt=interrupt
        )
        self.assume_straight_pages = options.assume_straight_pages
        self.straighten_pages = options.straighten_pages
        self.detect_orientation = options.detect_orientation
        self.detect_language = options.detect_language
        self.det_predictor = detection
        self.reco_predictor = recognition
        self.page_orientation_predictor = page_orientation
        self.crop_orientation_predictor = text_orientation
        self.layout_predictor = layout
        self.table_predictor = tables
        self.table_class_name = TABLE_CLASS

    @property
    def batch_size(self) -> int:
        """Pages that :meth:`detect` takes at once."""
        return self.det_predictor.pre_processor.batch_size

    @property
    def vocabulary(self) -> str:
        """The characters that it can read; "" for one that reads none."""
        return "" if self.reco_predictor is None else self.reco_predictor.vocabulary

    def working_bytes(self, shapes: Sequence[Shape]) -> int:
        """Returns a bound of the bytes that a batch of these shapes takes beside its own; see ``working_memory``."""
        if self.straighten_pages:
            turned = self._turner.turned_pixels(shapes)
            return turning_bytes(turned, self._working_bytes(turned.largest, turned.held))
        largest = max(map(pixels, shapes), default=0)
        return self._working_bytes(largest, max(largest, LARGE_IMAGE_PIXELS))

    def _working_bytes(self, largest_pixels: int, batch_pixels: int) -> int:
        return working_bytes(
            largest_pixels,
            detection=self.det_predictor,
            recognition=self.reco_predictor,
            text_orientation=self.crop_orientation_predictor,
            layout=self.layout_predictor,
            tables=self.table_predictor,
            masked_pixels=batch_pixels if self.ignore_regions else 0,
            is_ordered=self.doc_builder.keep_reading_order,
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
            TooMuchUprightError: the pages of a batch must be straightened one by one.
        """
        for image in images:
            self._limits.check_shape(*image.shape[:2])
        if self.straighten_pages:
            _, orientations = self._orientations(images, images)
            turned = self._turner.upright(images, [angle for angle, _ in orientations])
            pages = self._found([page.image for page in turned])
            for page, upright, image in zip(pages, turned, images, strict=True):
                page.scale, page.origin = upright.scale, upright.origin
                page.is_copy = is_copy(upright.image, image)
        elif self.detect_orientation:
            regions, masked = self.regions_and_masked(images)
            boxes, orientations = self._orientations(images, masked)
            pages = self._pages(images, masked, regions, boxes)
        else:
            return self._found(images)
        if self.detect_orientation:
            for page, (angle, confidence) in zip(pages, orientations, strict=True):
                page.orientation = {
                    "value": angle,
                    "confidence": None if self._page_orientation_disabled else confidence,
                }
        return pages

    def kept_bytes(self, page: DetectedPage) -> int:
        """Returns the bytes of a straightened page, which is kept beside the page as it came."""
        return page.image.nbytes if page.is_copy else 0

    def _found(self, images: list[np.ndarray]) -> list[DetectedPage]:
        regions, masked = self.regions_and_masked(images)
        return self._pages(images, masked, regions, self.det_predictor(masked))

    def _pages(
        self,
        images: list[np.ndarray],
        masked: list[np.ndarray],
        regions: list[Regions] | None,
        boxes: list[dict[str, np.ndarray]],
    ) -> list[DetectedPage]:
        pages = self._finder.find(masked, boxes)
        for index, page in enumerate(pages):
            page.image, page.regions = images[index], regions[index] if regions is not None else None
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
            [page.regions],
            [self.tables_of(page)],
        )
        page.is_out_of_order = self.doc_builder.is_out_of_order
        return self.as_it_came(document, page)

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
        self, images: list[np.ndarray], masked: list[np.ndarray]
    ) -> tuple[list[dict[str, np.ndarray]], list[tuple[int, float | None]]]:
        """Returns the predictions of detection, and degrees and confidence of each page's orientation."""
        predictions, probability_maps = self.det_predictor(masked, return_maps=True)
        # With all that the model knows: the fewer characters there are, the less a confidence says of the direction.
        read = self.reco_predictor.with_whole_vocabulary()
        threshold = self.det_predictor.model.postprocessor.bin_thresh
        min_confidence = self._min_orientation_confidence
        guesses = self._general_page_orientations(images)
        orientations = []
        for image, probabilities, guess, found in zip(
            images, probability_maps, guesses, map(_of_all_classes, predictions), strict=True
        ):
            text_map = (probabilities.max(axis=-1, keepdims=True) > threshold).astype(np.uint8) * 255
            checked = checked_guess(guess, image, found, read, min_confidence=min_confidence)
            orientations.append(
                page_orientation(text_map, checked, has_words=len(found) > 0, min_confidence=min_confidence)
            )
        return predictions, orientations

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


def _of_all_classes(predictions: dict[str, np.ndarray]) -> np.ndarray:
    """Returns the boxes with scores of a page's words."""
    return np.concatenate(list(predictions.values()))
