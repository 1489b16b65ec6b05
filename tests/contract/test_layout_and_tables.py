"""Layout and tables: what docTR's own predictors give with the same weights, and the bounds of both."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from doctr.models import layout_predictor, table_predictor
from doctr.models.classification.mobilenet.pytorch import default_cfgs
from doctr.models.detection.zoo import detection_predictor
from doctr.models.kie_predictor import KIEPredictor
from doctr.models.predictor import OCRPredictor
from doctr.models.recognition.zoo import recognition_predictor
from doctr_serve.catalog import Catalog, ModelTask
from doctr_serve.inference.loading import load_model
from doctr_serve.inference.stages import fields, page_builder
from doctr_serve.v1 import ocr_pb2
from safetensors.torch import load_file, save_file
from support.pages import blank, letter, png, skewed, two_columns
from support.painted_runtime import WORDS, PaintedRuntime
from support.plain_runtime import PlainRuntime
from support.samples import LETTER
from support.server import DETECTION_MODEL, RECOGNITION_MODEL, failure_of, request, settings_for
from support.small_engine import SIDE
from support.watched import Watched, watched_service
from support.weights import finding_layout_weights, finding_table_weights, with_input_side


def large_print() -> np.ndarray:
    """A page full of words that a small input shows, too."""
    return letter(textwrap.fill(LETTER, 34)[:700], font_pixels=30)


PAGES = {"straight": (large_print, {}), "polygons": (skewed, {"assume_straight_pages": False})}
pytestmark = pytest.mark.usefixtures("one_torch_thread")
ALIKE = {"disable_page_orientation": True, "disable_text_orientation": True, "tiling": "off"}
"""docTR as it is used here has no classifiers and no tiles."""


@pytest.fixture(scope="module")
def layout_weights_dir(weights_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of every test, and those of layout and tables."""
    directory = tmp_path_factory.mktemp("layout-weights")
    for file in weights_dir.iterdir():
        (directory / file.name).symlink_to(file)
    pages = [large_print(), skewed()]
    finding_layout_weights(directory, pages)
    parts = [
        page[top : top + 300, left : left + 250] for page in pages for top, left in ((60, 40), (250, 300))
    ]
    return finding_table_weights(directory, parts)


@pytest.fixture(scope="module")
def laid_out(layout_weights_dir: Path) -> Iterator[Watched]:
    """A server that has weights of layout and tables, and sees pages small.

    Random weights find hundreds of cells, many of them by a hair: it computes as docTR does, to the last bit.
    """
    runtime = PlainRuntime(Catalog(settings_for(layout_weights_dir)))
    with watched_service(layout_weights_dir, runtime=runtime) as service:
        yield service


@pytest.fixture(scope="module")
def network(laid_out: Watched) -> Callable[[str, ModelTask], Any]:
    """docTR's networks with the server's weights, at its size."""
    catalog = Catalog(laid_out.reader.settings)

    def load(name: str, task: ModelTask) -> Any:
        model = load_model(catalog.find(name, task, option=""), catalog)
        return model if task is ModelTask.RECOGNITION else with_input_side(model, SIDE)

    return load


@pytest.fixture(scope="module")
def doctr(network: Callable[[str, ModelTask], Any]) -> Callable[..., Any]:
    """docTR's own predictors: of OCR, or of KIE."""

    def make(
        kind: type = OCRPredictor, *, tables: bool = False, straight: bool = True, **arguments: Any
    ) -> Any:
        detection = detection_predictor(
            network(DETECTION_MODEL, ModelTask.DETECTION), pretrained=False, assume_straight_pages=straight
        )
        detection.model.postprocessor.bin_thresh = detection.model.postprocessor.box_thresh = 0.1
        shape = {"assume_straight_pages": straight}
        parts = {"layout_predictor": layout_predictor(network("lw_detr_s", ModelTask.LAYOUT), **shape)}
        if tables:
            table = network("tablecenternet", ModelTask.TABLE_STRUCTURE)
            table.postprocessor.assume_straight_pages = straight
            parts["table_predictor"] = table_predictor(table, batch_size=1, **shape)
        return kind(
            detection,
            recognition_predictor(network(RECOGNITION_MODEL, ModelTask.RECOGNITION), pretrained=False),
            **parts,
            **shape,
            disable_page_orientation=True,
            disable_crop_orientation=True,
            **{"paragraph_break": 0.0035} | arguments,
        )

    return make


