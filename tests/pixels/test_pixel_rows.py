"""The benchmark's rows give the peers' answers."""

from __future__ import annotations

import importlib

import pytest

from fastlabel.bench.rows_pixels import ROWS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_peer_gives_our_answer(row):
    ours = row.run(*row.make())
    for peer in row.peers:
        for module in peer.needs:
            importlib.import_module(module)
        row.agree(ours, peer.run(*row.make()))
