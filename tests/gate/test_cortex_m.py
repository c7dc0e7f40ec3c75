"""Gate and letterbox on a Cortex-M4 and M7 in the emulator: the host's numbers, and their cost."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
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


def run_on(folder, cpu, program, *settings):
    """What a program prints: facts of the run, and a dict a frame."""
    common = ["make", "-s", "-C", str(HERE), f"CPU={cpu}", f"BUILD={folder}", *settings]
    done = subprocess.run([*common, f"run-{program}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    # Semihosting speaks through the emulator's stderr.
    said = done.stdout + done.stderr
    assert said.rstrip().endswith("done"), said
    facts, frames = {}, []
    for name, value in re.findall(r"^(\w+) (-?\d+)$", said, re.MULTILINE):
        if name == "frame":
            frames.append({})
        elif frames and name not in ("state_bytes", "stack_bytes"):
            frames[-1][name] = int(value)
        else:
            facts[name] = int(value)
    return facts, frames


def flash_of(folder, cpu, program, but):
    """Bytes of flash of a program less those of some of its objects."""
    sizes = module("sizes").sizes((folder / cpu / f"{program}.map").read_text())
    return sum(flash for name, (flash, _) in sizes.items() if name not in but)


@pytest.mark.parametrize(
    ("cpu", "defines"),
    [("cortex-m4", ""), ("cortex-m7", ""), ("cortex-m4", "-DFL_GATE_PLAIN")],
)
def test_the_gates_numbers_are_the_hosts(real_frames, cpu, defines):
    folder, (pictures, _) = real_frames
    # Objects of other settings lie in the same folder.
    shutil.rmtree(folder / cpu, ignore_errors=True)
    facts, frames = run_on(folder, cpu, "gate", f"DEFINES={defines}")
    gate = fl.FrameGate(WIDTH, HEIGHT, fl.GateLimits(**module("frame").LIMITS))
    verdicts = []
    for picture, there in zip(pictures, frames, strict=True):
        ticks = there.pop("ticks")
        here = gate(picture)
        assert there == here.fixed
        verdicts.append(here.verdict)
        # Two instructions a turn, a million turns: what a tick of the clock is.
        a_pixel = ticks * 2_000_000 / facts["known_loop_ticks"] / picture.size
        print(f"{cpu} {defines or 'gate'}: {a_pixel:.2f} instructions a pixel")
        if not defines:
            assert a_pixel < INSTRUCTIONS
    assert verdicts == [fl.GateVerdict.OK, fl.GateVerdict.OK, fl.GateVerdict.STILL]
    assert facts["known_loop_ticks"] == pytest.approx(50_000, rel=1e-3)
    ram = facts["state_bytes"] + facts["stack_bytes"]
    assert ram <= RAM
    flash = flash_of(folder, cpu, "gate", ("gate_main.o", "start.o"))
    print(f"{cpu} {defines or 'gate'}: {flash} bytes of flash, {ram} of RAM, {facts}")
    assert 2000 < flash <= FLASH


@pytest.mark.parametrize("cpu", ["cortex-m4", "cortex-m7"])
def test_the_letterboxs_bytes_are_the_hosts(real_frames, cpu):
    folder, (pictures, chroma) = real_frames
    facts, frames = run_on(folder, cpu, "letterbox")
    for how, there in zip(("linear", "area"), frames, strict=True):
        here, _ = fl.letterbox(
            (pictures[0], chroma),
            96,
            format="nv12",
            interpolation=how,
            layout="nhwc",
            dtype="int8",
            quantize=(1 / 255, -128),
        )
        expected = 14695981039346656037  # FNV-1a
        for byte in np.ascontiguousarray(here).tobytes():
            expected = (expected ^ byte) * 1099511628211 % 2**64
        assert there["hash_high"] << 32 | there["hash_low"] == expected, how
        print(f"{cpu} {how}: {there['ticks'] * 40} instructions, {there['work_bytes']} work bytes")
    flash = flash_of(folder, cpu, "letterbox", ("letterbox.o", "start.o"))
    print(f"{cpu} letterbox: {flash} bytes of flash, {facts}")
    assert flash < 40 * 1024


@pytest.mark.parametrize("cpu", ["cortex-m4", "cortex-m7"])
def test_the_gate_needs_memcpy_and_divisions_alone(real_frames, cpu):
    folder, _ = real_frames
    subprocess.run(["make", "-s", "-C", str(HERE), f"CPU={cpu}", f"BUILD={folder}"], check=True)
    done = subprocess.run(
        ["arm-none-eabi-nm", "-u", str(folder / cpu / "csrc" / "pixels" / "gate.o")],
        capture_output=True,
        text=True,
        check=True,
    )
    needed = {line.split()[-1] for line in done.stdout.splitlines()}
    assert needed <= {"memcpy", "__aeabi_uldivmod", "__aeabi_ldivmod"}, needed
