"""The command line: one thin module a command, loaded when it is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

try:
    import click
except ModuleNotFoundError:  # on a small device, where NumPy alone is installed
    print(
        "fastlabel: the commands need click, which is not installed (pip install click); "
        "`import fastlabel` works without it",
        file=sys.stderr,
    )
    raise SystemExit(2) from None

__all__ = ["main"]

#: Command -> (module, one line of help). The help page needs none of the modules.
_COMMANDS = {
    "check": "Audit a data set and write a health report.",
    "explain": "Say what a rule finds, why it matters and how to fix it.",
    "rules": "List all rules.",
    "dedup": "Find copies and near copies, and write the groups.",
    "stats": "Show the distributions of a data set, from its tables alone.",
    "diff": "Show how two data sets, or two versions of one, differ.",
    "scan": "Measure every image and write the columns as a table.",
    "ignore": "Turn boxes that cannot be learnt into ignore regions.",
    "split": "Deal a data set to train, val and test that no copy straddles.",
    "predict": "Run an ONNX detector over a data set.",
    "preprocess": "Write the recipe of a model's input, which the device reads too.",
    "parity": "Print the hash of a model's input, to hold against the device's.",
    "tile": "Cut pictures and their boxes into tiles, as a new data set.",
    "merge-tiles": "Make one set of boxes of predictions made on tiles.",
    "paste": "Paste shrunken objects onto other pictures, as a new data set.",
    "mix": "List the images of each epoch: easy ones first, harder later.",
    "augment": "Write a set with augmented copies of its images.",
    "corrupt": "Make seeded label errors, with a ledger, as a new set.",
    "gate": "Fit a camera's frame gate to the good images of a set.",
    "match": "Weigh images by how much they look like the deployment.",
    "negatives": "Add frames with no object in them, as a new data set.",
    "evaluate": "Score predictions against labels, as COCO does.",
    "evaluate-findings": "Score findings against planted errors.",
    "clean": "Write a plan of what could be done about the findings.",
    "apply": "Carry out a plan, in a new tree or in place.",
    "undo": "Take the last plan back that was applied to a tree.",
    "review": "Review findings on a local page, or in a labelling tool.",
    "lint-augment": "Judge augmentation settings of any trainer.",
    "calibrate": "Fit the scores of rules to what reviewers found.",
    "sandbox": "Try augmentation on a page in the browser.",
    "sample": "Draw a small labelled data set with planted faults.",
    "bench": "Measure the kernels on this machine, beside their peers.",
}


class _LazyGroup(click.Group):
    """Commands from their own modules, so that --help and explain load no image library."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f".{cmd_name.replace('-', '_')}", __name__).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from ..config import nearest

            raise click.UsageError(f"no command {args[0]!r}; {nearest(args[0], _COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 clean, 1 findings at or above --fail-on, 2 usage or unreadable input, "
    "130 interrupted.",
)
@click.version_option(package_name="fastlabel", message="fastlabel %(version)s")
def _group() -> None:
    """Find the ink drops in a labelled vision data set before a small model drinks them."""


def main(args: list[str] | None = None) -> Any:
    """Run the command line; the entry point of ``fastlabel``.

    Parameters
    ----------
    args : list of str, optional
        Arguments without the program's name; the process's own by default.
    """
    from ..config import ConfigError

    # What OpenCV would say about a file is in the file's own row; read when it is loaded.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    try:
        code = _group.main(args=args, prog_name="fastlabel", standalone_mode=False)
    except click.exceptions.Abort as stopped:  # what click makes of Ctrl-C; why is its cause
        code = _say(str(stopped.__cause__ or "") or "interrupted", 130)
    except KeyboardInterrupt:
        code = _say("interrupted; nothing was written", 130)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.exceptions.Exit as error:
        code = error.exit_code
    except (ConfigError, ImportError) as error:
        code = _say(str(error), 2)
    except BrokenPipeError:
        # The reader of our output went away (`fastlabel rules | head`): no error of ours.
        sys.stdout = None
        code = 0
    except Exception as error:
        code = _expected(error)
    sys.exit(code or 0)


def _expected(error: Exception) -> int:
    """Turn an error about the user's input into one line; others are ours and stay loud."""
    from ..dataset import DatasetError

    if isinstance(error, DatasetError):
        return _say(str(error), 2)
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        return _say(reason if error.filename is None else f"{error.filename}: {reason}", 2)
    raise error


def _say(text: str, code: int) -> int:
    try:
        from ..report.text import visible
    except ModuleNotFoundError:  # with click and little else, to say what else is missing
        text = text.encode("ascii", "backslashreplace").decode().replace("\n", " ")
    else:
        text = visible(text)
    # One line, whatever the names in it: they come from data and from the shell.
    click.echo(f"fastlabel: {text}", err=True)
    return code
