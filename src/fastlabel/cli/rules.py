"""``fastlabel rules``."""

from __future__ import annotations

import json

import click


@click.command("rules", short_help="List all rules.")
@click.option(
    "--output-format",
    type=click.Choice(["full", "json"]),
    default="full",
    show_default=True,
    help="A table, or JSON for programs.",
)
def command(output_format: str) -> None:
    """List all rules: code, name, severity and what each finds."""
    from ..rules import RULES

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
            for r in RULES.values()
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(len(r.name) for r in RULES.values())
    for r in RULES.values():
        first = " ".join(r.what.split()).split(". ")[0].rstrip(".")
        click.echo(f"{r.code}  {r.name:<{width}}  {r.severity:<7}  {first}")
    click.echo("\nfastlabel explain CODE says more.")
