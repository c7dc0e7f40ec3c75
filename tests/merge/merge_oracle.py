"""What merging tiles means, box by box with every other: slow, plain, and not the engine's code."""

from __future__ import annotations

import numpy as np


def windows_of(width, height, size, step):
    """Row by row; the last ones run past the frame."""
    across, down = (
        range(0, max(1, width - size + step), step),
        range(0, max(1, height - size + step), step),
    )
    return np.array([[x, y, x + size, y + size] for y in down for x in across])


def seen(objects, labels, windows, rng, *, jitter=1.0, least=4.0, twice=0.0):
    """What a model that errs by `jitter` px finds of objects in every window, in tile pixels."""
    rows = []
    for w, window in enumerate(windows):
        for box, label in zip(objects, labels, strict=True):
            low, high = np.maximum(box[:2], window[:2]), np.minimum(box[2:], window[2:])
            if (high - low < least).any():
                continue
            for _ in range(1 + (rng.random() < twice)):
                part = np.concatenate([low, high]) + rng.normal(0, jitter, 4)
                part = np.clip(part, np.tile(window[:2], 2), np.tile(window[2:], 2))
                if (part[2:] - part[:2] < 1).any():
                    continue
                rows.append([*(part - np.tile(window[:2], 2)), rng.random(), label, w])
    rows = np.array(rows).reshape(-1, 7)
    return {
        "boxes": rows[:, :4],
        "scores": rows[:, 4],
        "labels": rows[:, 5].astype(int),
        "tile": rows[:, 6].astype(int),
    }


def area(b):
    return (b[2] - b[0]) * (b[3] - b[1])


def overlap(a, b, metric):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    if metric == "ios":
        return w * h / min(area(a), area(b))
    return w * h / (area(a) + area(b) - w * h)


def ranked(scores):
    return sorted(range(len(scores)), key=lambda i: (-scores[i], i))


def _at(box, window, tolerance):
    """Whether the box is at the low and at the high end of its window, on either axis."""
    near = [min(tolerance, 0.25 * (box[2 + k] - box[k])) for k in range(2)]
    low = [box[k] - window[k] <= near[k] for k in range(2)]
    high = [window[2 + k] - box[2 + k] <= near[k] for k in range(2)]
    return low, high


def agreement(a, window_a, b, window_b, tolerance):
    """The rules of joining; 0 where two boxes are not parts of one object."""
    goes_on = False
    shared, seams = [], 0
    at_a, at_b = _at(a, window_a, tolerance), _at(b, window_b, tolerance)
    for k in range(2):
        for p, window, at in ((a, window_b, at_b), (b, window_a, at_a)):
            if p[k] < window[k] - tolerance:
                goes_on = True
                if not at[0][k]:
                    return 0.0
            if p[2 + k] > window[2 + k] + tolerance:
                goes_on = True
                if not at[1][k]:
                    return 0.0
        low, high = max(window_a[k], window_b[k]), min(window_a[2 + k], window_b[2 + k])
        if high - low < -tolerance:
            return 0.0
        if high - low <= tolerance:
            a_first = window_a[k] < window_b[k] and at_a[1][k] and at_b[0][k]
            b_first = window_b[k] < window_a[k] and at_b[1][k] and at_a[0][k]
            if not (a_first or b_first):
                return 0.0
            seams += 1
            shared.append(((0.0, 1.0), (0.0, 1.0)))
            continue
        spans = []
        for p, window, at in ((a, window_a, at_a), (b, window_b, at_b)):
            start = window[k] if at[0][k] else p[k]
            end = window[2 + k] if at[1][k] else p[2 + k]
            spans.append((max(start, low), min(end, high)))
        shared.append(tuple(spans))
    if not goes_on or seams == 2:
        return 0.0
    (xa, xb), (ya, yb) = shared
    if min(xa[1] - xa[0], xb[1] - xb[0], ya[1] - ya[0], yb[1] - yb[0]) <= 0:
        return 0.0
    return overlap([xa[0], ya[0], xa[1], ya[1]], [xb[0], yb[0], xb[1], yb[1]], "iou")


