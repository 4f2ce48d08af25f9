"""Steps at random, by anybody, through the code and past it: no campaign ever goes a forbidden way."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from data.journal import audit, campaigns, deliveries
from data.journal.problems import Invalid
from data.journal.schema import CAMPAIGN_STEP, SESSION
from data.journal.store import Journal
from data.rights import Forbidden
from tests.campaigning import promise
from tests.colleagues import come

STEPS_OF_ONE_RUN = 50
RUNS = int(os.environ.get("RAPPORT_LEDGER_STEPS", "10000")) // STEPS_OF_ONE_RUN
TAKEN = [0, 0]  # steps tried, steps gone

# Written down a second time, from the sentence of the ledger: who may go which way, and where it leads.
WAYS = {
    ("submit", "draft"): ("author", "submitted"),
    ("send_back", "submitted"): ("another", "draft"),
    ("approve", "submitted"): ("another", "approved"),
    ("withdraw", "draft"): ("author", "withdrawn"),
    ("withdraw", "submitted"): ("author", "withdrawn"),
    ("withdraw", "approved"): ("author", "withdrawn"),
    ("withdraw", "exported"): ("author", "withdrawn"),
    ("export", "approved"): ("author", "exported"),
    ("deliver", "exported"): ("author", "measuring"),
    ("grade", "measuring"): ("system", "graded"),
}
NAMES = ("draft", "submit", "return", "approve", "export", "launch", "grade", "withdraw")
STATES = ("draft", "submitted", "approved", "exported", "measuring", "graded", "withdrawn")
FOLLOWS = {("submit", "draft", "submitted"), ("return", "submitted", "draft"), ("approve", "submitted", "approved"),
           ("export", "approved", "exported"), ("launch", "exported", "measuring"), ("grade", "measuring", "graded"),
           ("withdraw", "draft", "withdrawn"), ("withdraw", "submitted", "withdrawn"),
           ("withdraw", "approved", "withdrawn"), ("withdraw", "exported", "withdrawn")}  # fmt: skip
WHO = st.sampled_from(["max", "max", "max", "moritz", "ada", "ada", "alma", "erin", "ines"])
WHICH = st.integers(0, 2)
MEMORY = Path("/dev/shm")  # a journal whose disk is memory: a hundred thousand steps in a minute or two


class Ledger(RuleBasedStateMachine):
    """Three campaigns, six people, and what each may do with them, kept beside the journal in a dictionary."""

    journal: Journal

    @initialize()
    def begin(self) -> None:
        """Three drafts: two of Max, one of Moritz."""
        roles = ("manager M01", "manager M02", "approver", "approver", "executive", "admin")
        names = ("max", "moritz", "ada", "alma", "erin", "ines")
        run = len(self.journal.rows(sa.select(SESSION.c.session_id)))  # new people each time: nobody has a past
        self.people = {name: come(self.journal, f"{name} {run}", role) for name, role in zip(names, roles, strict=True)}
        self.authors = ("max", "max", "moritz")
        self.keys = [campaigns.draft(self.journal, self.people[name], promise()) for name in self.authors]
        self.expected = ["draft"] * 3

    def may(self, action: str, who: str, which: int) -> str:
        """Where this leads, or nothing when it must be refused."""
        needed, after = WAYS.get((action, self.expected[which]), ("", ""))
        author = self.authors[which]
        allowed = who == author if needed == "author" else who in ("ada", "alma") and who != author
        return after if needed and (allowed or needed == "system") else ""

    def go(self, action: str, who: str, which: int, act) -> None:
        """Try it, and see that exactly what may happen has happened."""
        after = self.may(action, who, which)
        TAKEN[0] += 1
        try:
            act()
            assert after, f"{who} could {action} a campaign that is {self.expected[which]}"
            self.expected[which] = after
            TAKEN[1] += 1
        except (Forbidden, Invalid):
            assert not after, f"{who} could not {action} a campaign that is {self.expected[which]}"
        assert self.states() == self.expected

    def states(self) -> list[str]:
        """Where the campaigns stand, read from the last steps themselves."""
        last = {row.campaign_id: row.after for row in self.journal.rows(
            sa.select(CAMPAIGN_STEP.c.campaign_id, CAMPAIGN_STEP.c.after)
            .where(CAMPAIGN_STEP.c.campaign_id.in_(self.keys)).order_by(CAMPAIGN_STEP.c.step))}  # fmt: skip
        return [last[key] for key in self.keys]

    def sha256(self, which: int) -> str:
        """What names the promise as it stands."""
        return campaigns.get(self.journal, self.people[self.authors[which]], self.keys[which]).sha256

    @rule(who=WHO, which=WHICH)
    def submit(self, who: str, which: int) -> None:
        """Somebody submits."""
        self.go("submit", who, which, lambda: campaigns.submit(
            self.journal, self.people[who], self.keys[which], self.sha256(which)))  # fmt: skip

    @rule(who=WHO, which=WHICH)
    def approve(self, who: str, which: int) -> None:
        """Somebody approves."""
        self.go("approve", who, which, lambda: campaigns.approve(
            self.journal, self.people[who], self.keys[which], self.sha256(which)))  # fmt: skip

    @rule(who=WHO, which=WHICH)
    def send_back(self, who: str, which: int) -> None:
        """Somebody sends back."""
        self.go("send_back", who, which, lambda: campaigns.send_back(
            self.journal, self.people[who], self.keys[which], self.sha256(which), "No."))  # fmt: skip

    @rule(who=WHO, which=WHICH)
    def withdraw(self, who: str, which: int) -> None:
        """Somebody withdraws, and begins another campaign, so that there are always three."""
        self.go("withdraw", who, which, lambda: campaigns.withdraw(
            self.journal, self.people[who], self.keys[which], "No."))  # fmt: skip
        self.anew(which, "withdrawn")

    @rule(who=WHO, which=WHICH)
    def export(self, who: str, which: int) -> None:
        """Somebody exports."""
        self.go("export", who, which, lambda: campaigns.export(
            self.journal, self.people[who], self.keys[which], self.sha256(which), {"file": "f"}))  # fmt: skip

    @rule(who=WHO, which=WHICH)
    def deliver(self, who: str, which: int) -> None:
        """Somebody sends everything; who does so again for a campaign that is measured reaches nobody twice."""

        def act() -> None:
            delivery = deliveries.open_delivery(
                self.journal, self.people[who], self.keys[which], "crm", "csv", False, 30, 5, 0, "f", "0" * 64
            )
            deliveries.sent(self.journal, delivery, 0)

        self.go("deliver", who, which, act)

    @rule(which=WHICH)
    def grade(self, which: int) -> None:
        """The system grades."""
        self.go("grade", "", which, lambda: campaigns.grade(self.journal, self.keys[which], {"verdict": "not proven"}))
        self.anew(which, "graded")

    @rule(who=WHO, which=WHICH)
    def revise(self, who: str, which: int) -> None:
        """Somebody changes the promise: only a draft, and only the own one."""
        state, own = self.expected[which], who == self.authors[which]
        author = self.people[self.authors[which]]
        before = campaigns.get(self.journal, author, self.keys[which])
        TAKEN[0] += 1
        try:
            campaigns.revise(self.journal, self.people[who], self.keys[which], promise(window_days=45), before.version)
            assert own and state == "draft"
        except (Forbidden, Invalid):
            assert not (own and state == "draft")
            assert campaigns.get(self.journal, author, self.keys[which]).sha256 == before.sha256

    @rule(which=WHICH, name=st.sampled_from(NAMES), before=st.sampled_from(STATES), after=st.sampled_from(STATES),
          by=WHO, skip=st.integers(1, 2))  # fmt: skip
    def force(self, which: int, name: str, before: str, after: str, by: str, skip: int) -> None:
        """Somebody with the database's password writes a step by hand: only a lawful one is taken, and undone here."""
        author = self.people[self.authors[which]]
        now = campaigns.get(self.journal, author, self.keys[which])
        person = self.people[by].person
        row = {"campaign_id": now.campaign_id, "step": now.step + skip, "name": name, "before": before, "after": after}
        row |= {"version": now.version, "sha256": now.sha256, "author": author.person, "by": person}
        row |= {"at": self.journal.now(), "reason": "", "detail": "{}"}
        lawful = skip == 1 and (name, before, after) in FOLLOWS and before == self.expected[which]
        lawful = lawful and not (name in ("approve", "return") and person == author.person)
        TAKEN[0] += 1
        with self.journal.engine.connect().execution_options(writes=True) as connection, connection.begin() as change:
            try:
                connection.execute(CAMPAIGN_STEP.insert(), row)
                assert lawful, row
            except sa.exc.IntegrityError:
                assert not lawful, row
            change.rollback()
        assert self.states() == self.expected

    def anew(self, which: int, end: str) -> None:
        """A campaign at its end makes room for a new draft, or most steps of a run would be refusals."""
        if self.expected[which] == end:
            self.keys[which] = campaigns.draft(self.journal, self.people[self.authors[which]], promise())
            self.expected[which] = "draft"

    def teardown(self) -> None:
        """However it went, the trail says all of it."""
        if TAKEN[0] % 97 == 0:
            assert audit.verify(self.journal).ok


def test_random_steps_find_no_forbidden_way(monkeypatch):
    """RAPPORT_LEDGER_STEPS sets another number of steps than 10,000; `make bench` takes a hundred thousand. Guessing is stopped by another guard, which would end this one early."""
    monkeypatch.setattr("data.journal.misses.MOST", 10**9)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        Ledger.journal = Journal(folder)
        Ledger.journal.migrate()
        TAKEN[:] = [0, 0]
        run_state_machine_as_test(
            Ledger,
            settings=settings(
                max_examples=RUNS,
                stateful_step_count=STEPS_OF_ONE_RUN,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        assert audit.verify(Ledger.journal).ok
        Ledger.journal.engine.dispose()
    assert TAKEN[0] >= 0.8 * RUNS * STEPS_OF_ONE_RUN  # some runs end early, as hypothesis chooses
    assert TAKEN[1] >= TAKEN[0] * 0.05, "nearly every step was refused: the machine proves little"
