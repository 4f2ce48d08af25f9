"""A company with planted campaigns: who is drawn, what each campaign truly adds, and what goes wrong with some."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

SENT = pd.Timestamp("2026-03-02 00:00", tz="UTC")
WINDOW = 28  # days
BEFORE = 56  # days of purchases before it
LAST = pd.Timestamp("2026-04-20 12:00", tz="UTC")  # last order of the company
COST_SHARE = 0.6  # of revenue
EXTRA = 25.0  # revenue of an order that a campaign causes


@dataclass
class World:
    """What has been written so far. truth: campaign -> incremental margin per treated customer."""

    rng: np.random.Generator
    lines: list[pd.DataFrame] = field(default_factory=list)
    contacts: list[pd.DataFrame] = field(default_factory=list)
    campaigns: list[dict] = field(default_factory=list)
    truth: dict[str, float] = field(default_factory=dict)

    def people(self, prefix: str, size: int, rate: float = 0.6) -> pd.DataFrame:
        """Customers with purchases before the window, and those of the window that would have come anyway."""
        names = np.array([f"{prefix}{number:05}" for number in range(size)])
        own = self.rng.gamma(2.0, rate / 2, size)
        for days, since in ((BEFORE, -BEFORE), (WINDOW, 0)):
            count = self.rng.poisson(own * days / WINDOW)
            who = np.repeat(np.arange(size), count)
            at = SENT + pd.to_timedelta(since + days * self.rng.random(len(who)), unit="D")
            self.bought(names[who], at, self.rng.lognormal(3, 0.5, len(who)))
        return pd.DataFrame({"customer_id": names, "rate": own})

    def bought(self, who: np.ndarray, at: pd.DatetimeIndex, revenue: np.ndarray) -> None:
        """Order lines."""
        start = sum(map(len, self.lines))
        money = np.round(revenue, 2)
        self.lines.append(
            pd.DataFrame({"order_id": [f"O{start + n}" for n in range(len(who))], "customer_id": who})
            .assign(revenue=money, cost=np.round(COST_SHARE * money, 2))
            .assign(ordered_at=at.floor("s").astype("datetime64[us, UTC]"))
        )

    def campaign(
        self,
        name: str,
        customers: pd.DataFrame,
        share: float | np.ndarray = 0.5,
        chance: float = 0.0,
        cost: float = 0.0,
        assignment: str = "random",
        days: int = WINDOW,
        **columns: object,
    ) -> np.ndarray:
        """Draw arms, write a contact or a control row for everybody, let `chance` of the treated buy once more.

        Returns the flags of the treated.
        """
        size = len(customers)
        treated = self.rng.random(size) < share
        rows = pd.DataFrame(
            {"contact_id": [f"{name}-{n}" for n in range(size)], "customer_id": customers["customer_id"].to_numpy()}
        ).assign(channel="mail", campaign_id=name, occurred_at=SENT + pd.Timedelta(hours=9), cost=cost, direction="out")
        rows["arm"] = np.where(treated, "treated", "control")
        rows["assignment"], rows["p_assign"] = assignment, np.where(treated, share, 1 - np.asarray(share))
        self.contacts.append(rows)
        moved = np.flatnonzero(treated & (self.rng.random(size) < chance))
        at = SENT + pd.to_timedelta(1 + 20 * self.rng.random(len(moved)), unit="D")
        self.bought(rows["customer_id"].to_numpy()[moved], at, np.full(len(moved), EXTRA))
        self.truth[name] = chance * EXTRA * (1 - COST_SHARE)
        self.campaigns.append(
            {"campaign_id": name, "measured_from": SENT, "measured_to": SENT + pd.Timedelta(days=days)} | columns
        )
        return treated

    def write(self, folder: Path) -> Path:
        """The folder of feeds."""
        folder.mkdir(parents=True, exist_ok=True)
        self.bought(np.array(["LAST"]), pd.DatetimeIndex([LAST]), np.array([10.0]))
        pd.concat(self.lines, ignore_index=True).to_parquet(folder / "lines.parquet")
        pd.concat(self.contacts, ignore_index=True).to_parquet(folder / "contacts.parquet")
        pd.DataFrame(self.campaigns).to_parquet(folder / "campaigns.parquet")
        (folder / "company.toml").write_text('name = "Planted"\ncurrency = "EUR"\nzone = "Europe/Berlin"\n')
        return folder
