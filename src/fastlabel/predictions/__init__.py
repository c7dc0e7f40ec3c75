"""What a model says is in the pictures of a data set: read from files, or made with ONNX."""

from typing import TYPE_CHECKING, Any

from .reading import read_predictions
from .table import Predictions

if TYPE_CHECKING:
    from .run import predict

__all__ = ["Predictions", "predict", "read_predictions"]


def __getattr__(name: str) -> Any:
    # The scan and OpenCV are for those who run a model.
    if name == "predict":
        from .run import predict

        return predict
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
