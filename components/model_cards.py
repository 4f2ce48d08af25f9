"""Model cards: what each learned figure was made of, how it was tested, against what, and what it does not know."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from components import charts, filters, layout, proof, tables, whole_company, words
from data.catalog import Unit
from data.model_card import BASELINE, IN_USE, NOT_ENOUGH, UNPROVEN
from data.question import Refused

ALL = "all models"
MODELS = ("value", "churn", "responsiveness", "profiles", "roi", "partner_offers", "campaign_forecasts")
PAGE = "pages/trust/model_cards.py"
LATEST_TESTS, MOST_ROWS = 4, 500
BARS = "baseline"  # a point for each candidate: the bars of the backtest once more
STATES = {IN_USE: "green", BASELINE: "orange", UNPROVEN: "orange", NOT_ENOUGH: "gray"}
SAID = {True: ("check", "Passed"), False: ("close", "Failed"), None: ("remove", "Not made")}
PARTS = {  # what a card may lack, in words
    "model_backtest": "No backtest is stored: nothing says how well it told what came after a cut-off.",
    "model_calibration": "No calibration is stored: nothing says how often what it predicts comes true.",
    "model_check": "No checks are on record.",
}
ALWAYS = {  # what no test of the past can tell
    "value": "Whether prices, range and competition stay as they were: it goes on from the past.",
    "churn": "Whether a contact would keep anybody: it says who is likely not to buy, not who can be won back.",
    "responsiveness": "Whether the answer came from the contact: no experiment is part of it. Opens are no answers.",
    "profiles": "Whether being treated alike would pay: it says who is alike, nothing more.",
    "roi": "Whether the contacts caused the margin: it divides what came by what was spent.",
    "campaign_forecasts": "Whether the next promise will hold: it says how those before it did.",
    "partner_offers": "Whether a category would sell here: it says that similar partners sell it.",
}
LABELS = {
    "model": "Model",
    "state": "State",
    "method": "Method in use",
    "cut_off": "Data to",
    "customers": "Customers or partners",
    "checks": "Checks",
    "measure": "Measure",
    "candidate": "Candidate",
    "value": "Value",
    "interval": "Interval",
    "name": "Parameter",
    "error": "Standard error",
}
UNITS = {"customers": Unit.COUNT}


# What is asked


def cards() -> pd.DataFrame:
    """A row for each model, in a fixed order; none in builds of an earlier Rapport, which had no cards."""
    try:
        found = whole_company.listing("model_card")
    except Refused:
        return pd.DataFrame(columns=["model"])
    order = {name: place for place, name in enumerate(MODELS)}
    return found.sort_values("model", key=lambda names: names.map(lambda name: order.get(name, len(order))))


def whom(model: str) -> str:
    """Of whom a model says something."""
    return "partner" if model == "partner_offers" else "customer"


def card_of(model: str) -> pd.Series | None:
    """The card of one model, if this build has it."""
    found = cards()
    found = found[found["model"] == model]
    return found.iloc[0] if len(found) else None


def of(table: str, model: str) -> pd.DataFrame:
    """The rows of one model; none in builds without model cards."""
    try:
        rows = whole_company.listing(table)
    except Refused:
        return pd.DataFrame()
    return rows[rows["model"] == model]


def latest(tests: pd.DataFrame) -> pd.DataFrame:
    """The tests of one model at the latest cut-off, in the order of the card."""
    return tests[tests["cut_off"] == tests["cut_off"].max()].sort_values("place") if len(tests) else tests


# What is shown


def none() -> None:
    """No card in this build: what that means, and what to do."""
    with st.container(border=True):
        st.markdown("**This build has no model cards.**")
        layout.quiet(
            "Either nothing was learned from it, or it was made by an earlier Rapport. A build made now has a card for "
            "each learned figure: `python -m data build FOLDER`."
        )


def chosen(found: pd.DataFrame) -> pd.DataFrame:
    """The cards to show: all of them, to be printed, or the one that the address names."""
    wanted = filters.choice("model", (ALL, *(name for name in MODELS if name in set(found["model"]))), ALL, "Model")
    return found if wanted == ALL else found[found["model"] == wanted]


def title(found: pd.DataFrame) -> str:
    """How many models are in use, and how many are not."""
    numbers = found["state"].value_counts()
    parts = [f"{words.count(numbers.get(IN_USE, 0))} of {words.counted(len(found), 'model')} in use"]
    if numbers.get(BASELINE):
        parts.append(f"{words.count(numbers[BASELINE])} did not beat the baseline, which is used instead")
    if numbers.get(UNPROVEN):
        parts.append(f"{words.count(numbers[UNPROVEN])} unproven")
    if numbers.get(NOT_ENOUGH):
        parts.append(f"{words.count(numbers[NOT_ENOUGH])} without enough data")
    return "; ".join(parts)


def overview(found: pd.DataFrame) -> None:
    """All models in one table."""
    checks = [checks_in_short(of("model_check", model)) for model in found["model"]]
    shown = pd.DataFrame({"model": found["title"], "state": found["state"], "method": found["method"]})
    shown["cut_off"] = [words.day(at) if words.known(at) else words.NOT_KNOWN for at in found["cut_off"]]
    shown = shown.assign(customers=found["customers"], checks=checks)
    tables.table(shown, "Models with their state", labels=LABELS, units=UNITS, pinned=("model",))


def show(card: pd.Series) -> None:
    """One card, from the question it answers to what it does not know."""
    model = card["model"]
    checks, tests = of("model_check", model), of("model_backtest", model)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.header(words.safe_text(card["title"]), anchor=model, width="content")
            st.markdown(
                f":{STATES.get(card['state'], 'gray')}-badge[{words.safe_text(card['state'])}]", width="content"
            )
        st.markdown(words.safe_text(card["question"], 400))
        tables.facts(about(card), alt=f"What {words.visible(card['title'])} is")
        if len(checks):
            section(checks_in_short(checks))
            st.markdown("\n".join(check(row) for _, row in checks.iterrows()))
        backtest(tests, card["method"])
        calibration(of("model_calibration", model))
        curves(of("model_curve", model))
        parameters(of("model_parameter", model))
        section("What is not known")
        st.markdown("\n".join(f"- {words.safe_text(line, 400)}" for line in unknown(card, checks)))


def section(text: str) -> None:
    """A heading inside a card. text: Markdown."""
    st.markdown(f"### {text}")


def about(card: pd.Series) -> list[tuple[str, str]]:
    """The card's list: method, version, data, interval, and why it is in its state."""
    rows = (
        ("Method", f"{card['method']}, version {card['version']}"),
        ("Learned from", f"data to {words.figure(card['cut_off'], Unit.MOMENT)}"),
        (f"{whom(card['model']).capitalize()}s", words.figure(card["customers"], Unit.COUNT)),
        ("Interval", card["interval"] or "none is stated"),
        (f"Why {card['state']}", card["why"]),
    )
    return [(name, words.safe_text(text, 400)) for name, text in rows]


