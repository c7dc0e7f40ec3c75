"""Rules of the user: what they are given, what they may say, and what is refused."""

from __future__ import annotations

import builtins
import importlib
import math
import re
import sys

import numpy as np
import pyarrow as pa
import pytest
import user_rules_module as user_rules

import fastlabel as fl
from fastlabel import schema
from fastlabel.config import Config, ConfigError
from fastlabel.dataset import Dataset
from fastlabel.rules import (
    RULES,
    Context,
    RuleError,
    UserRule,
    choose,
    collect,
    explain,
    load_modules,
    resolve,
    run,
    table_of,
    without_user_rules,
)
from fastlabel.rules import columns as rule_columns
from fastlabel.rules.compiled import _first_raising


def judged(b, *own, **given):
    """Findings of some rules alone, and what could not be judged."""
    ctx = b.context()
    rows = run(ctx, [r.code for r in own], rules=table_of(own), **given).to_pylist()
    return rows, ctx.unjudged


@pytest.fixture
def two(build):
    b = build()
    i, j = b.image("a.jpg", 640, 480), b.image("b.jpg", 100, 100, luma_mean=50.0)
    b.box(i, 0, 0, 60, 10)
    b.box(i, 0, 0, 10, 10)
    b.box(j, 10, 10, 90, 20, category="cat")
    b.box(j, 5, 5, 5, 5)
    return b


