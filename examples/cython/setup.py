"""Builds pairwise.pyx; nothing is linked, the calls go through fastlabel.kernels.

Run ``python setup.py build_ext --inplace``; it needs cython and setuptools.
"""

from Cython.Build import cythonize
from setuptools import Extension, setup

import fastlabel

extension = Extension("pairwise", ["pairwise.pyx"], include_dirs=[fastlabel.get_include()])
setup(name="pairwise", ext_modules=cythonize([extension]))