def checks_in_short(checks: pd.DataFrame) -> str:
    """'5 checks passed, 1 failed'."""
    results = [outcome(value) for value in checks["passed"]]
    if not results:
        return "No checks on record"
    parts = [f"{words.counted(results.count(True), 'check')} passed"]
    parts += [f"{words.count(results.count(False))} failed"] * (False in results)
    return ", ".join(parts + [f"{words.count(results.count(None))} not made"] * (None in results))


def outcome(passed: object) -> bool | None:
    """Whether a check passed; None when it could not be made."""
    return bool(passed) if words.known(passed) else None


def check(row: pd.Series) -> str:
    """One check as a line: what came of it, its name, its words."""
    icon, said = SAID[outcome(row["passed"])]
    return f"- :material/{icon}: {said}: **{words.safe_text(row['name'])}.** {words.safe_text(row['words'], 400)}"


def backtest(tests: pd.DataFrame, method: str) -> None:
    """The latest test against the baselines, a chart for each measure; all cut-offs in the table."""
    if not len(tests):
        return
    newest = latest(tests)
    last = newest["cut_off"].iloc[0]
    number = words.counted(newest["customers"].max(), whom(newest["model"].iloc[0]))
    section(f"Backtest: what came after {words.day(last)}, of {number}")
    if meant := proof.meanings([*newest["measure"], *newest["candidate"]]):
        layout.quiet(meant)
    for measure, rows in list(newest.groupby("measure", sort=False))[:LATEST_TESTS]:
        said = measured(str(measure), rows)
        st.markdown(f"**{words.safe_text(compared(str(measure), rows, method), 400)}**")
        charts.draw(
            proof.against(rows, method),
            alt=f"Bars with intervals. {said}.",
            key=f"_test_{last}_{tests.iloc[0]['model']}_{measure}",
        )
    shown = tests.sort_values(["cut_off", "place"], ascending=[False, True])
    shown = shown.assign(
        cut_off=[words.day(at) for at in shown["cut_off"]],
        measure=[proof.CALLED.get(name, name) for name in shown["measure"]],
        value=[proof.number(value) for value in shown["value"]],
        interval=[interval(low, high) for low, high in zip(shown["low"], shown["high"], strict=True)],
    )
    columns = ["cut_off", "measure", "candidate", "value", "interval", "customers"]
    tables.table(
        shown[columns][:MOST_ROWS],
        f"Every backtest with its baselines: {tests.iloc[0]['model']}",
        labels=LABELS | {"cut_off": "Cut-off"},
        units=UNITS,
    )


