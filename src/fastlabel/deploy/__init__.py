"""Deployment profiles: what the model will see, so that a data set is judged at that size.

A profile names a device tier, its camera, the model's input and how a frame is brought to
it. Built-in profiles are starting points, and so is a tier by its name; a TOML file
describes one's own::

    name = "porch"
    tier = "end-device"       # cloud, edge-gateway, end-device or micro; left out: custom
    memory = "256 KB"         # of one's own device; left out: the tier's
    input_width = 320
    input_height = 320
    resize = "letterbox"      # or "stretch"
    strides = [8, 16, 32]     # of the detection heads, in input pixels
    min_target = 8            # shortest side worth training on; default: the smallest stride

    [camera]
    width = 1920
    height = 1080
    fixed = true              # the camera does not move
    infrared = true           # it sees at night by infrared light
"""

from .memory import MemoryNeed, memory_need
from .profile import PROFILES, Camera, Profile, load, scale_to
from .tiers import TIERS, Tier

__all__ = [
    "PROFILES",
    "TIERS",
    "Camera",
    "MemoryNeed",
    "Profile",
    "Tier",
    "load",
    "memory_need",
    "scale_to",
]