class TestFindings:
    def test_a_value_with_its_threshold_and_sentence(self, two):
        rows, unjudged = judged(two, user_rules.too_wide)
        assert unjudged == {}
        assert [(r["annotation_id"], r["image_id"], r["value"]) for r in rows] == [
            (0, 0, 6.0),
            (2, 1, 8.0),
        ]
        first = rows[0]
        assert (first["code"], first["severity"], first["score"]) == ("X001", "warning", 1.0)
        assert (first["threshold"], first["suggestion"]) == (5.0, "relabel")
        assert first["message"] == 'Box of class "thing" is 6.0 times as wide as high, over 5.'
        assert '"pointer": "/annotations/0"' in first["evidence"]

    def test_a_flag_about_images(self, two):
        (row,), _ = judged(two, user_rules.dim_image)
        assert (row["image_id"], row["annotation_id"], row["value"]) == (1, None, None)
        assert (row["severity"], row["message"], row["threshold"]) == ("info", "Dim image.", 60.0)

    def test_a_score_ranks_and_columns_of_the_image_are_those_of_the_box(self, two):
        two.box(0, 0, 0, 640, 10)
        rows, _ = judged(two, user_rules.large_share)
        assert [(r["annotation_id"], r["score"]) for r in rows] == [(4, 1.0), (2, 0.8)]
        assert rows[1]["message"] == '0.80 of 100 px, "b.jpg".'

    def test_thresholds_and_severity_come_from_the_configuration(self, two):
        two.config = Config(rules={"X001": {"max_ratio": 7, "severity": "error"}})
        rows, _ = judged(two, user_rules.too_wide)
        assert [(r["annotation_id"], r["severity"], r["threshold"]) for r in rows] == [
            (2, "error", 7.0)
        ]
        two.config = Config(rules={"X001": {"max_ratio": -1}})
        assert len(judged(two, user_rules.too_wide)[0]) == 3

    def test_thresholds_may_stand_anywhere(self, two):
        @fl.rule("X09", name="x", most=70, least=15, message="{least:g} {x2:g} {most:g}")
        def between(least, x2, most):
            return least < x2 < most

        rows, _ = judged(two, between)
        assert [(r["annotation_id"], r["message"]) for r in rows] == [(0, "15 60 70")]
        two.config = Config(rules={"X09": {"least": 4, "most": 50}})
        rows, _ = judged(two, between)
        assert [r["annotation_id"] for r in rows] == [1, 3]

    def test_they_stand_among_the_built_in_ones(self, two):
        own = collect([user_rules])
        table = run(two.context(), rules=table_of(own))
        codes = table["code"].to_pylist()
        assert {"X001", "X002", "FL202"} <= set(codes)
        assert codes.index("FL202") < codes.index("X001")
        assert codes.index("X001") < codes.index("X002")
        assert "X001" not in run(two.context())["code"].to_pylist()

    @pytest.mark.parametrize("chunks", [1, 3])
    def test_equal_to_numpy_over_many_rows(self, chunks):
        rng = np.random.default_rng(chunks)
        n = 300_000
        at, size = rng.uniform(0, 500, (n, 2)), rng.uniform(0, 90, (n, 2)).round(0)
        columns = dict(zip(("x1", "y1", "x2", "y2"), np.hstack([at, at + size]).T, strict=True))
        columns = {k: np.ascontiguousarray(v) for k, v in columns.items()}
        with np.errstate(all="ignore"):
            ratio = (columns["x2"] - columns["x1"]) / (columns["y2"] - columns["y1"])
            rows = np.flatnonzero(ratio > 5)
        known = rng.random(n) < 0.7
        found = user_rules.too_wide.judge(columns)
        np.testing.assert_array_equal(found.rows, rows)
        np.testing.assert_array_equal(found.values, ratio[rows])
        found = user_rules.too_wide.judge(columns, known=known, max_ratio=0)
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(found.rows, np.flatnonzero(known & (ratio > 0)))

    def test_the_columns_of_a_set_are_not_copied(self, two):
        ds = two.dataset()
        ctx = Context(ds, pa.Table.from_pylist(two.image_stats, schema=schema.IMAGE_STATS))
        for name in ("x1", "category_id", "image_id"):
            values, _ = rule_columns.find_column(name, "annotation").take(ctx)
            buffer = ds.annotations[name].chunk(0).buffers()[1]
            assert values.ctypes.data == buffer.address

    @pytest.mark.parametrize("scope", ["annotation", "image"])
    def test_every_column_can_be_used(self, build, scope):
        b = build()
        i = b.image(phash=2**63, orientation=6)
        full = {"area": 1.0, "crowd": False, "ignore": True, "difficult": False, "occlusion": 2}
        b.box(i, 1, 2, 3, 4, truncation=0.5, score=0.25, weight=1.0, **full)
        for name, column in rule_columns.columns_of(scope).items():
            values, known = column.take(b.context())
            assert values.dtype == column.dtype, name
            made = fl.rule("X09", name="x", scope=scope)
            space: dict = {}
            exec(f"def f({name}, least=0.0):\n    return {name} >= least", space)
            (row,), unjudged = judged(b, made(space["f"]))
            assert (row["code"], unjudged, known) == ("X09", {}, None), name

    @pytest.mark.parametrize("scope", ["annotation", "image"])
    def test_an_empty_set(self, build, scope):
        name = "x1" if scope == "annotation" else "width"
        space: dict = {}
        exec(f"def f({name}):\n    return {name} > 0", space)
        assert judged(build(), fl.rule("X09", name="x", scope=scope)(space["f"])) == ([], {})


