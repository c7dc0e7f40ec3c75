"""Where the parts for other programs lie: the C header, the library, the CMake package.

Loads nothing, so that ``python -m fastlabel --cmakedir`` answers at once.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

__all__ = ["answer", "get_cmake_dir", "get_include", "get_library_dir"]


def _installed() -> Path:
    # The native part's folder: in an editable install the .py files lie elsewhere.
    spec = find_spec("fastlabel._core")
    if spec is None or spec.origin is None:
        raise ImportError("fastlabel is not installed with its native part: pip install fastlabel")
    return Path(spec.origin).resolve().parent


def get_include() -> str:
    """Give the folder of ``fastlabel/fastlabel.h``, for a compiler's ``-I``.

    Returns
    -------
    str
        An absolute path.

    Examples
    --------
    >>> import os
    >>> import fastlabel as fl
    >>> os.path.exists(os.path.join(fl.get_include(), "fastlabel", "fastlabel.h"))
    True
    """
    return str(_installed() / "include")


def get_library_dir() -> str:
    """Give the folder of ``libfastlabel.so``, for a linker's ``-L`` and ``-rpath``.

    Returns
    -------
    str
        An absolute path.

    Examples
    --------
    >>> import os
    >>> import fastlabel as fl
    >>> "libfastlabel.so" in os.listdir(fl.get_library_dir())
    True
    """
    return str(_installed())


def get_cmake_dir() -> str:
    """Give the folder of ``fastlabelConfig.cmake``, for ``find_package(fastlabel PATHS ...)``.

    Returns
    -------
    str
        An absolute path.

    Examples
    --------
    >>> import os
    >>> import fastlabel as fl
    >>> "fastlabelConfig.cmake" in os.listdir(fl.get_cmake_dir())
    True
    """
    return str(_installed() / "cmake")


def _get_includes() -> str:
    return f"-I{get_include()}"


def _get_pkgconfig_dir() -> str:
    return str(_installed() / "pkgconfig")


_ANSWERS = {
    "--cmakedir": get_cmake_dir,
    "--includes": _get_includes,
    "--libdir": get_library_dir,
    "--pkgconfigdir": _get_pkgconfig_dir,
}


def answer(arguments: list[str]) -> str | None:
    """Say what ``python -m fastlabel`` prints for these arguments; None: it is no such question.

    Parameters
    ----------
    arguments : list of str
        What follows ``python -m fastlabel``.

    Returns
    -------
    str or None
        One line for each of ``--cmakedir``, ``--includes`` (with ``-I``), ``--libdir`` and
        ``--pkgconfigdir``.
    """
    if not arguments or any(word not in _ANSWERS for word in arguments):
        return None
    return "\n".join(_ANSWERS[word]() for word in arguments)
