"""Give a wheel the oldest platform tag that its libraries and symbols allow.

    tag.py WHEEL FOLDER

The wheel that the build backend wrote says ``linux_aarch64``, which no index takes. Everything
beyond the C library is inside already, so nothing is to be copied in: a wheel that would need
that is an error.
"""

import json
import subprocess
import sys
from pathlib import Path


def audit(*arguments: str) -> str:
    """Run auditwheel of this interpreter; its output."""
    done = subprocess.run(
        [sys.executable, "-m", "auditwheel", *arguments], capture_output=True, text=True
    )
    if done.returncode != 0:
        sys.exit(f"auditwheel {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def main(wheel: Path, folder: Path) -> None:
    """Write the tagged wheel into the folder and print its name."""
    found = json.loads(audit("show", "--json", str(wheel)))
    tag = found["overall_tag"]
    if tag.startswith("linux_"):
        sys.exit(f"{wheel.name} runs on this machine's kind alone:\n{json.dumps(found, indent=2)}")
    audit("repair", "--only-plat", "--wheel-dir", str(folder), str(wheel))
    name, version, python, abi, _ = wheel.name.split("-")
    print(*folder.glob(f"{name}-{version}-{python}-{abi}-*{tag}*.whl"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
