"""What does this campaign promise, how far is it, and what did it change?"""

from functools import partial

import streamlit as st

from components import (
    campaign_audience,
    campaign_check,
    campaign_draft,
    campaign_export,
    campaign_fields,
    campaign_find,
    campaign_plan,
    campaign_record,
    campaign_trail,
    response_upload,
)
from models import assign_arm, power

key = campaign_find.key()
if not key:
    campaign_find.start()
    st.stop()
found = campaign_find.found(key)
if found is None:
    campaign_find.not_found()
    st.stop()
campaign_find.header(found, campaign_trail.passport)
if campaign_find.writing(found):
    campaign_draft.show(
        found,
        {
            "Who": partial(campaign_fields.who, below=partial(campaign_audience.audience_now, drawing=assign_arm)),
            "Why": campaign_fields.why,
            "What": campaign_fields.what,
            "Holdout": partial(
                campaign_fields.held, below=partial(campaign_plan.holdout_now, drawing=assign_arm, power=power)
            ),
            "Check": partial(campaign_check.check, drawing=assign_arm, power=power),
        },
    )
elif campaign_find.before(found):
    campaign_check.readable(found, assign_arm, power)
    campaign_export.show(found, assign_arm)
else:
    campaign_record.show(found)
    campaign_export.show(found, assign_arm)
    response_upload.offer(found)
campaign_trail.show(found)
