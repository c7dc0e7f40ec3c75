"""``python -m fastlabel`` is the same as the ``fastlabel`` command.

It also tells compilers where the header, the library and the CMake package are:
``--includes``, ``--libdir``, ``--cmakedir``, ``--pkgconfigdir``.
"""

import sys

from ._embed import answer

line = answer(sys.argv[1:])
if line is not None:
    print(line)
else:
    from .cli import main

    main()