def measured(measure: str, rows: pd.DataFrame) -> str:
    """'Log loss: MBG/NBD 0.41 (0.39 to 0.43), recency rule 0.52'."""
    figures = [
        f"{name} {proof.between(*values)}"
        for name, *values in rows[["candidate", "value", "low", "high"]].itertuples(index=False)
    ]
    name = proof.CALLED.get(measure, measure)
    return f"{name[:1].upper()}{name[1:]}: {', '.join(figures)}"


def compared(measure: str, rows: pd.DataFrame, method: str) -> str:
    """'Log loss: MBG/NBD 0.41 (0.39 to 0.43) in use, others 0.48 to 0.52'; everybody where none of them is in use."""
    used = [proof.is_used(name, method) for name in rows["candidate"]]
    if sum(used) != 1 or len(rows) < 2:
        return measured(measure, rows)
    others = rows.loc[[not own for own in used], "value"].dropna()
    low, high = (proof.number(value) for value in (others.min(), others.max()))
    return f"{measured(measure, rows[used])} in use, others {low if low == high else f'{low} to {high}'}"


def interval(low: object, high: object) -> str:
    """'0.39 to 0.43'."""
    return f"{proof.number(low)} to {proof.number(high)}" if words.known(low) and words.known(high) else words.NOT_KNOWN


def calibration(bins: pd.DataFrame) -> None:
    """What was predicted and what came, bin by bin."""
    if not len(bins):
        return
    inside = (bins["predicted"] >= bins["low"]) & (bins["predicted"] <= bins["high"])
    numbers = [
        f"{name} in {words.count(part.sum())} of {words.counted(len(part), 'bin')}"
        for name, part in inside.groupby(bins["candidate"], sort=False)
    ]
    said = f"Calibration: the prediction lies within the interval of what came for {words.listed(numbers)}"
    section(words.safe_text(said, 400))
    charts.draw(
        proof.calibration(bins),
        alt=f"{said}. Dots on the dotted line agree.",
        key=f"_calibration_{bins.iloc[0]['model']}",
    )


def curves(points: pd.DataFrame) -> None:
    """Every curve of the card that a chart can hold."""
    for name, rows in points.groupby("curve", sort=False):
        if name != BARS and len(rows) <= charts.MOST_MARKS:
            said = f"{str(name)[:1].upper()}{str(name)[1:]}"
            series = words.listed([words.visible(str(one), 60) for one in rows["series"].unique()])
            section(words.safe_text(said))
            charts.draw(proof.curve(rows), alt=f"{said}: {series}.", key=f"_curve_{points.iloc[0]['model']}_{name}")


def parameters(rows: pd.DataFrame) -> None:
    """The plain numbers from which every figure can be worked out again."""
    if not len(rows):
        return
    section(words.counted(len(rows), "parameter"))
    shown = pd.DataFrame({"name": rows["name"]})
    shown["value"] = [proof.number(value) for value in rows["value"]]
    shown["error"] = [proof.number(value) for value in rows["error"]]
    tables.table(shown[:MOST_ROWS], f"Parameters with their standard errors: {rows.iloc[0]['model']}", labels=LABELS)


def unknown(card: pd.Series, checks: pd.DataFrame) -> list[str]:
    """What the reader must not take from this model: what always holds, what its tests left open."""
    lines = [ALWAYS[card["model"]]] if card["model"] in ALWAYS else []
    if card["state"] != IN_USE:
        lines.append(f"What the full model would say: {card['why']}")
    left = checks[[outcome(value) is not True for value in checks["passed"]]] if len(checks) else checks
    lines += [f"{name}: {text}" for name, text in zip(left["name"], left["words"], strict=True)]
    lines += [what for table, what in PARTS.items() if not len(of(table, card["model"]))]
    return lines
