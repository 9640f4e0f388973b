"""The likeliest reply to each frame of a batch, token by token, for every family alike. Loads no model, parses no reply, never draws by chance.

Beside transformers' `generate` this keeps five probabilities a token instead of all (a batch of 32 on a vocabulary of 150,000
would need gigabytes), lets go of replies that are complete, stops for those whom nobody waits for, and grows its cache in place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.backends.base import TOP
from core.backends.cache import roomy_cache
from core.backends.grammar import Grammars
from core.errors import ModelError

if TYPE_CHECKING:
    import torch

Step = tuple[int, float, tuple[tuple[int, float], ...]]
"""A token's number, its log-probability, and the likeliest at its place with theirs."""


@dataclass(slots=True)
class Said:
    """One reply as far as it is. `whole`: it ended by itself; False: it was cut at the most tokens, or nobody waited any more."""

    steps: list[Step] = field(default_factory=list)
    whole: bool = False


@dataclass(slots=True)
class _Live:
    """The rows that still speak: which reply each is, where it stands, and what it attends to."""

    rows: list[int]
    matchers: list[Any]
    positions: torch.Tensor  # rows; of the next token
    attended: torch.Tensor  # rows x tokens so far
    across: torch.Tensor | None  # rows x 1 x ...; what a model with cross attention sees of the pictures

    def keep(self, at: Sequence[int], cache: Any) -> None:
        """Only the rows at these places go on."""
        import torch

        chosen = torch.tensor(at, device=self.attended.device)
        self.rows = [self.rows[n] for n in at]
        self.matchers = [self.matchers[n] for n in at] if self.matchers else []
        self.positions, self.attended = self.positions[chosen], self.attended[chosen]
        self.across = None if self.across is None else self.across[chosen]
        cache.batch_select_indices(chosen)


def decode(
    net: Any,
    asked: Mapping[str, torch.Tensor],
    ends: Collection[int],
    most_tokens: int,
    grammar: tuple[Grammars, list[Any]] | None = None,
    abandoned: Callable[[], Collection[int]] = tuple,
) -> list[Said]:
    """Greedy replies to a left-padded batch `asked` (as a processor makes it). `abandoned`: rows for which nobody waits any more.

    With a grammar the probabilities are shares of what it allows. Raises what the network raises when memory runs out.
    """
    import torch

    said = [Said() for _ in range(len(asked["input_ids"]))]
    cache = roomy_cache(net.config)
    out = net(**asked, past_key_values=cache, use_cache=True, logits_to_keep=1)
    live = _begin(net, asked, grammar[1] if grammar else [])
    for _ in range(most_tokens):
        going = _listen(out.logits[:, -1], live, said, ends, grammar[0] if grammar else None)
        gone = set(abandoned())
        staying = [n for n, (row, _) in enumerate(going) if row in live.rows and row not in gone] if gone else None
        going = going if staying is None else [going[n] for n in staying]
        if not going:
            break
        if len(going) < len(live.rows):
            at = {row: n for n, row in enumerate(live.rows)}
            live.keep([at[row] for row, _ in going], cache)
        out = _feed(net, live, cache, torch.tensor([token for _, token in going], device=live.attended.device))
    return said


def _begin(net: Any, asked: Mapping[str, torch.Tensor], matchers: list[Any]) -> _Live:
    """Where the replies stand after the prompt. Qwen's families count positions on from the picture's, at a distance kept by the model."""
    attended = asked["attention_mask"]
    positions = attended.sum(1)
    shift = getattr(net.model, "rope_deltas", None)
    if shift is not None:
        positions = positions + shift.reshape(-1).to(positions.device)
    across = asked.get("cross_attention_mask")
    return _Live(list(range(len(attended))), matchers, positions, attended, None if across is None else across[:, -1:])


def _listen(logits: torch.Tensor, live: _Live, said: list[Said], ends: Collection[int], grammar: Grammars | None) -> list[tuple[int, int]]:
    """Write down the likeliest token of each row; (row, token) of those that have not ended."""
    import torch

    logits = logits.float()
    if grammar is not None:
        logits = logits.masked_fill(~grammar.allowed(live.matchers).to(logits.device), -torch.inf)
    likeliest, which = torch.log_softmax(logits, -1).topk(min(TOP, logits.shape[1]), -1)
    going = []
    for n, (row, numbers, chances) in enumerate(zip(live.rows, which.tolist(), likeliest.tolist(), strict=True)):
        token = numbers[0]
        if token in ends:
            said[row].whole = True
            continue
        top = tuple(pair for pair in zip(numbers, chances, strict=True) if pair[1] > -torch.inf)
        said[row].steps.append((token, chances[0], top))
        if grammar is not None and not live.matchers[n].consume_token(token):
            raise ModelError(f"The grammar of the reply broke off: {live.matchers[n].get_error()}.")
        going.append((row, token))
    return going


def _feed(net: Any, live: _Live, cache: Any, tokens: torch.Tensor) -> Any:
    """One more token for every row."""
    import torch

    live.attended = torch.cat([live.attended, live.attended.new_ones(len(tokens), 1)], 1)
    places = live.positions[:, None]
    if getattr(net.model, "rope_deltas", None) is not None:
        places = places.expand(3, *places.shape)  # time, height and width run together in text
    more = {} if live.across is None else {"cross_attention_mask": live.across}
    out = net(
        input_ids=tokens[:, None], attention_mask=live.attended, position_ids=places, past_key_values=cache, use_cache=True,
        logits_to_keep=1, **more,
    )  # fmt: skip
    live.positions = live.positions + 1
    return out
