"""Who is about to leave: classifiers that give probabilities, and the rules they must beat.

X: (n, k) features as known at a cut-off, NaN where unknown. y: (n,) 0 or 1, whether the customer was lost within the
horizon after it. P(alive) of a purchase model is no candidate: where leaving is possible only after a repeat
purchase it is 1 for everybody who bought once (Fader, Hardie & Lee 2005), which ranks
the most likely to be lost as the safest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from models.sbg import ShiftedBetaGeometric, survival

MOST_ROWS = 100_000  # rows that are learned from; more change the third digit at most
IMPORTANCE_ROWS = 2_000


def evenly(n: int, most: int) -> np.ndarray:
    """Positions of at most `most` of n rows, evenly spaced: nothing is drawn, nothing can differ."""
    return np.arange(n) if n <= most else ((np.arange(most) + 0.5) * n / most).astype(int)


class ChurnClassifier(ClassifierMixin, BaseEstimator, ABC):
    """What the classifiers share. fit learns classes_ (2,), n_features_in_, and what _learn adds; NaN are allowed."""

    one_kind = False  # whether it can learn from customers who were all lost, or all kept

    def fit(self, X: Any, y: Any) -> ChurnClassifier:
        """Learn from features and outcomes; the larger label is the one that is predicted."""
        X, y = validate_data(self, X, y, dtype=float, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, lost = np.unique(y, return_inverse=True)
        if self.one_kind and len(self.classes_) == 1 and self.classes_[0] in (0, 1):
            self.classes_, lost = np.array([0, 1]), np.full(len(y), int(self.classes_[0]))
        if len(self.classes_) != 2:
            raise ValueError(
                f"Only binary classification is supported: {len(self.classes_)} class was found in y. "
                "Learn from customers who were lost and customers who were not."
                if len(self.classes_) < 2
                else f"Only binary classification is supported. y has {len(self.classes_)} classes."
            )
        # sums of several threads come in no fixed order, and a score must not depend on the machine's load
        with threadpool_limits(1):
            rows = evenly(len(X), MOST_ROWS)
            self._learn(X[rows], lost[rows])
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of staying and of being lost: (n, 2)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=float, ensure_all_finite="allow-nan", reset=False)
        with threadpool_limits(1):
            p = self._probability(X)
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> np.ndarray:
        """The likelier label: (n,). For ranking and money use the probability."""
        likely = self.predict_proba(X)[:, 1] > 0.5
        return self.classes_[likely.astype(int)]

    @abstractmethod
    def _learn(self, X: np.ndarray, lost: np.ndarray) -> None:
        """Learn. lost: (n,) 0 or 1."""

    @abstractmethod
    def _probability(self, X: np.ndarray) -> np.ndarray:
        """Of being lost: (n,)."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags


class BaseRate(ChurnClassifier):
    """The same for everybody: the share that was lost. fit learns rate_."""

    one_kind = True

    def _learn(self, X: np.ndarray, lost: np.ndarray) -> None:
        self.rate_ = float((lost.sum() + 0.5) / (len(lost) + 1))  # Jeffreys: never certain

    def _probability(self, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), self.rate_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class RecencyRule(ChurnClassifier):
    """One variable, the days since the last purchase: logistic in its logarithm. fit learns intercept_ and slope_.

    column: which of the features it is.
    """

    def __init__(self, column: int = 0):
        self.column = column

    def _learn(self, X: np.ndarray, lost: np.ndarray) -> None:
        model = LogisticRegression(C=100.0).fit(self._logged(X), lost)
        self.model_, self.intercept_, self.slope_ = model, float(model.intercept_[0]), float(model.coef_[0, 0])

    def _probability(self, X: np.ndarray) -> np.ndarray:
        return self.model_.predict_proba(self._logged(X))[:, 1]

    def _logged(self, X: np.ndarray) -> np.ndarray:
        return np.log1p(np.maximum(np.nan_to_num(X[:, [self.column]]), 0))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class Logistic(ChurnClassifier):
    """Logistic regression with a ridge on standardised features. fit learns pipeline_.

    Unknown values take the median, and a column says so (Little & Rubin 2002, missing-indicator method). logged: which
    features enter as sign(v)·ln(1 + |v|), because money and days are skewed. C: inverse of the ridge.
    """

    def __init__(self, C: float = 1.0, logged: bool = False):
        self.C = C
        self.logged = logged

    def _learn(self, X: np.ndarray, lost: np.ndarray) -> None:
        steps: list = [FunctionTransformer(signed_log)] if self.logged else []
        fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        self.pipeline_: Pipeline = make_pipeline(
            *steps, fill, StandardScaler(), LogisticRegression(C=self.C, max_iter=1_000)
        ).fit(X, lost)

    def _probability(self, X: np.ndarray) -> np.ndarray:
        return self.pipeline_.predict_proba(X)[:, 1]

    def coefficients(self, names: Sequence[str]) -> pd.DataFrame:
        """name, value (change of the log odds by one standard deviation), centre and scale, intercept last."""
        check_is_fitted(self)
        fill, scale, model = (step for _, step in self.pipeline_.steps[-3:])
        columns = list(names) + [f"{names[i]} is unknown" for i in fill.indicator_.features_]
        found = pd.DataFrame({"name": columns, "value": model.coef_[0], "centre": scale.mean_, "scale": scale.scale_})
        found.loc[len(found)] = ["intercept", model.intercept_[0], 0.0, 1.0]
        return found


