"""Customers under most pressure, with the caps they hit; for those who see single customers."""

from __future__ import annotations

import streamlit as st

from components import access, ask, exports, filters, layout, offer, words
from components.pressure import ALL, named
from data.catalog import Unit
from data.pressure import Pressure
from data.question import Listing, View
from data.rights import CUSTOMERS

SIZE = 25
WHO = {"At a cap now": ("now",), "Hit a cap in 12 months": ("now", "earlier"), "Everybody contacted": ()}
LABELS = {
    "place": "Place",
    "customer_id": "Customer",
    "last_7": "7 days",
    "last_30": "30 days",
    "last_90": "90 days",
    "most_30": "Most in 30 days",
    "contacts": "12 months",
    "too_soon": "Too soon",
    "over_cap": "Over the cap",
    "beyond_cost": "Cost beyond caps",
    "resting_on": "At a cap on",
    "free_from": "Free from",
    "hit": "Hit a cap",
    "beyond": "Beyond a cap",
    "last_at": "Last contact",
}
UNITS = dict.fromkeys(("place", "last_7", "last_30", "last_90", "most_30", "too_soon", "over_cap"), Unit.COUNT) | {
    "contacts": Unit.COUNT,
    "beyond": Unit.COUNT,
    "beyond_cost": Unit.MONEY,
    "free_from": Unit.MOMENT,
    "last_at": Unit.MOMENT,
}


def people(view: View) -> None:
    """A page of them, the hardest pressed first, each with what its caps say."""
    if not access.may(CUSTOMERS):
        layout.quiet("Single customers are not listed for readers of groups.")
        return
    hits = ask.ask(Pressure(view=view, part="hits")).set_index("hit")["customers"]
    chosen = filters.choice("whom", tuple(WHO), next(iter(WHO)), "Customers", width=230)
    number = int(hits.reindex(list(WHO[chosen]) or list(hits.index)).fillna(0).sum())
    if not number:
        layout.finding(f"{chosen}: nobody in this view")
        return
    above = st.container()
    begins = (filters.page_number(number, SIZE) - 1) * SIZE
    asked = Listing("pressed", view.only("hit", *WHO[chosen]) if WHO[chosen] else view, SIZE, begins)
    rows = ask.ask(asked)
    called = named()
    rows["resting_on"] = [
        ", ".join(called.get(key, key) for key in keys.split(", ")) if words.known(keys) else keys
        for keys in rows["resting_on"]
    ]
    with above:
        who = f"{chosen}: {words.counted(number, 'customer')}"
        layout.finding(f"{who}, those under most pressure first")
        shown = rows[[name for name in LABELS if name not in ("place", "hit", "beyond", "last_at")]]
        offer.customers(shown, who, f"pressed_{chosen}_{begins}", LABELS, UNITS)
        exports.offer(asked, "contact_pressure", labels=LABELS, units=UNITS)
        layout.quiet(
            "Pressure is the number of contacts in 30 days, then in 90. “At a cap on” names the channels that have to "
            f"wait until the day it is free from; {ALL.lower()} stands for the cap over all of them. Cost is that of "
            "contacts too soon or over the cap in 12 months."
        )
