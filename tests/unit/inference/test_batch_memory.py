"""What one batch of a model may take: the model's own form and the batch size decide it, and the server's memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from doctr_serve.catalog import Catalog, CatalogEntry, ModelTask, WeightsSource
from doctr_serve.errors import InvalidOptionError
from doctr_serve.inference.batch_memory import check_batch
from doctr_serve.inference.model_spec import ModelSpec, expected_spec
from doctr_serve.options import ReadingOptions
from doctr_serve.settings import MIB, Settings

OF_4_GIB = 512 * MIB
"""request_memory_bytes by default, where the machine has 4 GiB."""
TASKS = (ModelTask.DETECTION, ModelTask.RECOGNITION, ModelTask.LAYOUT)


def spec(task: ModelTask, architecture: str, **stated: object) -> ModelSpec:
    entry = CatalogEntry("organisation/model", task, architecture, WeightsSource.HUB)
    known = expected_spec(
        CatalogEntry(architecture, task, architecture, WeightsSource.DOCTR), Catalog(Settings())
    )
    return replace(known, entry=entry, **stated)


def classes(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


@pytest.mark.parametrize("memory_bytes", [1, OF_4_GIB])
@pytest.mark.parametrize("source", [WeightsSource.DOCTR, WeightsSource.HUB])
def test_every_model_in_doctrs_own_form_takes_the_largest_batches(
    source: WeightsSource, memory_bytes: int
) -> None:
    settings = Settings(request_memory_bytes=memory_bytes)
    options = replace(
        ReadingOptions.defaults(settings),
        detection_batch_size=settings.max_detection_batch_size,
        recognition_batch_size=settings.max_recognition_batch_size,
    )
    checked = 0
    for entry in Catalog(settings).entries():
        if entry.source is WeightsSource.DOCTR and entry.task in TASKS:
            own = spec(entry.task, entry.architecture)
            check_batch(replace(own, entry=replace(own.entry, source=source)), options, settings)
            checked += 1
    assert checked == 20


@pytest.mark.parametrize(
    ("model", "size_option", "asked", "fitting"),
    [
        (
            lambda: spec(ModelTask.DETECTION, "db_resnet50", input_shape=(3, 2048, 2048)),
            "detection_batch_size",
            16,
            4,
        ),
        (
            lambda: spec(ModelTask.DETECTION, "db_resnet50", input_shape=(3, 1024, 4096)),
            "detection_batch_size",
            5,
            4,
        ),
        (lambda: spec(ModelTask.DETECTION, "db_resnet50", classes=classes(24)), "detection_batch_size", 3, 2),
        (
            lambda: spec(ModelTask.LAYOUT, "lw_detr_s", input_shape=(3, 2048, 2048)),
            "detection_batch_size",
            16,
            4,
        ),
        (
            lambda: spec(ModelTask.RECOGNITION, "crnn_vgg16_bn", input_shape=(3, 64, 2048)),
            "recognition_batch_size",
            128,
            85,
        ),
        (
            lambda: spec(ModelTask.RECOGNITION, "vitstr_small", vocab="x" * 99_999),
            "recognition_batch_size",
            128,
            6,
        ),
    ],
    ids=["large input", "long input", "classes", "layout", "wide crops", "vocabulary"],
)
def test_a_batch_larger_than_the_memory_for_work_is_refused_with_the_size_that_fits(
    model: Callable[[], ModelSpec], size_option: str, asked: int, fitting: int
) -> None:
    settings = Settings(request_memory_bytes=OF_4_GIB)
    options = ReadingOptions.defaults(settings)
    with pytest.raises(InvalidOptionError) as raised:
        check_batch(model(), replace(options, **{size_option: asked}), settings)
    assert raised.value.field == size_option
    assert raised.value.message.startswith(f"{size_option} {asked} takes ")
    assert "'organisation/model'" in raised.value.message
    assert f"set {size_option} to {fitting} or less, or use another model" in raised.value.message
    check_batch(model(), replace(options, **{size_option: fitting}), settings)
    with pytest.raises(InvalidOptionError):
        check_batch(model(), replace(options, **{size_option: fitting + 1}), settings)


def test_a_model_of_which_not_one_page_fits_is_refused_by_its_own_option() -> None:
    settings = Settings(request_memory_bytes=OF_4_GIB)
    huge = spec(ModelTask.DETECTION, "db_resnet50", input_shape=(3, 2048, 2048), classes=classes(64))
    with pytest.raises(InvalidOptionError, match="use another model") as raised:
        check_batch(huge, replace(ReadingOptions.defaults(settings), detection_batch_size=1), settings)
    assert raised.value.field == "detection_model"
    assert "set detection_batch_size" not in raised.value.message


def test_a_server_with_more_memory_takes_larger_batches() -> None:
    settings = Settings(request_memory_bytes=4 * OF_4_GIB)
    large = spec(ModelTask.DETECTION, "db_resnet50", input_shape=(3, 2048, 2048))
    check_batch(large, replace(ReadingOptions.defaults(settings), detection_batch_size=10), settings)
