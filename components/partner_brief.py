"""The quarterly review of a partner: one page to print and to talk about, with space for remarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from components import access, ask, brief, exports, months, scorecard, words
from components.brief import Html
from components.partner_figures import ENOUGH, VITAL, Partner, Span
from data.catalog import METRICS, Unit
from data.contract import UNKNOWN
from data.export_document import Document
from data.question import View
from data.view import SMALLEST_GROUP
from data.warehouse import Build

MOST_CATEGORIES, MOST_SHARED = 6, 5
NAME = 115  # room for a name that shares its line with others, as brief.fitting counts
KNOWN_OF = {"partner_type": "type", "tier": "tier", "region": "region", "manager_id": "in the care of",
            "contact_level": "decision maker"}  # fmt: skip
CARDS = ("revenue", "gross_margin", "return_rate", "customers")


@st.fragment
def offer(key: str) -> None:
    """The button on a page: the review of this partner, as far as the reader sees it."""
    view = View(access.scope(ask.current())).only("partner_id", key)
    review = Review(view, access.reader().name, access.journal().now(), key)
    exports.offer_page(review, "Quarterly review", f"quarterly review {key}")


@dataclass(frozen=True)
class Review(Document):
    """The quarterly review of one partner. key: of the partner, the view's only member."""

    key: str

    def __str__(self) -> str:
        return f"quarterly review of partner {self.key}" + rights(self.view)

    def html(self, build: Build) -> str:
        partner = Partner(build, self.view, self.key)
        profile = partner.profile()
        money = partial(written, Unit.MONEY, currency=build.manifest["currency"], short=True)
        sections = [
            quarter(partner),
            card(partner, str(profile["partner_type"])),
            by_month(partner, money),
            brief.beside(by_category(partner, money), shared(partner)),
            place(partner),
            brief.remarks(),
        ]
        title = f"{brief.fitting(str(profile['partner_name']), 190)}: quarterly review"
        return brief.page(title, lead(self, build, profile), sections, foot(partner))


def rights(view: View) -> str:
    """', within manager M03 or partner P0001'; nothing for readers of everything."""
    return "" if view.scope.everything else f", within {view.scope}"


def lead(review: Review, build: Build, profile: pd.Series) -> list[str]:
    """Who the partner is; who made the page, when, and of what."""
    manifest = build.manifest
    known = [f"{name} {brief.fitting(str(profile[column]), NAME)}" for column, name in KNOWN_OF.items()
             if profile[column] != UNKNOWN]  # fmt: skip
    if words.known(profile["joined_at"]):
        known.append(f"partner since {words.month(profile['joined_at'])}")
    whose = f"{brief.fitting(review.reader, NAME)}, " if review.reader else ""
    made = f"{whose}{words.moment(review.at, manifest['zone'])} ({manifest['zone']})"
    who = ", ".join([f"Partner {brief.fitting(review.key, NAME)}", *known])
    what = f"{manifest['company']}, data to {words.moment(manifest['as_of'], manifest['zone'])}"
    money = f"money in {manifest['currency']}" if manifest["currency"] else "currency not stated"
    return [f"{who}.", ". ".join(filter(None, [f"{what}, {money}", f"Made by {made}", manifest.get("notice", "")]))]


def quarter(partner: Partner) -> Html:
    """The key figures of the last complete quarter, beside the one before and a year before."""
    span = partner.quarter()
    if span is None:
        return brief.section("Last quarter", brief.paragraph("The data holds no complete calendar quarter yet."))
    compared = [one for one in (partner.quarter_before(span), partner.earlier(span)) if one]
    now, earlier = partner.figures(span), [(called(one), partner.figures(one)) for one in compared]
    found = [
        brief.Card(
            METRICS[name].label,
            written(METRICS[name].unit, now[name], partner.currency, short=True),
            [against(name, now[name], when, figures[name], partner.currency) for when, figures in earlier],
        )
        for name in CARDS
        if name in now
    ]
    heading = f"{called(span)} ({words.months(*span)}), the last complete quarter"
    if not earlier:
        return brief.section(heading, brief.cards(found), brief.paragraph("The data has no quarter to compare with."))
    return brief.section(heading, brief.cards(found))