class TestUnknown:
    def test_a_row_with_a_null_is_passed_over_and_counted(self, two):
        two.box(0, None, 0, 60, 10)
        two.box(0, 0, 0, 60, 10, stats={"sharpness": None})
        rows, unjudged = judged(two, user_rules.too_wide, user_rules.large_share)
        assert [r["annotation_id"] for r in rows if r["code"] == "X001"] == [0, 5, 2]
        assert unjudged == {"X001": 1, "Y10": 2}

    def test_unknown_images_make_their_boxes_unknown(self, two):
        two.image_stats[1]["luma_mean"] = None
        two.image_stats[0]["luma_mean"] = 10.0

        def f(x1, luma_mean):
            return luma_mean < 60

        rows, unjudged = judged(two, fl.rule("X09", name="x")(f))
        assert [r["annotation_id"] for r in rows] == [0, 1]
        assert unjudged == {"X09": 2}
        rows, unjudged = judged(two, user_rules.dim_image)
        assert ([r["image_id"] for r in rows], unjudged) == ([0], {"X002": 1})

    def test_an_image_of_unknown_size(self, build):
        b = build()
        i = b.image(width=None, height=None, size_source=None)
        b.box(i, 0, 0, 60, 10)
        rows, unjudged = judged(b, user_rules.large_share)
        assert (rows, unjudged) == ([], {"Y10": 1})
        b.image_stats[0] |= {"width": 100, "height": 80}
        rows, unjudged = judged(b, user_rules.large_share)
        assert ([r["value"] for r in rows], unjudged) == ([0.6], {})

    def test_without_box_stats_nothing_is_known_of_boxes(self, two):
        made = two.context()
        ctx = Context(made.ds, made.image_stats)
        table = run(ctx, ["Y10"], rules=table_of([user_rules.large_share]))
        assert (table.num_rows, ctx.unjudged) == (0, {"Y10": 4})

    def test_the_function_is_not_asked_about_unknown_rows(self, two):
        two.box(0, None, 0, 60, 10)

        def f(x1):
            if not x1 >= 0:
                raise ValueError("asked")
            return False

        assert judged(two, fl.rule("X09", name="x")(f)) == ([], {"X09": 1})

    def test_nan_of_the_source_is_a_value(self, build):
        b = build()
        b.box(b.image(), math.nan, 0, 1, 1)

        def f(x1):
            return math.isnan(x1)

        assert len(judged(b, fl.rule("X09", name="x")(f))[0]) == 1


def plain(x1):
    return x1 > 0


def test_rules_stay_callable_in_python():
    assert isinstance(user_rules.too_wide, UserRule)
    assert user_rules.too_wide(0, 0, 60, 10, max_ratio=1) == 6.0
    assert math.isnan(user_rules.too_wide(0, 0, 10, 10))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"code": "FL999"}, "FL is for the built-in rules"),
        ({"code": "x001"}, "capital letters"),
        ({"code": "X1"}, "two to four digits"),
        ({"code": "LONGER123"}, "one to four capital"),
        ({"name": "Too wide"}, "kebab-case"),
        ({"severity": "fatal"}, "expected one of error, warning, info"),
        ({"scope": "set"}, "expected one of annotation, image"),
        ({"suggestion": "delete"}, "expected one of review"),
        ({"message": "{x_1}"}, "did you mean 'x1'"),
        ({"message": "{x1:q}"}, "cannot be formatted"),
        ({"message": "{x1"}, "cannot be formatted"),
        ({"message": "{}"}, "names ''"),
        ({"message": "{x1.real}"}, "names 'x1.real'"),
        ({"limit": 3.0}, "no argument 'limit'"),
    ],
)
def test_bad_settings_of_a_rule(settings, said):
    with pytest.raises(RuleError, match=re.escape(said)):
        fl.rule(**{"code": "X09", "name": "x", **settings})(plain)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("x_1", "no column 'x_1'; did you mean 'x1'?"),
        ("sharpnes", "did you mean 'sharpness'?"),
        ("split", "column 'split' is not a number"),
        ("*rows", "without * before it"),
        ("limit=3", "no argument is a column"),
        ("", "no argument is a column"),
        ("x1, limit=None", "threshold 'limit' is None, expected a number"),
        ("x1, limit=True", "threshold 'limit' is True"),
        ("x1, limit=float('nan')", "expected a finite number"),
        ("x1, x2=3", "'x2' has a default"),
        ("x1, severity=3", "setting of all rules"),
    ],
)
def test_bad_arguments_of_a_function(arguments, said):
    space: dict = {}
    exec(f"def bad({arguments}):\n    return True", space)
    with pytest.raises(RuleError, match=re.escape(said)) as error:
        fl.rule("X09", name="x")(space["bad"])
    assert str(error.value).startswith("rule X09 (bad, <string>:1): ")


