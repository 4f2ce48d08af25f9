"""What the address may hold; what it asks for and cannot have is refused, never ignored.

Streamlit drops an invalid bound value without a word, which would show the whole company under a link that named a part
of it. So the raw address is read first, before any widget exists.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NoReturn
from urllib.parse import urlsplit

import streamlit as st

from components import access, ask, months, opened, whole_company, within, words
from data import reach
from data.audience_sources import SOURCES
from data.catalog import DIMENSIONS, METRICS, attribute
from data.personal import personal_text
from data.rights import ROLES
from data.view_format import MOST_VALUES
from data.warehouse import Build

LONGEST, SHOWN = 200, 10
LATEST = "latest"
COMPARE = ("year", "prior")
PLAN = ("channel_plan",)
MOST_MONEY, MOST_CONTACTS, MOST_EACH, MOST_ROI, MOST_DAYS = 1_000_000_000, 100_000_000, 1_000, 1_000, 366  # of a plan


@dataclass(frozen=True)
class Parameter:
    """What one name in the address may hold. options: the only values accepted; otherwise `accepts` decides.

    pages: the pages that have it, by the last part of their address; every page when empty.
    """

    allowed: str
    options: tuple[str, ...] = ()
    accepts: Callable[[str], bool] = bool
    many: bool = False
    pages: tuple[str, ...] = ()

    def takes(self, value: str) -> bool:
        return value in self.options if self.options else self.accepts(value)


def is_key(value: str) -> bool:
    """An opaque key: some text, no control or direction characters, not endless, and nobody's address or number."""
    return bool(value) and len(value) <= LONGEST and words.visible(value) == value and personal_text(value) is None


def is_page_number(value: str) -> bool:
    """A whole number from 1, written plainly."""
    return bool(re.fullmatch(r"[1-9][0-9]{0,8}", value))


def is_day(value: str) -> bool:
    """A day of this or a neighbouring century, as 2026-11-22."""
    try:
        return bool(re.fullmatch(r"(20|21)\d\d-\d\d-\d\d", value, re.ASCII)) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def is_number(value: str, most: int, decimals: int = 0, least: int = 0) -> bool:
    """A number within what its control takes, written plainly, with at most so many decimals."""
    pattern = r"(0|[1-9][0-9]{0,9})" + (rf"(\.[0-9]{{1,{decimals}}})?" if decimals else "")
    return bool(re.fullmatch(pattern, value, re.ASCII)) and least <= Decimal(value) <= most


