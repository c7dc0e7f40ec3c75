"""Restrained augmentation: recipes of operations that look like a camera's own pictures.

>>> from fastlabel.augment import Recipe
>>> Recipe.default().stages[0].op
'flip'
"""

from .files import AugmentResult, augment_set
from .recipe import Augmented, Memory, Recipe, Stage
from .registry import Operation, Parameter, operations
from .sample import Sample
from .stages import PasteObjects
from .training import AugmentedImages

__all__ = [
    "AugmentResult",
    "Augmented",
    "AugmentedImages",
    "Memory",
    "Operation",
    "Parameter",
    "PasteObjects",
    "Recipe",
    "Sample",
    "Stage",
    "augment_set",
    "operations",
]