def test_columns_of_boxes_are_not_those_of_images():
    with pytest.raises(RuleError, match="use scope='annotation'"):
        fl.rule("X09", name="x", scope="image")(plain)
    with pytest.raises(RuleError, match="names 'category'"):
        fl.rule("X09", name="x", scope="image", message="{category}")(lambda width: width > 9)


def test_thresholds_have_one_default():
    def f(x1, least=1.0):
        return x1 > least

    with pytest.raises(RuleError, match="'least' is given two defaults"):
        fl.rule("X09", name="x", least=3)(f)


class TestCodes:
    def test_a_code_or_name_that_is_taken(self):
        other = fl.rule("X001", name="other")(lambda x1: x1 > 0)
        with pytest.raises(ConfigError, match="X001 other: the code is taken by X001 too-wide"):
            table_of([user_rules.too_wide, other])
        again = fl.rule("X009", name="too-wide")(lambda x1: x1 > 0)
        with pytest.raises(ConfigError, match="the name is taken by X001 too-wide"):
            table_of([user_rules.too_wide, again])
        with pytest.raises(ConfigError, match="the name is taken by FL401 blurry"):
            table_of([fl.rule("X009", name="blurry")(lambda x1: x1 > 0)])

    def test_two_functions_of_a_module_with_one_code(self):
        source = (
            "import fastlabel as fl\n"
            "@fl.rule('X50', name='a')\ndef one(x1):\n    return x1 > 0\n"
            "@fl.rule('X50', name='b')\ndef two(x1):\n    return x1 > 0\n"
        )
        with pytest.raises(RuleError, match=r"rule X50 \(two, <string>:5\): the code is taken by"):
            exec(source, {"__name__": "somewhere"})

    def test_a_module_read_again_has_its_rules_once(self):
        importlib.reload(user_rules)
        assert [r.code for r in collect([user_rules])] == ["X001", "X002", "Y10"]

    def test_a_name_used_twice_in_a_module_loses_no_rule(self):
        module = type(sys)("twice")
        source = "import fastlabel as fl\n" + "".join(
            f"@fl.rule('{code}', name='{code.lower()}')\ndef check(x1):\n    return x1 > 0\n"
            for code in ("X60", "X61")
        )
        exec(source, vars(module))
        assert [r.code for r in collect([module])] == ["X60", "X61"]

    def test_what_is_no_rule(self):
        with pytest.raises(TypeError, match="rules: got function"):
            collect([plain])
        with pytest.raises(TypeError, match="rules: got str"):
            collect(["mypkg.rules"])
        with pytest.raises(RuleError, match="module math has no rule"):
            collect([math])
        assert collect(user_rules.too_wide) == [user_rules.too_wide]

    def test_nothing_is_kept(self):
        before = dict(RULES)
        table_of([user_rules.too_wide])
        assert before == RULES and "X001" not in RULES

    def test_choosing_and_settings(self):
        table = table_of(collect([user_rules]))
        assert [r.code for r in choose("X", "X002", table)] == ["X001"]
        assert [r.code for r in choose("too-wide,FL202", None, table)] == ["FL202", "X001"]
        with pytest.raises(ConfigError, match="did you mean 'max_ratio'"):
            resolve(Config(rules={"X001": {"max_ratoi": 3}}), table)

    def test_the_page(self):
        page = explain("too-wide", table_of([user_rules.too_wide]))
        assert page.startswith("# X001 too-wide\n\nSeverity: warning. About: one box.")
        assert "Find boxes that are much wider than high." in page
        assert "too_wide(x1, y1, x2, y2, max_ratio = 5)" in page
        assert "[rules.X001]      # in fastlabel.toml\nmax_ratio = 5\n" in page
        assert "Known false alarms" not in page


# ---- compiling -----------------------------------------------------------------


