"""What a learned figure on a page rests on: the data's end, the horizon, and the model's test against its baseline."""

from __future__ import annotations

from datetime import date

import streamlit as st

from components import filters, layout, model_cards, proof, whole_company, words
from data.question import Refused


def cut_off() -> tuple[date, int] | None:
    """The last day that was learned from, and the horizon in days; None in builds that learned nothing."""
    try:
        found = whole_company.listing("cut_off")
    except Refused:
        return None
    if not len(found) or not words.known(found["cut"].iloc[0]):
        return None
    return found["cut"].iloc[0].date(), int(found["horizon_days"].iloc[0])


def tested(model: str) -> str:
    """How the model did on what came after the latest cut-off of its backtest, beside its baselines, in a sentence."""
    about = model_cards.card_of(model)
    if about is None:
        return "This build has no model card for it: nothing says how well it was tested."
    begins = f"{about['title']}: {about['state']}. {str(about['why']).rstrip('.')}."
    tests = model_cards.latest(model_cards.of("model_backtest", model))
    if not len(tests):
        return f"{begins} No backtest against a baseline is stored."
    measure, rows = next(iter(tests.groupby("measure", sort=False)))
    figures = [
        f"{name} {proof.between(value, low, high)}"
        for name, value, low, high in rows[["candidate", "value", "low", "high"]].itertuples(index=False)
    ]
    after = words.day(tests["cut_off"].iloc[0])
    compared = f"Backtest on what came after {after}, {proof.CALLED.get(measure, measure)}: {'; '.join(figures)}."
    return f"{begins} {compared}"


def show(model: str) -> None:
    """The test in one line, and the way to the whole card."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            layout.quiet(words.safe_text(tested(model), 900))
        if st.button("Model card", icon=":material/model_training:", type="tertiary", key=f"_card_{model}"):
            filters.goto(model_cards.PAGE, model=filters.caption(model))
