"""``fastlabel explain``."""

from __future__ import annotations

import click


@click.command("explain", short_help="Say what a rule finds, why it matters and how to fix it.")
@click.argument("code")
def command(code: str) -> None:
    """Print the page of one rule, e.g. FL201 or out-of-bounds.

    What it finds, why that hurts a small model, the formula, the threshold and where it
    comes from, known false alarms, and the fix.
    """
    from ..rules import explain

    click.echo(explain(code), nl=False)