def place(p, windows, images=None, sizes=None, whole=None, coordinates="tile"):
    """Rows in the frame: (row, box, window), frames' windows and their inner sides."""
    windows = np.asarray(windows, float)
    images = np.zeros(len(windows), int) if images is None else np.asarray(images)
    whole = np.zeros(len(windows), bool) if whole is None else whole
    cut, inner = windows.copy(), []
    for w in range(len(windows)):
        own = windows[images == images[w]]
        end = [*own[:, :2].min(axis=0), *own[:, 2:].max(axis=0)]
        if sizes is not None:
            h, wide = sizes[images[w]]
            end = [0, 0, wide, h]
        inner.append(
            [windows[w, k] > end[k] for k in range(2)] + [windows[w, k] < end[k] for k in (2, 3)]
        )
        cut[w] = [max(windows[w, k], end[k]) for k in range(2)] + [
            min(windows[w, k], end[k]) for k in (2, 3)
        ]
    rows = []
    for i, box in enumerate(np.asarray(p["boxes"], float)):
        w = p["tile"][i]
        if box[2] <= box[0] or box[3] <= box[1]:
            continue
        if coordinates == "tile" and not whole[w]:
            box = box + np.tile(windows[w, :2], 2)
        box = [*np.maximum(box[:2], cut[w, :2]), *np.minimum(box[2:], cut[w, 2:])]
        if box[2] > box[0] and box[3] > box[1]:
            rows.append((i, box, w))
    return rows, cut, np.array(inner), images, whole


def join(
    rows, scores, keys, cut, inner, images, whole, *, joins, threshold, tolerance, large, tiles
):
    """Groups of positions in `rows`: (box, members, is_union), one entry a group."""
    n = len(rows)
    rank = {i: r for r, i in enumerate(ranked(scores))}
    window = [cut[w] for _, _, w in rows]
    box = [b for _, b, _ in rows]
    sides = []
    for i, (_, b, w) in enumerate(rows):
        low, high = _at(b, window[i], tolerance)
        sides.append(bool((inner[w] & np.array([*low, *high])).any()))
    leader = list(range(n))
    kept: list[int] = []
    for i in sorted(range(n), key=rank.get):
        doubles = [
            k
            for k in kept
            if rows[k][2] == rows[i][2]
            and keys[k] == keys[i]
            and overlap(box[k], box[i], "iou") > threshold
        ]
        if doubles:
            leader[i] = min(doubles, key=rank.get)
        else:
            kept.append(i)
    leaders = sorted(kept)
    into = list(range(n))
    giants = [
        k
        for k in leaders
        if whole[rows[k][2]]
        and max(box[k][2] - box[k][0], box[k][3] - box[k][1]) > large * tiles[images[rows[k][2]]]
    ]
    for i in leaders:
        if not sides[i] or whole[rows[i][2]]:
            continue
        best, most = i, threshold
        for k in sorted(giants, key=rank.get):
            if keys[k] != keys[i]:
                continue
            w = max(0, min(box[i][2], box[k][2]) - max(box[i][0], box[k][0]))
            h = max(0, min(box[i][3], box[k][3]) - max(box[i][1], box[k][1]))
            if w * h / area(box[i]) > most:
                best, most = k, w * h / area(box[i])
        into[i] = best
    unions = []
    if joins:
        links = []
        free = [i for i in leaders if into[i] == i]
        for x, i in enumerate(free):
            for k in free[x + 1 :]:
                if keys[i] != keys[k] or rows[i][2] == rows[k][2] or not (sides[i] or sides[k]):
                    continue
                agree = agreement(box[i], window[i], box[k], window[k], tolerance)
                if agree > threshold:
                    links.append((-agree, *sorted((rank[i], rank[k])), i, k))
        group = {i: [i] for i in free}
        for *_, i, k in sorted(links):
            a, b = group[i], group[k]
            if a is b or {rows[j][2] for j in a} & {rows[j][2] for j in b}:
                continue
            if not all(sides[j] for j in a) and not all(sides[j] for j in b):
                continue
            a += b
            for j in b:
                group[j] = a
        for members in {id(g): g for g in group.values()}.values():
            if len(members) < 2:
                continue
            entire = [j for j in members if not sides[j]]
            stands = entire[0] if entire else min(members, key=rank.get)
            for j in members:
                into[j] = stands
            if not entire:
                unions.append((stands, members))
    united = {stands for stands, _ in unions}
    for i in range(n):
        k = leader[i]
        if k != i and sides[i] and sides[k] and (into[k] != k or k in united):
            into[i] = into[k]
    groups = []
    for stands in range(n):
        members = [i for i in range(n) if into[i] == stands]
        if not members:
            continue
        shape = box[stands]
        parts = next((m for s, m in unions if s == stands), None)
        if parts is not None:
            all_parts = np.array([box[i] for i in parts])
            shape = [*all_parts[:, :2].min(axis=0), *all_parts[:, 2:].max(axis=0)]
        groups.append((list(shape), sorted(members, key=rank.get), parts is not None))
    return groups


def suppress(boxes, scores, keys, metric, threshold, *, chained=False):
    """Of every row, the row it goes to; itself where it stays."""
    into = list(range(len(boxes)))
    order = ranked(scores)
    for at, i in enumerate(order):
        for k in order[:at]:
            if keys[k] != keys[i] or overlap(boxes[k], boxes[i], metric) <= threshold:
                continue
            if chained or into[k] == k:
                into[i] = into[k]
                break
    return into


