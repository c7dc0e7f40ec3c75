"""``fastlabel rules``."""

from __future__ import annotations

import json

import click

from ._user_rules import allow_user_code, say_not_loaded, table


@click.command("rules", short_help="List all rules.")
@click.option(
    "--output-format",
    type=click.Choice(["full", "json"]),
    default="full",
    show_default=True,
    help="A table, or JSON for programs.",
)
@allow_user_code
def command(output_format: str, allow_user_code: bool) -> None:
    """List all rules: code, name, severity and what each finds."""
    known, config = table(allow_user_code)
    if config.user_rules and not allow_user_code:
        say_not_loaded(config)
    if output_format == "json":
        rows = [
            {
                "code": r.code,
                "name": r.name,
                "severity": r.severity,
                "scope": r.scope,
                "what": " ".join(r.what.split()),
                "params": dict(r.params),
            }
            for r in known.values()
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(len(r.name) for r in known.values())
    for r in known.values():
        first = " ".join(r.what.split()).split(". ")[0].rstrip(".")
        click.echo(f"{r.code}  {r.name:<{width}}  {r.severity:<7}  {first}")
    click.echo("\nfastlabel explain CODE says more.")
