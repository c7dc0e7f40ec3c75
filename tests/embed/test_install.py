"""The C library without Python: built and installed by the README's commands, and used from C."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from building import EXAMPLES, ROOT, run, tool, where

DIGEST = ROOT / "csrc" / "tests" / "digest.c"
#: Kept by the edge profile; all other headers of the sources are left out.
KEPT = {"base", "boxes", "fastlabel", "frame", "gate", "merge", "pixels", "profile", "recipe"}
KEPT |= {"tiles"}

C_PROJECT = """
cmake_minimum_required(VERSION 3.24)
project(device LANGUAGES C)
find_package(fastlabel REQUIRED COMPONENTS shared static)
foreach(kind fastlabel static)
  add_executable(digest_${kind} @DIGEST@)
  target_link_libraries(digest_${kind} PRIVATE fastlabel::${kind})
endforeach()
target_link_options(digest_static PRIVATE -static -Wl,--gc-sections)
message(STATUS "profile ${fastlabel_PROFILE} version ${fastlabel_VERSION}")
"""


@pytest.fixture(scope="module")
def readme_run(tmp_path_factory) -> tuple[Path, str]:
    """An otherwise empty folder in which the README's commands were run, and what they printed."""
    for name in ("cmake", "cc", "c++", "pkg-config", "objcopy"):
        tool(name)
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / "fastlabel").symlink_to(ROOT)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.search(r"<!-- c-library -->\n```sh\n(.*?)```", text, re.DOTALL)[1]
    # Only the speed of this build is other than the reader's.
    quick = {"CMAKE_BUILD_TYPE": "Debug", "CFLAGS": "-g0", "CXXFLAGS": "-g0"}
    path = f"{Path(tool('cmake')).parent}:{os.environ['PATH']}"
    printed = run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, **quick, "PATH": path},
    )
    # It can be moved, and what was built there is not needed any more.
    shutil.rmtree(folder / "build")
    (folder / "installed").rename(folder / "moved")
    return folder / "moved", printed


@pytest.fixture(scope="module")
def installed(readme_run) -> Path:
    return readme_run[0]


@pytest.fixture(scope="module")
def full_digest(tmp_path_factory) -> str:
    """What the full library, that of the Python package, makes of the digest's numbers."""
    target = tmp_path_factory.mktemp("full") / "digest"
    includes, lib = where("--includes", "--libdir")
    link = [f"-L{lib}", "-lfastlabel", f"-Wl,-rpath,{lib}"]
    run([tool("cc"), "-std=c99", DIGEST, includes, *link, "-o", target])
    return run([target])


def declared(include: Path) -> set[str]:
    # As the compiler sees them: without what is guarded.
    text = '#include "fastlabel/fastlabel.h"\n'
    command = [tool("cc"), "-E", "-P", f"-I{include}", "-x", "c", "-"]
    found = re.findall(r"\b(fl_\w+)\s*\(", run(command, input=text))
    return set(found) - {"fl_status"}  # of the type of a callback


def test_every_source_is_of_one_profile_list():
    """A source in two lists is compiled twice, one in none of them not at all."""
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    listed = re.findall(r"^  (csrc/\w+/\w+\.(?:cpp|c))$", text, re.MULTILINE)
    assert len(listed) == len(set(listed)), sorted({x for x in listed if listed.count(x) > 1})
    folders = ("capi", "codec", "core", "geometry", "pixels", "scan", "tables")
    there = {
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / "csrc" / folder).glob("*.c*")
    }
    # one_tier.cpp takes the place of dispatch.cpp on a microcontroller.
    assert there - set(listed) <= {"csrc/core/one_tier.cpp"}


def test_the_readmes_program_prints_the_overlap(readme_run):
    assert "0.3333333333333333" in readme_run[1].splitlines()[-1]


def test_what_is_left_out_is_not_declared(installed):
    headers = {path.stem for path in (installed / "include" / "fastlabel").glob("*.h")}
    assert headers == KEPT & {p.stem for p in (ROOT / "csrc/include/fastlabel").glob("*.h")}
    names = declared(installed / "include")
    assert {"fl_box_iou", "fl_nms", "fl_merge_tiles", "fl_letterbox", "fl_image_stats"} <= names
    assert {"fl_gate_frame", "fl_recipe_read"} <= names
    assert not names & {"fl_scan_batch", "fl_composite", "fl_histogram", "fl_decode_luma"}
    assert names < declared(ROOT / "csrc" / "include")


