"""Label efficiency: what the labels bought, by the hundred and by the hour, beside labels picked at random, and whether more are expected to help."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from annotations.learning import efficiency
from annotations.learning.bought import SCORES
from annotations.learning.efficiency import CONTROL, Beside, Expected, Gain, Point
from ui.dashboard.board import board, dark, literal, whole, words
from ui.dashboard.charts import CONFIG, look
from ui.dashboard.curves import Spot, learned
from ui.texts import Texts


def show() -> None:
    """The page."""
    say, learning = words(), board().learning
    bases = learning.bought.bases() if learning is not None else []
    if learning is None or not bases:
        st.title(say("dashboard.bought.answer.none"))
        st.caption(say("dashboard.bought.how"))
        return
    base, score = _chosen(bases)
    points = learning.bought.points(base, score)
    _answer(points, score, say)
    st.caption(say("dashboard.bought.how"))
    _choices(bases, say)
    _stop_sign(efficiency.expected(points), say)
    curves = efficiency.curves(points)
    if not curves:
        return
    order = sorted(curves, key=lambda name: name == CONTROL)  # the random arm last
    chart = learned(
        {_policy(name, say): [_spot(point, say) for point in curves[name]] for name in order},
        (say("dashboard.bought.labels"), say(f"dashboard.bought.score.{score}")),
        look(dark()),
    )
    st.header(say("dashboard.bought.curve"))
    st.plotly_chart(chart, theme=None, config=CONFIG, key="bought", alt=say("dashboard.bought.curve"))
    for beside in efficiency.beside_random(points):
        st.markdown(_beside(beside, say))
    if CONTROL not in curves:
        st.caption(say("dashboard.bought.no_random"))
    st.header(say("dashboard.bought.gains"))
    st.table([_row(gain, say) for gain in efficiency.gains(points)])


def _chosen(bases: Sequence[str]) -> tuple[str, str]:
    """Base and figure, as the choices below the answer stand."""
    base, score = st.session_state.get("bought_base"), st.session_state.get("bought_score")
    known = next((each for each in bases if each == base), bases[0])
    return known, next((each for each in SCORES if each == score), next(iter(SCORES)))


def _choices(bases: Sequence[str], say: Texts) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(bases) > 1:
            st.selectbox(say("dashboard.bought.base"), bases, key="bought_base", width=360)
        st.segmented_control(
            say("dashboard.bought.score"),
            list(SCORES),
            default=next(iter(SCORES)),
            required=True,
            key="bought_score",
            format_func=lambda name: say(f"dashboard.bought.score.{name}"),
            label_visibility="collapsed",
        )


def _answer(points: Sequence[Point], score: str, say: Texts) -> None:
    taught = [point for point in points if point.labels > 0]
    best = max(taught, key=lambda point: point.score, default=None)
    start = next((point for point in points if point.labels == 0), None)
    if best is None:
        st.title(say("dashboard.bought.answer.none"))
        return
    what = say(f"dashboard.bought.score.{score}")
    if start is None:
        st.title(say("dashboard.bought.answer.alone", what=what, score=_points(best.score), n=whole(best.labels)))
        return
    rise = best.score - start.score
    key = "dashboard.bought.answer" if rise > 0 else "dashboard.bought.answer.nothing"
    ends = {"low": _points(best.low), "high": _points(best.high)}
    st.title(say(key, what=what, before=_points(start.score), after=_points(best.score), n=whole(best.labels), **ends))


def _stop_sign(expected: Sequence[Expected], say: Texts) -> None:
    """The most important word of the page, when there is reason for it."""
    chosen = [each for each in expected if each.policy != CONTROL] or list(expected)
    for each in chosen:
        words = {
            "policy": _policy(each.policy, say),
            "gain": _signed(each.gain),
            "low": _signed(each.low),
            "high": _signed(each.high),
        }
        if each.stop:
            st.warning(say("dashboard.bought.stop", **words), icon="🛑")
        else:
            st.info(say("dashboard.bought.more", **words))


def _spot(point: Point, say: Texts) -> Spot:
    said = {"score": _points(point.score), "low": _points(point.low), "high": _points(point.high), "n": whole(point.labels)}
    name = literal(point.adapter).strip("`") if point.adapter else say("dashboard.bought.unadapted")
    return Spot(point.labels, point.score, point.low, point.high, say("dashboard.bought.spot", name=name, **said))


def _beside(beside: Beside, say: Texts) -> str:
    key = {"better": "dashboard.bought.better", "worse": "dashboard.bought.worse"}.get(beside.word, "dashboard.bought.no_better")
    ends = {"gain": _signed(beside.difference), "low": _signed(beside.low), "high": _signed(beside.high)}
    return say(key, policy=_policy(beside.policy, say), **ends)


def _row(gain: Gain, say: Texts) -> dict[str, str]:
    per_hour = "–" if gain.an_hour is None else _signed(gain.an_hour)
    return {
        say("dashboard.bought.policy"): _policy(gain.policy, say),
        say("dashboard.bought.from_to"): f"{whole(gain.before)} → {whole(gain.after)}",
        say("dashboard.bought.a_hundred"): say(
            "dashboard.bought.interval", gain=_signed(gain.a_hundred), low=_signed(gain.low), high=_signed(gain.high)
        ),
        say("dashboard.bought.an_hour"): per_hour,
    }


def _policy(name: str, say: Texts) -> str:
    key = f"dashboard.policy.{name.replace(' ', '_')}"
    return say(key) if key in say.words else literal(name).strip("`")


def _points(share: float) -> str:
    return f"{100 * share:.0f}"


def _signed(share: float) -> str:
    """Percentage points with their sign.

    >>> _signed(0.1234), _signed(-0.004)
    ('+12.3', '-0.4')
    """
    return f"{100 * share:+.1f}"


if __name__ == "__main__":  # Streamlit runs a page so
    show()