def called(span: Span) -> str:
    """'Q3 2026'."""
    return f"Q{(span[0].month + 2) // 3} {span[0].year}"


def against(name: str, now: Any, when: str, before: Any, currency: str) -> str:
    """'+7.1 % on Q2 2026 (€12.3 k)'; where no change can be said, only what it was."""
    unit = METRICS[name].unit
    changed, was = words.change(now, before, unit), written(unit, before, currency, short=True)
    return f"{changed} on {when} ({was})" if changed else f"{when}: {was}"


def written(unit: Unit, value: Any, currency: str = "", short: bool = False) -> str:
    """A figure. short: three digits of money."""
    return words.figure(value, unit, currency, short=short)


def card(partner: Partner, kind: str) -> Html:
    """The last year beside the year before, what was aimed at, and the middle half of the partner's peers."""
    (now, before), (of, bands) = partner.year_of_measures(), partner.peers(kind)
    compared = words.known(before.get("revenue"))
    heading, table = f"Scorecard, {words.months(*partner.year)}", []
    if not now:
        return brief.section(heading, brief.paragraph("Nothing was sold in these months."))
    for name, measure in scorecard.MEASURES.items():
        if not words.known(now.get(name)):
            continue
        line = [measure.label, written(measure.unit, now[name], partner.currency)]
        if compared:
            was = before.get(name)
            changed = words.change(now[name], was, measure.unit) or words.NOT_KNOWN
            line += [written(measure.unit, was, partner.currency), changed]
        aim = partner.aim(measure.target) if measure.target else None
        band = scorecard.middle_half(name, bands.loc[name], partner.currency) if name in bands.index else None
        table.append([*line, aimed(measure.unit, now[name], aim, partner.currency), band or words.NOT_KNOWN])
    titles = ["Measure", "12 months", *(["Year before", "Change"] if compared else []), "Target", "Peers, middle half"]
    members = f"{words.count(bands['members'].max())} partners" if len(bands) else ""
    among = "of every type" if of == scorecard.ALL else f"of type {brief.fitting(of, NAME)}"
    said = f"Peers: {members} {among}, rounded." if members else f"Peers: fewer than {ENOUGH} others had sales."
    return brief.section(heading, brief.table(titles, table, said))


def aimed(unit: Unit, now: Any, aim: Decimal | None, currency: str) -> str:
    """The target and how far from it; a dash where none is set."""
    if aim is None or not words.known(now):
        return words.NOT_KNOWN
    reached = f"{words.share(words.exact(now) / aim, 0)} of " if aim > 0 and unit == Unit.MONEY else ""
    return f"{reached}{written(unit, aim, currency)}"


def by_month(partner: Partner, money: brief.Write) -> Html:
    """Revenue month by month, beside the year before."""
    span, earlier = partner.year, partner.earlier(partner.year)
    now, before = partner.by_month(span), partner.by_month(earlier) if earlier else []
    labels = [f"{month:%b %y}" for month in months.each(*span)]
    alt = "Revenue by month. " + "; ".join(f"{when} {money(value)}" for when, value in zip(labels, now))
    if before:
        alt += ". A year before: " + "; ".join(money(value) for value in before)
    drawn = brief.trend(labels, now, before, ("Last 12 months", "Year before"), money, alt)
    return brief.section("Revenue by month", drawn)


