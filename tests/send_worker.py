"""A worker for the tests, in a process of its own: `python -m tests.send_worker [DELIVERY]`.

As `python -m data send --once`, but crm.example is this machine, nobody has withdrawn consent, and pauses are short.
"""

from __future__ import annotations

import sys

from data.journal.store import journal
from data.sending import worker
from data.sending.wire import Outside

OUTSIDE = Outside(resolve=lambda host, port: ["127.0.0.1"], sleep=lambda seconds: None, say=lambda text: None)

if __name__ == "__main__":
    delivery = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.exit(0 if worker.run(journal(), OUTSIDE, lambda delivery: 0, delivery, once=True) else 1)
