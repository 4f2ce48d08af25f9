"""A company's campaigns without the rest of its build: the same steps in the same order, so that many can be made."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from data.assemble import SQL, create
from data.build import Options, connect
from data.company import read_company
from data.files import quoted
from data.header import in_order, read_model
from data.intake import take_in
from data.learn import LEARNED
from data.learners.known import known
from data.manifest import present
from data.model_card import Card

WANTED = ("campaign", "campaign_day", "learned_forecast")


def measured(
    folder: Path, parts: int = 1, wanted: tuple[str, ...] = WANTED
) -> tuple[duckdb.DuckDBPyConnection, list[Card]]:
    """A database with these tables made from a folder's feeds, those they need, and the cards that came with them."""
    con = connect(":memory:", Options())
    company = read_company(folder)
    intake = take_in(con, folder, company, lambda _: None)
    models = {path.stem: read_model(path) for path in sorted(SQL.glob("*.sql"))}
    needs = {name: model.needs for name, model in models.items()} | {name: one.needs for name, one in LEARNED.items()}
    taken, cards = set[str](), list[Card]()
    ask = list(wanted)
    while ask:
        if (name := ask.pop()) in needs and name not in taken:
            taken.add(name)
            ask += needs[name]
    for name in in_order(models, {name: one.needs for name, one in LEARNED.items()}):
        if name in taken and name in models:
            create(con, models[name], models[name].select.replace("{zone}", quoted(company.zone)), parts)
        elif name in taken:
            learnt = LEARNED[name].make(con, known(con, 1.0, frozenset(present(intake)), lambda _: None))
            cards += learnt.cards
            con.register("frame", learnt.frame)
            con.execute(f"create table {name} as select * from frame")
            con.unregister("frame")
    return con, cards


def campaigns(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """The table campaign, by campaign_id."""
    return con.execute("select * from campaign order by campaign_id").df().set_index("campaign_id")
