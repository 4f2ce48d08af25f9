"""How often customers are contacted in a rolling window, against the caps: figures, spread, channels, campaigns."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import plotly.graph_objects as go

from components import access, ask, axes, cards, charts, filters, layout, tables, whole_company, words
from data import pressure
from data.catalog import Unit
from data.pressure import ANY, WINDOWS, Pressure
from data.question import View
from data.rights import CAMPAIGNS

ALL = "All channels"
LABELS = {
    "channel": "Channel",
    "reached": "Customers",
    "sent_mean": "Mean",
    "sent_95": "95 in 100 at most",
    "sent_most": "Most",
    "rest": "Days between",
    "contacts": "12 months",
    "too_soon": "Too soon",
    "share": "Share",
    "resting": "Resting",
}
UNITS = dict.fromkeys(("sent", "reached", "sent_95", "sent_most", "contacts", "too_soon", "resting"), Unit.COUNT) | {
    "sent_mean": Unit.RATIO,
    "rest": Unit.COUNT,
    "share": Unit.SHARE,
}


# What is asked


def found(view: View, days: int = 30) -> pd.DataFrame:
    """Figures by channel, all channels first; a column more for the days between two contacts."""
    rows, settled = ask.ask(Pressure(view=view, days=days)), whole_company.listing("channel").set_index("channel")
    rests = pd.to_numeric(settled["min_days_between"])
    return rows.assign(rest=[rests.get(name) for name in rows["channel"]])


def cap() -> tuple[int, int]:
    """The most contacts on all channels, 0 without a cap, and the days that count."""
    manifest = ask.current().manifest
    return int(manifest.get("most_contacts") or 0), int(manifest.get("contact_days") or 30)


def named() -> dict[str, str]:
    """Channel -> how people call it; the key where two have one name."""
    rows = whole_company.listing("channel")
    labels = {str(row.channel): words.visible(str(row.label), 60) for row in rows.itertuples()}
    several = {label for label in labels.values() if list(labels.values()).count(label) > 1}
    return {key: key if label in several else label for key, label in labels.items()}


def windows() -> tuple[str, ...]:
    """The windows to choose from: readers of groups have one, because two would differ by a few customers."""
    if access.scope(ask.current()).attributes is not None:
        return ("30",)
    most, days = cap()
    return tuple(map(str, sorted({*WINDOWS, days} if most else WINDOWS)))


def channel(rows: pd.DataFrame) -> str:
    """The channel whose spread is drawn, as chosen on the page."""
    called = named()
    keys = [str(name) for name in rows["channel"] if name != ANY]
    options = {ALL: ANY} | {called.get(key, key): key for key in keys}
    return options[filters.choice("on", tuple(options), ALL, "Channel", width=200)]


def ended() -> str:
    """The last day of the data, as the company's clocks showed it."""
    return words.day(last_day())


def last_day() -> Any:
    """The same as a date."""
    manifest = ask.current().manifest
    return datetime.fromisoformat(manifest["as_of"]).astimezone(ZoneInfo(manifest["zone"])).date()


# What is shown


def caps(rows: pd.DataFrame) -> None:
    """Which caps hold, and where those are set that do not."""
    most, days = cap()
    called = named()
    rests = [
        f"{words.safe_text(called.get(str(row.channel), row.channel))} {words.days(row.rest)}"
        for row in rows.itertuples()
        if row.channel != ANY and words.known(row.rest) and row.rest > 0
    ]
    if not most and not rests:
        layout.error(
            "No caps are set, so nothing here is too soon or too much.",
            "Set min_days_between in channels.csv, or most_contacts and contact_days in company.toml, and build again.",
        )
        return
    overall = f"at most {words.counted(most, 'contact')} on all channels in {words.days(days)}"
    without = "none over all channels (`most_contacts` and `contact_days` in `company.toml` set one)"
    between = f"between two contacts on one channel, {words.listed(rests)}" if rests else "no rest on single channels"
    layout.quiet(
        f"Caps: {overall if most else without}; {between}. Days are counted back from {ended()}; "
        "service that customers asked for and what somebody held out did not get are no contacts."
    )
    if access.scope(ask.current()).attributes is not None:
        layout.quiet(
            "Of the whole company, whatever the filters; a dash where a figure would be about fewer than ten customers."
        )


