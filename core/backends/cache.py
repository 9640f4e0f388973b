"""Keys and values of past tokens in room that is taken in advance: transformers' own cache copies all of them at every token. Built when first used."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_ROOM = 128
"""Tokens for which room is taken at a time."""


def roomy_cache(config: Any) -> Any:
    """A cache for a model of this configuration. Layers with a sliding window stay transformers' own."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    cache = DynamicCache(config=config.get_text_config())
    cache.layers = [_layer_class()() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


@functools.cache
def _layer_class() -> Any:
    from transformers.cache_utils import DynamicLayer

    class RoomyLayer(DynamicLayer):  # type: ignore[misc,no-untyped-call,unused-ignore]
        """`keys` and `values` are the filled front of two larger tensors (rows x heads x room x width)."""

        _rooms: tuple[torch.Tensor, torch.Tensor]

        def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            filled = self.get_seq_length()
            until = filled + key_states.shape[-2]
            if filled == 0 or self._rooms[0].shape[-2] < until:
                old: Any = (self.keys, self.values)
                self._rooms = tuple(  # type: ignore[assignment]
                    new.new_empty(*new.shape[:-2], until + _ROOM, new.shape[-1]) for new in (key_states, value_states)
                )
                if filled:
                    for room, past in zip(self._rooms, old, strict=True):
                        room[..., :filled, :] = past
            for room, new in zip(self._rooms, (key_states, value_states), strict=True):
                room[..., filled:until, :] = new
            self.keys, self.values = (room[..., :until, :] for room in self._rooms)
            return self.keys, self.values

        def batch_select_indices(self, indices: torch.Tensor) -> None:
            if self.get_seq_length() > 0:
                filled = self.get_seq_length()
                self._rooms = tuple(room[indices] for room in self._rooms)  # type: ignore[assignment]
                self.keys, self.values = (room[..., :filled, :] for room in self._rooms)

    return RoomyLayer
