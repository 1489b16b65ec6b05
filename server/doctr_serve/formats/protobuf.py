"""The core's answers -> protobuf messages, field by field."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from doctr_serve.formats.status import to_status
from doctr_serve.v1 import ocr_pb2

if TYPE_CHECKING:
    from doctr.io.elements import Block, KIEPage, LayoutElement, Line, Page, Table, TableCell, Word

    from doctr_serve.catalog import CatalogEntry
    from doctr_serve.catalog.choice import ChosenModels
    from doctr_serve.inference.stages.detected_page import DetectedPage
    from doctr_serve.inference.stages.fields import PageOfFields
    from doctr_serve.inference.stages.single_stages import PageOfRegions, ReadPicture
    from doctr_serve.reading import ModelState, PageReading

    PageEntry: TypeAlias = (
        ocr_pb2.PageResult
        | ocr_pb2.DetectTextResponse
        | ocr_pb2.ExtractFieldsResponse
        | ocr_pb2.DetectLayoutResponse
        | ocr_pb2.ExtractTablesResponse
    )
    Entry: TypeAlias = PageEntry | ocr_pb2.RecognizeTextResponse

__all__ = [
    "detected_layout",
    "detected_text",
    "extracted_fields",
    "extracted_tables",
    "model",
    "page_result",
    "recognized_text",
]


def model(state: ModelState) -> ocr_pb2.Model:
    """Returns the message of one model."""
    entry = state.entry
    return ocr_pb2.Model(
        name=entry.name,
        task=f"MODEL_TASK_{entry.task.name}",
        architecture=entry.architecture,
        source=f"WEIGHTS_SOURCE_{entry.source.name}",
        available=state.available,
        loaded=state.loaded,
        vocabulary=_vocabulary(state),
        license=_license(state),
        runtime=state.execution.runtime,
        precision=state.execution.precision,
        input_height_pixels=0 if state.spec is None else state.spec.input_shape[1],
        input_width_pixels=0 if state.spec is None else state.spec.input_shape[2],
    )


def _vocabulary(state: ModelState) -> ocr_pb2.Vocabulary | None:
    known = state.vocabulary
    if known is None:
        return None
    return ocr_pb2.Vocabulary(name=known.name, size=known.size, scripts=known.scripts)


def _license(state: ModelState) -> ocr_pb2.License | None:
    known = state.license
    return None if known is None else ocr_pb2.License(spdx_id=known.spdx_id, source=known.source)


def page_result(reading: PageReading, models: ChosenModels) -> ocr_pb2.PageResult:
    """Returns the message of one page.

    ``orientation`` and ``language`` are always set, if need be to an empty message, and so is every word's
    ``text_orientation``: an unset message field would be missing from the JSON.
    """
    result = ocr_pb2.PageResult(orientation=ocr_pb2.Orientation(), language=ocr_pb2.Language())
    _fill_page_envelope(result, reading, models)
    if reading.page is not None:
        _fill_page(result, reading.page)
        result.pages.add().blocks.extend(_block(block) for block in reading.page.blocks)
        result.tables.extend(_table(table) for table in reading.page.tables)
    return result


def detected_text(reading: PageReading, models: ChosenModels) -> ocr_pb2.DetectTextResponse:
    """Returns the message of one page whose words were looked for."""
    result = ocr_pb2.DetectTextResponse()
    _fill_page_envelope(result, reading, models)
    page: DetectedPage | None = reading.page
    if page is not None:
        result.dimensions.extend(page.image.shape[:2])
        for box in page.boxes:
            result.bounding_boxes.add().extend(box.ravel().tolist())
        result.detection_scores.extend(page.scores.tolist())
    return result


def recognized_text(reading: PageReading, models: ChosenModels) -> ocr_pb2.RecognizeTextResponse:
    """Returns the message of one picture."""
    result = ocr_pb2.RecognizeTextResponse()
    _fill_envelope(result, reading, models)
    picture: ReadPicture | None = reading.page
    if picture is not None:
        result.value, result.confidence = picture.value, picture.confidence
    return result


def extracted_fields(reading: PageReading, models: ChosenModels) -> ocr_pb2.ExtractFieldsResponse:
    """Returns the message of one page with its fields; see :func:`page_result`."""
    result = ocr_pb2.ExtractFieldsResponse(orientation=ocr_pb2.Orientation(), language=ocr_pb2.Language())
    _fill_page_envelope(result, reading, models)
    fields: PageOfFields | None = reading.page
    if fields is not None:
        _fill_page(result, fields.page)
        result.extracted_fields.extend(
            ocr_pb2.Field(field_type=name, values=[_word(word) for word in words])
            for name, words in fields.page.predictions.items()
        )
        result.tables.extend(_table(table) for table in fields.tables)
    return result


def detected_layout(reading: PageReading, models: ChosenModels) -> ocr_pb2.DetectLayoutResponse:
    """Returns the message of one page whose regions were looked for."""
    result = ocr_pb2.DetectLayoutResponse()
    _fill_page_envelope(result, reading, models)
    page: PageOfRegions | None = reading.page
    if page is not None:
        result.dimensions.extend(page.shape)
        result.layout.extend(_layout_element(element) for element in page.elements)
    return result


def extracted_tables(reading: PageReading, models: ChosenModels) -> ocr_pb2.ExtractTablesResponse:
    """Returns the message of one page with its tables."""
    result = ocr_pb2.ExtractTablesResponse()
    _fill_page_envelope(result, reading, models)
    page: Page | None = reading.page
    if page is not None:
        result.dimensions.extend(page.dimensions)
        result.tables.extend(_table(table) for table in page.tables)
    return result


def _fill_envelope(result: Entry, reading: PageReading, models: ChosenModels) -> None:
    """Sets what every answer's entries have."""
    result.name = reading.reference.document_name
    result.page_number = reading.reference.page_number
    result.page_count = reading.reference.page_count
    result.models.CopyFrom(
        ocr_pb2.Models(
            detection_model=_name(models.detection),
            recognition_model=_name(models.recognition),
            page_orientation_model=_name(models.page_orientation),
            text_orientation_model=_name(models.text_orientation),
            layout_model=_name(models.layout),
            table_model=_name(models.table_structure),
        )
    )
    result.warnings.extend(
        ocr_pb2.PageWarning(code=warning.code, message=warning.message) for warning in reading.warnings
    )
    if reading.error is not None:
        result.error.CopyFrom(to_status(reading.error))


