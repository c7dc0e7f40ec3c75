"""fastlabel.h: compiles everywhere, and is the same surface as library, kernels and numba have."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastlabel as fl
from fastlabel import _core, kernels

ROOT = Path(__file__).resolve().parents[2]
HEADERS = Path(fl.get_include()) / "fastlabel"


def surface() -> str:
    """fastlabel.h with the parts it includes."""
    parts = re.findall(r'#include "fastlabel/(\w+\.h)"', (HEADERS / "fastlabel.h").read_text())
    assert parts
    return "\n".join((HEADERS / part).read_text(encoding="utf-8") for part in parts)


def declared() -> set[str]:
    code = re.sub(r"/\*.*?\*/", "", surface(), flags=re.DOTALL)
    return set(re.findall(r"^FL_API\b[^;(]*?\b(\w+)\s*\(", code, flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("compiler", "language", "standard"),
    [("cc", "c", "c11"), ("cc", "c", "c17"), ("c++", "c++", "c++17"), ("c++", "c++", "c++20")],
)
def test_the_header_compiles_without_a_warning(compiler, language, standard, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not on this machine")
    source = tmp_path / "alone.txt"
    source.write_text(
        "#include <fastlabel/fastlabel.h>\nint main(void) { return fl_abi_version() == 0; }\n"
    )
    flags = ["-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Werror", "-fsyntax-only"]
    command = [compiler, "-x", language, f"-std={standard}", *flags, f"-I{fl.get_include()}"]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_installed_headers_are_the_sources():
    sources = sorted((ROOT / "csrc" / "include" / "fastlabel").glob("*.h"))
    assert [p.name for p in sources] == sorted(p.name for p in HEADERS.glob("*.h"))
    for source in sources:
        assert (HEADERS / source.name).read_bytes() == source.read_bytes()


def test_the_library_exports_what_the_header_declares_and_nothing_else():
    if shutil.which("nm") is None:
        pytest.skip("nm is not on this machine")
    library = Path(fl.get_library_dir()) / "libfastlabel.so"
    done = subprocess.run(
        ["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True, check=True
    )
    exported = {line.split()[-1].split("@")[0] for line in done.stdout.splitlines() if line.strip()}
    assert exported - {"_init", "_fini"} == declared()
    assert all(name.startswith("fl_") for name in declared())


def test_cython_and_numba_have_every_function_of_the_header():
    names = {name.removeprefix("fl_") for name in declared()}
    assert set(kernels.__pyx_capi__) == names
    pytest.importorskip("numba")
    import fastlabel.numba

    assert {f"fl_{name}" for name in names} <= set(vars(fastlabel.numba))


def test_the_cython_files_are_written_from_this_header():
    script = ROOT / "tools" / "write_kernels.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_option_structs_begin_with_their_size():
    bodies = re.findall(r"typedef struct \w+ \{([^}]*)\} (\w+_options);", surface())
    assert bodies
    for body, name in bodies:
        code = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)
        assert code.split(";")[0].split() == ["size_t", "struct_size"], name


def test_the_parts_are_where_python_says_and_nothing_heavy_is_loaded_to_say_it():
    ask = ["--includes", "--libdir", "--cmakedir", "--pkgconfigdir"]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "fastlabel", *ask],
        capture_output=True,
        text=True,
        check=True,
    )
    includes, lib, cmake, pkgconfig = done.stdout.splitlines()
    assert (Path(includes.removeprefix("-I")) / "fastlabel" / "fastlabel.h").is_file()
    assert (Path(lib) / "libfastlabel.so").is_file()
    assert (Path(cmake) / "fastlabelConfig.cmake").is_file()
    assert (Path(pkgconfig) / "fastlabel.pc").is_file()
    loaded = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"numpy", "click", "pyarrow", "fastlabel._core", "fastlabel.kernels"}


def test_other_arguments_go_to_the_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "fastlabel", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"fastlabel {fl.__version__}"
    done = subprocess.run(
        [sys.executable, "-m", "fastlabel", "--includes", "x"], capture_output=True, text=True
    )
    assert done.returncode == 2


def test_importing_fastlabel_loads_neither_kernels_nor_numba():
    code = (
        "import sys, fastlabel; fastlabel.box_iou([[0, 0, 1, 1]], [[0, 0, 1, 1]]); "
        "print([m for m in ('fastlabel.kernels', 'numba', 'llvmlite') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_modules_find_the_library_beside_them():
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not on this machine")
    for module in (_core, kernels):
        done = subprocess.run(
            ["readelf", "-d", module.__file__], capture_output=True, text=True, check=True
        )
        path = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", done.stdout)
        assert path == ["$ORIGIN"], module
        assert Path(module.__file__).parent == Path(fl.get_library_dir())


def test_one_copy_of_the_library_serves_every_door():
    """The tier chosen in Python is the tier of compiled code: there is one dispatch state."""
    pytest.importorskip("numba")
    code = (
        "import fastlabel.numba, fastlabel._core\n"
        "maps = open('/proc/self/maps').read().splitlines()\n"
        "print(len({line.split()[-1] for line in maps if 'libfastlabel' in line}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
