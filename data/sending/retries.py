"""Trying again: the same batch with the same key, after growing pauses with some chance in them, and not for ever."""

from __future__ import annotations

from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from data.sending.problems import TryAgain

ATTEMPTS = 6  # of one run, spread over two to three minutes; what is down for longer is looked at by a person
BACKOFF = wait_exponential_jitter(multiplier=2, exp_base=3, max=60, jitter=2)


def pause(state: RetryCallState) -> float:
    """Seconds until the next attempt: our own pause, or the target's wish when it asks for longer."""
    problem = state.outcome.exception() if state.outcome else None
    return max(BACKOFF(state), problem.wait if isinstance(problem, TryAgain) else 0)


def keep_trying(attempt: Callable[[], None], sleep: Callable[[float], None]) -> None:
    """Call until it raises no TryAgain, ATTEMPTS times at most; then the last one, and any other problem at once."""
    Retrying(
        retry=retry_if_exception_type(TryAgain),
        stop=stop_after_attempt(ATTEMPTS),
        wait=pause,
        sleep=sleep,
        reraise=True,
    )(attempt)
