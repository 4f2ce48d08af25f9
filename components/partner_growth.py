"""One partner among the others: how much depends on it, whom it shares customers with, what it sells and lacks."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from components import ask, layout, model_cards, offer, partner_card, partner_find, tables, words
from components import partner_words as said
from data.catalog import METRICS, Unit
from data.question import Listing, Question, Refused, View

COMPARED = "better than the most widely sold"  # the check of the card that says what came of earlier offers
MOST = 10
MOST_CATEGORIES = 50
LABELS = {
    "other_id": "Partner",
    "partner_name": "Name",
    "shared": "Shared customers",
    "share": "Of its customers",
    "expected": "Expected by chance",
    "lift": "Times chance",
    "beyond": "More than by chance",
    "share_of_revenue": "Of its revenue",
    "before": "Revenue, year before",
}
UNITS = {
    "shared": Unit.COUNT,
    "share": Unit.SHARE,
    "expected": Unit.COUNT,
    "lift": Unit.RATIO,
    "share_of_revenue": Unit.SHARE,
    "before": Unit.MONEY,
}


def dependence(found: pd.Series, own: View) -> None:
    """Whether the partner is among the vital few, how surely, and what is at risk with it."""
    currency, margin = ask.current().manifest["currency"], not layout.missing_of(METRICS["gross_margin"].needs)
    if own.scope.everything:
        title, note = standing(own, margin)
        layout.finding(title)
        layout.quiet(note)
    else:
        layout.finding("What depends on this partner")
    layout.quiet(words.safe_text(said.if_it_left(found, margin, currency), 600))


def standing(own: View, margin: bool) -> tuple[str, str]:
    """The title and its explanation, for readers of the whole company."""
    whole = ask.ask(Listing("learned_concentration", View(own.scope)))
    whole = whole[(whole["subject"] == "partner") & (whole["span"] == "12m")].set_index("measure")
    places = ask.ask(Listing("learned_partner_place", own))
    places = places[places["span"] == "12m"]
    members = int(whole.loc["revenue", "positive"]) if len(whole) else 0
    if members < said.FEW or not len(places):
        few = f"Only {words.counted(members, 'partner')}: a share of so few says nothing that would hold"
        return "What depends on this partner", f"{few}."
    row, labels = places.iloc[0], {"revenue": "revenue"} | ({"gross_margin": "gross margin"} if margin else {})
    states = {
        label: said.membership(row[f"{name}_ahead_low"], row[f"{name}_ahead_high"])
        for name, label in labels.items()
        if row[name] > 0
    }
    out = [label for label in labels.values() if label not in states]
    if not states:
        return "At or below zero, so it takes no part in shares", "Shares are of partners that brought more than zero."
    apart = f" Its {words.listed(out)} is at or below zero and takes no part in shares." if out else ""
    ends = [words.share(row[f"revenue_ahead_{end}"]) for end in ("low", "high")]
    ahead = f"Partners ahead of it hold {words.share(row['revenue_ahead'])} of the revenue of {words.count(members)}"
    redrawn = f"{ends[0]} to {ends[1]} in nine of ten redrawn sets of orders. Firm: 95 of 100 of them agree."
    return said.vital(states), f"{ahead}; {redrawn}{apart}"


def shared(own: View, view: View, beyond: Callable[[int, int, int, int], bool]) -> None:
    """With which partners it shares customers. beyond: whether that is more than chance, given the customers shared, of
    this partner, of the other one, and of all."""
    rows = (
        ask.ask(Listing("partner_overlap", own))
        .dropna(subset="shared")
        .sort_values(["shared", "other_place"], ascending=[False, True])[:MOST]
    )
    if not len(rows):
        layout.finding("No shared customers to show")
        unseen = " Partners that you do not look after are not shown." if not own.scope.everything else ""
        unseen += " Fewer than ten are not told to readers of groups." if own.scope.attributes is not None else ""
        layout.quiet(
            f"None of the 100 partners with most revenue that could be shown shares customers with it.{unseen}"
        )
        return
    expected = rows["shared"] / rows["lift"]
    years = ask.ask(Listing("partner_year", view.only("partner_id", *rows["other_id"]))).set_index("partner_id")
    others = years.loc[rows["other_id"], "customers"].to_numpy()
    everybody = (rows["customers"] * others / expected).round()  # the lift says how many there are
    numbers = zip(rows["shared"], rows["customers"], others, everybody, strict=True)
    surely = [beyond(*map(int, four)) for four in numbers]
    shown = partner_find.with_names(rows[["other_id", "shared", "share", "lift"]], "other_id", view)
    shown = shown.assign(expected=expected, beyond=["yes" if sure else "not surely" for sure in surely])
    first = said.called(str(shown["other_id"].iloc[0]), shown["partner_name"].iloc[0])
    layout.finding(words.safe_text(said.shared(first, float(rows["share"].iloc[0]))))
    columns = ["other_id", "partner_name", "shared", "share", "expected", "lift", "beyond"]
    offer.partners(shown[columns], "Partners it shares customers with", "shared_with", "other_id", LABELS, UNITS)
    layout.quiet(
        "Over the last 12 complete months; up to ten, of the 100 partners with most revenue. Chance: as many as if "
        "customers chose partners independently. More than by chance: that would reach the number in fewer than 1 of "
        "200 cases (Fisher's exact test). Customers who buy much buy from many partners, so most pairs lie above."
    )


def categories(found: pd.Series, own: View) -> None:
    """What it sells, category by category, beside the year before."""
    currency, names = ask.current().manifest["currency"], ["revenue", "gross_margin", "returns", "return_rate"]
    known = tuple(name for name in names if not layout.missing_of(METRICS[name].needs))
    question = Question(known, ("category",), own.between(*partner_card.window()))
    rows = ask.ask(question)
    if layout.missing_of(("lines.category",)) or not len(rows):
        layout.finding("Its categories are not known")
        layout.quiet("The data names no category of what was sold.")
        return
    layout.finding(said.categories(rows, currency), question, rows)
    shown, columns = rows[:MOST_CATEGORIES].copy(), ["category", *known]
    if found["revenue"] > 0:
        shown["share_of_revenue"] = shown["revenue"] / found["revenue"]
        columns.insert(2, "share_of_revenue")
    if words.known(found["revenue_before"]):
        earlier = ask.ask(Question(("revenue",), ("category",), own.between(*partner_card.year_before())))
        before = dict(zip(earlier["category"], earlier["revenue"], strict=True))
        shown["before"] = [before.get(name, 0) for name in shown["category"]]
        columns.insert(2, "before")
    tables.table(shown[columns], "Its categories by revenue", currency, LABELS, UNITS, ("category",))
    if len(rows) > MOST_CATEGORIES:
        layout.quiet(f"The first {MOST_CATEGORIES} of {words.counted(len(rows), 'category', 'categories')} by revenue.")


def lacking(own: View, view: View) -> None:
    """Categories that similar partners sell and this one lacks, with the evidence for each."""
    try:
        rows = ask.ask(Listing("learned_partner_offer", own)).sort_values("place")
    except Refused:
        layout.finding("What similar partners sell is not worked out in this build")
        layout.quiet("Build again to have it.")
        return
    if not len(rows):
        layout.finding("Nothing that similar partners sell surely more often is missing here")
        layout.quiet("It takes ten partners with sales and three categories, and more sellers than chance explains.")
        return
    first = words.safe_text(rows["category"].iloc[0], 60)
    layout.finding(
        f"Similar partners sell {words.counted(len(rows), 'category', 'categories')} it lacks, first {first}"
    )
    currency = ask.current().manifest["currency"]
    each = [row for _, row in rows.iterrows()]
    earned = [said.earns(row, currency) if may_say(row, own) else words.NOT_KNOWN for row in each]
    layout.quiet(
        words.safe_text(f"{each[0]['category']}: {said.offer(each[0], currency, may_say(each[0], own))}.", 400)
    )
    shown = {
        "Category": rows["category"],
        "Sold by": [said.sellers(row) for row in each],
        "Times all": [words.ratio(row["lift"]) for row in each],
        "A year here": earned,
        "Such as": sellers(rows, view),
    }
    tables.texts(pd.DataFrame(shown), "Categories it lacks and similar partners sell", right=tuple(shown)[1:4])
    proven = "Earlier offers of this kind were sold later more often than the most widely sold categories."
    unproven = "Unproven: earlier offers were not surely sold later more often than the most widely sold categories."
    tested = proven if bool(rows["proven"].astype(bool).all()) else unproven
    checks = model_cards.of("model_check", "partner_offers")
    came = " ".join(checks.loc[checks["name"] == COMPARED, "words"]) if len(checks) else ""
    untested = "Whether it would sell here is not tested: only offering it to some and not to others can tell."
    layout.quiet(words.safe_text(" ".join(filter(None, (tested, came, untested))), 900))


def may_say(row: pd.Series, own: View) -> bool:
    """Whether what others earn may be said: to readers of everything, to others only of ten partners or more."""
    return own.scope.everything or int(row["support"]) >= said.FEW


def sellers(rows: pd.DataFrame, view: View) -> list[str]:
    """The similar partners of each row: those within the reader's scope by name, the others by number."""
    keys = [str(text).split("|") if text else [] for text in rows["similar"]]
    every = pd.DataFrame({"partner_id": sorted({key for some in keys for key in some})})
    names = partner_find.with_names(every, "partner_id", view).set_index("partner_id")["partner_name"].to_dict()
    found = []
    for some in keys:
        known = [said.called(key, names[key]) for key in some if words.known(names.get(key))]
        rest = len(some) - len(known[:3])
        more = [f"{words.count(rest)} more" if known else words.counted(rest, "partner")] if rest else []
        found.append(words.listed([*known[:3], *more]) or words.NOT_KNOWN)
    return found