def test_both_libraries_show_the_headers_functions_and_nothing_else(installed):
    names = declared(installed / "include")
    for library, option in (("libfastlabel.so", "-D"), ("libfastlabel.a", "-g")):
        path = installed / "lib" / library
        lines = run([tool("nm"), option, "--defined-only", path]).splitlines()
        shown = {line.split()[-1].split("@")[0] for line in lines if len(line.split()) == 3}
        assert shown - {"_init", "_fini"} == names, library


def test_the_edge_profile_needs_no_library_but_the_languages_own(installed):
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not on this machine")
    text = run(["readelf", "-d", installed / "lib" / "libfastlabel.so"])
    needed = set(re.findall(r"NEEDED.*\[(\w+)", text))
    assert needed <= {"libstdc", "libm", "libgcc_s", "libc", "ld"}


def test_a_c_project_by_cmake(installed, full_digest, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(C_PROJECT.replace("@DIGEST@", str(DIGEST)))
    settings = [f"-DCMAKE_PREFIX_PATH={installed}", "-DCMAKE_C_STANDARD=99"]
    printed = run([tool("cmake"), "-S", tmp_path, "-B", tmp_path / "b", *settings])
    assert "profile edge version 0.1.0" in printed
    run([tool("cmake"), "--build", tmp_path / "b"])
    for kind in ("fastlabel", "static"):
        assert run([tmp_path / "b" / f"digest_{kind}"]) == full_digest, kind


@pytest.mark.parametrize("way", ["shared", "static", "fully static"])
def test_a_c_program_by_pkg_config(installed, full_digest, tmp_path, way):
    environment = {**os.environ, "PKG_CONFIG_PATH": str(installed / "lib" / "pkgconfig")}
    static = ["--static"] if way == "fully static" else []
    package = "fastlabel-static" if way == "static" else "fastlabel"
    flags = run(
        [tool("pkg-config"), *static, "--cflags", "--libs", package], env=environment
    ).split()
    more = {
        "shared": [f"-Wl,-rpath,{installed / 'lib'}"],
        "static": [],
        "fully static": ["-static"],
    }
    run([tool("cc"), "-std=c99", DIGEST, *flags, *more[way], "-o", tmp_path / "digest"])
    assert run([tmp_path / "digest"]) == full_digest


def test_every_tier_here_gives_the_same(installed, full_digest, tmp_path):
    environment = {**os.environ, "PKG_CONFIG_PATH": str(installed / "lib" / "pkgconfig")}
    ask = [tool("pkg-config"), "--cflags", "--libs", "fastlabel-static"]
    target = tmp_path / "digest"
    run([tool("cc"), "-std=c99", DIGEST, *run(ask, env=environment).split(), "-o", target])
    ran = []
    for tier in ("baseline", "v3", "v4", "sve"):
        done = subprocess.run([target, tier], capture_output=True, text=True)
        if done.returncode != 2:
            assert done.stdout == full_digest, tier
            ran.append(tier)
    assert "baseline" in ran


def test_names_inside_do_not_meet_those_of_a_program(installed, tmp_path):
    """A program of C++ with a namespace fl of its own, and a std::vector of its own making."""
    source = tmp_path / "own.cpp"
    source.write_text(
        "#include <fastlabel/fastlabel.h>\n#include <vector>\n"
        "namespace fl { int init_tier() { return 7; } int current_tier() { return 8; }\n"
        "int checked_mul(long, long, long*) { return 9; } }\n"
        "int main() { std::vector<double> out(1); const double b[4] = {0, 0, 2, 2};\n"
        "return fl_box_iou(b, 1, b, 1, out.data()) != FL_OK || out[0] != 1 ||\n"
        "fl::init_tier() + fl::current_tier() != 15; }\n"
    )
    archive = installed / "lib" / "libfastlabel.a"
    target = tmp_path / "own"
    run([tool("c++"), "-std=c++17", source, f"-I{installed / 'include'}", archive, "-o", target])
    run([target])


def test_a_wrong_profile_and_a_wrong_mix_are_told(tmp_path):
    for setting, message in (
        ("-DFASTLABEL_PROFILE=tiny", "it is full or edge"),
        ("-DFASTLABEL_PROFILE=edge;-DFASTLABEL_PYTHON=ON", "the C library alone"),
    ):
        command = [tool("cmake"), "-S", ROOT, "-B", tmp_path / "b", *setting.split(";")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode != 0
        assert message in " ".join(done.stderr.split())


@pytest.fixture(scope="module")
def device_builds(tmp_path_factory):
    """Give the folder of a build of the edge profile by a toolchain file, tests in it."""

    def build(toolchain: str, *settings: str) -> Path:
        folder = tmp_path_factory.mktemp(toolchain)
        file = ROOT / "cmake" / "toolchains" / f"{toolchain}.cmake"
        options = ["-DFASTLABEL_PROFILE=edge", f"-DCMAKE_TOOLCHAIN_FILE={file}", *settings]
        run([tool("cmake"), "-S", ROOT, "-B", folder, *options])
        run([tool("cmake"), "--build", folder, "-j", "2"])
        return folder

    return build


LINUX = {
    "aarch64-linux-gnu": ("aarch64-linux-gnu-gcc", "qemu-aarch64-static", "baseline sve"),
    "armhf-linux-gnueabihf": ("arm-linux-gnueabihf-gcc", "qemu-arm-static", "baseline"),
}


@pytest.mark.slow
@pytest.mark.parametrize("toolchain", LINUX)
def test_other_processors_give_the_same(device_builds, full_digest, tmp_path, toolchain):
    compiler, emulator, tiers = LINUX[toolchain]
    compiler, emulator = tool(compiler), tool(emulator)
    folder = device_builds(toolchain, "-DFASTLABEL_TESTS=ON")
    # Every tier against its scalar twin, and what the functions do on top of it.
    run(["ctest", "--test-dir", folder, "--output-on-failure", "--timeout", "600"])
    target = tmp_path / "digest"
    includes = f"-I{ROOT / 'csrc' / 'include'}"
    link = [folder / "libfastlabel.a", "-lstdc++", "-lm", "-static"]
    run([compiler, "-std=c99", "-DFL_PROFILE_EDGE", DIGEST, includes, *link, "-o", target])
    for tier in tiers.split():
        widths = range(1, 17) if tier == "sve" else (None,)
        for width in widths:  # of an SVE vector, in 128 bits
            cpu = ["-cpu", f"max,sve-max-vq={width}"] if width else []
            assert run([emulator, *cpu, target, tier], timeout=300) == full_digest, (tier, width)


@pytest.mark.slow
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7"])
def test_the_archive_for_a_microcontroller(device_builds, core):
    tool("arm-none-eabi-g++")
    folder = device_builds(core, "-DFASTLABEL_SIMD=OFF", "-DCMAKE_BUILD_TYPE=MinSizeRel")
    assert not list(folder.glob("libfastlabel.so*"))
    lines = run(["arm-none-eabi-nm", "-g", "--defined-only", folder / "libfastlabel.a"])
    shown = {line.split()[-1] for line in lines.splitlines() if len(line.split()) == 3}
    assert "fl_gate_rows" in shown
    assert all(name.startswith("fl_") for name in shown)


@pytest.mark.slow
def test_the_full_library_by_cmake_and_pkg_config(full_digest, tmp_path):
    build, target = tmp_path / "b", tmp_path / "installed"
    run([tool("cmake"), "-S", ROOT, "-B", build, f"-DCMAKE_INSTALL_PREFIX={target}"])
    run([tool("cmake"), "--build", build, "-j", "2"])
    run([tool("cmake"), "--install", build])
    environment = {**os.environ, "PKG_CONFIG_PATH": str(target / "lib" / "pkgconfig")}
    ask = [tool("pkg-config"), "--cflags", "--libs", "fastlabel-static"]
    flags = run(ask, env=environment).split()
    run([tool("cc"), "-std=c99", DIGEST, *flags, "-o", tmp_path / "digest"])
    assert run([tmp_path / "digest"]) == full_digest
    project = [f"-DCMAKE_PREFIX_PATH={target}", "-DCMAKE_BUILD_TYPE=Release"]
    run([tool("cmake"), "-S", EXAMPLES / "camera", "-B", tmp_path / "camera", *project])
    run([tool("cmake"), "--build", tmp_path / "camera"])
