"""The torch backend: the same answers, folded and in slices."""

from __future__ import annotations

import pytest
import torch
from doctr_serve.inference.runtimes.torch_runtime import TorchBackend, fold_batch_norms
from torch import nn


class Seen(nn.Module):
    """Answers like docTR's models, and remembers the batch sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.batch_sizes: list[int] = []

    def forward(self, batch: torch.Tensor, *, form: str) -> object:
        self.batch_sizes.append(len(batch))
        means = batch.mean(dim=(1, 2, 3))
        return (
            means if form == "tensor" else {"out_map": means, "preds": [(str(float(x)), 1.0) for x in means]}
        )


@pytest.mark.parametrize(
    ("side", "pages", "batch_sizes"), [(1024, 3, [1, 1, 1]), (512, 5, [4, 1]), (64, 9, [9])]
)
def test_a_batch_on_the_cpu_runs_in_slices_of_bounded_pixels(
    side: int, pages: int, batch_sizes: list[int]
) -> None:
    model = Seen()
    TorchBackend().forward(model, torch.rand(pages, 3, side, side), form="tensor")
    assert model.batch_sizes == batch_sizes


@pytest.mark.parametrize("form", ["tensor", "dict"])
def test_slices_answer_as_the_whole_batch_does(form: str) -> None:
    batch = torch.rand(5, 3, 16, 16)
    whole = TorchBackend().forward(Seen(), batch, form=form)
    sliced = TorchBackend(cpu_slice_pixels=2 * 16 * 16).forward(Seen(), batch, form=form)
    if form == "tensor":
        assert torch.equal(whole, sliced)
    else:
        assert torch.equal(whole["out_map"], sliced["out_map"])
        assert whole["preds"] == sliced["preds"]


def test_a_folded_network_computes_the_same() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 4, 2, 2),
        nn.BatchNorm2d(4),
    )
    for module in network:
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    images = torch.rand(2, 3, 20, 20)
    with torch.inference_mode():
        expected = network.eval()(images)
        fold_batch_norms(network)
        assert not any(isinstance(module, nn.BatchNorm2d) for module in network)
        torch.testing.assert_close(network(images), expected)


def test_a_batch_norm_that_follows_no_convolution_stays() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.ReLU(), nn.BatchNorm2d(3)).eval()
    fold_batch_norms(network)
    assert [type(module) for module in network] == [nn.BatchNorm2d, nn.Conv2d, nn.ReLU, nn.BatchNorm2d]
