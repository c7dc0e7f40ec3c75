"""``fastlabel explain``."""

from __future__ import annotations

import click

from ._user_rules import allow_user_code, say_not_loaded, table


@click.command("explain", short_help="Say what a rule finds, why it matters and how to fix it.")
@click.argument("code")
@allow_user_code
def command(code: str, allow_user_code: bool) -> None:
    """Print the page of one rule, e.g. FL201 or out-of-bounds.

    What it finds, why that hurts a small model, the formula, the threshold and where it
    comes from, known false alarms, and the fix.
    """
    from ..config import ConfigError
    from ..rules import explain

    known, config = table(allow_user_code)
    try:
        page = explain(code, known)
    except ConfigError:
        if config.user_rules and not allow_user_code:
            say_not_loaded(config)
        raise
    click.echo(page, nl=False)
