"""What draws arms, as seen by those who may not import the models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np


class Drawing(Protocol):
    """What draws arms: the module models.assign_arm, handed in by whoever may import it."""

    GLOBAL_HOLDOUT: str
    CONTROL: str
    TREATED: str
    EXPLORATION: str

    @property
    def Shares(self) -> Callable[[float, float], Any]: ...

    def salt_of(self, secret: str, name: str) -> str: ...

    def assign(self, salt: str, customers: Sequence[str], shares: Any) -> Any: ...

    def held_out(self, salt: str, customers: Sequence[str], share: float) -> np.ndarray: ...