def figures(rows: pd.DataFrame, currency: str) -> None:
    """Contacts for each customer, who is at a cap, what came too soon, and what was spent beyond the caps."""
    whole, most = rows.iloc[0], cap()[0]
    since = f"in the 12 months up to {ended()}"
    with cards.row(4):
        sent = words.figure(whole["sent_mean"], Unit.RATIO)
        note = (
            f"{told(whole['sent'], 'contact')} to {told(whole['reached'], 'customer')} in the 30 days up to {ended()}"
        )
        cards.card("Contacts per customer, 30 days", sent, note)
        rested = (
            f"{told(whole['resting'], 'customer')} by the cap on all channels, others on single ones; " if most else ""
        )
        note = f"{rested}of {told(whole['reached_12m'], 'customer')} contacted {since}"
        cards.card("Customers at a cap now", words.figure(whole["at_cap"], Unit.COUNT), note)
        share = whole["too_soon"] / whole["contacts"] if words.known(whole["too_soon"]) else None
        shown = f" ({words.share(share)})" if words.known(share) else ""
        note = f"of {told(whole['contacts'], 'contact')} {since}: within the shortest time after the one before"
        cards.card("Contacts too soon", f"{words.figure(whole['too_soon'], Unit.COUNT)}{shown}", note)
        money = words.figure(whole["beyond_cost"], Unit.MONEY, currency, short=True)
        note = f"{told(whole['beyond'], 'contact')} too soon or over the cap {since}, without fixed cost of campaigns"
        cards.card("Cost of contacts beyond the caps", money, note)


def told(value: Any, thing: str) -> str:
    """'1,204 contacts'; in words where readers of groups are not told how many."""
    return words.counted(value, thing) if words.known(value) else f"some {thing}s"


def distribution(view: View, rows: pd.DataFrame, days: int, chosen: str) -> None:
    """How many customers had how many contacts in the window, with the cap marked."""
    spread = ask.ask(Pressure(view=view, part="spread", days=days, channel=chosen))
    if not len(spread):
        layout.finding(f"Too few customers were contacted in {words.days(days)} to show how often")
        return
    limit = bound(rows, days, chosen)
    where = "" if chosen == ANY else f" on {words.safe_text(named().get(chosen, chosen))}"
    title = headline(spread, days, limit, where)
    layout.finding(title)
    charts.draw(bars(spread, limit, days), alt=f"Customers by their contacts in {words.days(days)}. {title}.")
    reached = limit and limit <= spread["least_contacts"].max()
    marked = (
        f"The line marks what the cap allows in {words.days(days)}" if reached else f"No cap counts {words.days(days)}"
    )
    if limit and not reached:
        marked = f"The cap allows {words.counted(limit, 'contact')} in {words.days(days)}, more than anybody had"
    layout.quiet(f"{marked}. Customers without a contact in the window are left out. Up to {ended()}.")


