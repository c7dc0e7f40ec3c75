"""The frame gate: whether a camera's frame is worth the model's time.

The measuring is csrc/pixels/gate.c, which runs on a microcontroller too. Here are the same gate
for Python, and the fit of its limits to a training set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .frame import FrameGate, GateLimits, GateResult, GateVerdict

if TYPE_CHECKING:
    from .fit import GateFit, fit_gate

__all__ = ["FrameGate", "GateFit", "GateLimits", "GateResult", "GateVerdict", "fit_gate"]


def __getattr__(name: str) -> Any:
    # The fit reads data sets, which needs more than NumPy; the gate itself does not.
    if name in ("GateFit", "fit_gate"):
        from . import fit

        return getattr(fit, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
