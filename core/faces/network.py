"""The face detector's network: one look at a picture gives, for each 8 x 8 pixels, whether a face is centred there and how far it reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

STRIDE = 8  # pixels of the picture a cell
UNIT = 26.0  # pixels; sizes are said as logarithms of multiples of it


def build() -> nn.Module:
    """Fully convolutional: RGB as floats (0..255 - 128) / 64, sides divisible by STRIDE -> 5 planes: logit, dx, dy (cells), log w, log h (UNITs)."""
    from torch import nn

    def block(before: int, after: int, step: int = 1, reach: int = 1) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(before, after, 3, step, reach, dilation=reach, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
        )

    class Residual(nn.Module):
        def __init__(self, width: int, reach: int) -> None:
            super().__init__()
            self.first, self.second = block(width, width, 1, reach), block(width, width)

        def forward(self, seen: Tensor) -> Tensor:
            out: Tensor = seen + self.second(self.first(seen))
            return out

    return nn.Sequential(
        block(3, 16, 2), block(16, 32, 2), Residual(32, 1), block(32, 72, 2),
        Residual(72, 1), Residual(72, 2), Residual(72, 1), nn.Conv2d(72, 5, 1),
    )  # fmt: skip