class TestCompiling:
    def test_what_numba_cannot_compile_is_said_in_a_few_lines(self):
        def reads(x1):
            return print(file=x1) is not None

        with pytest.raises(RuleError) as error:
            fl.rule("X09", name="x")(reads).prepare()
        text = str(error.value)
        line = reads.__code__.co_firstlineno
        assert text.startswith(f"rule X09 (reads, {__file__}:{line}) cannot be compiled: ")
        assert f"(line {line + 1})" in text
        assert len(text) < 600 and "\n" not in text

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ("x1 + 'a'", "cannot be compiled"),
            ("unknown_name(x1)", "unknown_name"),
            ("None", "returns none"),
            ("str('wide')", "returns unicode_type"),
            ("1", "expected bool, a float"),
            ("(x1, x1, x1)", "expected bool, a float"),
            ("x1 if x1 > 2 else None", "return math.nan instead of None"),
        ],
    )
    def test_answers_that_are_none(self, body, said):
        space: dict = {}
        exec(f"def f(x1):\n    return {body}", space)
        with pytest.raises(RuleError, match=said) as error:
            fl.rule("X09", name="x")(space["f"]).prepare()
        assert "X09" in str(error.value)

    @pytest.mark.parametrize("word", ["value", "score"])
    def test_a_message_needs_what_the_function_returns(self, word):
        with pytest.raises(RuleError, match=f"the message names {{{word}}}"):
            fl.rule("X09", name="x", message=f"{{{word}}}")(plain).prepare()

    @pytest.mark.parametrize("row", [0, 255, 256, 70_000, 1_100_000])
    def test_an_exception_names_the_row(self, row):
        def f(x1, x2, luma_mean):
            if x1 == 7:
                raise ValueError("seven")
            return x1 > luma_mean

        n = 1_200_000
        x1 = np.zeros(n)
        x1[row] = x1[-1] = 7
        images = pa.Table.from_pylist(
            [{"image_id": 0, "file_name": "a.jpg", "path": "a.jpg"}], schema=schema.IMAGES
        )
        columns = {
            name: pa.nulls(n, schema.ANNOTATIONS.field(name).type)
            for name in schema.ANNOTATIONS.names
        }
        columns |= {
            "annotation_id": pa.array(np.arange(n)),
            "image_id": pa.array(np.zeros(n, np.int64)),
            "x1": pa.array(x1),
            "x2": pa.array(np.full(n, 2.5)),
        }
        annotations = pa.table(columns, schema=schema.ANNOTATIONS)
        ds = Dataset(
            images,
            annotations,
            schema.CATEGORIES.empty_table(),
            schema.PROBLEMS.empty_table(),
            None,
            "coco",
        )
        stats = pa.Table.from_pylist(
            [{"image_id": 0, "status": "ok", "luma_mean": 3.0}], schema=schema.IMAGE_STATS
        )
        made = fl.rule("X09", name="x")(f)
        with pytest.raises(RuleError) as error:
            run(Context(ds, stats), ["X09"], rules=table_of([made]))
        assert str(error.value).endswith(
            f'raised ValueError: seven for annotation {row} of "a.jpg" '
            "with x1=7.0, x2=2.5, luma_mean=3.0"
        )

    @pytest.mark.parametrize("rows", [1, 2, 3, 64, 100])
    def test_the_first_row_that_raises_is_found(self, rows):
        for start in (0, 7):
            for bad in range(rows):

                def ask(low, high, _, first=start + bad):
                    if low <= first < high:
                        raise ValueError

                assert _first_raising(ask, start, start + rows) == start + bad

    def test_boxes_of_images_that_are_not_there_are_not_read(self, two):
        ctx = two.context()
        bad = pa.array(np.array([0, 0, 1, 2]))
        at = schema.ANNOTATIONS.get_field_index("image_id")
        broken = ctx.ds.annotations.set_column(at, schema.ANNOTATIONS.field(at), bad)
        ds = Dataset(ctx.ds.images, broken, ctx.ds.categories, ctx.ds.problems, ctx.ds.root, "coco")
        with pytest.raises(ValueError, match=r"annotations\.image_id: got 0 to 2"):
            run(Context(ds, ctx.image_stats), ["Y10"], rules=table_of([user_rules.large_share]))

    def test_functions_compiled_by_the_user_and_called_by_the_rule(self, two):
        import numba

        @numba.njit
        def ratio(x1, y1, x2, y2):
            return (x2 - x1) / (y2 - y1 + 1e-9)

        @numba.njit
        def wide(x1, y1, x2, y2, most=5.0):
            return ratio(x1, y1, x2, y2) > most

        rows, _ = judged(two, fl.rule("X09", name="x")(wide))
        assert [r["annotation_id"] for r in rows] == [0, 2]

    def test_kernels_inside_a_rule(self, two):
        kernels = pytest.importorskip("fastlabel.numba")
        box_iou = kernels.box_iou

        def half_of_corner(x1, y1, x2, y2, least=0.5):
            box, corner, out = np.empty((1, 4)), np.empty((1, 4)), np.empty((1, 1))
            box[0, 0], box[0, 1], box[0, 2], box[0, 3] = x1, y1, x2, y2
            corner[0, 0], corner[0, 1], corner[0, 2], corner[0, 3] = 0.0, 0.0, 10.0, 10.0
            box_iou(box, corner, out)
            return out[0, 0] >= least

        rows, _ = judged(two, fl.rule("X09", name="x")(half_of_corner))
        assert [r["annotation_id"] for r in rows] == [1]

    def test_numba_absent(self, monkeypatch):
        real = builtins.__import__

        def absent(name, *args, **kwargs):
            if name.split(".")[0] == "numba":
                raise ImportError("no numba")
            return real(name, *args, **kwargs)

        made = fl.rule("X09", name="x")(plain)
        monkeypatch.setattr(builtins, "__import__", absent)
        with pytest.raises(ImportError, match=r"pip install 'fastlabel\[numba\]'"):
            made.prepare()


