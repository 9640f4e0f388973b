"""The compact model's replies to composed scenes that taught nothing, kept so that looking at them again costs nothing. Judges nothing."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from core.backends import loading
from core.backends.folder import ModelFolder, read_folder
from core.backends.local import LocalModel
from core.backends.vocabulary import Vocabulary
from core.compact.network import CANVAS
from core.compact.ship import write_scenes
from core.errors import ModelError
from core.evaluation.run import Truth, read_truth
from core.profile import Profile
from core.prompts import Prompt, build
from core.schema import Reply, Token
from core.settings import ASSETS

FIRST_SEED = 910_000_000
"""Seeds of its own: neither the lessons' nor those of the scenes by which accuracy is told."""

THREADS = 2
_BATCH = 16


@dataclass(frozen=True, slots=True)
class Kept:
    """A scene, what is true of it, the reply, and the log-probability of each of its tokens before a grey frame instead."""

    truth: Truth
    reply: Reply
    grey: tuple[float, ...]


def replies(work: Path, profile: Profile, count: int) -> list[Kept]:
    """Of `count` scenes under `work`; what is not there yet is composed and asked. Another model's replies are kept apart."""
    scenes = work / "scenes"
    said = scenes / "annotations.coco.json"
    if not said.exists() or len(read_truth(said, None, profile)[1]) < count:
        write_scenes(scenes, ASSETS / "frames" / "tools_bench", profile, count, FIRST_SEED)
    truths = read_truth(said, None, profile)[1][:count]
    folder = read_folder(ASSETS / "models" / "compact")
    prompt = build(profile, folder.prompt_style, folder.box_format)
    kept = work / f"replies-{hashlib.sha256(f'{folder.model} {prompt.id}'.encode()).hexdigest()[:12]}.jsonl"
    have = {line["file"]: line for line in _lines(kept)}
    wanted = [truth for truth in truths if truth.file not in have]
    if wanted:
        with kept.open("a", encoding="utf-8") as out:
            for line in _ask(folder, prompt, scenes / "images", wanted):
                out.write(json.dumps(line) + "\n")
                have[line["file"]] = line
    return [_kept(truth, have[truth.file]) for truth in truths if truth.file in have]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with path.open(encoding="utf-8") as stream:
            yield from (json.loads(line) for line in stream)


def _kept(truth: Truth, line: dict[str, Any]) -> Kept:
    raw = line["reply"]
    tokens = tuple(Token(t["text"], t["logprob"], tuple((text, p) for text, p in t["top"])) for t in raw["tokens"])
    return Kept(truth, Reply(raw["text"], raw["model"], raw["prompt_id"], raw["seconds"], tokens, raw["masked"]), tuple(line["grey"]))


def _ask(folder: ModelFolder, prompt: Prompt, images: Path, truths: Sequence[Truth]) -> Iterator[dict[str, Any]]:
    model, blind = LocalModel(folder, THREADS), _Blind(folder, prompt)
    for at in range(0, len(truths), _BATCH):
        some = truths[at : at + _BATCH]
        answers = model.ask_many([Image.open(images / truth.file).convert("RGB") for truth in some], prompt)
        answered = [(truth, one) for truth, one in zip(some, answers, strict=True) if not isinstance(one, ModelError)]
        for (truth, reply), grey in zip(answered, blind.score([one for _, one in answered]), strict=True):
            yield {"file": truth.file, "reply": asdict(reply), "grey": grey}
        print(f"\r{at + len(some)} of {len(truths)} scenes asked", end="", flush=True)
    print()


class _Blind:
    """The same model before a grey frame: how likely would it have said the same words? The frame is looked at once."""

    def __init__(self, folder: ModelFolder, prompt: Prompt) -> None:
        import torch

        self._loaded = loading.load(folder, THREADS)
        words = Vocabulary(self._loaded.processor.tokenizer)
        self._numbers = {words[number]: number for number in range(len(self._loaded.processor.tokenizer))}
        grey = self._loaded.prepare([Image.new("RGB", CANVAS, (128, 128, 128))], prompt.text)
        self._before = grey["input_ids"].shape[1]
        with torch.inference_mode():
            seen = self._loaded.net(**grey, use_cache=True)
        self._cache, self._first = seen.past_key_values, seen.logits[0, -1:].float()
        self._begins = self._before + int(self._loaded.net.model.rope_deltas.item())  # positions of words go on from the picture's

    def score(self, replies: Sequence[Reply]) -> list[list[float]]:
        """Natural-log probabilities of each reply's tokens, given the grey frame and the tokens before (one forward pass, without a grammar)."""
        import torch

        scored = []
        for reply in replies:
            said = torch.tensor([[self._numbers[token.text] for token in reply.tokens]], device=self._loaded.device)
            places = torch.arange(self._begins, self._begins + said.shape[1], device=said.device).expand(3, 1, -1)
            attended = torch.ones((1, self._before + said.shape[1]), dtype=torch.long, device=said.device)
            with torch.inference_mode():
                logits = self._loaded.net(
                    input_ids=said, position_ids=places, attention_mask=attended, past_key_values=copy.deepcopy(self._cache), use_cache=True
                ).logits[0]
            chances = torch.log_softmax(torch.cat([self._first, logits[:-1].float()]), -1)
            scored.append(chances.gather(1, said[0][:, None])[:, 0].tolist())
        return scored
