"""Which groups of customers have we named, and how do they differ?"""

import streamlit as st

from components import attempts, layout, segment_compare, segments, words

attempts.outcome(segments.PLACE)
found = segments.listed()
if not found:
    segments.nothing()
    st.stop()
layout.finding(f"{words.counted(len(found), 'segment')} kept; figures are of the customers you may see")
segments.overview(found)
for segment in found[: segments.MOST]:
    segments.show(segment)

layout.finding("Compare two segments")
pair = segment_compare.choice(found)
if pair:
    segment_compare.show(*pair)
else:
    layout.quiet("It takes two different segments that you may see here.")