class TestJudge:
    good = {name: np.zeros(3) for name in ("x1", "y1", "x2", "y2")}  # noqa: RUF012

    @pytest.mark.parametrize(
        ("columns", "said"),
        [
            ({"x1": np.zeros(3)}, "'y1' is missing"),
            ({**good, "x2": np.zeros(3, np.float32)}, "got float32"),
            ({**good, "x2": np.zeros((3, 1))}, "one-dimensional"),
            ({**good, "x2": np.zeros(4)}, "got lengths [3, 4]"),
        ],
    )
    def test_bad_columns(self, columns, said):
        with pytest.raises(ValueError, match=re.escape(said)):
            user_rules.too_wide.judge(columns)

    def test_bad_images_and_thresholds(self):
        columns = {"x1": np.zeros(3), "x2": np.ones(3), "width": np.ones(2)}
        columns["box_sharpness"] = np.ones(3)
        judge = user_rules.large_share.judge
        assert len(judge(columns, [0, 1, 1]).rows) == 3
        with pytest.raises(ValueError, match="needs each box's image"):
            judge(columns)
        for image in ([0, 1, 2], [-1, 0, 0]):
            with pytest.raises(ValueError, match="image: got rows"):
                judge(columns, image)
        with pytest.raises(ValueError, match="got lengths"):
            judge(columns, [0, 1])
        with pytest.raises(ValueError, match="did you mean 'least'"):
            judge(columns, [0, 1, 1], lest=1.0)

    def test_strided_columns(self):
        rng = np.random.default_rng(0)
        boxes = rng.uniform(0, 100, (1000, 4))
        columns = dict(zip(("x1", "y1", "x2", "y2"), boxes.T, strict=True))
        whole = {name: column.copy() for name, column in columns.items()}
        judge = user_rules.too_wide.judge
        np.testing.assert_array_equal(judge(columns).rows, judge(whole).rows)


# ---- modules by name -----------------------------------------------------------

