"""The pupil: the compact model's network while it learns, the dense head that helps its eyes, and what a mistake costs. One step at a time.

What it took was found by trial: eyes that are taught first, by a dense head on the merged picture tokens; a ruler on the
canvas (`core.compact.network.on_canvas`); small batches; Muon for the blocks; coordinate targets that forgive the neighbouring bin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.compact import tokens
from core.compact.lessons import Lesson
from core.compact.network import CANVAS, CELL, Shape, config, dense_head, quicken
from core.geometry import FAMILIES
from core.profile import Profile
from core.prompts import build

if TYPE_CHECKING:
    import torch

INNER = 0.6
"""Share of a box's sides in which the dense head is to see it: the rim of a box is mostly bench."""
COLUMNS, ROWS = CANVAS[0] // CELL, CANVAS[1] // CELL


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what is learned."""

    scenes: int = 86_000
    eyes_first: int = 34_000  # scenes for the vision tower alone
    batch: int = 8  # steps count, not scenes
    rate: float = 1e-3
    warmup: int = 100  # steps
    decay: float = 0.05
    seed: int = 7
    shape: Shape = field(default_factory=Shape)


class Pupil:
    """The network, its dense head and its optimizers; the one mutable thing here."""

    def __init__(self, recipe: Recipe, profile: Profile) -> None:
        import torch
        from transformers import Qwen2_5_VLForConditionalGeneration

        torch.manual_seed(recipe.seed)
        self.recipe, self.profile = recipe, profile
        self.prompt = build(profile, "brief", FAMILIES["compact"])
        self.words = tokens.tokenizer(profile, self.prompt.text)
        self.processor = tokens.processor(self.words)
        self.labels = [term.key for term in profile.labels]
        self.net: Any = Qwen2_5_VLForConditionalGeneration(config(recipe.shape, self.words))
        quicken(self.net)
        self.head = dense_head(recipe.shape.hidden, len(self.labels))
        self.optimizers = _optimizers(self.net, self.head, recipe)
        self.shown = 0  # scenes
        step = FAMILIES["compact"].step
        self.bins = torch.tensor([self.words.convert_tokens_to_ids(str(n)) for n in range(0, 1001, step)])
        self.weights = self._token_weights()

    def _token_weights(self) -> torch.Tensor:
        """How much a token counts in the loss: names twice, punctuation a third."""
        import torch

        weights = torch.full((len(self.words),), 0.3)
        keys = {t.key for name in ("label", *self.profile.fields) for t in self.profile.terms(name)}
        for word in [*keys, *(h.key for h in self.profile.hazards), *self.profile.levels]:
            weights[int(self.words.convert_tokens_to_ids(word))] = 2.0  # type: ignore[arg-type]
        weights[self.bins] = 1.0
        for word in ('"}]', '"},{"box":[', '{"findings":[]'):  # whether one more is there
            weights[int(self.words.convert_tokens_to_ids(word))] = 1.0  # type: ignore[arg-type]
        return weights

    def learn(self, batch: dict[str, torch.Tensor]) -> dict[str, float]:
        """One step. Gives the losses; no `answer` while the eyes learn alone."""
        import torch

        alone = self.shown < self.recipe.eyes_first
        for group in (g for optimizer in self.optimizers for g in optimizer.param_groups):
            group["lr"] = self._rate()
        with torch.autocast("cpu", torch.bfloat16):
            seen, said = self._forward(batch, alone)
            found, placed = dense_loss(self.head(seen), batch["cells"], batch["edges"])
            told = torch.zeros(()) if said is None else self._answer_loss(said, batch["labels"])
            loss = found + 2 * placed if alone else told + found + placed
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*self.net.parameters(), *self.head.parameters()], 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.shown += self.recipe.batch
        losses = {"found": float(found.detach()), "placed": float(placed.detach())}
        return losses if alone else {"answer": float(told.detach()), **losses}

    def _forward(self, batch: dict[str, torch.Tensor], alone: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Merged picture tokens (all frames in a row x hidden) and, unless the eyes learn alone, logits of the answer."""
        import torch

        seen = self.net.model.visual(batch["pixel_values"], batch["image_grid_thw"]).pooler_output
        seen = torch.cat(list(seen)) if isinstance(seen, tuple | list) else seen
        if alone:
            return seen, None
        ids = batch["input_ids"]
        marks = batch["mm_token_type_ids"]
        embedded = self.net.get_input_embeddings()(ids)
        embedded = embedded.masked_scatter((marks == 1).unsqueeze(-1).expand_as(embedded), seen.to(embedded.dtype))
        places, _ = self.net.model.get_rope_index(
            input_ids=ids, mm_token_type_ids=marks, image_grid_thw=batch["image_grid_thw"], attention_mask=batch["attention_mask"]
        )
        out = self.net.model.language_model(
            inputs_embeds=embedded, attention_mask=batch["attention_mask"], position_ids=places, use_cache=False
        )
        start = int(batch["answer_at"]) - 1
        return seen, self.net.lm_head(out.last_hidden_state[:, start:-1])

    def _answer_loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Cross entropy on the answer only; a coordinate's target is spread over its neighbours (sigma one bin)."""
        import torch
        from torch.nn import functional as F

        wanted = labels[:, labels.shape[1] - logits.shape[1] :]
        keep = wanted != -100
        scores = F.log_softmax(logits[keep].float(), -1)
        wanted = wanted[keep]
        loss = -scores.gather(1, wanted[:, None])[:, 0]
        place = (wanted[:, None] == self.bins[None, :]).float()
        is_number = place.sum(1) > 0
        at = place[is_number].argmax(1)
        spread = torch.exp(-0.5 * (torch.arange(len(self.bins))[None, :] - at[:, None]).float() ** 2)
        spread = spread / spread.sum(1, keepdim=True)
        loss = loss.masked_scatter(is_number, -(spread * scores[is_number][:, self.bins]).sum(1))
        weight = self.weights[wanted]
        return (loss * weight).sum() / weight.sum()

    def _rate(self) -> float:
        """Warm-up for the eyes and again when the rest joins them, level, and over the last three tenths down to a fiftieth."""
        r = self.recipe
        step = self.shown / r.batch
        since = step if self.shown < r.eyes_first else step - r.eyes_first / r.batch
        rise = min(1.0, (since + 1) / r.warmup)
        fall = min(1.0, (1 - self.shown / r.scenes) / 0.3)
        return r.rate * rise * max(0.02, fall)


