"""Decoding with fewer characters than the model knows: docTR's ``add_whitelist``, for one request alone."""

from __future__ import annotations

import pytest
import torch
from doctr import models
from doctr.models.utils import add_whitelist
from doctr_serve.catalog import CatalogEntry, ModelTask, WeightsSource
from doctr_serve.inference.model_spec import ModelSpec
from doctr_serve.inference.postprocessing import recognition_postprocessor
from support.weights import random_state_dict

pytestmark = pytest.mark.usefixtures("one_torch_thread")

AT_ONCE = ("crnn_mobilenet_v3_small", "viptr_tiny", "vitstr_small")
"""Architectures that read all characters of a word in one step."""
ONE_BY_ONE = ("sar_resnet31", "master", "parseq")
"""Those that read each in view of the ones before it."""


class Recogniser:
    """docTR's model with random weights, its answer for a batch of noise, and ours from its logits."""

    def __init__(self, architecture: str) -> None:
        self.model = getattr(models, architecture)(pretrained=False, pretrained_backbone=False)
        self.model.load_state_dict(random_state_dict(architecture, seed=3))
        self.model.eval()
        entry = CatalogEntry(architecture, ModelTask.RECOGNITION, architecture, WeightsSource.DOCTR)
        self.spec = ModelSpec(entry, (3, 32, 128), (0, 0, 0), (1, 1, 1), vocab=self.model.vocab)
        self._images = torch.rand((2, 3, 32, 128), generator=torch.Generator().manual_seed(1))

    @torch.inference_mode()
    def logits(self) -> torch.Tensor:
        return self.model(self._images, return_model_output=True)["out_map"]

    @torch.inference_mode()
    def doctrs(self, allowed: str) -> list[tuple[str, float]]:
        with add_whitelist(self.model, allowed):
            return self.model(self._images, return_preds=True)["preds"]

    def ours(self, allowed: str) -> list[tuple[str, float]]:
        return recognition_postprocessor(self.spec, allowed)(self.logits())


def assert_same_words(words: list[tuple[str, float]], expected: list[tuple[str, float]]) -> None:
    assert [value for value, _ in words] == [value for value, _ in expected]
    assert [score for _, score in words] == pytest.approx([score for _, score in expected], abs=1e-6)


@pytest.mark.parametrize("architecture", AT_ONCE)
@pytest.mark.parametrize("allowed", ["0123456789", "éèZ", "7"])
def test_words_are_those_of_doctr(architecture: str, allowed: str) -> None:
    recogniser = Recogniser(architecture)
    words = recogniser.ours(allowed)
    assert_same_words(words, recogniser.doctrs(allowed))
    assert words != recogniser.ours("")
    assert {character for value, _ in words for character in value} <= set(allowed)


@pytest.mark.parametrize("architecture", ONE_BY_ONE)
def test_of_a_model_that_looks_back_the_scores_are_restricted_once_they_are_there(architecture: str) -> None:
    recogniser = Recogniser(architecture)
    logits, vocab = recogniser.logits(), recogniser.spec.vocab
    unread = [index for index in range(len(vocab)) if index not in logits.argmax(-1)][:5]
    words = recognition_postprocessor(recogniser.spec, "".join(vocab[index] for index in unread))(logits)

    kept = torch.tensor([*unread, len(vocab)])
    restricted = torch.full_like(logits, float("-inf"))
    restricted[..., kept] = logits[..., kept]
    assert_same_words(words, recogniser.model.postprocessor(restricted))
    assert {character for value, _ in words for character in value} <= {vocab[index] for index in unread}


def test_of_a_model_that_looks_back_words_are_those_of_doctr_where_it_reads_nothing_else() -> None:
    recogniser = Recogniser("sar_resnet31")
    vocab = recogniser.spec.vocab
    seen = {int(index) for index in recogniser.logits().argmax(-1).unique() if index < len(vocab)}
    allowed = "".join(vocab[index] for index in seen | {0, 1})
    words = recogniser.ours(allowed)
    assert_same_words(words, recogniser.doctrs(allowed))
    # Confidences are among the allowed characters alone.
    assert [score for _, score in words] != [score for _, score in recogniser.ours("")]


def test_order_and_repetition_do_not_matter() -> None:
    recogniser = Recogniser("crnn_mobilenet_v3_small")
    assert recogniser.ours("0123") == recogniser.ours("3213300")