def soft(boxes, scores, keys, metric, threshold, decay, sigma, least):
    left, kept = list(scores), []
    rest = [i for i in range(len(boxes)) if scores[i] >= least]
    while rest:
        best = min(rest, key=lambda i: (-left[i], i))
        rest.remove(best)
        kept.append((best, left[best]))
        for i in rest:
            shared = overlap(boxes[best], boxes[i], metric) if keys[i] == keys[best] else 0
            if decay == "gaussian":
                left[i] *= np.exp(-(shared**2) / sigma)
            elif shared > threshold:
                left[i] *= 1 - shared
        rest = [i for i in rest if left[i] >= least]
    return kept


def fuse(boxes, scores, keys, metric, threshold, confidence):
    """[(box, score, members)] by weighted averages."""
    clusters: list[dict] = []
    for i in ranked(scores):
        own = [c for c in clusters if c["key"] == keys[i]]
        found, most = None, threshold
        for c in own:
            shared = overlap(c["box"], boxes[i], metric)
            if shared > most:
                found, most = c, shared
        if found is None:
            found = {"key": keys[i], "rows": [], "box": None}
            clusters.append(found)
        found["rows"].append(i)
        weights = [scores[j] for j in found["rows"]]
        if sum(weights) > 0 and len(weights) > 1:
            found["box"] = np.average([boxes[j] for j in found["rows"]], axis=0, weights=weights)
        elif found["box"] is None:
            found["box"] = boxes[i]
    make = np.mean if confidence == "avg" else np.max
    return [(c["box"], float(make([scores[j] for j in c["rows"]])), c["rows"]) for c in clusters]


def merge(
    p,
    windows,
    *,
    method="nms",
    metric="iou",
    threshold=0.5,
    per_class=True,
    join_cut=True,
    images=None,
    sizes=None,
    whole=None,
    greedy=True,
    join_threshold=0.5,
    edge_tolerance=4.0,
    large=0.5,
    decay="gaussian",
    sigma=0.5,
    score_threshold=0.001,
    confidence="avg",
    coordinates="tile",
):
    """[(image, label, score, box, members, joined)] by image, best score first."""
    rows, cut, inner, image_of, whole = place(p, windows, images, sizes, whole, coordinates)
    scores = [float(p["scores"][i]) for i, _, _ in rows]
    labels = [int(p["labels"][i]) for i, _, _ in rows]
    image = [int(image_of[w]) for _, _, w in rows]
    keys = [(m, x if per_class else 0) for m, x in zip(image, labels, strict=True)]
    flat = np.asarray(windows, float)
    shortest = {
        m: min(
            (
                min(flat[w, 2] - flat[w, 0], flat[w, 3] - flat[w, 1])
                for w in range(len(flat))
                if image_of[w] == m and not whole[w]
            ),
            default=np.inf,
        )
        for m in set(image_of.tolist())
    }
    groups = join(
        rows,
        scores,
        keys,
        cut,
        inner,
        image_of,
        whole,
        joins=join_cut,
        threshold=join_threshold,
        tolerance=edge_tolerance,
        large=large,
        tiles=shortest,
    )
    groups.sort(key=lambda g: g[1][0])
    boxes = [g[0] for g in groups]
    best = [g[1][0] for g in groups]
    top = [scores[i] for i in best]
    own = [keys[i] for i in best]
    results = []  # (first unit, score, box, units)
    if method == "soft-nms":
        for u, left in soft(boxes, top, own, metric, threshold, decay, sigma, score_threshold):
            results.append((u, left, boxes[u], [u]))
    elif method == "wbf":
        for box, score, units in fuse(boxes, top, own, metric, threshold, confidence):
            first = min(units, key=lambda u: (-top[u], u))
            results.append((first, score, box, units))
    else:
        into = suppress(boxes, top, own, metric, threshold, chained=method == "nmm" and not greedy)
        for u in range(len(boxes)):
            if into[u] != u:
                continue
            units = [k for k in range(len(boxes)) if into[k] == u]
            some = np.array([boxes[k] for k in units])
            box = boxes[u]
            if method == "nmm":
                box = [*some[:, :2].min(axis=0), *some[:, 2:].max(axis=0)]
            results.append((u, top[u], box, units))
    results.sort(key=lambda r: (image[best[r[0]]], -r[1], r[0]))
    out = []
    for u, score, box, units in results:
        members = sorted((i for k in units for i in groups[k][1]), key=lambda i: (-scores[i], i))
        out.append(
            (
                image[best[u]],
                labels[best[u]],
                score,
                list(box),
                [rows[i][0] for i in members],
                any(groups[k][2] for k in units),
            )
        )
    return out
