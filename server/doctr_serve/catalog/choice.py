"""Which models serve a request: what its options name, and the classifiers that go with those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

from doctr_serve.catalog.catalog import Catalog
from doctr_serve.catalog.entries import CatalogEntry, ModelTask
from doctr_serve.options import ReadingOptions
from doctr_serve.stage import Stage

__all__ = ["ChosenModels", "choose_models"]


@dataclass(frozen=True)
class ChosenModels:
    """The models of one request; None where its options need none.

    Attributes:
        detection: finds the words.
        recognition: reads them.
        page_orientation: tells which way up a page is.
        text_orientation: tells which way up a word's crop is.
        layout: finds the regions of a page.
        table_structure: finds the cells of a table.
    """

    detection: CatalogEntry | None
    recognition: CatalogEntry | None
    page_orientation: CatalogEntry | None = None
    text_orientation: CatalogEntry | None = None
    layout: CatalogEntry | None = None
    table_structure: CatalogEntry | None = None

    def entries(self) -> Iterator[CatalogEntry]:
        """Yields the models that there are."""
        for model in fields(self):
            entry = getattr(self, model.name)
            if entry is not None:
                yield entry


def choose_models(
    options: ReadingOptions,
    catalog: Catalog,
    stage: Stage,
    find: Callable[[str, ModelTask, str], CatalogEntry],
) -> ChosenModels:
    """Returns the models that the options ask for, and the stage needs.

    Args:
        options: the request's options.
        catalog: knows which classifiers go with a model.
        stage: what is asked of the pages.
        find: returns the model of a name and a task, which an option carries; see :meth:`Catalog.find`.

    Raises:
        UnknownModelError: a name the catalog does not know.
        WeightsUnavailableError: a hub model that is not on the server.
    """
    detection = recognition = page = text = layout = tables = None
    if stage.detects:
        detection = find(options.detection_model, ModelTask.DETECTION, "detection_model")
    if stage.recognises:
        recognition = find(options.recognition_model, ModelTask.RECOGNITION, "recognition_model")
    if detection is not None and recognition is not None:
        page, text = catalog.companions(detection, recognition)
    if stage.finds_regions or options.detect_layout or options.detect_tables:
        layout = find(options.layout_model, ModelTask.LAYOUT, "layout_model")
    if stage is Stage.TABLES or options.detect_tables:
        tables = find(options.table_model, ModelTask.TABLE_STRUCTURE, "table_model")
    needs_page = options.needs_page_orientation and not options.disable_page_orientation
    needs_text = not options.assume_straight_pages and not options.disable_text_orientation
    return ChosenModels(
        detection,
        recognition,
        page_orientation=page if needs_page else None,
        text_orientation=text if needs_text else None,
        layout=layout,
        table_structure=tables,
    )