def ask(service: Watched, method: str, kind: type, *pages: np.ndarray, **options: Any) -> list[Any]:
    """What a method that takes uploads answers."""
    message = kind(documents=[ocr_pb2.Document(content=png(page)) for page in pages], **options)
    return list(getattr(service.service.stub, method)(iter([message]), timeout=240))


def assert_same_layout(ours: Sequence[ocr_pb2.LayoutElement], doctrs: Sequence[Any]) -> None:
    assert [element.type for element in ours] == [element.type for element in doctrs]
    assert len(doctrs) > 5
    for element, expected in zip(ours, doctrs, strict=True):
        np.testing.assert_allclose(element.geometry, np.ravel(expected.geometry), atol=1e-4)
        assert element.confidence == pytest.approx(expected.confidence, abs=1e-3)


def assert_same_tables(ours: Sequence[ocr_pb2.Table], doctrs: Sequence[Any]) -> None:
    assert len(doctrs) > 0
    assert len(ours) == len(doctrs)
    for table, expected in zip(ours, doctrs, strict=True):
        assert (table.num_rows, table.num_cols) == (expected.num_rows, expected.num_cols)
        np.testing.assert_allclose(table.geometry, np.ravel(expected.geometry), atol=1e-3)
        assert table.confidence == pytest.approx(expected.confidence, abs=1e-3)
        assert [
            (cell.value, cell.row_start, cell.row_end, cell.col_start, cell.col_end) for cell in table.cells
        ] == [
            (cell.value, cell.row_start, cell.row_end, cell.col_start, cell.col_end)
            for cell in expected.cells
        ]
        for cell, own in zip(table.cells, expected.cells, strict=True):
            np.testing.assert_allclose(cell.geometry, np.ravel(own.geometry), atol=1e-3)
            assert cell.confidence == pytest.approx(own.confidence, abs=1e-3)


def words_of(page: ocr_pb2.PageResult) -> list[str]:
    return [word.value for block in page.pages[0].blocks for line in block.lines for word in line.words]


@pytest.mark.parametrize(
    ("options", "page"),
    [
        ({}, two_columns),
        ({"assume_straight_pages": False}, skewed),
        ({"preserve_aspect_ratio": False}, two_columns),
        ({"symmetric_padding": False}, two_columns),
        ({"detection_batch_size": 1}, two_columns),
    ],
)
def test_layout_is_what_doctrs_predictor_gives(
    options: dict[str, Any],
    page: Callable[[], np.ndarray],
    laid_out: Watched,
    network: Callable[[str, ModelTask], Any],
) -> None:
    names = {"symmetric_padding": "symmetric_pad", "detection_batch_size": "batch_size"}
    predictor = layout_predictor(
        network("lw_detr_s", ModelTask.LAYOUT),
        **{names.get(name, name): value for name, value in options.items()},
    )
    expected = predictor([page(), page()])

    results = ask(laid_out, "DetectLayout", ocr_pb2.DetectLayoutRequest, page(), page(), **options)

    for result, regions in zip(results, expected, strict=True):
        assert [element.type for element in result.layout] == regions["class_names"]
        assert len(result.layout) > 5
        for element, box, score in zip(result.layout, regions["boxes"], regions["scores"], strict=True):
            np.testing.assert_allclose(element.geometry, box.ravel(), atol=1e-4)
            assert element.confidence == pytest.approx(score, abs=1e-3)
        assert list(result.dimensions) == list(page().shape[:2])
        assert (result.models.layout_model, result.models.detection_model) == ("lw_detr_s", "")


