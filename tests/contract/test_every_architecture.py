"""Every architecture of the contract loads through the catalog, with exactly the file's weights, and runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from doctr import models
from doctr.models.detection.fast.pytorch import FAST, reparameterize
from doctr_serve.catalog import Catalog, ModelTask, WeightsSource
from doctr_serve.inference.loading import load_model
from doctr_serve.settings import Settings
from safetensors.torch import load_file
from support.weights import random_weights_dir

pytestmark = pytest.mark.usefixtures("one_torch_thread")

ENTRIES = [entry for entry in Catalog(Settings()).entries() if entry.source is WeightsSource.DOCTR]
# As small as the architectures take: one forward is to run, not to be timed. Recognition models have a fixed size.
INPUT_SHAPES = {
    ModelTask.DETECTION: (1, 3, 128, 128),
    ModelTask.RECOGNITION: (1, 3, 32, 128),
    ModelTask.PAGE_ORIENTATION: (1, 3, 64, 64),
    ModelTask.TEXT_ORIENTATION: (1, 3, 64, 64),
    ModelTask.LAYOUT: (1, 3, 256, 256),
    ModelTask.TABLE_STRUCTURE: (1, 3, 64, 64),
}


def run(model: torch.nn.Module, task: ModelTask) -> torch.Tensor:
    """The raw output for one random image, the same for every call."""
    image = torch.rand(INPUT_SHAPES[task], generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        if task in (ModelTask.PAGE_ORIENTATION, ModelTask.TEXT_ORIENTATION):
            return model(image)
        if task is ModelTask.LAYOUT:
            mask = torch.ones(1, *image.shape[-2:], dtype=torch.bool)
            return model(image, mask, return_model_output=True)["logits"]
        answer = model(image, return_model_output=True, return_preds=True)
    assert len(answer["preds"]) == 1
    return answer["out_map"]["hm"] if task is ModelTask.TABLE_STRUCTURE else answer["out_map"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_architecture_loads_its_weights_and_runs(entry, tmp_path: Path) -> None:
    weights_dir = random_weights_dir(tmp_path, [entry.architecture], seed=7)
    catalog = Catalog(Settings(weights_dir=weights_dir))

    model = load_model(catalog.find(entry.name, entry.task, option="model"), catalog)

    expected = load_file(weights_dir / f"{entry.architecture}.safetensors")
    if isinstance(model, FAST):
        doctr_model = getattr(models, entry.architecture)(pretrained=False, pretrained_backbone=False)
        doctr_model.load_state_dict(expected)
        unfused = run(doctr_model.eval(), entry.task)
        expected = reparameterize(doctr_model).state_dict()
        torch.testing.assert_close(run(model, entry.task), unfused, rtol=0, atol=1e-4)
    loaded = model.state_dict()
    assert loaded.keys() == expected.keys()
    assert all(torch.equal(loaded[key], value) for key, value in expected.items())
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    output = run(model, entry.task)
    assert output.dtype == torch.float32
    assert torch.isfinite(output).all()
    assert output.std() > 0
    if entry.task is ModelTask.DETECTION:
        assert output.shape[:3] == (1, 128, 128) or output.shape == (1, 1, 128, 128)


def test_the_list_above_is_the_contracts_the_classifiers_and_those_of_layout_and_tables() -> None:
    tasks = [entry.task for entry in ENTRIES]
    assert [tasks.count(task) for task in ModelTask] == [9, 9, 1, 1, 2, 1]