def by_category(partner: Partner, money: brief.Write) -> Html:
    """Revenue of the largest categories, beside the year before."""
    earlier = partner.earlier(partner.year)
    now, before = partner.by_category(partner.year), partner.by_category(earlier) if earlier else {}
    heading = "Revenue by category"
    if not now:
        return brief.section(heading, brief.paragraph("Nothing was sold in these months."))
    if set(now) == {UNKNOWN}:
        return brief.section(heading, brief.paragraph("Not known without the column category of the feed lines."))
    first = list(now)[:MOST_CATEGORIES]
    rest = [name for name in {**now, **before} if name not in first]
    labels, amounts = list(first), [now[name] for name in first]
    were = [before.get(name, 0.0) for name in first] if before else []
    if rest:
        labels.append(f"{words.count(len(rest))} more")
        amounts.append(sum(now.get(name, 0.0) for name in rest))
        were += [sum(before.get(name, 0.0) for name in rest)] if before else []
    alt = "Revenue by category. " + "; ".join(f"{one} {money(value)}" for one, value in zip(labels, amounts))
    return brief.section(heading, brief.bars(labels, amounts, were, ("Last 12 months", "Year before"), money, alt))


def shared(partner: Partner) -> Html:
    """With which partners it shares customers, and how many are nobody else's."""
    heading, rows = "Shared customers, 12 months", partner.shared(MOST_SHARED)
    year = partner.rows("partner_year")
    said = []
    if len(year) and year.iloc[0]["customers"]:
        said.append(of_no_other(year.iloc[0], partner.currency))
    if not partner.view.scope.everything:
        said.append("Only partners in your care are named.")
    if not rows:
        said.append("No shared customers with the partners you may see.")
        return brief.section(heading, *map(brief.paragraph, said))
    lines = [
        [brief.fitting(name, NAME), words.count(row["shared"]), words.share(row["share"]), words.ratio(row["lift"])]
        for name, row in rows
    ]
    return brief.section(
        heading, brief.table(["Also bought from", "Customers", "Share", "Lift"], lines), *map(brief.paragraph, said)
    )


def of_no_other(year: pd.Series, currency: str) -> str:
    """How many customers are nobody else's; what they brought, unless so few that a sum would tell of single ones."""
    own, everybody = year["own_customers"], words.counted(year["customers"], "customer")
    if not words.known(own):  # not told to readers of groups
        return f"Fewer than {SMALLEST_GROUP} of {everybody} bought from no other partner."
    brought = f"; they brought {words.money(year['own_revenue'], currency, short=True)} of revenue"
    return f"{words.count(own)} of {everybody} bought from no other partner{brought if own >= SMALLEST_GROUP else ''}."


def place(partner: Partner) -> Html:
    """Whether it is one of the few that hold most of the revenue; nothing for readers of some partners."""
    if not partner.view.scope.everything:
        return Html("")
    found, heading = partner.place(), "Place among all partners, 12 months"
    if not found:
        return brief.section(heading, brief.paragraph("Without revenue in these months it has no place."))
    rank = f"Place {words.count(found['rank'])} of {words.count(found['partners'])} by revenue"
    if found["partners"] < ENOUGH:
        few = f"{rank}. Only {words.count(found['partners'])} partners: a share of so few says nothing that would hold."
        return brief.section(heading, brief.paragraph(few))
    sure = "firmly" if found["high"] < VITAL else "not" if found["low"] >= VITAL else "not surely"
    low, high = (words.share(found[end]) for end in ("low", "high"))
    return brief.section(
        heading,
        brief.paragraph(
            f"{rank}, {words.share(found['share'])} of all. Those ahead hold {words.share(found['ahead'])} "
            f"(90 % interval {low} to {high}, orders redrawn), so it is {sure} among the vital few: "
            f"the fewest partners with {words.share(VITAL, 0)} of the revenue."
        ),
    )


def foot(partner: Partner) -> Sequence[str]:
    """Where the figures come from, and what they mean."""
    build, manifest = partner.build, partner.build.manifest
    said = [METRICS[name] for name in CARDS if partner.known(name)]
    return [
        f"Build {build.id}, made {words.moment(manifest['built_at'], manifest['zone'])}; data to "
        f"{words.moment(manifest['as_of'], manifest['zone'])}. Seen by: a reader of {partner.view.scope}.",
        " ".join(f"{one.label}: {one.meaning}" for one in said),
        "Peers: a quarter of them lie below the band, a quarter above. Lift: above 1, more customers are shared than "
        "if they chose partners by chance. What is beside a figure is no cause of it.",
    ]