@pytest.mark.parametrize("case", PAGES)
def test_ocr_with_layout_and_tables_is_doctrs(
    case: str, laid_out: Watched, doctr: Callable[..., Any]
) -> None:
    page, options = PAGES[case]
    predictor = doctr(tables=True, straight=options.get("assume_straight_pages", True))
    expected = predictor([page()]).pages[0]

    (result,) = laid_out.service.stream(png(page()), detect_tables=True, **ALIKE, **options)

    assert not result.warnings
    assert_same_layout(result.layout, expected.layout)
    assert_same_tables(result.tables, expected.tables)
    doctrs_words = [word.value for block in expected.blocks for line in block.lines for word in line.words]
    assert words_of(result) == doctrs_words
    assert (result.models.layout_model, result.models.table_model) == ("lw_detr_s", "tablecenternet")


@pytest.mark.parametrize(
    ("options", "page"),
    [
        ({}, large_print),
        ({"assume_straight_pages": False}, skewed),
        ({"preserve_aspect_ratio": False}, large_print),
        ({"symmetric_padding": False}, large_print),
        ({"straighten_pages": True}, skewed),
        ({"detection_batch_size": 1}, large_print),
        ({"recognition_batch_size": 7}, large_print),
        ({"binary_threshold": 0.5}, large_print),
        ({"box_threshold": 0.4}, large_print),
        ({"tiling": "auto"}, large_print),
    ],
    ids=str,
)
def test_tables_alone_are_those_of_ocr(
    options: dict[str, Any], page: Callable[[], np.ndarray], laid_out: Watched
) -> None:
    given = {**ALIKE, **options}
    (read,) = laid_out.service.stream(png(page()), detect_tables=True, **given)
    (result,) = ask(laid_out, "ExtractTables", ocr_pb2.ExtractTablesRequest, page(), **given)
    assert any(cell.value for table in read.tables for cell in table.cells)
    assert list(result.tables) == list(read.tables)
    assert list(result.dimensions) == list(read.dimensions)


def test_words_of_tables_are_read_alone_for_tables(laid_out: Watched) -> None:
    laid_out.service.stream(png(large_print()), detect_tables=True)
    all_words = sum(laid_out.runtime.batch_sizes(ModelTask.RECOGNITION))
    laid_out.runtime.forwards.clear()
    (result,) = ask(laid_out, "ExtractTables", ocr_pb2.ExtractTablesRequest, large_print())
    own_words = sum(len(cell.value.split()) for table in result.tables for cell in table.cells)
    assert own_words <= sum(laid_out.runtime.batch_sizes(ModelTask.RECOGNITION)) < all_words


@pytest.mark.parametrize("case", PAGES)
def test_kie_with_layout_is_doctrs_and_has_tables_beside_its_fields(
    case: str, laid_out: Watched, doctr: Callable[..., Any]
) -> None:
    page, options = PAGES[case]
    predictor = doctr(KIEPredictor, straight=options.get("assume_straight_pages", True))
    expected = predictor([page()]).pages[0]
    given = {**ALIKE, **options}

    kind = ocr_pb2.ExtractFieldsRequest
    (result,) = ask(laid_out, "ExtractFields", kind, page(), detect_tables=True, **given)
    (read,) = laid_out.service.stream(png(page()), detect_tables=True, **given)

    assert_same_layout(result.layout, expected.layout)
    (field,) = result.extracted_fields
    assert [word.value for word in field.values] == [word.value for word in expected.predictions["words"]]
    assert list(result.tables) == list(read.tables)


