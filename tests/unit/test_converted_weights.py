"""The bundled models as OpenVINO's are those of the weights beside them."""

from __future__ import annotations

from pathlib import Path

import openvino
import pytest
from convert_weights import bundled_entries
from doctr_serve.catalog import BUNDLED_DIR, Catalog
from doctr_serve.inference.runtimes.converted_models import weights_digest
from doctr_serve.inference.runtimes.openvino_runtime import WEIGHTS_DIGEST
from doctr_serve.settings import Settings

WEIGHTS = sorted(BUNDLED_DIR.glob("*.safetensors"))


def test_every_bundled_model_has_weights() -> None:
    assert {entry.architecture for entry in bundled_entries(Catalog(Settings()))} == {
        path.stem for path in WEIGHTS
    }


@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda path: path.stem)
def test_the_model_names_the_weights_beside_it(weights: Path) -> None:
    files = sorted(weights.parent.glob(f"{weights.stem}*.xml"))
    assert files, "run: make openvino-models"
    for file in files:
        model = openvino.Core().read_model(file)
        assert model.get_rt_info(WEIGHTS_DIGEST).value == weights_digest(weights), "run: make openvino-models"
        assert model.inputs[0].get_partial_shape()[0].is_dynamic