def _fill_page_envelope(result: PageEntry, reading: PageReading, models: ChosenModels) -> None:
    """Sets what every page's entries have."""
    _fill_envelope(result, reading, models)
    # A document that cannot be read has no size.
    if reading.error is not None and reading.reference.page_number:
        result.dimensions.extend((reading.reference.height, reading.reference.width))


def _name(entry: CatalogEntry | None) -> str:
    return "" if entry is None else entry.name


def _fill_page(result: ocr_pb2.PageResult | ocr_pb2.ExtractFieldsResponse, page: Page | KIEPage) -> None:
    result.dimensions.extend(int(side) for side in page.dimensions)
    # docTR fills both with None values where they were not asked for (doctr/io/elements.py, class Page).
    result.orientation.CopyFrom(_orientation(page.orientation))
    if page.language["value"] is not None:
        result.language.value = page.language["value"]
        result.language.confidence = page.language["confidence"]
    result.layout.extend(_layout_element(element) for element in page.layout)


def _block(block: Block) -> ocr_pb2.Block:
    return ocr_pb2.Block(
        geometry=_flat(block.geometry),
        detection_score=block.objectness_score,
        lines=[_line(line) for line in block.lines],
    )


def _line(line: Line) -> ocr_pb2.Line:
    return ocr_pb2.Line(
        geometry=_flat(line.geometry),
        detection_score=line.objectness_score,
        words=[_word(word) for word in line.words],
    )


def _word(word: Word) -> ocr_pb2.Word:
    return ocr_pb2.Word(
        value=word.value,
        geometry=_flat(word.geometry),
        detection_score=word.objectness_score,
        confidence=word.confidence,
        text_orientation=_orientation(word.crop_orientation),
    )


def _layout_element(element: LayoutElement) -> ocr_pb2.LayoutElement:
    return ocr_pb2.LayoutElement(
        type=element.type, geometry=_flat(element.geometry), confidence=element.confidence
    )


def _table(table: Table) -> ocr_pb2.Table:
    return ocr_pb2.Table(
        num_rows=table.num_rows,
        num_cols=table.num_cols,
        geometry=_flat(table.geometry),
        confidence=table.confidence,
        cells=[_cell(cell) for cell in table.cells],
    )


def _cell(cell: TableCell) -> ocr_pb2.TableCell:
    return ocr_pb2.TableCell(
        value=cell.value,
        geometry=_flat(cell.geometry),
        confidence=cell.confidence,
        row_start=cell.row_start,
        row_end=cell.row_end,
        col_start=cell.col_start,
        col_end=cell.col_end,
    )


def _orientation(orientation: dict[str, Any]) -> ocr_pb2.Orientation:
    return ocr_pb2.Orientation(value=orientation["value"], confidence=orientation["confidence"])


def _flat(geometry: Iterable[Iterable[float]]) -> list[float]:
    """Returns the corners one after the other: 2 points give 4 numbers, 4 points give 8."""
    return list(chain.from_iterable(geometry))
