"""What a mistake costs beyond plain cross entropy: frames that count more, coordinates that forgive their neighbours. Switched on by the recipe only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.training.checking import IGNORED

if TYPE_CHECKING:
    import torch

    from core.backends.loading import Loaded
    from core.training.recipe import Recipe

Collate = Callable[[list[dict[str, Any]]], dict[str, Any]]


def collating(plain: Collate) -> Collate:
    """TRL's collator, with the frames' weights, and with masks of pictures as long as the rows they belong to."""

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
        import torch

        weights = [float(row.get("weight", 1.0)) for row in rows]
        batch = dict(plain(rows))
        if any(weight != 1.0 for weight in weights):
            batch["weight"] = torch.tensor(weights)
        return lengthened(batch)

    return collate


def lengthened(batch: dict[str, Any]) -> dict[str, Any]:
    """Llama-3.2's mask says for each token which tiles it may look at; TRL makes it for the question alone. An answer's tokens see what the last one of it sees."""
    import torch

    seen = batch.get("cross_attention_mask")
    if seen is None:
        return batch
    missing = batch["input_ids"].shape[1] - seen.shape[1]
    return {**batch, "cross_attention_mask": torch.cat([seen, seen[:, -1:].expand(-1, missing, -1, -1)], 1)} if missing else batch


def cardless(trainer: Any) -> Any:
    """A trainer of TRL's that writes no card of its own; what an adapter is says its manifest."""
    return type(trainer.__name__, (trainer,), {"create_model_card": lambda *_, **__: None})


def loss_class(recipe: Recipe, loaded: Loaded) -> Any:
    """TRL's SFTTrainer; with our loss where the recipe asks for one. Raises TrainingError where the model cannot have it."""
    from trl.trainer.sft_trainer import SFTTrainer

    if not (recipe.neighbours or recipe.class_weights):
        return cardless(SFTTrainer)
    bins = _bins(loaded) if recipe.neighbours else None

    class Weighing(cardless(SFTTrainer)):  # type: ignore[misc,unused-ignore]
        """Cross entropy on the answers, by frame and by coordinate."""

        def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
            """As SFTTrainer's; the sum over the answers' tokens divided by their number in the whole step."""
            weight, labels = inputs.pop("weight", None), inputs.pop("labels")
            first = int((labels != IGNORED).any(0).nonzero()[0])
            outputs = model(**inputs, use_cache=False, logits_to_keep=labels.shape[1] - first + 1)
            cost, counts = costs(outputs.logits[:, :-1], labels[:, first:], bins, recipe.neighbours)
            if weight is not None:
                cost = cost * weight.to(cost.device)[:, None].expand(counts.shape)[counts]
            many = counts.sum() if num_items_in_batch is None else num_items_in_batch
            loss = cost.sum() / many
            return (loss, outputs) if return_outputs else loss

    return Weighing


def costs(logits: torch.Tensor, labels: torch.Tensor, bins: torch.Tensor | None, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The cost of each token that counts, in a row, and the mask of those that do (batch x places).

    `bins`: token ids of the coordinates in their order. A coordinate's target is spread over its neighbours as a bell of `sigma` places.
    """
    import torch
    from torch.nn import functional as F

    counts = labels != IGNORED
    scores, wanted = F.log_softmax(logits[counts].float(), -1), labels[counts]
    cost = -scores.gather(1, wanted[:, None])[:, 0]
    if bins is None:
        return cost, counts
    bins = bins.to(wanted.device)
    place = wanted[:, None] == bins[None, :]
    is_number = place.any(1)
    at = place[is_number].int().argmax(1)
    spread = torch.exp(-0.5 * ((torch.arange(len(bins), device=at.device)[None, :] - at[:, None]).float() / sigma) ** 2)
    spread = spread / spread.sum(1, keepdim=True)
    return cost.masked_scatter(is_number, -(spread * scores[is_number][:, bins]).sum(1)), counts


def _bins(loaded: Loaded) -> torch.Tensor:
    """Token ids of every number that a corner may be. Raises TrainingError for a model that spells numbers in several tokens."""
    import torch

    from core.errors import TrainingError

    fmt, words = loaded.folder.box_format, loaded.processor.tokenizer
    if fmt.scale is None or fmt.scale <= 1:
        raise TrainingError("neighbours is for families that write boxes on a grid of whole numbers; set it to 0 in the recipe.")
    spelled = [words(str(n), add_special_tokens=False)["input_ids"] for n in range(0, int(fmt.scale) + 1, fmt.step)]
    if any(len(ids) != 1 for ids in spelled):
        raise TrainingError(
            "neighbours is for models that write a number as one token, as the compact one does; set it to 0 in the recipe."
        )
    return torch.tensor([ids[0] for ids in spelled])