def _optimizers(net: Any, head: torch.nn.Module, recipe: Recipe) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the matrices of the blocks (arXiv 2502.16982, its update scaled to AdamW's), AdamW for all the rest; one rate for both."""
    import torch

    named = [*net.named_parameters(), *head.named_parameters()]
    inner = [p for name, p in named if p.ndim == 2 and ("blocks" in name or "merger" in name or ".layers." in name)]
    known = set(map(id, inner))
    rest = [p for _, p in named if id(p) not in known]
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": recipe.decay},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
    ]
    muon = torch.optim.Muon(inner, lr=recipe.rate, weight_decay=recipe.decay, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    return muon, torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98))


def dense_loss(said: torch.Tensor, cells: torch.Tensor, edges: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross entropy over all cells (empty ones count a third) and L1 of the four sides, in cells, where something's middle lies."""
    import torch
    from torch.nn import functional as F

    said, cells, edges = said.float(), cells.reshape(-1), edges.reshape(-1, 4)
    weight = torch.ones(said.shape[1] - 4)
    weight[0] = 0.33
    full = cells > 0
    placed = F.l1_loss(said[full, -4:], edges[full]) if bool(full.any()) else torch.zeros(())
    return F.cross_entropy(said[:, :-4], cells, weight=weight), placed


def collate(taught: list[Lesson], pupil: Pupil) -> dict[str, torch.Tensor]:
    """Lessons -> tensors; answers padded on the right."""
    import torch

    text = pupil.processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": pupil.prompt.text}]}],
        add_generation_prompt=True,
        tokenize=False,
    )
    asked = pupil.processor(images=[one.picture for one in taught], text=[text] * len(taught), return_tensors="pt")
    answers = [pupil.words.encode(one.answer + "<|im_end|>") for one in taught]
    longest = max(map(len, answers))
    pad = int(pupil.words.pad_token_id)
    said = torch.tensor([a + [pad] * (longest - len(a)) for a in answers])
    real = torch.tensor([[1] * len(a) + [0] * (longest - len(a)) for a in answers])
    start = asked["input_ids"].shape[1]
    cells, edges = zip(*(cell_targets(one, pupil.labels) for one in taught), strict=True)
    return {
        "pixel_values": asked["pixel_values"],
        "image_grid_thw": asked["image_grid_thw"],
        "input_ids": torch.cat([asked["input_ids"], said], 1),
        "mm_token_type_ids": torch.cat([asked["mm_token_type_ids"], torch.zeros_like(said)], 1),
        "attention_mask": torch.cat([asked["attention_mask"], real], 1),
        "labels": torch.cat([torch.full((len(taught), start), -100), said.masked_fill(real == 0, -100)], 1),
        "answer_at": torch.tensor(start),
        "cells": torch.stack(cells),
        "edges": torch.stack(edges),
    }


def cell_targets(one: Lesson, labels: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """For each cell: the class of what lies there (0: nothing; the smallest wins), and the four sides of its box, in cells from the upper left.

    A thing lies in the cell of its middle and in those whose middles are in the inner part of its box.
    """
    import torch

    cells, edges = torch.zeros(ROWS, COLUMNS, dtype=torch.long), torch.zeros(ROWS, COLUMNS, 4)
    sized = sorted(((f.label, f.box) for f in one.findings if f.box), key=lambda f: -(f[1].x1 - f[1].x0) * (f[1].y1 - f[1].y0))
    for label, box in sized:
        x0, y0, x1, y1 = box.x0 * COLUMNS, box.y0 * ROWS, box.x1 * COLUMNS, box.y1 * ROWS
        inner_x, inner_y = INNER * (x1 - x0) / 2, INNER * (y1 - y0) / 2
        middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
        columns = slice(*_cells(middle_x - inner_x, middle_x + inner_x, middle_x, COLUMNS))
        rows = slice(*_cells(middle_y - inner_y, middle_y + inner_y, middle_y, ROWS))
        cells[rows, columns] = labels.index(label) + 1
        edges[rows, columns] = torch.tensor([x0, y0, x1, y1])
    return cells, edges


def _cells(low: float, high: float, middle: float, many: int) -> tuple[int, int]:
    """First and one past the last cell whose middle lies between; at least the one of `middle`."""
    at = min(many - 1, int(middle))
    return min(at, max(0, math.ceil(low - 0.5))), max(at + 1, min(many, math.floor(high - 0.5) + 1))
