"""The first layer of a Qwen vision tower as what it is: one matrix on flat patches. As a 3D convolution it costs four times as much on a CPU."""

from __future__ import annotations

import functools
from typing import Any


def flatten_patches(net: Any) -> None:
    """Replace the convolution of every patch embedding whose windows do not overlap; the weights are shared and the sums are the same."""
    import torch

    for module in net.modules():
        convolution = getattr(module, "proj", None)
        if isinstance(convolution, torch.nn.Conv3d) and convolution.kernel_size == convolution.stride and not any(convolution.padding):
            module.proj = _flat_class()(convolution)


@functools.cache
def _flat_class() -> Any:
    import torch

    class FlatPatches(torch.nn.Module):
        """patches x channels x time x height x width -> patches x features."""

        def __init__(self, convolution: torch.nn.Conv3d) -> None:
            super().__init__()
            self.weight, self.bias = convolution.weight, convolution.bias

        def forward(self, patches: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.linear(patches.flatten(1), self.weight.flatten(1), self.bias)

    return FlatPatches