def bound(rows: pd.DataFrame, days: int, chosen: str) -> int:
    """The most contacts that the caps allow in a window; 0 where no cap says."""
    if chosen == ANY:
        return cap()[0] if cap()[1] == days else 0
    rest = rows.loc[rows["channel"] == chosen, "rest"].iloc[0]
    return -(-days // int(-(-rest // 1))) if words.known(rest) and rest > 0 else 0


def headline(spread: pd.DataFrame, days: int, limit: int, where: str) -> str:
    """How many had more than the cap allows; without a cap, what nearly all had at most."""
    customers, number = spread["customers"], spread["customers"].sum()
    if limit:
        over = customers[spread["least_contacts"] > limit].sum()
        of = f"{words.count(over) if over else 'None'} of {words.counted(number, 'customer')}"
        return (
            f"{of} contacted{where} had more contacts in {words.days(days)} than the cap of {words.count(limit)} allows"
        )
    usual = spread[customers.cumsum() >= 0.5 * number].iloc[0]
    most = words.counted(usual["least_contacts"], "contact")
    more = customers[spread["least_contacts"] > usual["least_contacts"]].sum()
    share = f"{words.share(more / number)} had more" if more else "none had more"
    return f"Most customers contacted had {most}{where} in {words.days(days)}; {share}"


def bars(spread: pd.DataFrame, limit: int, days: int) -> go.Figure:
    """Customers by number of contacts; what lies beyond the cap has another colour, and the line says so, too."""
    drawn = charts.base(300)
    names = [between(*row) for row in spread[["least_contacts", "most_contacts"]].itertuples(index=False)]
    beyond = [bool(limit) and least > limit for least in spread["least_contacts"]]
    drawn.add_bar(
        x=names,
        y=axes.floats(spread["customers"]),
        marker={"color": [charts.WORSE if over else charts.FIGURE for over in beyond]},
        text=[words.count(value) for value in spread["customers"]] if len(spread) <= 15 else None,
        textposition="outside",
        cliponaxis=False,
        customdata=[
            f"{words.counted(number, 'customer')} with {name} contact{'' if name == '1' else 's'}"
            for number, name in zip(spread["customers"], names, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    if limit and limit <= spread["least_contacts"].max():
        place = sum(not over for over in beyond) - 0.5
        drawn.add_vline(x=place, line={"color": charts.WORDS, "width": 1.5, "dash": "dot"})
        drawn.add_annotation(
            x=place, y=1, yref="paper", text=f"cap: {words.count(limit)}", showarrow=False, xanchor="left", xshift=4
        )
    return drawn.update_layout(
        bargap=0.25,
        xaxis={
            "type": "category",
            "showgrid": False,
            "range": [-0.6, max(len(names), 3) - 0.4],
            "title": {"text": f"contacts in {words.days(days)}", "font": {"size": 12}},
        },
        yaxis={"tickformat": ",d", "rangemode": "tozero", "nticks": 5},
    )


def between(least: int, most: Any) -> str:
    """'3 to 4', '2', '9 or more'."""
    if not words.known(most):
        return f"{words.count(least)} or more"
    return words.count(least) if least == most else f"{words.count(least)} to {words.count(most)}"


def channels(rows: pd.DataFrame, days: int) -> None:
    """Channel by channel: contacts, customers, how many each had, what came too soon, who rests."""
    called = {ANY: ALL} | named()
    shown = rows.assign(share=pd.to_numeric(rows["too_soon"]) / pd.to_numeric(rows["contacts"]))
    single = shown[(shown["channel"] != ANY) & (shown["too_soon"] > 0)]
    if len(single):
        worst = single.loc[single["share"].astype(float).idxmax()]
        name = words.safe_text(called.get(worst["channel"], worst["channel"]), 60)
        part = f"{words.share(worst['share'])} of {words.counted(worst['contacts'], 'contact')} in 12 months"
        alone = len(rows) < 3  # all channels and the only one
        layout.finding(
            f"Too soon came {part}" if alone else f"{name} has the largest share of contacts too soon: {part}"
        )
    else:
        layout.finding("No channel is known to have contacts that came too soon")
    shown["channel"] = [called.get(name, name) for name in shown["channel"]]
    labels = LABELS | {"sent": f"Contacts, {words.days(days)}"}
    order = ["channel", "sent", "reached", *list(LABELS)[2:]]
    columns = [name for name in order if name != "sent_most" or shown[name].notna().any()]
    tables.table(shown[columns], "Contacts by channel, all channels first", "", labels, UNITS)


def exported(view: View) -> None:
    """How many customers running campaigns contact, which the figures above may not hold yet."""
    if not access.may(CAMPAIGNS):
        return
    number, customers, unknown = pressure.running(ask.current(), view, access.journal())
    if not number:
        layout.quiet("No exported campaign is running.")
        return
    contact = "contacts" if number == 1 else "contact"
    who = "fewer than 10 customers" if customers is None else words.counted(customers, "customer")
    later = f" The contacts of {words.count(unknown)} of them are not in this build yet." if unknown else ""
    layout.quiet(f"{words.counted(number, 'running campaign')} {contact} {who} of this view.{later}")
