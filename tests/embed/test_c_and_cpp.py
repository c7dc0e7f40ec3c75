"""The examples in C and C++, built as a newcomer would and held against NumPy's answer."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from building import EXAMPLES, ROOT, run, tool, where


def lines_of(array: np.ndarray) -> str:
    return "\n".join(" ".join(f"{v:.17g}" for v in row) for row in array) + "\n"


def nms_by_numpy(boxes, scores, threshold, iou_by_numpy):
    left = np.argsort(-scores, kind="stable")
    iou = iou_by_numpy(boxes, boxes)
    keep = []
    while left.size:
        best, left = left[0], left[1:]
        keep.append(int(best))
        left = left[iou[best, left] <= threshold]
    return keep


def test_the_c_program(random_boxes, iou_by_numpy, tmp_path):
    source = EXAMPLES / "c" / "iou.c"
    body = source.read_text().split("*/")[1]
    assert len([line for line in body.splitlines() if line.strip()]) <= 20
    includes, lib = where("--includes", "--libdir")
    flags = ["-O2", "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror"]
    link = [f"-L{lib}", "-lfastlabel", f"-Wl,-rpath,{lib}", "-o", tmp_path / "iou"]
    run([tool("cc"), *flags, source, includes, *link])
    boxes = random_boxes(40, 5)
    printed = run([tmp_path / "iou"], input=lines_of(boxes))
    got = np.array([line.split() for line in printed.splitlines()], float)
    np.testing.assert_allclose(got, iou_by_numpy(boxes, boxes), rtol=1e-14, atol=0)


def test_the_c_program_by_pkg_config(tmp_path):
    (folder,) = where("--pkgconfigdir")
    environment = {**os.environ, "PKG_CONFIG_PATH": folder}
    flags = run([tool("pkg-config"), "--cflags", "--libs", "fastlabel"], env=environment).split()
    (lib,) = where("--libdir")
    target = tmp_path / "iou"
    run([tool("cc"), EXAMPLES / "c" / "iou.c", *flags, f"-Wl,-rpath,{lib}", "-o", target])
    assert run([target], input="0 0 10 10\n5 0 15 10\n").split()[1].startswith("0.3333333")


def build(tmp_path: Path, *settings: str) -> Path:
    ninja = shutil.which("ninja") or shutil.which("ninja", path=str(Path(sys.executable).parent))
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"] if ninja else []
    cmake = tool("cmake")
    run([cmake, "-S", EXAMPLES / "cpp", "-B", tmp_path / "build", *generator, *settings])
    run([cmake, "--build", tmp_path / "build", "--target", "suppress"])
    return tmp_path / "build"


def check_suppress(program: Path, random_boxes, iou_by_numpy) -> None:
    boxes = random_boxes(200, 6, extent=300)
    scores = np.random.default_rng(6).random(200).round(2)  # with equal ones
    printed = run([program], input=lines_of(np.column_stack([boxes, scores])))
    expected = nms_by_numpy(boxes, scores, 0.5, iou_by_numpy)
    assert [int(line) for line in printed.split()] == expected
    assert 10 < len(expected) < 200


def test_the_cpp_program_by_find_package(random_boxes, iou_by_numpy, tmp_path):
    (folder,) = where("--cmakedir")
    program = build(tmp_path, f"-Dfastlabel_DIR={folder}") / "suppress"
    check_suppress(program, random_boxes, iou_by_numpy)


def test_find_package_takes_the_folder_as_a_path(tmp_path):
    (folder,) = where("--cmakedir")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.24)\nproject(p LANGUAGES NONE)\n"
        f"find_package(fastlabel REQUIRED PATHS {folder} NO_DEFAULT_PATH)\n"
        "get_target_property(where fastlabel::fastlabel LOCATION)\n"
        'message(STATUS "at ${where} version ${fastlabel_VERSION}")\n'
        "find_package(fastlabel 9.0 QUIET PATHS ${folder})\n"
    )
    printed = run([tool("cmake"), "-S", tmp_path, "-B", tmp_path / "b"])
    (lib,) = where("--libdir")
    assert f"at {lib}/libfastlabel.so version 0.1.0" in printed


PARENT = """
cmake_minimum_required(VERSION 3.24)
project(parent LANGUAGES C CXX)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_FLAGS_RELEASE "-O1")
get_cmake_property(before VARIABLES)
foreach(name IN LISTS before)
  set(was_${name} "${${name}}")
endforeach()
add_subdirectory(@ROOT@ fastlabel)
foreach(name IN LISTS before)
  if(name MATCHES "^CMAKE_(CXX|C|POSITION|VISIBILITY|BUILD_TYPE|INSTALL)")
    if(NOT "${was_${name}}" STREQUAL "${${name}}")
      message(SEND_ERROR "${name} was '${was_${name}}' and is '${${name}}'")
    endif()
  endif()
endforeach()
get_property(targets DIRECTORY @ROOT@ PROPERTY BUILDSYSTEM_TARGETS)
message(STATUS "targets ${targets}")
get_property(options TARGET fastlabel PROPERTY INTERFACE_COMPILE_OPTIONS)
message(STATUS "handed on <${options}>")
get_property(tests DIRECTORY @ROOT@ PROPERTY TESTS)
message(STATUS "tests <${tests}>")
"""


def test_as_a_subdirectory_it_leaves_the_parent_alone(tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(PARENT.replace("@ROOT@", str(ROOT)))
    # As if the parent were itself built into a wheel: that makes no module of ours.
    printed = run([tool("cmake"), "-S", tmp_path, "-B", tmp_path / "b", "-DSKBUILD=2"])
    assert "handed on <>" in printed
    assert "tests <>" in printed
    targets = printed.split("targets ")[1].split("\n")[0].split(";")
    assert "fastlabel" in targets
    assert all(name.startswith("fastlabel") for name in targets), targets
    installs = (tmp_path / "b" / "fastlabel" / "cmake_install.cmake").read_text()
    assert "libfastlabel" not in installs
    assert "CMAKE_BUILD_TYPE:STRING=\n" in (tmp_path / "b" / "CMakeCache.txt").read_text()


@pytest.mark.slow
def test_the_cpp_program_with_the_sources_as_a_subdirectory(random_boxes, iou_by_numpy, tmp_path):
    folder = build(tmp_path, f"-DFASTLABEL_SOURCE={ROOT}")
    check_suppress(folder / "suppress", random_boxes, iou_by_numpy)
    assert not list(folder.rglob("*_core*.so"))


@pytest.mark.slow
def test_a_system_install_is_found_and_can_be_moved(random_boxes, iou_by_numpy, tmp_path):
    cmake = tool("cmake")
    run([cmake, "-S", ROOT, "-B", tmp_path / "b", f"-DCMAKE_INSTALL_PREFIX={tmp_path / 'first'}"])
    run([cmake, "--build", tmp_path / "b", "-j", "2"])
    run([cmake, "--install", tmp_path / "b"])
    moved = tmp_path / "second"
    (tmp_path / "first").rename(moved)
    assert (moved / "include" / "fastlabel" / "fastlabel.h").is_file()
    program = build(tmp_path, f"-DCMAKE_PREFIX_PATH={moved}") / "suppress"
    check_suppress(program, random_boxes, iou_by_numpy)
    library = next(moved.rglob("libfastlabel.so"))
    assert (
        str(tmp_path / "first") not in run(["strings", library]) if shutil.which("strings") else 1
    )
