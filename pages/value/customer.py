"""What is the story of this customer?"""

import streamlit as st

from components import ask, charts, filters, layout, ratings, story, tables, words
from data.question import Listing, Question
from models.payback import payback, running
from models.rhythm import rhythm

SIZE = 25
view, currency = filters.view(), ask.current().manifest["currency"]
key = filters.key("customer", "Customer key", "Paste or type a key, then press Enter")
if not key:
    first = ratings.page(ratings.start(view), 1, 10)
    layout.finding("Choose a customer: the first ten of the ranking", first)
    ratings.offer(first)
    st.stop()

own = view.only("customer_id", key)
asked = story.question(own)
found = ask.ask(asked)
if not len(found):
    layout.error(f"There is no customer {key} in this view.", "Check the key, or reset the filters above.")
    st.stop()
found, events = found.iloc[0], story.events(own)
days = events.loc[events["kind"] == "order", "occurred_at"].dt.date
beat = rhythm(days, story.as_of().date())
known = story.attributes(own)

with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.subheader(words.safe_text(key), anchor=False, width="content")
    for label, value in known:
        st.markdown(f":gray-badge[{words.safe_text(label)}: {words.safe_text(value, 60)}]", width="content")
    if story.crm_link(key):
        st.link_button("Open in the CRM", story.crm_link(key), icon=":material/open_in_new:", type="tertiary")
story.figures(found, asked, dict(known).get("Segment", ""), beat)

happened = story.marks(events)
layout.finding(
    story.rhythm_title(beat), Question(("orders",), ("customer_id",), own, ("first_order_at", "last_order_at"))
)
st.markdown(f":gray[{words.safe_text(story.rhythm_words(beat), 400)}]")
charts.draw(story.timeline(happened, beat.window if beat else None, currency), alt=story.timeline_words(happened, beat))

if not layout.missing_of(("lines.cost",)):
    counted, note = story.with_cost_of_winning(events, found)
    run = running(counted)
    back = payback(run)
    layout.finding(story.payback_title(back), story.part(asked, "margin", "cost", "acquisition_cost"))
    st.markdown(f":gray[Contribution margin less what was spent, added up. {words.safe_text(note, 400)}]")
    charts.draw(charts.cumulative(run, "occurred_at", "total", currency, back.at if back.was_below else None),
                alt=f"{story.payback_title(back)}. Running total at the end: {words.money(back.ends, currency)}")  # fmt: skip

consents = ask.ask(Listing("consent_state", own))
if len(consents):
    layout.finding(story.consent_title(consents))
    tables.table(story.consents(consents), "Consent for each channel and purpose")
layout.finding(f"{words.counted(len(happened), 'event')}, the latest first")
shown = happened.iloc[::-1].iloc[(filters.page_number(len(happened), SIZE) - 1) * SIZE :].head(SIZE)
tables.table(story.written(shown), "Events of this customer, the latest first", currency, story.LABELS, story.UNITS)
layout.missing("contacts", "lines.cost")