METRIC_LABELS = tuple(metric.label for metric in METRICS.values())
# What single pages take from the address, beside the filters, which every page has. One line each.
PARAMETERS = {
    "metric": Parameter("a metric", METRIC_LABELS, pages=("customer_roi", "partner_pareto")),
    "sort": Parameter("an order", ("Largest first", "Smallest first"), pages=("customer_roi",)),
    "band": Parameter(
        "a group of customers", ("Rated", "No investment", "Too little invested", "Everybody"), pages=("customer_roi",)
    ),
    "page": Parameter(
        "a whole number from 1",
        accepts=is_page_number,
        pages=(
            "customer_roi",
            "people",
            "responsiveness",
            "my_queue",
            "lifetime_value",
            "churn_risk",
            "partner_pareto",
            "campaigns",
            "channel_plan",
            "demarketing",
            "contact_pressure",
        ),
    ),
    "events": Parameter("a whole number from 1", accepts=is_page_number, pages=("customer",)),
    "role": Parameter("a role", ("Every role", *map(str.capitalize, ROLES)), pages=("people",)),
    "action": Parameter("an action of the audit trail", accepts=is_key, pages=("audit_trail",)),
    "who": Parameter("somebody named in the audit trail", accepts=is_key, pages=("audit_trail",)),
    "target": Parameter(
        f"what an entry is about, at most {LONGEST} characters", accepts=is_key, pages=("audit_trail",)
    ),
    "from": Parameter("a day, as 2026-11-22", accepts=is_day, pages=("audit_trail",)),
    "to": Parameter("a day, as 2026-11-22", accepts=is_day, pages=("audit_trail",)),
    "entries": Parameter("a whole number from 1", accepts=is_page_number, pages=("audit_trail",)),
    "channel": Parameter("a channel of communication", accepts=is_key, pages=("responsiveness", "campaign")),
    "least": Parameter("a number of customers", ("10", "30", "100", "300"), pages=("responsiveness",)),
    "answers": Parameter("a group of customers", ("High responders", "Low responders"), pages=("responsiveness",)),
    "days": Parameter("a number of days", accepts=is_page_number, pages=("contact_pressure",)),
    "on": Parameter("a channel of communication", accepts=is_key, pages=("contact_pressure",)),
    "whom": Parameter(
        "a group of customers",
        ("At a cap now", "Hit a cap in 12 months", "Everybody contacted"),
        pages=("contact_pressure",),
    ),
    "first": Parameter("a segment to compare", accepts=is_key, pages=("segments",)),
    "second": Parameter("a segment to compare", accepts=is_key, pages=("segments",)),
    "show": Parameter("a figure", ("Number of customers", "Potential value", "Margin at risk"), pages=("profiles",)),
    "group": Parameter("a group of customers", accepts=is_key, pages=("profiles",)),
    "model": Parameter(
        "a model",
        ("All models", "Value", "Churn", "Responsiveness", "Profiles", "ROI"),
        pages=("model_cards",),
    ),
    "horizon": Parameter("a horizon", ("1 year", "3 years", "No end"), pages=("lifetime_value",)),
    "threshold": Parameter("a risk in steps of 0.05", tuple(f"{i / 20:.2f}" for i in range(20)), pages=("churn_risk",)),
    "subject": Parameter(
        "what is ranked", ("Partners", "Customers", "Categories", "Managers"), pages=("partner_pareto",)
    ),
    "share": Parameter("a share in steps of 5", tuple(map(str, range(50, 100, 5))), pages=("partner_pareto",)),
    "without": Parameter(
        "a place from 1 to 20", ("Nobody", *(str(place) for place in range(1, 21))), pages=("partner_pareto",)
    ),
    "wrong": Parameter(
        "a chance of being wrong", ("1 %", "5 %", "10 %", "20 %", "30 %", "40 %", "50 %"), pages=("demarketing",)
    ),
    "by": Parameter(
        "an order of the list", ("Largest saving", "Surest first", "Lowest expected"), pages=("demarketing",)
    ),
    "state": Parameter("a state of campaigns", accepts=is_key, pages=("campaigns",)),
    "whose": Parameter("whose campaigns", ("Everybody's", "Mine"), pages=("campaigns",)),
    "via": Parameter("a channel of campaigns", accepts=is_key, pages=("campaigns",)),
    "budget": Parameter(
        f"a whole number from 0 to {MOST_MONEY:,}", accepts=lambda text: is_number(text, MOST_MONEY), pages=PLAN
    ),
    "least_roi": Parameter(
        f"a number from 0 to {MOST_ROI:,}, as 0.5", accepts=lambda text: is_number(text, MOST_ROI, 4), pages=PLAN
    ),
    "most_contacts": Parameter(
        f"a whole number from 0 to {MOST_EACH:,}", accepts=lambda text: is_number(text, MOST_EACH), pages=PLAN
    ),
    "contact_days": Parameter(
        f"a whole number from 1 to {MOST_DAYS}", accepts=lambda text: is_number(text, MOST_DAYS, least=1), pages=PLAN
    ),
    "explore": Parameter("a share", ("0 %", "2 %", "5 %", "10 %", "15 %", "20 %"), pages=("channel_plan",)),
    "purpose": Parameter("a purpose of consents", accepts=is_key, pages=("channel_plan",)),
    "planned": Parameter("a channel of the plan", accepts=is_key, pages=("channel_plan",)),
    "because": Parameter("a reason of the plan", accepts=is_key, pages=("channel_plan",)),
    "plan": Parameter("a saved plan", accepts=is_key, pages=("campaign",)),
    "saved": Parameter("a saved plan", accepts=is_key, many=True, pages=("channel_plan",)),
    "campaign": Parameter(f"a campaign key of at most {LONGEST} characters", accepts=is_key, pages=("campaign",)),
    "part": Parameter("a section of a draft", ("Who", "Why", "What", "Holdout", "Check"), pages=("campaign",)),
    "source": Parameter("where an audience comes from", tuple(SOURCES), pages=("campaign",)),
    "partner": Parameter(f"a partner key of at most {LONGEST} characters", accepts=is_key, pages=("partner",)),
    "customer": Parameter(f"a customer key of at most {LONGEST} characters", accepts=is_key, pages=("customer",)),
}


def names(page: str) -> bool:
    """Whether the browser's address is a page's own, and not the bare one."""
    return urlsplit(st.context.url or "").path.rsplit("/", 1)[-1] == page


def check(build: Build, page: st.Page) -> None:
    """Refuse the run when the address names anything that does not exist here; called before the first widget."""
    opened.begin()
    within.begin(st.session_state["_kind"] != "apart")
    known = {
        name: parameter
        for name, parameter in parameters(build).items()
        if not parameter.pages or st.session_state["_file"] in parameter.pages
    }
    for name in st.query_params:
        values = [unicodedata.normalize("NFC", value) for value in st.query_params.get_all(name)]
        if name not in known:
            refuse(page, name, values[0], "is not a setting of this page", "Its settings", tuple(known))
        if len(values) > (MOST_VALUES if known[name].many else 1):
            reason = f"is given {words.count(len(values))} times"
            refuse(page, name, values[0], reason, f"At most {MOST_VALUES:,}" if known[name].many else "Only once")
        for value in values:
            if not known[name].takes(value):
                reason = "is not one of its values" if known[name].options else "is not valid here"
                refuse(
                    page,
                    name,
                    value,
                    reason,
                    f"Allowed{' here' if known[name].options else f': {known[name].allowed}'}",
                    known[name].options,
                )
    segment = within.current()
    if segment and (reason := within.problem(segment, build)):
        named = f"is the segment “{segment.name}”, which {reason}"
        refuse(page, within.NAME, segment.segment_id, named, "Choose another segment")
    if "_came" not in st.session_state:
        st.session_state["_came"] = dict.fromkeys(st.query_params, "link")