MODULE = """
import fastlabel as fl
@fl.rule("Z01", name="narrow")
def narrow(x1, x2, least=2.0):
    return x2 - x1 < least
"""


class TestModules:
    @pytest.fixture(autouse=True)
    def _forget(self, monkeypatch):
        before = set(sys.modules)
        yield
        for name in set(sys.modules) - before:
            if name.startswith("own_"):
                del sys.modules[name]

    def config(self, folder, *names):
        return Config(user_rules=names, source=folder / "fastlabel.toml")

    def test_from_the_folder_of_the_settings_and_the_current_one(self, tmp_path, monkeypatch):
        here, above = tmp_path / "a" / "b", tmp_path
        here.mkdir(parents=True)
        (above / "own_above").mkdir()
        (above / "own_above" / "rules.py").write_text(MODULE)
        (here / "own_here.py").write_text(MODULE.replace("Z01", "Z02"))
        monkeypatch.chdir(here)
        path = list(sys.path)
        found = load_modules(self.config(above, "own_above.rules", "own_here"))
        assert [r.code for r in found] == ["Z01", "Z02"]
        assert sys.path == path

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (None, "no module 'own_bad'"),
            ("import own_missing_too", r"cannot be imported: ModuleNotFoundError.*own_bad.py:1"),
            ("x = 1\n1 / 0", r"ZeroDivisionError: division by zero \(.*own_bad.py:2\)"),
            ("def f(:", "SyntaxError"),
            ("x = 1", "has no rule in it"),
            ("import fastlabel as fl\nfl.rule('FL1', name='x')", "own_bad: rule 'FL1'"),
        ],
    )
    def test_bad_modules(self, tmp_path, text, said):
        if text is not None:
            (tmp_path / "own_bad.py").write_text(text)
        with pytest.raises(RuleError, match=said):
            load_modules(self.config(tmp_path, "own_bad"))

    def test_settings_of_rules_that_were_not_loaded_are_left_out(self):
        config = Config(
            user_rules=("a",),
            select=("FL2", "X", "blurry"),
            ignore=("X001",),
            rules={"X001": {"max_ratio": 1}, "FL401": {}},
        )
        left = without_user_rules(config)
        assert (left.select, left.ignore) == (("FL2", "blurry"), ())
        assert list(left.rules) == ["FL401"]
        alone = Config(rules={"X001": {}})
        assert without_user_rules(alone) is alone


# ---- large ---------------------------------------------------------------------


@pytest.mark.slow
def test_ten_million_boxes(tmp_path):
    n, images = 10_000_000, 1000
    rng = np.random.default_rng(0)
    x1, y1 = rng.uniform(0, 1800, n), rng.uniform(0, 1000, n)
    columns = {
        name: pa.nulls(n, schema.ANNOTATIONS.field(name).type) for name in schema.ANNOTATIONS.names
    }
    x2 = x1 + rng.uniform(10, 100, n)
    x2[::100_000] = x1[::100_000] + 1000
    columns |= {
        "annotation_id": pa.array(np.arange(n)),
        "image_id": pa.array(np.arange(n) // (n // images)),
        "x1": pa.array(x1),
        "y1": pa.array(y1),
        "x2": pa.array(x2),
        "y2": pa.array(y1 + 20.0),
    }
    rows = [{"image_id": k, "file_name": f"{k}.jpg", "path": f"{k}.jpg"} for k in range(images)]
    ds = Dataset(
        pa.Table.from_pylist(rows, schema=schema.IMAGES),
        pa.table(columns, schema=schema.ANNOTATIONS),
        schema.CATEGORIES.empty_table(),
        schema.PROBLEMS.empty_table(),
        tmp_path,
        "coco",
    )
    made = fl.rule("X001", name="too-wide")(user_rules.too_wide.function)
    report = fl.check(ds, select=["X"], rules=[made])
    assert report.findings["annotation_id"].to_pylist() == list(range(0, n, 100_000))
    assert report.findings["value"].to_pylist() == pytest.approx([50.0] * 100)
