"""What a model says is in the pictures of a data set: read from files, or made with ONNX."""

from .reading import read_predictions
from .table import Predictions

__all__ = ["Predictions", "read_predictions"]
