"""What a user installs: light imports, examples that run, nothing exported but fl_."""

from __future__ import annotations

import copy
import doctest
import importlib
import pkgutil
import shutil
import subprocess
import sys
from inspect import signature
from pathlib import Path

import pytest

import fastlabel
import fastlabel.sample
import fastlabel.tables


def modules():
    return sorted(
        name
        for _, name, _ in pkgutil.walk_packages(fastlabel.__path__, "fastlabel.")
        if not name.endswith(("_core", "__main__", "libfastlabel"))
    )


@pytest.fixture(scope="session")
def copied_sample(tmp_path_factory):
    """`make_sample` that draws each set once: a dozen examples begin with one."""
    drawn = {}

    def copied(folder, format="coco", seed=0):
        if (format, seed) not in drawn:
            root = tmp_path_factory.mktemp("drawn") / "set"
            drawn[format, seed] = root, fastlabel.sample.make_sample(root, format, seed)
        root, truth = drawn[format, seed]
        shutil.copytree(root, folder, dirs_exist_ok=True)
        return copy.deepcopy(truth)

    return copied


@pytest.mark.parametrize("name", ["fastlabel", *modules()])
def test_the_examples_in_the_docstrings_run(name, tmp_path, monkeypatch, copied_sample):
    monkeypatch.chdir(tmp_path)
    if name not in ("fastlabel", "fastlabel.sample"):
        monkeypatch.setattr(fastlabel, "make_sample", copied_sample)
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for example in finder.find(module, name, module=module):
        assert runner.run(example).failed == 0


def public():
    """(name, what it names) of all that is public."""
    for module in (fastlabel, fastlabel.tables):
        for name in module.__all__:
            if name != "__version__":
                yield name, getattr(module, name)


def test_every_public_name_has_a_docstring_with_its_parameters_and_an_example_that_runs():
    for name, value in public():
        assert value.__doc__, name
        if callable(value) and not isinstance(value, type):
            assert "Parameters\n" in value.__doc__ or not signature(value).parameters, name
            assert "Returns\n" in value.__doc__ or "Yields\n" in value.__doc__, name
            assert "Examples\n" in value.__doc__, name
            shown = doctest.DocTestParser().get_examples(value.__doc__)
            assert any(doctest.SKIP not in example.options for example in shown), name


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_import_loads_nothing_heavy():
    code = (
        "import sys, fastlabel; fastlabel.box_iou([[0,0,1,1]], [[0,0,1,1]]); "
        "print([m for m in ('pyarrow','cv2','matplotlib','lxml','yaml','jinja2','rich','click') "
        "if m in sys.modules])"
    )
    assert run_python(code).strip() == "[]"


def test_help_loads_no_image_library():
    code = (
        "import sys\nfrom fastlabel.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('pyarrow','cv2','matplotlib','lxml') if m in sys.modules])"
    )
    assert run_python(code).strip().endswith("[]")


@pytest.mark.parametrize("first", ["fastlabel.scan", "fastlabel.check", "fastlabel.cli.check"])
def test_functions_stay_functions_whatever_is_imported_first(first):
    code = (
        f"import {first}, fastlabel\nfrom fastlabel.scan import Limits\n"
        "from fastlabel.check import Report\n"
        "print(type(fastlabel.scan).__name__, type(fastlabel.check).__name__)"
    )
    assert run_python(code).split() == ["function", "function"]


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = fastlabel.no_such_thing
    assert set(fastlabel.__all__) <= set(dir(fastlabel))


def test_the_library_exports_the_c_abi_alone():
    from fastlabel import _core

    library = Path(_core.__file__).parent / "libfastlabel.so"
    done = subprocess.run(
        ["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip("nm is not on this machine")
    names = {line.split()[-1].split("@")[0] for line in done.stdout.splitlines() if line.strip()}
    assert "fl_scanner_create" in names
    assert {n for n in names if not n.startswith("fl_")} <= {"_init", "_fini"}


def test_versions_agree():
    from fastlabel import _core

    assert _core.version() == fastlabel.__version__
    assert _core.abi_version() == 1
    assert _core.jpeg_codec().startswith("libjpeg-turbo ")
