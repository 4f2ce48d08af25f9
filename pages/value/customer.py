"""What is the story of this customer?"""

import streamlit as st

from components import ask, charts, filters, layout, ratings, scores, story, tables, words
from data.question import Listing
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
    layout.error(f"There is no customer {key} in this view.", "Check the key, or reset the filters.")
    st.stop()
found, known, events = found.iloc[0], story.attributes(own), story.events(own)
beat = rhythm(events.loc[events["kind"] == "order", "occurred_at"].dt.date, story.as_of().date())
window = beat.window if beat else None
happened = story.marks(events)

story.header(key, known)
story.figures(found, asked, known.get("Segment", ""), beat)
scores.show(own, beat)

if not len(happened):
    layout.empty("Nothing is on record but that this customer exists")
    st.stop()
layout.finding(story.rhythm_title(beat), story.part(asked, "orders", "first_order_at", "last_order_at"))
layout.quiet(story.rhythm_words(beat))
charts.draw(story.timeline(happened, window, currency), alt=story.timeline_words(happened, beat))

if "margin" in found:
    counted, note = story.with_acquisition(events, found)
    run = running(counted)
    back = payback(run)
    ends = words.money(back.ends, currency)
    layout.finding(story.payback_title(back), story.part(asked, "margin", "cost", "acquisition_cost"))
    layout.quiet(words.safe_text(f"Contribution margin less what was spent, added up: {ends} at the end. {note}", 400))
    drawn = story.cumulative(run, happened, window, back, currency)
    charts.draw(drawn, alt=f"Running total of margin less cost, {ends} at the end. {story.payback_title(back)}.")

consents = ask.ask(Listing("consent_state", own))
if len(consents):
    layout.finding(story.consent_title(consents))
    tables.table(story.consents(consents), "Consent for each channel and purpose")
layout.finding(f"{words.counted(len(happened), 'event')}, the latest first", asked)
above = st.container()
begins = (filters.page_number(len(happened), SIZE, "events") - 1) * SIZE
with above:
    story.table(happened[::-1][begins : begins + SIZE], own, currency)
layout.missing("contacts", "lines.cost")
