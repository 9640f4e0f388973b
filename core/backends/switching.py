"""The adapters that are laid over a loaded model: put in once, switched by name, never half. Changes the network in place and loads no base."""

from __future__ import annotations

import logging
from typing import Any

from core.backends.adapters import WEIGHTS, AdapterFolder
from core.errors import ModelError, ModelUnfit


class Rack:
    """One network and the adapters laid over it, of which at most one speaks. Not safe to be called while the network works."""

    def __init__(self, net: Any) -> None:
        self._net = net
        self._tuner: Any = None  # PEFT's LoraModel; it puts its layers into `net` in place
        self._known: set[str] = set()
        self._speaks: str | None = None
        self._merged: str | None = None

    def switch(self, adapter: AdapterFolder | None) -> None:
        """Let this adapter speak, or the base alone. Raises ModelUnfit when it does not fit; what spoke before then goes on speaking."""
        if self._merged is not None:
            if adapter is not None and _mark(adapter) == self._merged:
                return
            raise ModelUnfit("The adapter was merged into the model, so it cannot be switched. Load the model anew without merge.")
        if adapter is not None and _mark(adapter) not in self._known:
            try:
                self._put_in(adapter)
            except ModelError:
                self._take_out(_mark(adapter))
                raise
            self._known.add(_mark(adapter))
        self._activate(_mark(adapter) if adapter else None)

    def merge(self) -> None:
        """Fold the speaking adapter into the weights, for good."""
        if self._speaks is None:
            return
        try:
            self._tuner.merge_and_unload(safe_merge=True, adapter_names=[self._speaks])
        except ValueError as error:  # numbers that are not finite
            raise ModelUnfit(f"The adapter cannot be merged: {error}") from error
        self._merged, self._tuner = self._speaks, None

    def _put_in(self, adapter: AdapterFolder) -> None:
        """Lay the adapter's layers over the network, and see that each of its tensors found its place and each layer its tensors."""
        quiet_bitsandbytes()  # PEFT imports it
        from peft import LoraConfig, LoraModel, set_peft_model_state_dict
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        mark = _mark(adapter)
        try:
            config = LoraConfig.from_pretrained(str(adapter.path), inference_mode=True, local_files_only=True)
            state = self._named_as_now(load_file(adapter.path / WEIGHTS))
            if not all(bool(each.isfinite().all()) for each in state.values()):
                raise ValueError("it holds numbers that are not finite")
            if self._tuner is None:
                self._tuner = LoraModel(self._net, {mark: config}, mark)
            else:
                self._tuner.peft_config[mark] = config
                self._tuner.inject_adapter(self._net, mark)
            outcome: Any = set_peft_model_state_dict(self._net, state, mark)
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
            why = " ".join(str(error).split())[:400]
            raise ModelUnfit(f"The adapter {adapter.path.name} does not fit this model, or is damaged: {why}") from error
        places = {name: each for name, each in self._net.named_parameters() if f".{mark}." in name or name.endswith(f".{mark}")}
        empty = [name for name in outcome.missing_keys if name in places]
        if outcome.unexpected_keys or empty or len(places) != len(state):
            odd = [*outcome.unexpected_keys, *empty, "the number of its tensors"][0].replace(f".{mark}", "")
            raise ModelUnfit(
                f"The adapter {adapter.path.name} has {len(state)} tensors for {len(places)} places in this model; {odd} has no counterpart. "
                "It was made for another model or another version of it."
            )
        for each in places.values():
            each.data = each.data.to(self._net.dtype)
            each.requires_grad_(False)

    def _named_as_now(self, state: dict[str, Any]) -> dict[str, Any]:
        """Qwen's modules moved in transformers 4.52; adapters from before name them as they were. PEFT knows of other families' moves itself."""
        if not str(self._net.config.model_type).startswith("qwen"):
            return state
        moved = (("model.layers.", "model.language_model.layers."), ("visual.", "model.visual."))
        root = "base_model.model."
        for old, new in moved:
            state = {
                root + new + name.removeprefix(root + old) if name.startswith(root + old) else name: each for name, each in state.items()
            }
        return state

    def _activate(self, mark: str | None) -> None:
        self._speaks = mark
        if self._tuner is None:
            return
        if mark is None:
            self._tuner.disable_adapter_layers()
        else:
            self._tuner.set_adapter(mark, inference_mode=True)
            self._tuner.enable_adapter_layers()

    def _take_out(self, mark: str) -> None:
        """Remove what a failed adapter left, and let speak again what spoke before."""
        from peft.tuners.tuners_utils import BaseTunerLayer

        layers: list[tuple[str, Any]] = [(name, module) for name, module in self._net.named_modules() if isinstance(module, BaseTunerLayer)]
        if self._known:
            self._tuner.set_adapter(min(self._known), inference_mode=True)
            for _, layer in layers:
                layer.delete_adapter(mark)
            self._tuner.peft_config.pop(mark, None)
        for name, layer in layers:
            if not self._known or not (layer.lora_A or layer.lora_embedding_A):  # nobody else's
                self._net.set_submodule(name, layer.get_base_layer())
        if not self._known:
            self._tuner = None
            vars(self._net).pop("peft_config", None)
        self._activate(self._speaks)


def quiet_bitsandbytes() -> None:
    """Its first import warns of a kernel for CPUs that it would like to fetch from the network, and goes on without."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def _mark(adapter: AdapterFolder) -> str:
    """PEFT's name for it."""
    return f"adapter_{adapter.fingerprint}"
