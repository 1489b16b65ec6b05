"""Each option does what docTR's own option does: docTR in this process, the service over gRPC, compared word by word.

Both sides have the same files of weights. In the service the networks run in another memory format and with folded
batch norms. That is float noise: here geometries differ by 3e-8, detection scores by 5e-7, confidences by 1e-5. Where
a pixel of the heat map lies within that noise of binary_threshold, the edge of its box moves by one pixel of the map,
so that one word of a page may differ by that much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doctr.io.elements import Document, Page
from doctr.models.utils import add_whitelist
from doctr_serve.options import DOCTR_ARGUMENTS, ReadingOptions
from doctr_serve.v1 import ocr_pb2
from support.doctr_reference import DoctrReference
from support.pages import blank, png, real_receipt, skewed, two_columns
from support.server import DETECTION_MODEL, RECOGNITION_MODEL, Service, running, settings_for

pytestmark = pytest.mark.usefixtures("large_tensors_are_kept")

GEOMETRY_TOLERANCE = 1e-5
SCORE_TOLERANCE = 1e-4
MAP_PIXELS = 1024
SCORE_TOLERANCE_OF_A_MOVED_BOX = 0.02
MAX_MOVED_WORDS = 1
LANGUAGE_TOLERANCE = 1e-3
CLASSIFIER_TOLERANCE = 0.0101
"""docTR rounds the classifiers' confidences to two digits."""

DEFAULTS = ReadingOptions(detection_model=DETECTION_MODEL, recognition_model=RECOGNITION_MODEL)
TURNED = {"assume_straight_pages": False}
PAGES = {"columns": two_columns, "skewed": skewed}

Reference = Callable[[ReadingOptions, str], Document]

# option: (its value, the page, the options beside it without which it has no effect)
CASES: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "detection_model": ("fast_tiny", "columns", {}),
    "recognition_model": ("crnn_mobilenet_v3_large", "skewed", {}),
    "assume_straight_pages": (False, "skewed", {}),
    "preserve_aspect_ratio": (False, "columns", {}),
    "detect_orientation": (True, "skewed", {}),
    "detect_language": (True, "columns", {}),
    "symmetric_padding": (False, "columns", {}),
    "straighten_pages": (True, "skewed", {}),
    "detection_batch_size": (1, "columns", {}),
    "recognition_batch_size": (7, "columns", {}),
    "disable_page_orientation": (True, "skewed", {"detect_orientation": True}),
    "disable_text_orientation": (True, "skewed", {"assume_straight_pages": False}),
    "binary_threshold": (0.5, "columns", {}),
    "box_threshold": ("between the scores", "columns", {}),
    "group_lines": (False, "columns", {}),
    "group_blocks": (True, "columns", {}),
    "paragraph_break": (0.08, "columns", {}),
    "preserve_original_coords": (True, "skewed", {"straighten_pages": True}),
    "export_as_straight_boxes": (True, "skewed", {"assume_straight_pages": False}),
}
WITHOUT_EFFECT = {"detection_batch_size", "recognition_batch_size"}


@pytest.fixture(scope="session")
def reference(service: Service, weights_dir: Path) -> Reference:
    """docTR's reading of one of ``PAGES`` for a set of options, each made once."""
    doctr = DoctrReference(service.server.settings, weights_dir)
    return cache(lambda options, page: doctr.read([PAGES[page]()], options))


