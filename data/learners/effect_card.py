"""The model card 'contact-effect' and the sentence of each channel: whether a contact was tested, and who differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from data.learners.known import Known
from data.model_card import IN_USE, NOT_ENOUGH, Card

if TYPE_CHECKING:  # scipy is loaded by builds only, never by the web process
    from models.effect import Effects

Z = 1.6448536269514722  # of the 90 % interval
DIFFERS = {"customer": "customers", "segment": "segments", "channel": "no reliable difference"}


def card(
    known: Known,
    con: duckdb.DuckDBPyConnection,
    counts: dict[str, tuple[int, int, int]],
    found: dict[str, Effects],
) -> Card:
    """Everything there is to say about the effects; also fills effect_channel."""
    state = IN_USE if found else NOT_ENOUGH
    made = Card(
        "contact-effect",
        "Effect of a contact",
        "What margin does one contact bring, on which channel?",
        "Doubly-robust scores of customers held out at random; ridge, folds of customers",
        "1",
        state,
        "x",
        known.cut,
        0,
        "90 %",
    )
    for (channel,) in con.execute("select channel from feed_channels order by channel").fetchall():
        campaigns, treated, held = counts.get(channel, (0, 0, 0))
        if channel in found:
            effects = found[channel]
            value, se = effects.channel.value, effects.channel.se
            row = [value, value - Z * se, value + Z * se, DIFFERS[effects.level], said(effects)]
        else:
            row = [None, None, None, "unproven", "Nobody was held out."]
        con.execute(
            "insert into effect_channel values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [channel, campaigns, treated, held, *row]
        ).fetchall()
    return made


def said(effects: Effects) -> str:
    """Why the channel's effects differ or not."""
    return f"Held-out customers differ; level {effects.level}."
