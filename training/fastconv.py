"""Faster training of convolutions on processors without AVX-512.

oneDNN computes the weight gradient of a channels-last convolution at a third of the speed of a matrix product there.
The classes below keep the parameters (and so the state dict) of the layers they replace, and write the slow parts
as matrix products. `speed_up(model)` swaps them in; results are equal up to rounding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["FastConv1x1", "is_dense", "speed_up"]


def _weight_grad_3x3(x: Tensor, grad: Tensor) -> Tensor:
    """Weight gradient of a 3x3 convolution (stride 1, padding 1) as nine matrix products.

    Rows of the padded, flattened input shifted by a constant are the rows under one tap of the kernel, so that
    no tap needs a copy.
    """
    n, c, h, w = x.shape
    o = grad.shape[1]
    width = w + 2
    rows = n * (h + 2) * width
    padded = nn.functional.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1)).reshape(rows, c)
    grads = nn.functional.pad(grad.permute(0, 2, 3, 1), (0, 0, 0, 2, 0, 2)).reshape(rows, o)
    out = torch.empty(3, 3, o, c, dtype=x.dtype)
    for i in range(3):
        for j in range(3):
            shift = i * width + j
            torch.mm(grads[: rows - shift].t(), padded[shift:], out=out[i, j])
    return out.permute(2, 3, 0, 1).contiguous(memory_format=torch.channels_last)


class _Conv3x3(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return nn.functional.conv2d(x, weight, padding=1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
        dx = torch.ops.aten.convolution_backward(
            grad, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, False, False]
        )[0]
        return dx, _weight_grad_3x3(x, grad)


class FastConv3x3(nn.Conv2d):
    """3x3 convolution, stride 1, padding 1, whose weight gradient is a row of matrix products."""

    def forward(self, x: Tensor) -> Tensor:
        """As `nn.Conv2d`."""
        return _Conv3x3.apply(x, self.weight) if self.training else super().forward(x)


class FastConv1x1(nn.Conv2d):
    """1x1 convolution as a linear layer over channels-last pixels."""

    def forward(self, x: Tensor) -> Tensor:
        """As `nn.Conv2d`."""
        return nn.functional.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias).permute(
            0, 3, 1, 2
        )


class FastUpConv2x2(nn.ConvTranspose2d):
    """2x2 transposed convolution, stride 2: a linear layer, then pixels laid out in twos."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """As `nn.ConvTranspose2d`."""
        n, _, h, w = x.shape
        o = self.weight.shape[1]
        y = nn.functional.linear(x.permute(0, 2, 3, 1), self.weight.permute(2, 3, 1, 0).reshape(4 * o, -1))
        y = y.view(n, h, w, 2, 2, o).permute(0, 1, 3, 2, 4, 5).reshape(n, 2 * h, 2 * w, o)
        return (y if self.bias is None else y + self.bias).permute(0, 3, 1, 2)


def is_dense(module: nn.Module, side: int) -> bool:
    """Return whether a layer is torch's own convolution of this kernel size, over all channels, with stride 1."""
    return (
        type(module) is nn.Conv2d
        and module.kernel_size == (side, side)
        and module.groups == 1
        and module.stride == (1, 1)
    )


def speed_up(model: nn.Module) -> nn.Module:
    """Swap the layers of `model` that train slowly for equal, faster ones; its state dict stays the same."""
    for module in model.modules():
        if is_dense(module, 3) and module.padding == (1, 1) and module.bias is None:
            module.__class__ = FastConv3x3
        elif is_dense(module, 1):
            module.__class__ = FastConv1x1
        elif type(module) is nn.ConvTranspose2d and module.kernel_size == (2, 2) and module.stride == (2, 2):
            module.__class__ = FastUpConv2x2
    return model
