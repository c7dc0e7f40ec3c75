"""What classes are like, by their names."""

from __future__ import annotations

import tomllib
from importlib import resources

import pytest

from fastlabel.config import ConfigError
from fastlabel.lint.classes import TRAITS, ClassTable, words


def traits(name: str) -> list[str]:
    return [t.name for t in ClassTable().traits(name)]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("traffic light", ["colour"]),
        ("exit sign", ["text"]),
        ("person", []),
        ("raccoon", []),
        ("TrafficLight_red", ["colour"]),
        ("traffic-light.green", ["colour"]),
        ("TRAFFIC LIGHT", ["colour"]),
        ("turnLeft", ["direction"]),
        ("arrow_right", ["direction"]),
        ("number plate", ["text"]),
        ("book", ["lettering"]),
        ("stop sign", ["text"]),
        ("wire", ["colour"]),
        # another language each
        ("Verkehrsampel", ["colour"]),
        ("gruenes Licht", ["colour"]),
        ("grünes Licht", ["colour"]),
        ("Ortsschild", ["text"]),
        ("Linkspfeil", ["direction"]),
        ("feu tricolore", ["colour"]),
        ("Panneau", ["text"]),
        ("Señal de tráfico", ["text"]),
        ("semaforo", ["colour"]),
        ("freccia", ["direction"]),
        ("placa", ["text"]),
        ("verkeersbord", ["text"]),
        ("znak drogowy", ["text"]),
        ("kırmızı", ["colour"]),
        ("Светофор", ["colour"]),
        ("дорожный знак", ["text"]),
        ("红绿灯", ["colour"]),
        ("左转", ["direction"]),
        ("車牌", ["text"]),
        ("信号機", ["colour"]),
        ("왼쪽 화살표", ["direction"]),
        ("ट्रैफिक लाइट", ["colour"]),
        ("إشارة المرور", ["colour"]),
        # words that only begin or end like one
        ("leftover", []),
        ("design", []),
        ("redwood", []),
        ("Führerschein", []),
        ("fire hydrant", []),
        ("fire", ["colour"]),
        ("", []),
        ("\x1b[31m", []),
    ],
)
def test_names(name, wanted):
    assert traits(name) == wanted


def test_every_list_is_of_known_traits_and_has_no_doubles():
    text = resources.files("fastlabel.lint").joinpath("classes.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    assert tuple(table) == TRAITS
    assert len({language for lists in table.values() for language in lists}) == 15
    for trait, lists in table.items():
        for language, names in lists.items():
            keys = [" ".join(words(name)) + name.strip("abcdefghijklmnopqrstuvwxyz ")[:1]
                    for name in names]  # fmt: skip
            assert len(set(keys)) == len(keys), (trait, language)
            for name in names:
                example = name.strip("=*")
                assert trait in traits(example), (trait, language, name)


class TestOwnTable:
    def test_it_is_all_there_is_of_a_class(self):
        table = ClassTable.from_table(
            {"Exit Sign": [], "valve": "colour", "hand": ["direction", "text"]}
        )
        assert table.traits("exit_sign") == []
        assert [t.name for t in table.traits("VALVE")] == ["colour"]
        assert [t.name for t in table.traits("hand")] == ["direction", "text"]
        assert [t.name for t in table.traits("traffic light")] == ["colour"]
        assert table.traits("valve")[0].reason("valve") == "colour, by your table"

    @pytest.mark.parametrize(
        ("table", "said"),
        [
            ({"valve": ["color"]}, "did you mean 'colour'"),
            ({"valve": 3}, "expected a list"),
            ({"valve": [3]}, "expected a list"),
            ({"--": []}, "no class name"),
            ([], "expected a table"),
        ],
    )
    def test_what_cannot_be_used(self, table, said):
        with pytest.raises(ConfigError, match=said):
            ClassTable.from_table(table)


def test_a_name_of_any_length_is_read_in_no_time():
    assert traits("left " * 100_000) == ["direction"]