def test_ignored_regions_are_masked_as_doctr_masks_them(laid_out: Watched, doctr: Callable[..., Any]) -> None:
    ignored = ["Text", "Title"]
    expected = doctr(ignore_regions=ignored)([large_print()]).pages[0]

    page, given = png(large_print()), {"detect_layout": True, **ALIKE}
    (whole,) = laid_out.service.stream(page, **given)
    (result,) = laid_out.service.stream(page, ignore_regions=ignored, **given)

    assert words_of(result) == [
        word.value for block in expected.blocks for line in block.lines for word in line.words
    ]
    assert words_of(result) != words_of(whole)
    assert_same_layout(result.layout, expected.layout)


def test_layout_of_a_straightened_page_is_that_of_the_upright_page(
    laid_out: Watched, doctr: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = doctr()
    predictor.straighten_pages = True
    # What docTR's constructor would download: the stand-in of a disabled classifier.
    predictor.page_orientation_predictor = lambda pages: (
        [0] * len(pages),
        [0] * len(pages),
        [1.0] * len(pages),
    )
    expected = predictor([skewed()]).pages[0]
    options = {"detect_layout": True, "straighten_pages": True, **ALIKE}
    (result,) = laid_out.service.stream(png(skewed()), **options)
    assert list(result.dimensions) == list(expected.dimensions) != list(skewed().shape[:2])
    assert_same_layout(result.layout, expected.layout)


def test_reading_order_is_doctrs(laid_out: Watched, doctr: Callable[..., Any]) -> None:
    given = {"detect_layout": True, **ALIKE}
    for options in ({"group_lines": True}, {"group_lines": False}):
        expected = doctr(keep_reading_order=True, resolve_lines=options["group_lines"])(
            [two_columns()]
        ).pages[0]
        (result,) = laid_out.service.stream(png(two_columns()), reading_order="auto", **given, **options)
        (plain,) = laid_out.service.stream(png(two_columns()), **given, **options)
        doctrs_words = [
            word.value for block in expected.blocks for line in block.lines for word in line.words
        ]
        assert words_of(result) == doctrs_words
        assert words_of(result) != words_of(plain)


def test_fields_come_column_by_column_where_asked_for(laid_out: Watched) -> None:
    kind = ocr_pb2.ExtractFieldsRequest
    (plain,) = ask(laid_out, "ExtractFields", kind, two_columns())
    (ordered,) = ask(laid_out, "ExtractFields", kind, two_columns(), reading_order="auto")
    words = [word.value for word in plain.extracted_fields[0].values]
    own = [word.value for word in ordered.extracted_fields[0].values]
    assert sorted(own) == sorted(words)
    assert own != words


def test_without_layout_there_are_no_regions_and_no_tables(laid_out: Watched) -> None:
    (result,) = laid_out.service.stream(png(two_columns()))
    assert not result.layout
    assert not result.tables
    assert (result.models.layout_model, result.models.table_model) == ("", "")


def test_tables_beyond_the_limit_are_left_out_with_a_warning(
    layout_weights_dir: Path, laid_out: Watched
) -> None:
    (all_of_them,) = laid_out.service.stream(png(large_print()), detect_tables=True, **ALIKE)
    regions = [element for element in all_of_them.layout if element.type == "Table"]
    assert len(regions) > 1
    with watched_service(layout_weights_dir, max_tables_per_page=1) as one:
        (result,) = one.service.stream(png(large_print()), detect_tables=True, **ALIKE)
    messages = {warning.code: warning.message for warning in result.warnings}
    assert f"{len(regions) - 1} of the page's tables" in messages["TABLES_LEFT_OUT"]
    assert "max_tables_per_page" in messages["TABLES_LEFT_OUT"]
    surest = max(regions, key=lambda element: element.confidence)
    assert len(result.tables) <= 1
    for table in result.tables:
        assert table.geometry[1] >= surest.geometry[1] - 0.1
        assert table.geometry[3] <= surest.geometry[3] + 0.1


def test_tables_without_cells_are_said_so(layout_weights_dir: Path, tmp_path: Path) -> None:
    for file in layout_weights_dir.iterdir():
        (tmp_path / file.name).symlink_to(file)
    weights = load_file(layout_weights_dir / "tablecenternet.safetensors")
    weights["hm.2.bias"] -= 100  # sure of nothing
    (tmp_path / "tablecenternet.safetensors").unlink()
    save_file(weights, tmp_path / "tablecenternet.safetensors")
    with watched_service(tmp_path) as unsure:
        (result,) = ask(unsure, "ExtractTables", ocr_pb2.ExtractTablesRequest, large_print(), **ALIKE)
    assert not result.tables
    (warning,) = result.warnings
    assert warning.code == "TABLES_WITHOUT_CELLS"


def test_a_page_with_too_much_on_it_for_reading_order_says_so(
    laid_out: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (page_builder, fields):
        monkeypatch.setattr(module, "MAX_ORDERED", 3)
    (plain,) = laid_out.service.stream(png(large_print()), **ALIKE)
    (result,) = laid_out.service.stream(png(large_print()), reading_order="auto", **ALIKE)
    assert [warning.code for warning in result.warnings] == ["NOT_IN_READING_ORDER"]
    assert words_of(result) == words_of(plain)
    kind = ocr_pb2.ExtractFieldsRequest
    (extracted,) = ask(laid_out, "ExtractFields", kind, large_print(), reading_order="auto", **ALIKE)
    assert [warning.code for warning in extracted.warnings] == ["NOT_IN_READING_ORDER"]


class UpsideDown(PaintedRuntime):
    """Finds words one below the other, on pages that all came upside down."""

    def run(self, handle: ModelTask, batch: np.ndarray) -> np.ndarray:
        output = super().run(handle, batch)
        if handle is ModelTask.PAGE_ORIENTATION:
            output[:, list(default_cfgs["mobilenet_v3_small_page_orientation"]["classes"]).index(180)] = 99
        return output


def test_fields_of_a_page_that_came_upside_down_are_in_its_upright_order(layout_weights_dir: Path) -> None:
    """The order is that of the page as it is read, whatever its boxes are mapped back to."""
    given = {"straighten_pages": True, "preserve_original_coords": True, "reading_order": "auto"}
    kind = ocr_pb2.ExtractFieldsRequest
    with watched_service(layout_weights_dir, runtime=UpsideDown()) as watched:
        (result,) = ask(watched, "ExtractFields", kind, blank(), detect_orientation=True, **given)
    assert result.orientation.value == 180
    tops = [word.geometry[1] for word in result.extracted_fields[0].values]
    assert len(tops) == WORDS
    assert tops == sorted(tops, reverse=True)


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        ({"detect_layout": True, "ignore_regions": ["Dragon"]}, "ignore_regions", "'Dragon' is no region"),
        ({"ignore_regions": ["Text"]}, "ignore_regions", "set detect_layout"),
        ({"detect_layout": True, "ignore_regions": ["x"] * 101}, "ignore_regions", "101 names"),
        ({"detect_layout": True, "ignore_regions": ["x" * 256]}, "ignore_regions", "256 characters"),
        ({"detect_layout": True, "layout_model": "db_resnet50"}, "layout_model", "is a detection model"),
        ({"detect_tables": True, "table_model": "lw_detr_s"}, "table_model", "is a layout model"),
        ({"detect_layout": True, "layout_model": "x" * 256}, "layout_model", "256 characters"),
        ({"reading_order": "sideways"}, "reading_order", "off or auto"),
    ],
)
def test_a_wrong_option_is_refused_by_name(
    options: dict[str, Any], field: str, words: str, laid_out: Watched
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        laid_out.service.stream(png(two_columns()), **options)
    failure = failure_of(caught.value)
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.fields == [field]
    assert words in failure.message


def test_a_model_that_doctr_has_published_no_weights_of_is_refused_and_not_run_on_noise(
    laid_out: Watched,
) -> None:
    for call in (
        lambda: laid_out.service.stream(png(two_columns()), detect_layout=True, layout_model="lw_detr_m"),
        lambda: ask(
            laid_out, "DetectLayout", ocr_pb2.DetectLayoutRequest, two_columns(), layout_model="lw_detr_m"
        ),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        failure = failure_of(caught.value)
        assert failure.code is grpc.StatusCode.FAILED_PRECONDITION
        assert "no weights of 'lw_detr_m'" in failure.message


def test_missing_weights_of_layout_are_named_and_ocr_goes_on_without(watched: Watched) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        watched.service.stream(png(two_columns()), detect_tables=True)
    failure = failure_of(caught.value)
    assert failure.code is grpc.StatusCode.FAILED_PRECONDITION
    assert "doctr-serve pull lw_detr_s" in failure.message
    assert watched.service.stream(png(two_columns()))


@pytest.mark.parametrize("task", [ModelTask.LAYOUT, ModelTask.TABLE_STRUCTURE])
def test_a_cancelled_request_stops_before_the_next_forward(task: ModelTask, laid_out: Watched) -> None:
    calls: list[Any] = []

    def cancel(forward: ModelTask) -> None:
        if forward is task:
            calls[0].cancel()

    laid_out.runtime.forwards.clear()
    laid_out.runtime.before = cancel
    message = request(png(two_columns()), detect_tables=True)
    calls.append(laid_out.service.stub.StreamPages(message, timeout=120))
    with pytest.raises(grpc.RpcError) as caught:
        list(calls[0])
    laid_out.runtime.before = lambda forward: None
    assert caught.value.code() is grpc.StatusCode.CANCELLED
    assert laid_out.reader.wait_until_idle(30)
    assert len(laid_out.runtime.batch_sizes(task)) == 1


def test_a_page_of_noise_is_read_in_bounded_time_and_memory(laid_out: Watched) -> None:
    noise = torch.randint(
        0, 256, (900, 700, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
    )
    (result,) = laid_out.service.stream(png(noise.numpy()), detect_tables=True, box_threshold=0.9)
    assert not result.HasField("error")


@pytest.mark.parametrize("straight", [True, False])
def test_tables_of_a_straightened_page_are_mapped_back_as_words_are(
    laid_out: Watched, straight: bool
) -> None:
    given = {
        "detect_tables": True,
        "straighten_pages": True,
        "preserve_original_coords": True,
        "assume_straight_pages": straight,
        **ALIKE,
    }
    (read,) = laid_out.service.stream(png(skewed()), **given)
    (upright,) = laid_out.service.stream(png(skewed()), **given | {"preserve_original_coords": False})
    (fields,) = ask(laid_out, "ExtractFields", ocr_pb2.ExtractFieldsRequest, skewed(), **given)
    assert list(read.dimensions) == list(fields.dimensions) == list(skewed().shape[:2])
    assert len(read.tables) == len(upright.tables) > 0
    assert read.tables[0].geometry != upright.tables[0].geometry
    assert list(fields.tables) == list(read.tables)
    assert list(fields.layout) == list(read.layout)


def test_tables_have_straight_boxes_where_words_are_exported_so(laid_out: Watched) -> None:
    given = {"detect_tables": True, "assume_straight_pages": False, "export_as_straight_boxes": True, **ALIKE}
    (read,) = laid_out.service.stream(png(skewed()), **given)
    (fields,) = ask(laid_out, "ExtractFields", ocr_pb2.ExtractFieldsRequest, skewed(), **given)
    assert {len(cell.geometry) for table in read.tables for cell in table.cells} == {4}
    assert list(fields.tables) == list(read.tables)


def test_cells_have_the_allowed_characters_alone(laid_out: Watched) -> None:
    kind = ocr_pb2.ExtractTablesRequest
    (result,) = ask(laid_out, "ExtractTables", kind, large_print(), allowed_characters="0123456789", **ALIKE)
    values = [cell.value for table in result.tables for cell in table.cells if cell.value]
    assert values
    assert set("".join(values)) <= set("0123456789 ")
