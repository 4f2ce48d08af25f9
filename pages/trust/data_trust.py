"""Can these figures be trusted?"""

import streamlit as st

from components import ask, cards, filters, layout, tables, trust, words
from data.catalog import METRICS
from data.question import Listing, Question
from models.bridge import build_changes

LISTINGS = ("tie_out", "feed_state", "quarantine", "source_file", "channel")
manifest = ask.current().manifest
view, as_of = filters.view(), manifest["as_of"]
currency, rows = manifest["currency"], manifest["rows"]
ties, state, left, files, channels = (ask.ask(Listing(name, view)) for name in LISTINGS)
if not len(ties):
    layout.error("Only readers who may see the whole company can see what came in.")
    st.stop()
holding, broken = int(ties["holds"].sum()), int((~ties["holds"].astype(bool)).sum())
layout.finding(trust.verdict(broken, len(ties), rows))
with cards.row(4):
    cards.card("Control totals that hold", f"{words.count(holding)} of {words.count(len(ties))}", trust.TIED)
    cards.card("Rows loaded", words.count(rows["loaded"]), f"of {words.count(rows['in'])} that came in")
    cards.card("Data to", words.moment(as_of, manifest["zone"]), words.ago(layout.days_old(as_of)))
    cards.card("Version", manifest["version"], f"build {ask.current().id}")
if broken:
    st.markdown(f":red[:material/error: **{trust.verdict(broken, len(ties), rows)}**]")

came, tied, read, built, assumed = st.tabs(["What came in", "Ties out", "Sources", "Builds", "Assumptions"])
with came:
    layout.finding(trust.left_title(left))
    trust.table(left, "Rows that were left out, by reason", currency, listing="quarantine")
    trust.table(trust.feeds(state), "Feeds with their rows and their age", currency, listing="feed_state")
    off = trust.switched_off(state)
    layout.finding("What is not known, because it did not come" if off else "Nothing is switched off")
    st.markdown("\n".join(f"- {line}" for line in off))
    layout.quiet(trust.further_missing(state))
with tied:
    for title, counted, units in (("Money", False, trust.MONEY), ("Rows and pieces", True, trust.PIECES)):
        totals = trust.ordered(ties, counted)
        layout.finding(f"{title}: {words.counted(len(totals), 'control total')}")
        trust.table(totals, f"Control totals: {title}", currency, units, "tie_out" * counted)
with read:
    layout.finding(f"{words.counted(len(files), 'file')} read")
    trust.table(trust.sources(files), "Files with their hashes", currency, listing="source_file")
    layout.quiet(trust.unused(manifest["unused"]))
with built:
    for name in ("revenue", "margin"):
        changed = None if layout.missing_of(METRICS[name].needs) else ask.since_previous(name, view)
        if changed:
            parts = build_changes(*changed[1:])
            when = words.moment(changed[0], manifest["zone"])
            title = words.because(f"Since the build of {when}, {METRICS[name].label.lower()}", parts, currency)
            layout.finding(title, Question((name,), view=view))
            tables.parts(parts, currency, alt=title)
    layout.finding(f"{words.counted(len(ask.history()), 'build')} kept; a build never changes")
    trust.table(trust.builds(), "Builds that are kept", currency)
with assumed:
    layout.finding("What was assumed, not measured")
    st.markdown("\n".join(f"- {line}" for line in trust.assumptions(channels, currency)))
    trust.table(trust.assumed(channels), "Channels with an assumed cost", currency, listing="channel")
