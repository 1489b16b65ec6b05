"""Muon steps each matrix by its formula, whichever are stepped together, and goes on from older checkpoints."""

from __future__ import annotations

import copy
import importlib
from types import ModuleType
from typing import Any

import pytest

torch = pytest.importorskip("torch")

LR, MOMENTUM, DECAY = 0.1, 0.95, 0.01
SHAPES = [(16, 16), (16, 16), (24, 16), (16, 40), (8, 4, 3, 3), (20, 6, 1, 1)]


@pytest.fixture
def muon(training_path: None) -> ModuleType:
    return importlib.import_module("muon")


def orthogonal_by_formula(matrix: Any) -> Any:
    """Four steps of ``x <- (a + b x xt + c (x xt)^2) x`` from the matrix over its Frobenius norm."""
    x = matrix / (matrix.norm() + 1e-7)
    for _ in range(4):
        gram = x @ x.T
        x = 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ gram @ x
    return x


def stepped_by_formula(weight: Any, gradients: list[Any], blocks: int = 1) -> Any:
    """A weight after a step down each gradient, matrix by matrix in double precision."""
    shape, weight, mean = weight.shape, weight.double(), torch.zeros(weight.shape, dtype=torch.float64)
    for gradient in gradients:
        mean = MOMENTUM * mean + (1 - MOMENTUM) * gradient.double()
        update = (MOMENTUM * mean + (1 - MOMENTUM) * gradient.double()).flatten(1)
        rows, columns = len(update) // blocks, update.shape[1]
        steps = torch.cat([orthogonal_by_formula(block) for block in update.split(rows)])
        steps *= max(1.0, rows / columns) ** 0.5
        weight = weight * (1 - LR * DECAY) - LR * steps.view(shape)
    return weight.float()


def parameters(shapes: list[tuple[int, ...]]) -> tuple[list[Any], list[list[Any]]]:
    """Parameters, and three gradients for each."""
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    return weights, [[torch.randn(shape) * 1e-2 for shape in shapes] for _ in range(3)]


def train(optimizer: Any, weights: list[Any], gradients: list[list[Any]]) -> None:
    for row in gradients:
        for weight, gradient in zip(weights, row, strict=True):
            weight.grad = gradient.clone()
        optimizer.step()


def test_matrices_and_convolutions_are_stepped_by_the_formula(muon: ModuleType) -> None:
    weights, gradients = parameters(SHAPES)
    wanted = [stepped_by_formula(w.detach(), list(g)) for w, *g in zip(weights, *gradients, strict=True)]
    train(muon.Muon(weights, lr=LR, momentum=MOMENTUM, decay=DECAY), weights, gradients)
    torch.testing.assert_close([w.detach() for w in weights], wanted, rtol=1e-4, atol=1e-5)


def test_blocks_are_stepped_each_by_itself(muon: ModuleType) -> None:
    weights, gradients = parameters([(4 * 8, 12), (4 * 8, 12), (4 * 8, 6)])
    wanted = [stepped_by_formula(w.detach(), list(g), 4) for w, *g in zip(weights, *gradients, strict=True)]
    groups = [{"params": weights, "blocks": 4}]
    train(muon.Muon(groups, lr=LR, momentum=MOMENTUM, decay=DECAY), weights, gradients)
    torch.testing.assert_close([w.detach() for w in weights], wanted, rtol=1e-4, atol=1e-5)


def test_a_parameter_without_a_gradient_stays(muon: ModuleType) -> None:
    weights, gradients = parameters([(16, 16), (16, 16)])
    before = weights[1].detach().clone()
    train(muon.Muon(weights, lr=LR), weights[:1], [row[:1] for row in gradients])
    assert torch.equal(weights[1].detach(), before)


def test_a_checkpoint_of_groups_without_blocks_goes_on(muon: ModuleType) -> None:
    weights, gradients = parameters(SHAPES)
    whole = muon.Muon(weights, lr=LR)
    train(whole, weights, gradients[:2])
    older = copy.deepcopy(whole.state_dict())
    (group,) = older["param_groups"]
    older["param_groups"] = [{k: group[k] for k in ("lr", "momentum", "decay", "params")}]
    resumed_weights = [torch.nn.Parameter(w.detach().clone()) for w in weights]
    resumed = muon.Muon(resumed_weights, lr=0.5)
    resumed.load_state_dict(older)
    for optimizer, of in ((whole, weights), (resumed, resumed_weights)):
        train(optimizer, of, gradients[2:])
    torch.testing.assert_close(resumed_weights, weights, rtol=0, atol=0)
    assert {"momentum"} == {key for state in resumed.state_dict()["state"].values() for key in state}


def names_of(optimizers: list[Any], model: Any) -> list[list[list[str]]]:
    names = {p: name for name, p in model.named_parameters()}
    return [[[names[p] for p in group["params"]] for group in o.param_groups] for o in optimizers]


def small_cnn() -> Any:
    model = torch.nn.Sequential(
        torch.nn.Conv2d(16, 32, 3),
        torch.nn.Conv2d(32, 32, 3, groups=32, bias=False),
        torch.nn.Conv2d(32, 16, 1, bias=False),
        torch.nn.Linear(16, 4),
    )
    model[2].requires_grad_(False)
    return model


def test_depthwise_kernels_vectors_and_small_or_named_matrices_are_left_to_adamw(training_path: None) -> None:
    optim, model = importlib.import_module("optim"), small_cnn()
    vectors = ["0.bias", "3.bias"]
    both = names_of(optim.cnn_optimizers(model, 1e-3, 0.02), model)
    assert both == [[["1.weight", "3.weight"], vectors], [["0.weight"]]]
    alone = [[["0.weight", "1.weight", "3.weight"], vectors]]
    assert names_of(optim.cnn_optimizers(model, 1e-3, 0.02, plain=("0.",)), model) == alone
    assert names_of(optim.cnn_optimizers(model, 1e-3, 0.0), model) == alone


def test_the_gates_of_a_recogniser_are_stepped_in_blocks(training_path: None) -> None:
    optim = importlib.import_module("optim")
    model = torch.nn.ModuleDict(
        {
            "feat_extractor": torch.nn.Conv2d(16, 16, 3),
            "decoder": torch.nn.LSTM(16, 8),
            "linear": torch.nn.Linear(16, 32),
        }
    )
    plain, matrices = names_of(optimizers := optim.crnn_optimizers(model, 1e-3, 0.02), model)
    assert plain[0] == ["linear.weight"]
    assert matrices == [["feat_extractor.weight"], ["decoder.weight_ih_l0", "decoder.weight_hh_l0"]]
    assert [group["blocks"] for group in optimizers[1].param_groups] == [1, 4]
    assert len(optim.crnn_optimizers(model, 1e-3, 0.0)) == 1