def parameters(build: Build) -> dict[str, Parameter]:
    """Everything the address may hold: filters of this build, the frame's own controls, and the pages' parameters."""
    frame = {
        "period": Parameter("a period", tuple(months.offered(build.manifest))),
        "compare": Parameter("an earlier period", COMPARE),
        "build": Parameter("a build that is kept", (LATEST, *build_ids())),
        opened.NAME: Parameter("a saved view that is yours or shared with you", accepts=opened.is_open),
        within.NAME: Parameter("a segment that is yours or shared with you", accepts=within.is_open),
    }
    members = {
        name: Parameter(f"a {label_of(name).lower()}", tuple(map(str, values)), many=True)
        for name, values in filter_values(build).items()
    }
    return frame | members | PARAMETERS | capacities(build)


def capacities(build: Build) -> dict[str, Parameter]:
    """The most contacts of each channel that the company has settled: a further channel is a further name."""
    if st.session_state["_file"] not in PLAN:  # no other page needs the channels for its address
        return {}
    rows = ask.ask(whole_company.about_nobody("channel"), build)
    one = Parameter(
        f"a whole number from 0 to {MOST_CONTACTS:,}", accepts=lambda text: is_number(text, MOST_CONTACTS), pages=PLAN
    )
    return {capacity(str(channel)): one for channel in rows["channel"]}


def capacity(channel: str) -> str:
    """The name of a channel's capacity in the address; one of its own also where letters of the address do not do."""
    if re.fullmatch(r"[a-z0-9_]{1,50}", channel):
        return f"capacity_{channel}"
    plain = re.sub(r"[^a-z0-9_]", "_", channel.lower())[:40]
    return f"capacity_{plain}_{hashlib.sha256(channel.encode()).hexdigest()[:8]}"


def refuse(page: st.Page, name: str, value: str, reason: str, allowed: str, options: Sequence[str] = ()) -> NoReturn:
    """Say what in the address cannot be answered, what could be, and stop: nothing is shown, not something wider."""
    with st.container(border=True):
        st.header("This address cannot be shown as it stands", icon=":material/link_off:", anchor=False)
        personal = personal_text(value) or personal_text(name)
        shown = f"(a text that {personal})" if personal else words.safe_text(value, 80) or "(empty)"
        called = "A setting" if personal_text(name) else name
        st.markdown(
            f"**{words.safe_text(called, 80)} = {shown}** {words.safe_text(reason)}. Nothing is shown, "
            "because leaving it out would show more than the address asks for."
        )
        listed = ", ".join(words.safe_text(option, 60) for option in options[:SHOWN])
        more = f" and {len(options) - SHOWN:,} more" if len(options) > SHOWN else ""
        st.markdown(f":gray[{words.safe_text(allowed)}{': ' if listed else ''}{listed}{more}]")
        with st.container(horizontal=True, gap="small"):
            st.button("Open without this one", key="_refused_one", on_click=without, args=(name, value))
            if st.button("Open without these settings", icon=":material/restart_alt:", key="_refused_reset"):
                st.session_state.pop("_came", None)
                st.switch_page(page, query_params={})
    st.stop()


def without(name: str, value: str) -> None:
    """Take one value out of the address and leave the rest; a button's callback, while no control is drawn yet."""
    rest = [other for other in st.query_params.get_all(name) if unicodedata.normalize("NFC", other) != value]
    if rest and len(rest) < len(st.query_params.get_all(name)):
        st.query_params[name] = rest
    else:
        del st.query_params[name]


def filter_values(build: Build) -> dict[str, list[str]]:
    """What the reader may filter by, in the catalog's order, then the own attributes; members in scope only."""
    offered = reach.values(build, access.scope(build), ask.ask)
    order = [name for name, dimension in DIMENSIONS.items() if dimension.is_filter and name in offered]
    return {name: offered[name] for name in [*order, *(name for name in offered if name not in order)]}


def build_ids() -> list[str]:
    """The builds that are kept, newest first."""
    return [manifest["build"] for manifest in ask.history()]


def label_of(name: str) -> str:
    """A dimension's label, as plain text: an attribute's name comes from a company's file."""
    return words.safe_text((DIMENSIONS.get(name) or attribute(name)).label)
