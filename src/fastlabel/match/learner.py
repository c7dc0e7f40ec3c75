"""The learner of scikit-learn, which is an extra."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["model", "require"]


def require() -> None:
    """Find out whether scikit-learn is there, before an hour of decoding.

    Raises
    ------
    ImportError
        If it is not; the message says how to get it, and what else there is.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "learner 'sklearn' needs scikit-learn: pip install 'fastlabel[match]', or use the "
            "learner 'histogram', which needs nothing"
        ) from error


def model(values: npt.NDArray[np.float64], truth: npt.NDArray[np.int64]) -> Any:
    """Fit a logistic regression on cubic splines of the features; classes weigh the same."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    # Knots at the frames' own quantiles would leave the set's range open: both together.
    fitted = make_pipeline(
        StandardScaler(),
        SplineTransformer(n_knots=5, degree=3, knots="uniform", extrapolation="constant"),
        StandardScaler(with_std=False),
        LogisticRegression(C=1.0, class_weight="balanced", max_iter=200),
    )
    return fitted.fit(np.clip(values, *np.quantile(values, [0.001, 0.999], axis=0)), truth)
