"""The vocabulary: metrics, dimensions and per-customer facts, each defined once.

Pages, charts, tooltips, exports, the glossary and the tests all read this file, so two screens cannot disagree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")

# The kinds of event the ledger holds: two of what happened, and two of what is expected: of a customer, and of a
# customer on a channel.
LINE, CONTACT, SCORE, REACH = "line", "contact", "score", "reach"
HAPPENED, OF_CUSTOMER = (LINE, CONTACT), (LINE, CONTACT, SCORE, REACH)


class Unit(StrEnum):
    """How a figure is written."""

    MONEY = "money"
    COUNT = "count"
    SHARE = "share"  # 0.25 is written 25 %
    RATIO = "ratio"  # currency earned per currency invested
    DAYS = "days"
    TEXT = "text"
    MOMENT = "moment"


class Better(StrEnum):
    """Which direction is good, for the colour of a change."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True)
class Metric:
    """A sum, or a ratio of sums, over the ledger.

    over, under: additive expressions over ledger columns; the metric is sum(over) [/ sum(under)].
    distinct: counts different values of this ledger expression instead of summing `over`.
    events: which kinds of event it is made of; it can be split only by dimensions that all of them carry.
    needs: feeds or feed.column without which it is not known.
    """

    name: str
    label: str
    over: str
    unit: Unit
    meaning: str
    under: str = ""
    distinct: str = ""
    better: Better = Better.HIGHER
    events: tuple[str, ...] = (LINE, CONTACT)
    needs: tuple[str, ...] = ("lines",)

    @property
    def columns(self) -> frozenset[str]:
        """The ledger columns it adds up."""
        return frozenset(re.findall(r"[a-z_][a-z0-9_]*", f"{self.over} {self.under}"))

    @property
    def formula(self) -> str:
        """How people read it."""
        if self.distinct:
            return f"number of different {self.distinct}"
        return f"sum({self.over})" + (f" / sum({self.under})" if self.under else "")


@dataclass(frozen=True)
class Dimension:
    """Something a figure can be split or filtered by."""

    name: str
    label: str
    meaning: str
    events: tuple[str, ...] = HAPPENED
    of_customer: bool = False  # an attribute of the customer: stored in `customer`, found through customer_id
    is_filter: bool = False


@dataclass(frozen=True)
class Fact:
    """A stored figure or state of one customer that is not a sum: scores, ranks, dates, states."""

    name: str
    label: str
    unit: Unit
    meaning: str
    needs: tuple[str, ...] = ("lines",)


