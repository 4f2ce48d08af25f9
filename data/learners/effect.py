"""learned_tested, learned_effect, learned_channel_effect: what one contact brings, per customer and channel.

From customers who were held out at random where there are enough of them; otherwise from answers and the margin of an
order, which proves nothing. docs/contact-effects.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from data.learners import effect_card
from data.learners.effect_trial import EVERYBODY, Bands, numbers, tested, traits, trial
from data.learners.known import Known, Learnt

if TYPE_CHECKING:  # scipy is loaded by builds only, never by the web process
    from models.effect import Effects

Z = 1.6448536269514722  # of the 90 % interval
TESTED = """
create temp table effect_tested (campaign bigint, number bigint, expected_held double, expected_treated double,
    effect_apart double)
"""
DRAWN = """
select t.campaign_id, t.customer_id, t.channel, t.treated, t.p_treated, t.margin as outcome, e.expected_held,
    e.expected_treated, e.effect_apart
from effect_tested e
join effect_trial t on t.campaign = e.campaign and t.number = e.number
order by t.campaign_id, t.customer_id
"""
EFFECT = """
create temp table effect_known (number bigint, channel varchar, effect double, effect_low double, effect_high double,
    effect_apart double, level varchar)
"""
CHANNEL = """
create temp table effect_channel (channel varchar, campaigns integer, treated integer, control integer, effect double,
    effect_low double, effect_high double, differs varchar, said varchar)
"""
USUAL = """
create temp table effect_usual (channel varchar, rate double, rate_low double, rate_high double)
"""
ANSWERS = """
select channel, answered, sent, count(*) as customers from learned_response group by all order by all
"""
LEARNED = """
select c.customer_id, k.channel, k.effect, k.effect_low, k.effect_high, k.effect_apart, 'tested' as basis, k.level
from effect_known k
join effect_customer c on c.number = k.number
union all
select v.customer_id, u.channel, coalesce(r.rate, u.rate) * m.margin as effect,
    least(coalesce(r.rate_low, u.rate_low) * m.margin, coalesce(r.rate_high, u.rate_high) * m.margin) as effect_low,
    greatest(coalesce(r.rate_low, u.rate_low) * m.margin, coalesce(r.rate_high, u.rate_high) * m.margin) as effect_high,
    effect as effect_apart, 'unproven' as basis, 'customer' as level
from learned_value v
cross join lateral (select v.expected_margin_12m / nullif(v.expected_purchases_12m, 0) as margin) m
cross join effect_usual u
left join learned_response r on r.customer_id = v.customer_id and r.channel = u.channel
where m.margin is not null
order by customer_id, channel
"""
CHANNELS = """
with mean as (
    select channel, avg(effect::decimal(18, 6)) as effect, avg(effect_low::decimal(18, 6)) as effect_low,
        avg(effect_high::decimal(18, 6)) as effect_high
    from learned_effect where basis = 'unproven' group by channel
)
select e.channel, case when e.differs = 'unproven' then 'unproven' else 'tested' end as basis,
    e.campaigns, e.treated, e.control, coalesce(e.effect, m.effect) as effect,
    coalesce(e.effect_low, m.effect_low) as effect_low, coalesce(e.effect_high, m.effect_high) as effect_high,
    e.differs, e.said
from effect_channel e
left join mean m on m.channel = e.channel
where e.differs <> 'unproven' or m.channel is not null
order by e.channel
"""


def learn_tested(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """One row a campaign and customer drawn at random; what it says of everybody waits in effect_* for the others."""
    from models.effect import Effects, settled

    everybody = numbers(con, EVERYBODY)
    bands, counts = Bands.of(everybody), tested(con)
    found = dict[str, Effects]()
    for statement in (TESTED, EFFECT, CHANNEL, USUAL):
        con.execute(statement)
    for channel, count in counts.items():
        if min(count.treated, count.held) >= effect_card.ENOUGH:
            found[channel] = Effects(trial(con, channel, bands), len(bands))
    settled(list(found.values()))
    for channel, effects in found.items():
        keep_tested(con, effects)
        keep_known(con, channel, effects, everybody, bands)
    usual(con, set(found))
    card = effect_card.card(known, con, counts, found, bands)
    return Learnt(relation(con, DRAWN), (card,))


def keep_tested(con: duckdb.DuckDBPyConnection, effects: Effects) -> None:
    """What was expected of each customer of a channel's tests."""
    held, given = effects.expected.T
    values = (effects.campaign, effects.number, held, given, effects.effect_apart)
    names = ("campaign", "number", "expected_held", "expected_treated", "effect_apart")
    insert(con, "effect_tested", pa.table(dict(zip(names, values, strict=True))))


def keep_known(
    con: duckdb.DuckDBPyConnection, channel: str, effects: Effects, everybody: dict[str, Any], bands: Bands
) -> None:
    """What the tests say of everybody now."""
    own, segment = traits(everybody), bands.segment(everybody)
    value, error = effects.of(own, segment)
    apart, seen = value.copy(), np.zeros(len(value), bool)
    seen[effects.number] = True
    apart[seen] = effects.of_apart(own[seen], segment[seen], everybody["fold"][seen])
    columns = {"number": np.arange(len(value)), "channel": pa.repeat(channel, len(value)), "effect": value}
    columns |= {"effect_low": value - Z * error, "effect_high": value + Z * error, "effect_apart": apart}
    insert(con, "effect_known", pa.table(columns | {"level": pa.repeat(effects.level, len(value))}))


def usual(con: duckdb.DuckDBPyConnection, proven: set[str]) -> None:
    """The rate of answers of whoever was never contacted, on channels that nobody was held out on."""
    from models.beta_binomial import BetaBinomial

    answers = con.execute(ANSWERS).df()
    for channel, rows in answers[~answers["channel"].isin(list(proven))].groupby("channel", sort=True):
        model = BetaBinomial().fit(rows["answered"], rows["sent"], rows["customers"])
        ends = [float(end[0]) for end in model.interval([0], [0])]
        con.execute(
            "insert into effect_usual select channel, ?, ?, ? from feed_channels where channel = ?", [*ends, channel]
        ).fetchall()


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: pa.Table) -> None:
    """Append rows to a table."""
    con.register("rows", rows)
    con.execute(f"insert into {table} select * from rows").fetchall()
    con.unregister("rows")


def relation(con: duckdb.DuckDBPyConnection, query: str) -> duckdb.DuckDBPyRelation:
    """The rows of a query, made only where they are stored."""
    con.complete()  # what asked before may have left rows behind, and then a relation cannot be read
    return con.sql(query)


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """One row a customer and channel of which anything can be said."""
    return Learnt(relation(con, LEARNED))


def learn_channels(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """One row a channel."""
    return Learnt(relation(con, CHANNELS))
