"""The gate on a Cortex-M4 and M7 in the emulator: the host's numbers, and what they cost."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastlabel as fl

HERE = Path(__file__).resolve().parents[2] / "examples" / "cortex-m"
TOOLS = ("arm-none-eabi-gcc", "qemu-system-arm", "make")
WIDTH, HEIGHT = 320, 240
#: The limits of the issue: bytes of flash and of RAM, instructions a pixel.
FLASH, RAM, INSTRUCTIONS = 12 * 1024, 4 * 1024, 25

pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS),
    reason=f"NO CORTEX-M TOOLS: install {', '.join(TOOLS)} (tools/system-packages.sh cortex-m)",
)


def module(name):
    spec = importlib.util.spec_from_file_location(f"cortex_m_{name}", HERE / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def real_frames(shared_data, tmp_path_factory):
    """Frames of a real photo, as an array and as the C file that holds them."""
    photo = shared_data / "raccoon" / "images" / "raccoon-12.jpg"
    folder = tmp_path_factory.mktemp("cortex-m")
    command = [sys.executable, str(HERE / "frame.py"), str(photo), "-o", str(folder / "frame.h")]
    subprocess.run(command, check=True)
    return folder, module("frame").frames_of(photo, WIDTH, HEIGHT)


def run_on(folder, cpu, *settings):
    """What the program prints: facts of the run, and a dict a frame."""
    common = ["make", "-s", "-C", str(HERE), f"CPU={cpu}", f"BUILD={folder}", *settings]
    done = subprocess.run([*common, "run"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    # Semihosting speaks through the emulator's stderr.
    said = done.stdout + done.stderr
    assert said.rstrip().endswith("done"), said
    facts, frames = {}, []
    for name, value in re.findall(r"^(\w+) (-?\d+)$", said, re.MULTILINE):
        if name == "frame":
            frames.append({})
        else:
            (frames[-1] if frames else facts)[name] = int(value)
    for name in ("state_bytes", "stack_bytes"):
        facts[name] = frames[-1].pop(name)
    return facts, frames


@pytest.mark.parametrize(
    ("cpu", "defines"),
    [("cortex-m4", ""), ("cortex-m7", ""), ("cortex-m4", "-DFL_GATE_PLAIN")],
)
def test_the_numbers_are_the_hosts(real_frames, cpu, defines):
    folder, pictures = real_frames
    # Objects of other settings lie in the same folder.
    shutil.rmtree(folder / cpu, ignore_errors=True)
    facts, frames = run_on(folder, cpu, f"DEFINES={defines}")
    gate = fl.FrameGate(WIDTH, HEIGHT, fl.GateLimits(**module("frame").LIMITS))
    verdicts = []
    for picture, there in zip(pictures, frames, strict=True):
        ticks = there.pop("ticks")
        here = gate(picture)
        assert there == here.fixed
        verdicts.append(here.verdict)
        # Two instructions a turn, a million turns: what a tick of the clock is.
        instructions = ticks * 2_000_000 / facts["known_loop_ticks"]
        if not defines:
            assert instructions / picture.size < INSTRUCTIONS
    assert verdicts == [fl.GateVerdict.OK, fl.GateVerdict.OK, fl.GateVerdict.STILL]
    assert facts["known_loop_ticks"] == pytest.approx(50_000, rel=1e-3)
    assert facts["state_bytes"] + facts["stack_bytes"] <= RAM
    sizes = module("sizes").sizes((folder / cpu / "gate.map").read_text())
    gate_itself = ("gate.o", "libgcc.a(", "libc.a(")
    flash = sum(used for name, (used, _) in sizes.items() if name.startswith(gate_itself))
    assert 2000 < flash <= FLASH
    assert all(ram == 0 for name, (_, ram) in sizes.items() if name.startswith(gate_itself))


def test_the_object_needs_memcpy_and_divisions_alone(real_frames):
    folder, _ = real_frames
    for cpu in ("cortex-m4", "cortex-m7"):
        subprocess.run(["make", "-s", "-C", str(HERE), f"CPU={cpu}", f"BUILD={folder}"], check=True)
        done = subprocess.run(
            ["arm-none-eabi-nm", "-u", str(folder / cpu / "gate.o")],
            capture_output=True,
            text=True,
            check=True,
        )
        needed = {line.split()[-1] for line in done.stdout.splitlines()}
        assert needed <= {"memcpy", "__aeabi_uldivmod", "__aeabi_ldivmod"}, needed
