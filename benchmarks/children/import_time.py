"""Seconds of `import fastlabel` in a fresh interpreter."""

import json
from time import perf_counter

start = perf_counter()
import fastlabel  # noqa: E402, F401

print(json.dumps({"import_s": perf_counter() - start}))
