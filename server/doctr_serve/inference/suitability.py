"""Can the chosen models do what is asked of them? Said before any document is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from doctr_serve.catalog import CatalogEntry
from doctr_serve.catalog.choice import ChosenModels
from doctr_serve.errors import InvalidOptionError
from doctr_serve.inference.batch_memory import check_batch
from doctr_serve.inference.model_spec import ModelSpec
from doctr_serve.inference.stages.tables import TABLE_CLASS
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import Settings
from doctr_serve.stage import Stage

__all__ = ["check_suitability"]

NAMED = 8
"""Characters of a refused option, and classes of a refused model, that a message names."""


def check_suitability(
    options: ReadingOptions,
    chosen: ChosenModels,
    stage: Stage,
    spec_of: Callable[[CatalogEntry], ModelSpec],
    settings: Settings,
) -> None:
    """Returns where the models can do what the options and the stage ask for.

    Args:
        options: the request's options.
        chosen: its models.
        stage: what is asked of the pages.
        spec_of: returns what is known of a model.
        settings: the server's, for the memory that batches may take.

    Raises:
        InvalidOptionError: the detection model finds several classes, which the stage does not tell apart; or the
            recognition model does not know a character that is allowed; or the layout model does not find regions that
            are to be ignored, or tables; or a batch of a model takes too much memory.
        WeightsUnavailableError: the weights of a model are damaged, as far as can be told yet.
    """
    if chosen.detection is not None and stage is not Stage.FIELDS:
        _check_classes(spec_of(chosen.detection))
    if chosen.recognition is not None and options.allowed_characters:
        _check_characters(options.allowed_characters, spec_of(chosen.recognition))
    if chosen.layout is not None and (options.ignore_regions or chosen.table_structure is not None):
        _check_regions(
            options.ignore_regions, spec_of(chosen.layout), needs_tables=chosen.table_structure is not None
        )
    for entry in (chosen.detection, chosen.recognition, chosen.layout):
        if entry is not None:
            check_batch(spec_of(entry), options, settings)


def _check_classes(spec: ModelSpec) -> None:
    # docTR's `ocr_predictor` asserts it (doctr/models/predictor/pytorch.py).
    if len(spec.classes) > 1:
        raise InvalidOptionError(
            f"detection_model '{spec.entry.name}' finds words of {len(spec.classes)} classes "
            f"({_listed(map(str, spec.classes))}), which only key information extraction tells apart; use /kie "
            "(ExtractFields), or another model",
            field="detection_model",
        )


def _check_characters(allowed: str, spec: ModelSpec) -> None:
    known = set(spec.vocab)
    unknown = [character for character in dict.fromkeys(allowed) if character not in known]
    if unknown:
        raise InvalidOptionError(
            f"allowed_characters has {_listed(map(repr, unknown))}, which the recognition model '{spec.entry.name}' "
            "does not know; leave out what it cannot read, or use another model",
            field="allowed_characters",
        )


def _check_regions(ignored: Iterable[str], spec: ModelSpec, *, needs_tables: bool) -> None:
    unknown = [name for name in ignored if name not in spec.classes]
    if unknown:
        raise InvalidOptionError(
            f"ignore_regions '{unknown[0]}' is no region that '{spec.entry.name}' finds; it finds "
            f"{', '.join(map(str, spec.classes))}",
            field="ignore_regions",
        )
    if needs_tables and TABLE_CLASS not in spec.classes:
        raise InvalidOptionError(
            f"layout_model '{spec.entry.name}' finds no tables; name another, such as lw_detr_s",
            field="layout_model",
        )


def _listed(names: Iterable[str]) -> str:
    """Returns the first few names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return ", ".join(every[:NAMED]) + more
