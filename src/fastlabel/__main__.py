"""``python -m fastlabel`` is the same as the ``fastlabel`` command."""

from .cli import main

main()