def signed_log(X: np.ndarray) -> np.ndarray:
    """sign(v)·ln(1 + |v|)."""
    return np.sign(X) * np.log1p(np.abs(X))


class Boosting(ChurnClassifier):
    """Gradient boosting over histograms (Ke et al. 2017) with small trees, and cross-fitted calibration.

    Platt's sigmoid (1999) by default: it has two parameters, so that it carries over to another season, where isotonic
    steps of one period do not. calibration: sigmoid, isotonic or none. fit learns model_.
    """

    def __init__(self, calibration: str = "sigmoid", leaves: int = 8, rounds: int = 100, folds: int = 3, seed: int = 1):
        self.calibration = calibration
        self.leaves = leaves
        self.rounds = rounds
        self.folds = folds
        self.seed = seed

    def _learn(self, X: np.ndarray, lost: np.ndarray) -> None:
        if self.calibration not in ("sigmoid", "isotonic", "none"):
            raise ValueError(f"calibration must be sigmoid, isotonic or none. Got {self.calibration!r} instead.")
        trees = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=self.rounds,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=40,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.seed,
        )
        if self.calibration == "none":
            self.model_ = trees.fit(X, lost)
        else:
            folds = StratifiedKFold(self.folds, shuffle=True, random_state=self.seed)
            self.model_ = CalibratedClassifierCV(trees, method=self.calibration, cv=folds, ensemble=False).fit(X, lost)

    def _probability(self, X: np.ndarray) -> np.ndarray:
        return self.model_.predict_proba(X)[:, 1]


class TenureCurve(BaseEstimator):
    """How many of those who have been with the company as long end their contract: sBG with decisions every period.

    period: days between two decisions. fit learns curve_ (ShiftedBetaGeometric).
    """

    def __init__(self, period: int = 30):
        self.period = period

    def fit(self, days: Any, ended: Any) -> TenureCurve:
        """days: (n,) for which the contracts ran. ended: (n,) whether they have ended."""
        days, ended = np.asarray(days, float), np.asarray(ended, bool)
        decisions = np.where(ended, np.maximum(np.ceil(days / self.period), 1), days // self.period)
        self.curve_ = ShiftedBetaGeometric().fit(decisions, ended)
        return self

    def p_lost(self, days: Any, horizon: float, parameters: np.ndarray | None = None) -> np.ndarray:
        """1 − S(n + h)/S(n) after n decisions, h of them in the horizon (days): (n,)."""
        check_is_fitted(self)
        at = self.curve_.parameters_ if parameters is None else parameters
        done = np.floor(np.asarray(days, float) / self.period)
        return 1 - survival(at, done + horizon / self.period) / survival(at, done)

    def interval(self, days: Any, horizon: float, draws: int = 400, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """90 % of what the parameters may be, drawn from their asymptotic normal on the log scale."""
        rng, theta = np.random.default_rng(seed), np.log(self.curve_.parameters_)
        periods, row = np.unique(np.floor(np.asarray(days, float) / self.period), return_inverse=True)
        several = np.exp(rng.multivariate_normal(theta, self.curve_.covariance_, draws).clip(-25, 25))
        found = [self.p_lost(periods * self.period, horizon, parameters) for parameters in several]
        low, high = np.quantile(found, (0.05, 0.95), axis=0)
        return low[row], high[row]


def goes_along(
    model: ChurnClassifier, X: np.ndarray, y: np.ndarray, names: Sequence[str], seed: int = 1
) -> pd.DataFrame:
    """How much worse the Brier score of held-out customers gets when a column is shuffled (Breiman 2001).

    name, value, error (standard deviation over five shuffles), largest first. It says what goes along with being lost.
    """
    rows = evenly(len(X), IMPORTANCE_ROWS)
    found = permutation_importance(
        model, X[rows], y[rows], scoring="neg_brier_score", n_repeats=5, random_state=seed, n_jobs=1
    )
    table = pd.DataFrame({"name": names, "value": found.importances_mean, "error": found.importances_std})
    return table.sort_values(["value", "name"], ascending=[False, True], ignore_index=True)
