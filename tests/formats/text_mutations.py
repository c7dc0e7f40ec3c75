"""Label files of YOLO and Pascal VOC, sound and damaged in every way that readers must judge."""

from __future__ import annotations

import random

__all__ = ["mutate", "voc_file", "yolo_file"]

#: Words that may stand in the place of a number.
ODD_WORDS = (
    *(
        "nan",
        "inf",
        "-inf",
        "Infinity",
        "1e5",
        "1E-3",
        "1e400",
        "1e-400",
        "4.9e-324",
        "-0.0",
        "+.5",
    ),
    *(
        "1.",
        ".",
        "-",
        "",
        "0x10",
        "1_0",
        "abc",
        "١",
        "0,5",
        "1e",
        "--1",
        "1e308",
        "-1e308",
        "1e291",
    ),
    *("9007199254740993", "12345678901234567890.5", "0.1234567890123456789", "0.30000000000000004"),
    *("3", "0", "-1", "000.25", "5e-325", "2.2250738585072011e-308", "179769313486231580793e289"),
)
ODD_BYTES = (
    *(
        b"\r",
        b"\r\n",
        b"\n",
        b"\x0b",
        b"\x0c",
        b"\x1c",
        b"\x1f",
        b"\x00",
        b"\xa0",
        b"\xc2\xa0",
        b"\t",
    ),
    *(b"\xff", b"\xef\xbb\xbf", b"_", b" ", b"#", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"0", b"."),
)
ODD_XML = (
    *(
        "<!-- note -->",
        "<![CDATA[x]]>",
        "<?pi?>",
        "&amp;",
        "&lt;",
        "&#65;",
        "&x;",
        "&",
        "]]>",
        "<a/>",
    ),
    *("<object/>", "<object>", "</object>", "<name>b</name>", "<part><name>x</name></part>", "<"),
    *('<a b="1" b="2">x</a>', '<a b="1">x</a>', "<x:a>1</x:a>", "<a\n>1</a>", "\u3000", "\u00e9"),
    *("<difficult>1</difficult>", '<difficult by="ignore">1</difficult>', "<occluded>3</occluded>"),
    *("<occlusion>2</occlusion>", "<truncation>0.25</truncation>", "<truncated>yes</truncated>"),
    *("<score>0.1</score>", "<weight>1e39</weight>", "<area>nan</area>", "<ignore>1</ignore>"),
    *("<attributes><a>1</a><a>2</a></attributes>", '<attributes><a> </a><b>q"\\</b></attributes>'),
    *(
        "<convention>0-based, half-open</convention>",
        "<size><width>3</width></size>",
        "<A-b.c>1</A-b.c>",
    ),
    *(
        "<!DOCTYPE annotation>",
        '<?xml version="1.0"?>',
        "<bndbox/>",
        "<pose>Unspecified</pose>",
        "\u0085",
    ),
    *("<a>x<b>y</b>z</a>", "<a><b><c>deep</c>2</b></a>", "<é>1</é>", "<xml>1</xml>", "<polygon/>"),
)


def _number(draw: random.Random) -> str:
    if draw.random() < 0.04:
        return draw.choice(ODD_WORDS)
    return f"{draw.random():.{draw.choice([0, 1, 3, 6, 6, 6, 15, 17])}f}"


def yolo_file(draw: random.Random) -> bytes:
    """A label file."""
    kinds = draw.choice([[4], [4], [4], [4, 5], [8], [6, 8, 10], [4, 8], [4, 10], [4, 3, 5, 7, 16]])
    lines = []
    for _ in range(draw.randint(0, 5)):
        words = [draw.choice(["0", "1", "2", "0", "3.0", "9", "cat", "01", "-1", "+1"])]
        words += [_number(draw) for _ in range(draw.choice(kinds))]
        lines.append(draw.choice([" ", " ", " ", "  ", "\t"]).join(words))
    data = (draw.choice(["\n", "\n", "\r\n", "\n\n"]).join(lines)).encode()
    return data + draw.choice([b"\n", b"", b"\r\n", b" \n\n"])


def _box_words(draw: random.Random) -> list[str]:
    def word() -> str:
        if draw.random() < 0.02:
            return draw.choice(ODD_WORDS)
        return draw.choice(
            [str(draw.randint(0, 300)), str(draw.randint(1, 90)), f"{draw.uniform(-1, 99):.2f}"]
        )

    return [word() for _ in range(4)]


def voc_file(draw: random.Random, stem: str) -> bytes:
    """An annotation file."""
    pad = draw.choice(["\n\t", "\n  ", "", " ", "\r\n"])
    parts = ["<folder>x</folder>", f"<filename>{stem}.png</filename>"]
    parts.append("<source><database>Unknown</database></source>")
    if draw.random() < 0.8:
        parts.append("<size><width>40</width><height>30</height><depth>3</depth></size>")
    parts.append("<segmented>0</segmented>")
    for _ in range(draw.randint(0, 4)):
        corners = zip(("xmin", "ymin", "xmax", "ymax"), _box_words(draw), strict=True)
        inner = [
            f"<name>{draw.choice(['cat', 'dog', ' cat ', 'a &amp; b', '', 'é'])}</name>",
            "<pose>Unspecified</pose>",
            f"<truncated>{draw.choice(['0', '1', '0.5'])}</truncated>",
            f"<difficult>{draw.choice(['0', '1', 'Unspecified'])}</difficult>",
            f"<bndbox>{''.join(f'<{t}>{v}</{t}>' for t, v in corners)}</bndbox>",
        ]
        if draw.random() < 0.3:
            draw.shuffle(inner)
        if draw.random() < 0.3:
            inner.insert(draw.randint(0, len(inner)), draw.choice(ODD_XML[20:]))
        parts.append(f"<object>{pad}{pad.join(inner)}{pad}</object>")
    head = draw.choice(
        ["", "", '<?xml version="1.0"?>\n', "<?xml version='1.0' encoding='utf-8'?>"]
    )
    root = draw.choice(["annotation", "annotation", 'annotation verified="yes"'])
    text = f"{head}<{root}>{pad}{pad.join(parts)}{pad}</annotation>{draw.choice(['', chr(10)])}"
    return text.encode()


def mutate(data: bytes, draw: random.Random, xml: bool) -> bytes:
    """The file, damaged in one or two places or not at all."""
    for _ in range(draw.choice([0, 0, 1, 1, 2])):
        at = draw.randint(0, len(data))
        way = draw.randrange(6)
        if way == 0:
            data = data[:at]
        elif way == 1:
            data = data[:at] + data[at + draw.randint(1, 4) :]
        elif way == 2:
            data = data[:at] + draw.choice(ODD_BYTES) + data[at:]
        elif way == 3 and data:
            at = min(at, len(data) - 1)
            data = data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]
        elif way == 4 and xml:
            at = data.find(draw.choice([b"<", b">"]), at) + draw.randint(0, 1)
            data = data[:at] + draw.choice(ODD_XML).encode() + data[at:]
        elif way == 5 and draw.random() < 0.2:
            text = data.decode("utf-8", "replace")
            data = text.encode(
                draw.choice(["utf-16", "utf-8-sig", "utf-16-le", "latin-1"]), "replace"
            )
    return data
