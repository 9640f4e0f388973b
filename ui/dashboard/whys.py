"""Why a frame was drawn, in sentences of the visitor's language. It measures nothing: the numbers are those that the draw wrote down."""

from __future__ import annotations

from collections.abc import Mapping

from ui.texts import Texts

SAID = 3  # reasons that are told of a frame; the weightier ones
LEAST = 0.05  # what weighs less is no reason

WHOLLY = ("garbled", "random")
"""Reasons that hold or do not, without a number."""


def reasons(sampler: str, why: Mapping[str, float], say: Texts) -> list[str]:
    """What speaks for a frame: first what drew it, then what else weighed most.

    >>> reasons("uncertain", {"uncertain": 0.834, "high": 0.41, "entropy": 0.01}, Texts("en"))
    ['least sure field: doubt 0.83', 'high risk 0.41']
    """
    weighed = sorted((name for name in why if why[name] >= LEAST and name != sampler), key=lambda name: -why[name])
    names = [name for name in (sampler, *weighed) if name in why or name == "random"]
    return [_sentence(name, why.get(name, 1.0), say) for name in names[:SAID]]


def mixed(mix: Mapping[str, float], say: Texts) -> str:
    """What a policy goes by.

    >>> mixed({"risk": 3, "uncertain": 1}, Texts("en"))
    '75 % risk and doubt together, 25 % doubt'
    """
    total = sum(mix.values()) or 1.0
    parts = sorted(((share / total, name) for name, share in mix.items() if share > 0), reverse=True)
    said = [say("dashboard.draws.part", share=f"{100 * share:.0f}", name=sampler_word(name, say)) for share, name in parts]
    return say("dashboard.draws.between").join(said)


def sampler_word(name: str, say: Texts) -> str:
    """A sampler in a few words; one of somebody's own keeps its name."""
    key = f"dashboard.sampler.{name}"
    return say(key) if key in say.words else name


def _sentence(name: str, weight: float, say: Texts) -> str:
    key = f"dashboard.why.{name}"
    if key not in say.words:
        return say("dashboard.why.other", name=name, n=f"{weight:.2f}")
    return say(key) if name in WHOLLY else say(key, n=f"{weight:.2f}")
