"""Print what a wheel requires on a machine: ``needs.py WHEEL MACHINE``, a requirement a line."""

import sys
import zipfile
from email.parser import HeaderParser

from packaging.requirements import Requirement

with zipfile.ZipFile(sys.argv[1]) as members:
    name = next(n for n in members.namelist() if n.endswith(".dist-info/METADATA"))
    metadata = HeaderParser().parsestr(members.read(name).decode())
for text in metadata.get_all("Requires-Dist", []):
    requirement = Requirement(text)
    machine = {"platform_machine": sys.argv[2], "extra": ""}
    if requirement.marker is None or requirement.marker.evaluate(machine):
        print(f"{requirement.name}{requirement.specifier}")