@pytest.fixture(scope="session")
def openvino_service(weights_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """As ``service``, but the models are OpenVINO's, in f32: held to the same bounds."""
    settings = settings_for(
        weights_dir,
        runtime="openvino",
        inference_precision="f32",
        converted_models_dir=tmp_path_factory.mktemp("converted"),
        min_orientation_confidence=0.0,
    )
    with running(settings) as running_service:
        yield running_service


@pytest.fixture(params=["service", "openvino_service"], ids=["torch", "openvino"])
def either_service(request: pytest.FixtureRequest) -> Service:
    """The service with either runtime."""
    return request.getfixturevalue(request.param)


def test_the_cases_are_the_options_that_doctr_has() -> None:
    assert list(CASES) == list(DOCTR_ARGUMENTS)


@pytest.mark.parametrize("option", CASES)
def test_an_option_does_what_doctrs_own_does(
    option: str, either_service: Service, reference: Reference
) -> None:
    value, page, beside = CASES[option]
    without = replace(DEFAULTS, **beside)
    if option == "box_threshold":
        value = value_between_scores(reference(without, page))
    options = replace(without, **{option: value})

    expected = reference(options, page)

    assert (comparable(expected) != comparable(reference(without, page))) == (option not in WITHOUT_EFFECT)
    assert_same_document(read(either_service, [PAGES[page]()], options), expected, options)


@pytest.mark.parametrize(
    ("quarters", "shape_of_boxes"),
    [(1, {}), (0, TURNED), (2, TURNED | {"export_as_straight_boxes": True})],
)
def test_geometries_of_the_page_as_it_came_are_doctrs(
    quarters: int, shape_of_boxes: dict[str, bool], service: Service, weights_dir: Path
) -> None:
    options = replace(DEFAULTS, straighten_pages=True, preserve_original_coords=True, **shape_of_boxes)
    pages = [np.ascontiguousarray(np.rot90(skewed(), quarters)), blank()]

    expected = DoctrReference(service.server.settings, weights_dir).read(pages, options)

    results = read(service, pages, options)
    assert_same_document(results, expected, options)
    assert [list(result.dimensions) for result in results] == [list(page.shape[:2]) for page in pages]


def test_without_straightening_geometries_are_of_the_page_as_it_came_anyway(service: Service) -> None:
    plain, asked = (
        read(service, [skewed()], options)
        for options in (DEFAULTS, replace(DEFAULTS, preserve_original_coords=True))
    )
    assert plain == asked


@pytest.mark.parametrize("beside", [{}, TURNED])
def test_characters_are_restricted_as_doctr_does_it(
    beside: dict[str, bool], either_service: Service, weights_dir: Path
) -> None:
    options = replace(DEFAULTS, allowed_characters="aeinorst", **beside)
    predictor = DoctrReference(either_service.server.settings, weights_dir).predictor(options)
    with add_whitelist(predictor, options.allowed_characters):
        expected = predictor([two_columns()])

    allowed = {"allowed_characters": "tsroniea" * 2, **beside}
    (result,) = either_service.stream(png(two_columns()), **allowed)

    assert_same_page(result, expected.pages[0], options)
    assert characters_of(result) <= set(options.allowed_characters)
    assert len(characters_of(result)) > 4
    # Of this request alone: docTR's restriction is the model's, for all who share it, until it is removed.
    (whole,) = either_service.stream(png(two_columns()), **beside)
    assert not characters_of(whole) <= set(options.allowed_characters)


@pytest.mark.parametrize("seed", range(6))
def test_combinations_of_options_do_what_doctrs_do(seed: int, service: Service, weights_dir: Path) -> None:
    options = random_options(seed)
    turned = np.ascontiguousarray(np.rot90(two_columns(), 0 if options.disable_page_orientation else seed))
    pages = [blank() if seed % 3 == 0 else turned, skewed()]

    expected = DoctrReference(service.server.settings, weights_dir).read(pages, options)

    assert_same_document(read(service, pages, options), expected, options)


def test_a_real_receipt_reads_as_with_doctr(either_service: Service, weights_dir: Path) -> None:
    page = real_receipt()
    if page is None:
        pytest.skip("the real receipts are not part of the repository")
    expected = DoctrReference(either_service.server.settings, weights_dir).read([page], DEFAULTS)
    assert_same_document(read(either_service, [page], DEFAULTS), expected, DEFAULTS)


def test_a_page_orientation_carries_the_confidence_of_doctrs_classifier(
    service: Service, weights_dir: Path
) -> None:
    """docTR computes it and leaves it out (doctr/models/predictor/pytorch.py, `"confidence": None`)."""
    options = replace(DEFAULTS, detect_orientation=True)
    doctr = DoctrReference(service.server.settings, weights_dir)
    pages = [page() for page in PAGES.values()]
    _, _, confidences = doctr.predictor(options).page_orientation_predictor(pages)

    results = read(service, pages, options)

    assert [result.orientation.confidence for result in results] == pytest.approx(
        confidences, abs=CLASSIFIER_TOLERANCE
    )


def random_options(seed: int) -> ReadingOptions:
    """Every option at its default or not, but for the models, which need trained weights to agree on a text."""
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {
        name: value
        for name, (value, *_) in CASES.items()
        if name not in ("detection_model", "recognition_model", "box_threshold")
    }
    values["box_threshold"] = 0.3
    for name in ("preserve_original_coords", "export_as_straight_boxes"):
        values[name] = values.pop(name)  # drawn last, so that the other options of a seed stay what they were
    return replace(DEFAULTS, **{name: value for name, value in values.items() if rng.random() < 0.5})


def value_between_scores(document: Document) -> float:
    """The middle of the widest gap between the inner scores: no score is near enough to fall on either side."""
    scores = sorted(word.objectness_score for page in document.pages for word in words_of(page))
    inner = scores[len(scores) // 4 : -len(scores) // 4]
    gap, low = max((high - low, low) for low, high in pairwise(inner))
    return low + gap / 2


def read(service: Service, pages: list[np.ndarray], options: ReadingOptions) -> list[ocr_pb2.PageResult]:
    """The service's reading; options at their default are left out, so that its own defaults count."""
    defaults = vars_of(DEFAULTS)
    changed = {name: value for name, value in vars_of(options).items() if value != defaults[name]}
    return service.stream(*(png(page) for page in pages), **changed)


def vars_of(options: ReadingOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in DOCTR_ARGUMENTS}


def words_of(page: Page) -> list[Any]:
    return [word for block in page.blocks for line in block.lines for word in line.words]


def characters_of(result: ocr_pb2.PageResult) -> set[str]:
    lines = [line for page in result.pages for block in page.blocks for line in block.lines]
    return {character for line in lines for word in line.words for character in word.value}


def comparable(document: Document) -> str:
    """Everything docTR read, but for the last digits of numbers."""
    return "\n".join(
        repr(
            [
                page.dimensions,
                page.orientation["value"],
                page.language["value"],
                [[len(line.words) for line in block.lines] for block in page.blocks],
                [
                    (word.value, np.round(word.geometry, 3).tolist(), word.crop_orientation["value"])
                    for word in words_of(page)
                ],
            ]
        )
        for page in document.pages
    )


def assert_same_document(
    results: list[ocr_pb2.PageResult], expected: Document, options: ReadingOptions
) -> None:
    assert len(results) == len(expected.pages)
    for result, page in zip(results, expected.pages, strict=True):
        assert_same_page(result, page, options)


def assert_same_page(result: ocr_pb2.PageResult, page: Page, options: ReadingOptions) -> None:
    assert not result.HasField("error"), result.error
    assert list(result.dimensions) == list(page.dimensions)
    assert_same_orientation(result, page, options)
    assert optional(result.language, "value") == page.language["value"]
    if page.language["confidence"] is not None:
        assert result.language.confidence == pytest.approx(
            page.language["confidence"], abs=LANGUAGE_TOLERANCE
        )
    (content,) = result.pages
    texts = [[[word.value for word in line.words] for line in block.lines] for block in content.blocks]
    assert texts == [[[word.value for word in line.words] for line in block.lines] for block in page.blocks]
    words = [word for block in content.blocks for line in block.lines for word in line.words]
    moved = [
        word.value
        for word, doctr_word in zip(words, words_of(page), strict=True)
        if not is_same_word(word, doctr_word, options)
    ]
    assert len(moved) <= MAX_MOVED_WORDS, moved
    for block, doctr_block in zip(content.blocks, page.blocks, strict=True):
        assert is_same_box(block, doctr_block, options) or moved
        for line, doctr_line in zip(block.lines, doctr_block.lines, strict=True):
            assert is_same_box(line, doctr_line, options) or moved


def assert_same_orientation(result: ocr_pb2.PageResult, page: Page, options: ReadingOptions) -> None:
    assert optional(result.orientation, "value") == page.orientation["value"]
    assert result.orientation.HasField("confidence") == (
        options.detect_orientation and not options.disable_page_orientation
    )


def is_same_word(word: ocr_pb2.Word, doctr_word: Any, options: ReadingOptions) -> bool:
    """Whether the word is docTR's but for float noise; fails where it is not docTR's but for a moved edge."""
    confidence_error = abs(word.confidence - doctr_word.confidence)
    assert confidence_error < SCORE_TOLERANCE_OF_A_MOVED_BOX
    assert word.text_orientation.value == doctr_word.crop_orientation["value"]
    # docTR's stand-in for a disabled classifier claims a confidence of 1; the contract leaves it out.
    is_classified = not (options.assume_straight_pages or options.disable_text_orientation)
    assert word.text_orientation.HasField("confidence") == is_classified
    if is_classified:
        assert word.text_orientation.confidence == pytest.approx(
            doctr_word.crop_orientation["confidence"], abs=CLASSIFIER_TOLERANCE
        )
    return is_same_box(word, doctr_word, options) and confidence_error < SCORE_TOLERANCE


def is_same_box(box: Any, doctr_box: Any, options: ReadingOptions) -> bool:
    """Whether the box is docTR's but for float noise; fails where it is not docTR's but for a moved edge."""
    expected = np.array(doctr_box.geometry, dtype=float).ravel()
    is_straight = options.assume_straight_pages or options.export_as_straight_boxes
    assert len(box.geometry) == len(expected) == (4 if is_straight else 8)
    geometry_error = np.abs(np.array(box.geometry) - expected).max()
    score_error = abs(box.detection_score - doctr_box.objectness_score)
    assert geometry_error < 1.5 / MAP_PIXELS
    assert score_error < SCORE_TOLERANCE_OF_A_MOVED_BOX
    return geometry_error < GEOMETRY_TOLERANCE and score_error < SCORE_TOLERANCE


def optional(message: Any, field: str) -> Any:
    return getattr(message, field) if message.HasField(field) else None
