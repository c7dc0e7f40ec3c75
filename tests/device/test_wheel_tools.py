"""The scripts that build and judge wheels for other machines, where no compiler need run."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools/wheels"
METADATA = """Metadata-Version: 2.2
Name: fastlabel
Version: 0.1.0
Requires-Dist: numpy>=2
Requires-Dist: pyarrow>=17; platform_machine != 'armv7l'
Requires-Dist: numba>=0.61; extra == 'numba'
"""


def wheel_of(folder: Path, tag: str, files: dict[str, bytes]) -> Path:
    wheel = folder / f"fastlabel-0.1.0-cp311-cp311-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as members:
        members.writestr("fastlabel-0.1.0.dist-info/METADATA", METADATA)
        for name, data in files.items():
            members.writestr(name, data)
    return wheel


def run(*command: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHON": sys.executable, **env},
    )


def test_an_unknown_target_is_named_and_the_others_are_listed(tmp_path):
    done = run(TOOLS / "build.sh", "riscv64", WORK=str(tmp_path), OUT=str(tmp_path))
    assert done.returncode == 2
    assert "no such target: riscv64; one of x86_64 aarch64 armv7l" in done.stderr


def test_without_an_emulator_the_arm_tests_are_skipped_loudly(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname", "env"):
        (tools / name).symlink_to(str(shutil.which(name)))
    done = run(TOOLS / "test-arm.sh", PATH=str(tools), ARM=str(tmp_path / "arm"))
    assert done.returncode == 0
    assert "SKIPPED: the tests on emulated ARM. There is no qemu-aarch64." in done.stderr
    assert not (tmp_path / "arm").exists()


@pytest.mark.parametrize(
    ("machine", "needs"),
    [("aarch64", "numpy>=2\npyarrow>=17\n"), ("armv7l", "numpy>=2\n")],
)
def test_what_a_wheel_needs_depends_on_the_machine(tmp_path, machine, needs):
    pytest.importorskip("packaging")
    done = run(sys.executable, TOOLS / "needs.py", wheel_of(tmp_path, "any", {}), machine)
    assert done.stdout == needs, done.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="its module is of this machine")
def test_a_wheel_of_one_kind_of_machine_is_refused_the_tag_of_another(tmp_path):
    pytest.importorskip("elftools", reason="no pyelftools here: make test-arm installs it")
    from fastlabel import _core

    module = Path(str(_core.__file__)).read_bytes()
    name = "fastlabel/_core.cpython-311-x86_64-linux-gnu.so"
    wheel = wheel_of(tmp_path, "manylinux_2_17_aarch64", {name: module})
    done = run(sys.executable, TOOLS / "table.py", wheel)
    assert done.returncode == 1
    assert f"{name} is of x86_64" in done.stderr
    plain = wheel_of(tmp_path, "linux_x86_64", {name: module})
    assert "the tag linux_x86_64" in run(sys.executable, TOOLS / "table.py", plain).stderr
    elsewhere = wheel_of(tmp_path, "musllinux_1_2_x86_64", {name: module})
    assert "named for another machine" in run(sys.executable, TOOLS / "table.py", elsewhere).stderr
