"""What waits for my decision, and what was decided?"""

from components import access, approvals, attempts, decided
from models import assign_arm, power

actor = access.reader()
attempts.outcome(approvals.PLACE)
approvals.waiting(actor, assign_arm, power)
decided.own(actor)
decided.decided(actor)
