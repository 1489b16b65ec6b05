"""Faster training of MobileNets on processors: fused and hand-written kernels, called through ctypes.

`speed_up(model)` swaps the classes of layers for equal ones that train faster; parameters and state dict stay as they
are. The C++ part is compiled on first use; without a compiler the layers stay what they were.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fastconv import FastConv1x1, is_dense

__all__ = ["speed_up"]

PLAIN, RELU, HARDSWISH = range(3)
_FLAGS = ("-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")


class _Shape(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("n", "h", "w", "c", "k", "sh", "sw", "oh", "ow")]


@functools.cache
def library() -> ctypes.CDLL | None:
    """Compile and load the kernels; None without a compiler."""
    source, compiler = Path(__file__).with_name("kernels.cpp"), shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return None
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    built = Path(tempfile.gettempdir()) / f"doctr-serve-kernels-{os.getuid()}-{digest}.so"
    if not built.exists():
        part = built.with_suffix(f".{os.getpid()}")
        subprocess.run([compiler, *_FLAGS, str(source), "-o", str(part)], check=True)
        part.replace(built)
    return ctypes.CDLL(str(built))


def _ptr(x: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.data_ptr())


def _nhwc(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _like(x: Tensor, *shape: int) -> Tensor:
    return torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: tuple[int, int]) -> Tensor:
        x, k, (n, c, h, w) = _nhwc(x), weight.shape[-1], x.shape
        taps = weight.detach().reshape(c, k * k).t().contiguous()
        oh, ow = (h + 2 * (k // 2) - k) // stride[0] + 1, (w + 2 * (k // 2) - k) // stride[1] + 1
        ctx.shape = _Shape(n, h, w, c, k, *stride, oh, ow)
        y = _like(x, n, c, oh, ow)
        library().dw_forward(_ptr(x), _ptr(taps), _ptr(y), ctypes.byref(ctx.shape))
        ctx.save_for_backward(x, taps)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        (x, taps), grad, shape = ctx.saved_tensors, _nhwc(grad), ctypes.byref(ctx.shape)
        dx, dw = torch.empty_like(x), torch.empty_like(taps)
        library().dw_backward_input(_ptr(grad), _ptr(taps), _ptr(dx), shape)
        library().dw_backward_weight(_ptr(x), _ptr(grad), _ptr(dw), shape)
        k = ctx.shape.k
        return dx, dw.t().reshape(-1, 1, k, k), None


class _NormAct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: nn.BatchNorm2d, gamma: Tensor, beta: Tensor, kind: int) -> Tensor:
        x, c = _nhwc(x), x.shape[1]
        rows, y = x.numel() // c, torch.empty_like(x)
        mean, inv, var = torch.empty(3, c).unbind(0)
        library().bn_forward(
            *map(_ptr, (x, gamma, beta, y, mean, inv, var)),
            ctypes.c_long(rows),
            c,
            ctypes.c_float(norm.eps),
            kind,
        )
        with torch.no_grad():
            norm.num_batches_tracked += 1
            share = norm.momentum if norm.momentum is not None else 1 / float(norm.num_batches_tracked)
            norm.running_mean.lerp_(mean, share)
            norm.running_var.lerp_(var * (rows / max(1, rows - 1)), share)
        ctx.save_for_backward(x, gamma, beta, mean, inv)
        ctx.rows, ctx.kind = rows, kind
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor, Tensor, None]:
        x, gamma, beta, mean, inv = ctx.saved_tensors
        grad, dx, dgamma, dbeta = (
            _nhwc(grad),
            torch.empty_like(x),
            torch.empty_like(gamma),
            torch.empty_like(beta),
        )
        args = map(_ptr, (x, grad, gamma, beta, mean, inv, dx, dgamma, dbeta))
        library().bn_backward(*args, ctypes.c_long(ctx.rows), x.shape[1], ctx.kind)
        return dx, None, dgamma, dbeta, None


class FastDepthwise(nn.Conv2d):
    """Depthwise convolution over channels-last images, in single precision whatever the input has."""

    def forward(self, x: Tensor) -> Tensor:
        """As `nn.Conv2d`."""
        if not self.training:
            return super().forward(x)
        return _Depthwise.apply(x.float(), self.weight, self.stride).to(x.dtype)


class FastNorm(nn.BatchNorm2d):
    """Batch norm that includes the activation after it while training."""

    kind: int = PLAIN

    def forward(self, x: Tensor) -> Tensor:
        """As batch norm followed by the activation."""
        if self.training:
            return _NormAct.apply(x, self, self.weight, self.bias, self.kind)
        y = super().forward(x)
        return F.hardswish(y) if self.kind == HARDSWISH else F.relu(y) if self.kind == RELU else y


def _fuse_norms(model: nn.Module) -> None:
    kinds = {nn.ReLU: RELU, nn.Hardswish: HARDSWISH}
    for parent in model.modules():
        children = list(parent.named_children())
        for (_, norm), (name, act) in zip(children, children[1:]):
            if type(norm) is FastNorm and type(act) in kinds and isinstance(parent, nn.Sequential):
                norm.kind = kinds[type(act)]
                setattr(parent, name, nn.Identity())


def speed_up(model: nn.Module, depthwise_only: bool = False) -> nn.Module:
    """Swap slow layers of a channels-last model for faster, equal ones (for training; see `library`).

    Under bfloat16 autocast only the depthwise convolutions are slow: oneDNN's backward pass of them took five times as
    long as these kernels in single precision, conversions included (Zen 4, one thread). `depthwise_only` leaves the
    other layers alone then.
    """
    native = library() is not None
    for module in model.modules():
        if (
            type(module) is nn.Conv2d
            and native
            and 1 < module.groups == module.in_channels == module.out_channels
        ):
            module.__class__ = FastDepthwise
        elif depthwise_only:
            continue
        elif is_dense(module, 1):
            module.__class__ = FastConv1x1
        elif type(module) is nn.BatchNorm2d and native:
            module.__class__ = FastNorm
    if not depthwise_only:
        _fuse_norms(model)
    return model