# fmt: off
# (one entry, one block of as few lines as it needs: the vocabulary is read as a table)
METRICS = {
    metric.name: metric
    for metric in (
        Metric("revenue", "Revenue", "revenue", Unit.MONEY, "What was sold, net of tax and discounts, less what came back.", events=(LINE,)),
        Metric("gross_margin", "Gross margin", "revenue - goods_cost", Unit.MONEY,
               "Revenue less goods, fulfilment and payment fees. It can be split by partner, product and category; "
               "service cost cannot.", events=(LINE,), needs=("lines.cost",)),
        Metric("margin", "Contribution margin", "margin", Unit.MONEY,
               "Revenue less goods, fulfilment, payment fees and the cost of serving the customer, "
               "before what was spent on reaching them.", needs=("lines.cost",)),
        Metric("cost", "Relationship investment", "cost", Unit.MONEY,
               "What was spent on reaching customers: contacts, and the campaigns' fixed cost shared out over their contacts.",
               better=Better.NEITHER, events=(CONTACT,), needs=("contacts",)),
        Metric("net_contribution", "Net contribution", "margin - cost", Unit.MONEY,
               "Contribution margin less relationship investment: the money that stays.", needs=("lines.cost", "contacts")),
        Metric("roi", "ROI", "margin - cost", Unit.RATIO,
               "Net contribution earned for each unit of currency invested in reaching the customer. It says what happened, "
               "not what the contacts caused.", under="cost", needs=("lines.cost", "contacts")),
        Metric("margin_rate", "Margin rate", "margin", Unit.SHARE, "Contribution margin as a share of revenue.",
               under="revenue", needs=("lines.cost",)),
        Metric("relationship_cost", "Relationship cost", "cost + service_cost + acquisition_cost", Unit.MONEY,
               "Everything the relationship costs beyond the goods: contacts, campaigns, service and winning the customer.",
               better=Better.LOWER, needs=("contacts",)),
        Metric("relationship_cost_ratio", "Relationship cost ratio", "cost + service_cost + acquisition_cost", Unit.SHARE,
               "Relationship cost as a share of revenue.", under="revenue", better=Better.LOWER, needs=("contacts",)),
        Metric("contact_cost", "Contact cost", "contact_cost", Unit.MONEY, "What single contacts cost, without campaigns' fixed cost.",
               better=Better.NEITHER, events=(CONTACT,), needs=("contacts",)),
        Metric("fixed_cost", "Campaign fixed cost", "fixed_cost", Unit.MONEY,
               "Fixed cost of campaigns, shared out over the customers they contacted, exact to a hundredth of a cent.",
               better=Better.NEITHER, events=(CONTACT,), needs=("contacts", "campaigns.fixed_cost")),
        Metric("service_cost", "Service cost", "service_cost", Unit.MONEY, "What contacts cost that the customer asked for.",
               better=Better.LOWER, events=(CONTACT,), needs=("contacts",)),
        Metric("acquisition_cost", "Acquisition cost", "acquisition_cost", Unit.MONEY,
               "What winning the customers cost, booked when the relationship began. Not part of ROI.",
               better=Better.LOWER, events=(CONTACT,), needs=("customers.acquisition_cost",)),
        Metric("returns", "Returns", "returns", Unit.MONEY, "Revenue that came back.", better=Better.LOWER, events=(LINE,)),
        Metric("return_rate", "Return rate", "returns", Unit.SHARE, "Returned revenue as a share of what was sold before returns.",
               under="revenue + returns", better=Better.LOWER, events=(LINE,)),
        Metric("orders", "Orders", "orders", Unit.COUNT,
               "Different orders with at least one sale, counted once for each customer and month.",
               distinct="order_key", events=(LINE,)),
        Metric("customers", "Active customers", "customers", Unit.COUNT, "Different customers with at least one sale.",
               distinct="buyer_id", events=(LINE,)),
        Metric("lines", "Order lines", "lines", Unit.COUNT, "Order lines of every type.", better=Better.NEITHER, events=(LINE,)),
        Metric("contacts", "Contacts", "contacts", Unit.COUNT, "Contacts the company made. Customers held out on purpose are not counted.",
               better=Better.NEITHER, events=(CONTACT,), needs=("contacts",)),
        Metric("service_contacts", "Service contacts", "service_contacts", Unit.COUNT, "Contacts that customers asked for.",
               better=Better.LOWER, events=(CONTACT,), needs=("contacts",)),
        Metric("responses", "Responses", "responses", Unit.COUNT,
               "Contacts that were answered. Opening or viewing a message is no answer.", events=(CONTACT,),
               needs=("contacts.responded",)),
        Metric("response_rate", "Response rate", "responses", Unit.SHARE, "Answered contacts as a share of contacts made.",
               under="contacts", events=(CONTACT,), needs=("contacts.responded",)),
        Metric("scored", "Customers with scores", "scored", Unit.COUNT, "Customers who have bought, and so can be scored.",
               better=Better.NEITHER, events=(SCORE,)),
        Metric("expected_lost", "Expected to be lost", "p_no_purchase", Unit.COUNT,
               "Customers expected not to buy within the horizon: the sum of their probabilities of no purchase.",
               better=Better.LOWER, events=(SCORE,)),
        Metric("risk", "Mean risk", "p_no_purchase", Unit.SHARE,
               "Mean probability of no purchase within the horizon.", under="scored", better=Better.LOWER, events=(SCORE,)),
        Metric("potential_value", "Potential value", "potential_value", Unit.MONEY,
               "What customers are expected to bring from now on: contribution margin of expected purchases less the expected "
               "cost of contacts, discounted at 15 % a year, without end.", events=(SCORE,)),
        Metric("potential_1y", "Potential value, 1 year", "potential_1y", Unit.MONEY, "The part of the potential value that falls into one year.", events=(SCORE,)),
        Metric("potential_3y", "Potential value, 3 years", "potential_3y", Unit.MONEY, "The part of the potential value that falls into three years.", events=(SCORE,)),
        Metric("expected_margin_12m", "Expected margin, 12 months", "expected_margin_12m", Unit.MONEY,
               "Contribution margin expected in the next twelve months, before the cost of contacts.", events=(SCORE,)),
        Metric("margin_at_risk", "Margin at risk", "margin_at_risk", Unit.MONEY,
               "Margin of the last twelve months times the probability of no purchase within the horizon.",
               better=Better.LOWER, events=(SCORE,)),
        Metric("value_of_acting", "Value of acting, at most", "value_of_acting", Unit.MONEY,
               "Margin at risk less one contact through the best channel: what could be kept if every contact worked. "
               "Risk is known, response is not: no experiment has tested it.", better=Better.NEITHER, events=(SCORE,)),
        Metric("reached", "Customers reached", "reached", Unit.COUNT, "Customers contacted on the channel in the last 24 months.",
               better=Better.NEITHER, events=(REACH,), needs=("contacts",)),
        Metric("high_responders", "High responders", "high_responders", Unit.COUNT,
               "Customers whose rate of answers is above 1.5 times the channel's, with at most one in ten wrong.",
               events=(REACH,), needs=("contacts.responded",)),
        Metric("low_responders", "Low responders", "low_responders", Unit.COUNT,
               "Customers whose rate of answers is below half of the channel's, with at most one in ten wrong.",
               better=Better.LOWER, events=(REACH,), needs=("contacts.responded",)),
        Metric("unsure_responders", "Not enough evidence", "unsure_responders", Unit.COUNT,
               "Customers of whom too few contacts are known to call them high or low.",
               better=Better.NEITHER, events=(REACH,), needs=("contacts.responded",)),
        Metric("unresponsive_cost", "Cost of low responders", "unresponsive_cost", Unit.MONEY,
               "What contacts of low responders cost on the channel in the last 24 months.",
               better=Better.LOWER, events=(REACH,), needs=("contacts.responded",)),
    )
}

DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        Dimension("month", "Month", "calendar month in the company's time zone"),
        Dimension("customer_id", "Customer", "opaque customer key", events=OF_CUSTOMER),
        Dimension("segment", "Segment", "the company's own segment", events=OF_CUSTOMER, of_customer=True, is_filter=True),
        Dimension("region", "Region", "sales region", events=OF_CUSTOMER, of_customer=True, is_filter=True),
        Dimension("country", "Country", "country", events=OF_CUSTOMER, of_customer=True, is_filter=True),
        Dimension("manager_id", "Manager", "relationship manager in charge", events=OF_CUSTOMER, of_customer=True, is_filter=True),
        Dimension("acquisition_channel", "Won through", "how the customer was won", events=OF_CUSTOMER, of_customer=True, is_filter=True),
        Dimension("roi_state", "State", "whether the customer can be rated by ROI: rated, no investment, too little invested", events=OF_CUSTOMER, of_customer=True),
        Dimension("risk_band", "Risk", "probability of no purchase within the horizon: low up to a third, high from two thirds on",
                  events=OF_CUSTOMER, of_customer=True, is_filter=True),
        Dimension("risk_before", "Risk 30 days before", "the band 30 days before the cut-off, from what was known then",
                  events=OF_CUSTOMER, of_customer=True),
        Dimension("risk_step", "Risk, in steps", "probability of no purchase within the horizon, from this on, in steps of 0.05", events=OF_CUSTOMER, of_customer=True),
        Dimension("potential_fifth", "Fifth by potential", "fifth of the company's customers by potential value, 1 the highest", events=OF_CUSTOMER, of_customer=True),
        Dimension("quadrant", "Value quadrant", "current against potential value: protect, grow, maintain or de-market",
                  events=OF_CUSTOMER, of_customer=True, is_filter=True),
        Dimension("lifecycle", "Lifecycle", "where the customer stands, by the own rhythm of purchases",
                  events=OF_CUSTOMER, of_customer=True, is_filter=True),
        Dimension("response_state", "Responsiveness", "high on some channel, low on every channel, or not enough evidence",
                  events=OF_CUSTOMER, of_customer=True, is_filter=True),
        Dimension("best_channel", "Best channel", "channel whose next contact is expected to earn most",
                  events=OF_CUSTOMER, of_customer=True, is_filter=True),
        Dimension("profile", "Profile", "group of customers who are alike, where such groups exist",
                  events=OF_CUSTOMER, of_customer=True, is_filter=True),
        Dimension("recency_score", "Recency", "fifth by days since the last purchase, 5 the most recent",
                  events=OF_CUSTOMER, of_customer=True),
        Dimension("frequency_score", "Frequency", "fifth by number of purchase days, 5 the most frequent",
                  events=OF_CUSTOMER, of_customer=True),
        Dimension("money_score", "Money", "fifth by spend, 5 the highest", events=OF_CUSTOMER, of_customer=True),
        Dimension("partner_id", "Partner", "business partner of the line", events=(LINE,)),
        Dimension("category", "Category", "product category", events=(LINE,)),
        Dimension("product_id", "Product", "article", events=(LINE,)),
        Dimension("sales_channel", "Bought through", "where it was bought", events=(LINE,)),
        Dimension("line_type", "Line type", "sale, return, adjustment or fee", events=(LINE,)),
        Dimension("order_block", "Block of orders", "one of 128 blocks into which an order falls by its key, for redrawing orders", events=(LINE,)),
        Dimension("channel", "Channel", "channel of communication", events=(CONTACT, REACH)),
        Dimension("campaign_id", "Campaign", "campaign of the contact", events=(CONTACT,)),
    )
}

