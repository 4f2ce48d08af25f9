"""Can these figures be trusted?"""

import streamlit as st

from components import ask, cards, filters, layout, tables, trust, words
from data.catalog import METRICS
from data.question import Listing
from models.bridge import build_changes

build, view = ask.current(), filters.view()
manifest, currency = build.manifest, build.manifest["currency"]
names = ("tie_out", "feed_state", "quarantine", "source_file", "channel")
ties, state, left, files, channels = (ask.ask(Listing(name, view)) for name in names)
if not len(ties):
    layout.error("What came in is shown only to readers who may see the whole company.")
    st.stop()
broken = int((~ties["holds"].astype(bool)).sum())

layout.finding(trust.verdict(ties, manifest["rows"]))
with cards.row(4):
    cards.card(
        "Control totals that hold",
        f"{words.count(len(ties) - broken)} of {words.count(len(ties))}",
        "sources, feeds, ledger and rollups",
    )
    cards.card(
        "Rows loaded", words.count(manifest["rows"]["loaded"]), f"of {words.count(manifest['rows']['in'])} that came in"
    )
    cards.card(
        "Age of the data",
        words.days(layout.days_old(manifest["as_of"])),
        f"to {words.moment(manifest['as_of'], manifest['zone'])}",
    )
    cards.card("Version", manifest["version"], f"build {words.safe_text(build.id)}")
if broken:
    layout.error(
        f"{words.count(broken)} control totals differ from their source.", "They stand on top of the lists below."
    )

tab_names = ["What came in", "Ties out", "Sources", "Builds", "Assumptions"]
came, tied, read, built, guessed = st.tabs(tab_names)
with came:
    layout.finding(trust.left_title(left))
    if len(left):
        tables.table(left, "Rows that were left out, by reason", currency, trust.LABELS, trust.UNITS)
    tables.table(trust.feeds(state), "Feeds with their rows and their age", currency, trust.LABELS, trust.UNITS)
    off = trust.switched_off(state)
    layout.finding("Nothing is switched off" if not off else "What is not known because it did not come")
    st.markdown("\n".join(f"- {line}" for line in off) or "Every feed and every column that a figure needs is there.")
    st.markdown(f":gray[{trust.further_missing(state)}]")
with tied:
    for title, counted, units in (("Money", False, trust.MONEY), ("Rows and pieces", True, trust.PIECES)):
        rows = trust.ordered(ties, counted)
        layout.finding(f"{title}: {words.counted(len(rows), 'control total')}")
        tables.table(rows, f"Control totals, {title.lower()}", currency, trust.LABELS, units)
with read:
    layout.finding(f"{words.counted(len(files), 'file')} read")
    tables.table(trust.sources(files), "Files with their hashes", currency, trust.LABELS, trust.UNITS)
    if manifest["unused"]:
        st.markdown(
            f"Not read, because no feed and no mapping names them: {words.safe_text(', '.join(manifest['unused']), 600)}"
        )
with built:
    for name in ("revenue", "margin"):
        changed = None if layout.missing_of(METRICS[name].needs) else ask.since_previous(name, view)
        if changed:
            parts = build_changes(*changed[1:])
            title = words.because(
                f"Since the build of {words.moment(changed[0], manifest['zone'])}, {METRICS[name].label.lower()}",
                parts,
                currency,
            )
            layout.finding(title)
            tables.parts(parts, currency, alt=title)
    layout.finding(f"{words.counted(len(ask.history()), 'build')} kept, each of which never changes")
    tables.table(trust.builds(), "Builds that are kept", currency, trust.LABELS, trust.UNITS)
with guessed:
    layout.finding("What was assumed, not measured")
    st.markdown("\n".join(f"- {line}" for line in trust.assumptions(channels, currency)))
    tables.table(trust.assumed(channels), "Channels with an assumed cost", currency, trust.LABELS, trust.UNITS)
