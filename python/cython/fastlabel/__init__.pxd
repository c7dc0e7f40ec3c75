# Marks the folder as a package for `cimport fastlabel.kernels`.