FACTS = {
    fact.name: fact
    for fact in (
        Fact("roi_rank", "Rank", Unit.COUNT,
             "Place among the rated customers by the cautious end of the ROI's interval; then by margin, then by key."),
        Fact("roi_state", "State", Unit.TEXT, "Rated; no investment; or too little invested to rate.", needs=("contacts",)),
        Fact("roi_shrunk", "ROI, shrunk", Unit.RATIO,
             "ROI drawn toward the segment's, the more the less is known of the customer, by one standard error at most.", needs=("lines.cost", "contacts")),
        Fact("roi_low", "ROI, low", Unit.RATIO, "Lower end of the 80 % interval of the shrunken ROI.", needs=("lines.cost", "contacts")),
        Fact("roi_high", "ROI, high", Unit.RATIO, "Upper end of the 80 % interval of the shrunken ROI.", needs=("lines.cost", "contacts")),
        Fact("rank_low", "Best rank", Unit.COUNT, "The rank is rarely better than this: the better end of its place in 80 of 100 redrawn rankings.", needs=("lines.cost", "contacts")),
        Fact("rank_high", "Worst rank", Unit.COUNT, "The rank is rarely worse than this: the worse end of its place in 80 of 100 redrawn rankings.", needs=("lines.cost", "contacts")),
        Fact("p_top_decile", "P(top 10 %)", Unit.SHARE, "Chance that the customer belongs to the best tenth by ROI.",
             needs=("lines.cost", "contacts")),
        Fact("margin_rank", "Margin rank", Unit.COUNT, "Place among all customers by contribution margin, then by key."),
        Fact("segment", "Segment", Unit.TEXT, "The company's own segment of the customer.", needs=("customers.segment",)),
        Fact("first_order_at", "First order", Unit.MOMENT, "First sale in the data."),
        Fact("last_order_at", "Last order", Unit.MOMENT, "Latest sale in the data."),
        Fact("gap_days", "Usual gap", Unit.DAYS, "Average number of days between one order and the next."),
        Fact("p_no_purchase", "P(no purchase)", Unit.SHARE, "Probability of no purchase within the horizon."),
        Fact("p_no_purchase_low", "P(no purchase), low", Unit.SHARE, "Lower end of its 90 % interval."),
        Fact("p_no_purchase_high", "P(no purchase), high", Unit.SHARE, "Upper end of its 90 % interval."),
        Fact("churn_horizon_days", "Horizon", Unit.DAYS, "Days without a purchase that count as lost, from the company's own gaps."),
        Fact("risk_band", "Risk", Unit.TEXT, "Low up to a third, high from two thirds on."),
        Fact("risk_before", "Risk 30 days before", Unit.TEXT, "The band 30 days before, from what was known then."),
        Fact("p_alive", "P(active)", Unit.SHARE, "Probability that the customer has not left for good. Never a measure of risk."),
        Fact("expected_purchases_12m", "Expected purchases", Unit.COUNT, "Purchase days expected in the next twelve months."),
        Fact("expected_margin_low", "Expected margin, low", Unit.MONEY, "Lower end of the 90 % interval of the expected margin."),
        Fact("expected_margin_high", "Expected margin, high", Unit.MONEY, "Upper end of the 90 % interval of the expected margin."),
        Fact("potential_low", "Potential value, low", Unit.MONEY, "Lower end of the 90 % interval of the potential value."),
        Fact("potential_high", "Potential value, high", Unit.MONEY, "Upper end of the 90 % interval of the potential value."),
        Fact("margin_12m", "Margin, last 12 months", Unit.MONEY, "Contribution margin of the twelve months before the cut-off."),
        Fact("quadrant", "Value quadrant", Unit.TEXT, "Protect, grow, maintain cheaply, or de-market."),
        Fact("lifecycle", "Lifecycle", Unit.TEXT, "Where the customer stands, by the own rhythm."),
        Fact("rfm", "RFM", Unit.TEXT, "Fifths by recency, frequency and money, 5 the best: 545."),
        Fact("rfm_before", "RFM 30 days before", Unit.TEXT, "The same 30 days before, from what was known then."),
        Fact("profile", "Profile", Unit.TEXT, "Group of customers who are alike, where such groups exist."),
        Fact("differs_1", "Differs most", Unit.TEXT, "What sets the customer apart from its segment most."),
        Fact("differs_2", "Differs second", Unit.TEXT, "What sets the customer apart from its segment next."),
        Fact("differs_3", "Differs third", Unit.TEXT, "What sets the customer apart from its segment after that."),
        Fact("usual_gap_days", "Usual gap, median", Unit.DAYS, "Median days between purchase days; from three gaps on."),
        Fact("next_from", "Next order from", Unit.MOMENT, "First day on which the next order would be usual."),
        Fact("next_to", "Next order to", Unit.MOMENT, "Last day on which the next order would be usual."),
        Fact("response_state", "Responsiveness", Unit.TEXT, "High, low, or not enough evidence."),
        Fact("best_earns", "Next contact, expected to earn", Unit.MONEY,
             "Expected margin of one contact on the best channel, less its cost; tested or unproven."),
        Fact("best_channel", "Best channel", Unit.TEXT, "Channel whose next contact is expected to earn most."),
        Fact("best_basis", "Next contact, how known", Unit.TEXT,
             "Tested: from customers held out at random on that channel. Unproven: rate of answers times margin."),
    )
}
# fmt: on


def attribute(name: str) -> Dimension:
    """The dimension of an attribute that only this company's customers feed has."""
    label = name.replace("_", " ").capitalize()
    return Dimension(name, label, "attribute of the customers feed", OF_CUSTOMER, of_customer=True, is_filter=True)


def known(vocabulary: dict[str, T], name: str) -> T:
    """The entry of that name; KeyError that says what is known and what was probably meant."""
    if name in vocabulary:
        return vocabulary[name]
    close = get_close_matches(name, vocabulary, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise KeyError(f"{name!r} is not in the catalog.{hint} Known: {', '.join(sorted(vocabulary))}")
