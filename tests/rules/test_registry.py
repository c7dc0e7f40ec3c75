"""The table of rules: complete, choosable, configurable, and the same every time."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import fastlabel.rules
from fastlabel import schema
from fastlabel.config import Config, ConfigError
from fastlabel.rules import RULES, Context, choose, explain, resolve, run

WANTED = """
FL001 unreadable, FL002 truncated, FL003 extension-lies, FL004 missing-image, FL005 path-escape,
FL006 over-limit, FL007 exif-rotated, FL101 missing-label, FL102 unknown-category,
FL103 duplicate-id, FL104 size-mismatch, FL105 malformed-row, FL106 boxes-and-polygons-mixed,
FL107 orphan-annotation, FL108 unused-category, FL201 out-of-bounds, FL202 degenerate,
FL203 swapped-corners, FL204 duplicate-box, FL205 clashing-classes, FL206 aspect-ratio-outlier,
FL207 size-outlier, FL208 non-finite, FL301 below-target-pixels, FL302 tiny-at-1080p,
FL401 blurry, FL402 dark, FL403 bright, FL404 low-contrast, FL405 noisy, FL406 blurry-box,
FL407 blank, FL501 exact-duplicate, FL502 near-duplicate, FL503 cross-split-duplicate,
FL504 same-image-different-labels, FL601 class-imbalance, FL602 no-small-targets,
FL603 no-night-images, FL604 no-negatives, FL605 class-missing-in-split,
FL606 difficulty-mix, FL701 unlabelled-object,
FL702 spurious-label, FL703 wrong-class, FL704 loose-or-tight-box, FL705 split-or-merged,
FL706 unsure-region, FL707 misplaced-box, FL708 neighbours-disagree,
FL801 scene-mismatch, FL802 uncovered-deployment, FL901 rotation-too-far,
FL902 colour-is-the-class, FL903 mirrored-class, FL904 mixed-pictures, FL905 pushed-under-stride,
FL906 unlike-the-reference, FL907 tightness-lost
"""


def test_codes_and_names_are_the_published_ones():
    published = dict(entry.split() for entry in WANTED.replace("\n", " ").split(","))
    assert {code: r.name for code, r in RULES.items()} == published
    assert list(RULES) == sorted(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda r: r.code)
class TestPages:
    def test_every_part_of_the_page_is_written(self, rule):
        page = explain(rule.code)
        for title in (
            "What it finds",
            "Why it hurts a small model",
            "Formula",
            "Threshold, and where it comes from",
            "Known false alarms",
            "Fix",
            "Settings",
        ):
            body = page.split(f"## {title}\n\n")[1].split("\n\n## ")[0]
            assert len(body) > 8
        for text in (rule.what, rule.why, rule.fix):
            assert len(text) > 40
        assert page.startswith(f"# {rule.code} {rule.name}\n")

    def test_every_threshold_is_explained_with_its_default(self, rule):
        said = rule.formula + rule.threshold
        for name, value in rule.params.items():
            assert f"`{name}`" in said
            assert re.search(rf"`{name}`\s+=\s+{value:g}(?![\d])", said), f"{name} = {value:g}"

    def test_the_settings_of_the_page_are_valid_and_are_the_defaults(self, rule):
        block = explain(rule.code).split("```toml\n")[1].split("```")[0]
        rules = tomllib.loads(block)["rules"]
        assert resolve(Config(rules=rules))[rule.code] == (rule.severity, rule.params)

    def test_lines_are_short_enough_for_a_terminal(self, rule):
        assert max(map(len, explain(rule.code).splitlines())) <= 100

    def test_severity_and_scope(self, rule):
        assert rule.severity in schema.SEVERITIES
        assert rule.scope in ("image", "annotation", "set")


@pytest.mark.parametrize("name", ["FL204", "fl204", " duplicate-box ", "Duplicate-Box"])
def test_explain_takes_codes_and_names(name):
    assert explain(name) == explain("FL204")


@pytest.mark.parametrize(
    ("name", "hint"), [("FL2O4", "FL204"), ("duplicate-boxes", "duplicate-box")]
)
def test_explain_names_the_nearest_rule(name, hint):
    with pytest.raises(ConfigError, match=hint):
        explain(name)


class TestChoose:
    @pytest.mark.parametrize(
        ("select", "ignore", "expected"),
        [
            (["FL50"], None, ["FL501", "FL502", "FL503", "FL504"]),
            ("FL503,FL3", None, ["FL301", "FL302", "FL503"]),
            (["fl5"], ["FL503"], ["FL501", "FL502", "FL504"]),
            (["FL503"], ["FL5"], []),
            (["blurry", "FL402"], None, ["FL401", "FL402"]),
            ([], None, []),
        ],
    )
    def test_prefixes(self, select, ignore, expected):
        assert [r.code for r in choose(select, ignore)] == expected

    def test_all_and_all_but(self):
        assert len(choose()) == len(RULES)
        assert len(choose(None, "FL4")) == len(RULES) - 7

    @pytest.mark.parametrize("bad", ["FLX", "FL2041", "blury", "", "FL20,"])
    def test_what_matches_nothing_is_an_error_that_names_it(self, bad):
        with pytest.raises(ConfigError, match=re.escape(repr(bad.split(",")[-1]))):
            choose(bad)
        with pytest.raises(ConfigError, match="ignore"):
            choose(None, [bad])

    def test_the_nearest_name_is_offered(self):
        with pytest.raises(ConfigError, match="did you mean 'blurry'"):
            choose("blury")


class TestConfiguration:
    def dark(self, build, **rule):
        b = build()
        b.image(luma_mean=40.0)
        b.config = Config(rules={"FL402": rule} if rule else {})
        return b

    def test_thresholds_are_overridden(self, build):
        assert self.dark(build).run("FL402") == []
        (row,) = self.dark(build, min_mean=45).run("FL402")
        assert row["threshold"] == 45.0

    def test_severity_is_overridden_for_all_findings_of_the_rule(self, build):
        (row,) = self.dark(build, min_mean=45, severity="error").run("FL402")
        assert row["severity"] == "error"
        b = build()
        b.config = Config(rules={"FL201": {"severity": "info"}})
        i = b.image()
        b.box(i, -1, 10, 100, 100)
        b.box(i, -500, 10, 100, 100)
        assert [r["severity"] for r in b.run("FL201")] == ["info", "info"]

    @pytest.mark.parametrize(
        ("rules", "said"),
        [
            ({"FL999": {}}, "FL999"),
            ({"FL402": {"min_maen": 3}}, "did you mean 'min_mean'"),
            ({"FL402": {"min_mean": "3"}}, "expected a number"),
            ({"FL402": {"min_mean": True}}, "expected a number"),
            ({"FL402": {"min_mean": -1}}, "0 or more"),
            ({"FL402": {"min_mean": float("nan")}}, "finite"),
            ({"FL402": {"min_mean": float("inf")}}, "finite"),
            ({"FL402": {"severity": "fatal"}}, "error, warning, info"),
        ],
    )
    def test_bad_settings_name_the_file_and_the_key(self, build, rules, said):
        b = build()
        b.config = Config(rules=rules, source=Path("fastlabel.toml"))
        with pytest.raises(ConfigError, match=said) as error:
            run(b.context())
        assert "fastlabel.toml: rules.FL" in str(error.value)

    def test_select_and_ignore_of_the_configuration_hold_unless_given(self, build):
        b = build()
        b.image(luma_mean=1.0, luma_std=1.0)
        b.config = Config(select=("FL4",), ignore=("FL407",))

        def found(**given):
            return run(b.context(), **given)["code"].to_pylist()

        assert found() == ["FL402"]
        assert found(ignore=[]) == ["FL402", "FL407"]
        assert found(select="FL407", ignore=[]) == ["FL407"]

    @pytest.mark.parametrize("key", ["select", "ignore"])
    def test_unknown_codes_of_the_configuration_are_errors(self, build, key):
        b = build()
        b.config = Config(**{key: ("FLX",)}, source=Path("x.toml"))
        with pytest.raises(ConfigError, match=f"x.toml: {key}: no rule matches 'FLX'"):
            run(b.context())


def faulty(build, format="coco"):
    """Many faults of many rules, in many images."""
    rng = np.random.default_rng(11)
    b = build(format)
    for k in range(60):
        i = b.image(
            split=["train", "val", None][k % 3],
            luma_mean=float(rng.uniform(5, 250)),
            acutance=float(rng.uniform(0.05, 0.9)),
            orientation=int(rng.integers(1, 9)),
            content_hash=f"{int(rng.integers(30)):032x}",
            bytes=5,
            status=str(rng.choice(schema.STATUSES)),
            state=str(rng.choice(schema.LABEL_STATES)),
        )
        for _ in range(8):
            x, y = rng.uniform(-20, 600, 2).tolist()
            w, h = rng.uniform(-2, 80, 2).tolist()
            b.box(i, x, y, x + w, y + h, category=f"c{rng.integers(4)}")
    for kind in schema.PROBLEM_KINDS:
        b.problem(kind, file="f", value="v")
    return b


class TestRun:
    def test_worst_first(self, build):
        rows = faulty(build).run()
        rank = {s: k for k, s in enumerate(schema.SEVERITIES)}

        def key(r):
            return (
                rank[r["severity"]],
                r["image_id"] is not None,
                r["code"],
                -r["score"],
                -1 if r["image_id"] is None else r["image_id"],
                -1 if r["annotation_id"] is None else r["annotation_id"],
            )

        keys = [key(r) for r in rows]
        assert keys == sorted(keys)
        assert len({r["code"] for r in rows}) > 20

    def test_the_same_bytes_every_time_and_for_any_order_of_measurements(self, build):
        b = faulty(build)
        ctx = b.context()
        first = run(ctx)
        order = np.random.default_rng(0).permutation(len(b.image_stats))
        boxes = np.random.default_rng(1).permutation(len(b.box_stats))
        again = Context(
            ctx.ds,
            ctx.image_stats.take(pa.array(order)),
            ctx.box_stats.take(pa.array(boxes)),
        )
        assert run(again).equals(first)
        assert run(b.context()).equals(first)

    def test_chunked_tables_give_the_same(self, build):
        ctx = faulty(build).context()
        pieces = pa.concat_tables(
            [ctx.image_stats[:7], ctx.image_stats[7:20], ctx.image_stats[20:]]
        )
        assert pieces["status"].num_chunks == 3
        assert run(Context(ctx.ds, pieces, ctx.box_stats)).equals(run(ctx))

    def test_ids_belong_together_and_evidence_points_into_the_set(self, build):
        b = faulty(build)
        for r in b.run():
            if r["annotation_id"] is not None:
                assert b.annotations[r["annotation_id"]]["image_id"] == r["image_id"]
                assert r["evidence"]["pointer"] == f"/annotations/{r['annotation_id']}"
            elif r["image_id"] is not None:
                assert r["evidence"]["file"] in (b.images[r["image_id"]]["path"], "f")
            for other in r["evidence"].get("related_images", []):
                assert 0 <= other < len(b.images) and other != r["image_id"]
            for other in r["evidence"].get("related_annotations", []):
                assert 0 <= other < len(b.annotations) and other != r["annotation_id"]

    @pytest.mark.parametrize("format", ["coco", "yolo", "voc", "images"])
    def test_an_empty_set_has_no_finding(self, build, format):
        assert build(format).run() == []

    def test_images_without_measurements_are_not_judged_by_them(self, build):
        b = faulty(build)
        b.problems.clear()
        table = run(Context(b.dataset(), schema.IMAGE_STATS.empty_table()))
        families = {code[:3] for code in table["code"].to_pylist()}
        assert "FL2" in families
        assert not families & {"FL0", "FL4", "FL5"}

    def test_a_box_without_origin_is_placed_by_its_image(self, build):
        b = build("voc")
        b.box(b.image("a b.jpg"), 5, 5, 5, 5, origin=None)
        (row,) = b.run("FL202")
        assert row["evidence"] == {"file": "a b.jpg"}

    def test_names_from_data_cannot_break_out_of_a_message_or_of_evidence(self, build):
        b = build()
        evil = 'a"\x1b]0;x\x07\n::error::\u202egpj.<script>\ud83d\ude00' + "é" * 500
        evil = evil.encode("utf-16", "surrogatepass").decode("utf-16")
        i = b.image(evil, luma_mean=1.0, status="ok", orientation=6)
        b.box(i, 5, 5, 5, 5, category=evil)
        b.box(i, 5, 5, 50, 50, category=evil)
        b.box(i, 5, 5, 50, 50, category=evil)
        b.category(evil + "2")
        rows = b.run()
        assert len(rows) >= 5
        for row in rows:
            assert not re.search("[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", row["message"])
            assert len(row["message"]) < 600
        assert {r["evidence"]["file"] for r in rows if r["code"] == "FL402"} == {evil}


def test_rules_never_open_files():
    """No module of the rules imports what could; a context keeps no path of its own."""
    folder = Path(fastlabel.rules.__file__).parent
    for module in folder.glob("*.py"):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "open", module
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                assert top not in {"os", "io", "cv2", "shutil", "formats", "scan"}, module
