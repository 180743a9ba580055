"""Robin: a friendly person in a rust-coloured jumper, in a quiet room. A drawing; nobody's likeness."""

from __future__ import annotations

import numpy as np

from portraits.paint import Array, Layer, Point, box, ellipse, mirrored, mix, path, rgb, smooth, strand

SKIN = rgb("#eeb591")
SKIN_LIGHT = rgb("#fcd6b8")
SKIN_SHADE = rgb("#cf8768")
BLUSH = rgb("#e8705c")
HAIR = rgb("#63382a")
HAIR_DARK = rgb("#341c16")
HAIR_LIGHT = rgb("#b0744c")
KNIT = rgb("#cf5f36")
KNIT_DARK = rgb("#93391f")
KNIT_LIGHT = rgb("#ee8a58")
CREAM = rgb("#fbeeda")
WALL = rgb("#4d7477")
LAMP = rgb("#ffd9a0")

FACE = mirrored(path("0,160 74,178 138,256 165,335 168,410 158,480 133,545 94,596 48,629 0,640"))


def background(height: int) -> Layer:
    layer = Layer((-960, 0, 960, 1000), height)
    everything = np.ones(layer.rgba.shape[:2], np.float32)
    layer.region = "background"
    depth = 0.55 * layer.ramp((-900, 0), (900, 0)) + 0.45 * layer.ramp((0, 0), (0, 1000))
    layer.paint(everything, layer.colours(depth, [(0, rgb("#7fa09c")), (0.45, WALL), (1, rgb("#2a474f"))]))

    layer.region = ""
    # a tall window on the left, with morning outside
    layer.paint(layer.mask(box(-900, 40, -470, 700, 6)), rgb("#e9e2d2"))
    sky = layer.colours(
        layer.ramp((0, 60), (0, 690)), [(0, rgb("#cfe6ea")), (0.6, rgb("#f7ead0")), (1, rgb("#bfcf9f"))]
    )
    for left, right in ((-880, -694), (-674, -488)):
        for top, bottom in ((60, 360), (378, 682)):
            layer.paint(layer.mask(box(left, top, right, bottom)), sky)
    garden = layer.mask(box(-880, 378, -694, 682)) + layer.mask(box(-674, 378, -488, 682))
    for x, y, radius in ((-850, 560, 95), (-760, 640, 110), (-640, 610, 90), (-540, 660, 100), (-600, 560, 50)):
        layer.paint(layer.mask(ellipse((x, y), (radius, radius * 0.8))), rgb("#7f9e6c"), 0.55, garden)
    layer.paint(layer.mask(box(-930, 692, -440, 720, 8)), rgb("#f1eadc"))
    cloth = layer.mask(smooth(path("-500,10 -395,10 -400,300 -420,620 -385,900 -470,905 -490,600 -478,300")))
    layer.paint(cloth, rgb("#d8c7a8"))
    for x in (-480, -450, -420):
        fold = strand([(x, 10), (x - 4, 450), (x + 6, 900)], [8, 16, 14])
        layer.shade(layer.mask(fold, 5), rgb("#a8906c"), 0.5, cloth)

    _shelves(layer)
    layer.soften(9)
    # morning light: on the wall beside the window, in slanting bars, and a warm lamp from the right
    for shift in (0, 150):
        bar = np.array(path("-380,250 -250,330 -190,760 -330,700"), np.float32) + np.array(
            [shift, shift * 0.5], np.float32
        )
        layer.light(layer.mask(bar, 22), LAMP, 0.13)
    layer.light(layer.glow((-660, 330), (760, 720), 2), LAMP, 0.5)
    layer.light(layer.glow((700, 60), (420, 420), 2), LAMP, 0.42)
    layer.shade(1 - layer.glow((-60, 420), (1300, 900), 0.6), rgb("#20363f"), 0.55)
    return layer


def _shelves(layer: Layer) -> None:
    """Books, a plant: on the right, soon to be blurred."""
    books = ["#c9694a", "#e0b35f", "#3f6f78", "#d9cdb4", "#8b4f4a", "#5d8f86", "#b98a55", "#34525e", "#d98a6a"]
    rng = np.random.default_rng(4)
    for shelf, y in enumerate((300, 560, 820)):
        layer.shade(layer.mask(box(450, y - 215, 960, y), 14), rgb("#28434b"), 0.45)
        x = 480.0 + 120 * (shelf == 1)
        while x < 930:
            width, tall = rng.uniform(20, 38), rng.uniform(105, 165)
            if rng.random() < 0.16:
                x += rng.uniform(30, 70)
                continue
            colour = rgb(books[int(rng.integers(len(books)))])
            layer.paint(layer.mask(box(x, y - tall, x + width, y, 3)), colour, 0.92)
            x += width + 2
        layer.paint(layer.mask(box(440, y, 970, y + 20, 3)), rgb("#a77a52"))
        layer.shade(layer.mask(box(450, y + 18, 960, y + 46), 10), rgb("#1e353c"), 0.6)
    layer.paint(layer.mask(smooth(path("490,480 570,480 558,560 502,560"))), rgb("#d9d2c4"))
    for turn, reach in ((-62, 120), (-35, 150), (-8, 165), (20, 150), (48, 125), (75, 95)):
        bent = np.radians(turn * 0.7)
        tip = (530 + reach * np.sin(np.radians(turn)), 485 - reach * np.cos(np.radians(turn)))
        middle = (530 + 0.5 * reach * np.sin(bent), 485 - 0.6 * reach * np.cos(bent))
        leaf = strand([(530, 490), middle, tip], [6, 34, 26, 2])
        layer.paint(layer.mask(leaf), mix(rgb("#5f9468"), rgb("#3e6f57"), (turn + 62) / 140))


def body(height: int) -> Layer:
    layer = Layer((-560, 470, 560, 1040), height)
    layer.region = "hair"
    # hair behind the neck stays with the body: the head's own hair covers its edge
    back = smooth(mirrored(path("0,480 120,500 186,560 190,630 160,676 70,700 0,700")))
    layer.paint(layer.mask(back, 3), mix(HAIR_DARK, (0.0, 0.0, 0.0), 0.38))
    layer.region = "clothes"
    layer.paint(layer.mask(ellipse((0, 752), (146, 44))), mix(KNIT_DARK, HAIR_DARK, 0.45))
    layer.region = "skin"
    skin = _neck(layer)
    layer.region = "clothes"

    right = path("62,838 112,794 146,738 176,742 258,770 346,804 404,860 436,950 452,1060 470,1200")
    torso = smooth(mirrored([(0, 852), *right, (0, 1210)]), steps=24)
    inside = layer.mask(torso)
    warm = mix(KNIT, KNIT_LIGHT, 0.4)
    slope = layer.ramp((-420, 720), (430, 1000))
    layer.paint(inside, layer.colours(slope, [(0, KNIT_LIGHT), (0.3, warm), (0.62, KNIT), (1, KNIT_DARK)]))
    _yoke(layer, inside)
    layer.shade(1 - layer.blur(inside, 26), rgb("#5d2114"), 0.75, inside)
    for line, widths, soft, strength in (
        ("-128,750 -260,784 -352,822 -398,900", [6, 34, 40, 14], 16, 0.42),
        ("140,750 250,782 330,812", [2, 16, 4], 10, 0.24),
    ):
        layer.light(layer.mask(strand(path(line), widths), soft), rgb("#ffc79a"), strength, inside)
    for side in (-1, 1):
        for line, widths, strength in (
            ("262,1060 276,960 300,890 296,850", [34, 26, 12, 2], 0.62),
            ("200,900 236,930 280,944", [2, 14, 2], 0.32),
            ("186,1000 230,985 272,1000", [2, 14, 2], 0.3),
        ):
            fold = strand([(side * x, y) for x, y in path(line)], widths)
            layer.shade(layer.mask(fold, 9), rgb("#6d2915"), strength, inside)
    # fine knitting: columns of stitches, bent a little with the chest
    bend = layer.x + 0.00012 * layer.x * (layer.y - 700)
    rows = layer.y + 2.5 * np.abs(np.sin(bend * np.pi / 11))
    stitches = np.sin(bend * (2 * np.pi / 11)) * np.cos(rows * (2 * np.pi / 9))
    layer.light(np.clip(stitches, 0, 1).astype(np.float32), rgb("#ffd2ac"), 0.07, inside)
    layer.shade(np.clip(-stitches, 0, 1).astype(np.float32), rgb("#5d2114"), 0.10, inside)
    _collar(layer, inside, skin)
    return layer


def _neck(layer: Layer) -> Array:
    """Shaded from the chin down and from the right; returned as its mask."""
    inside = layer.mask(smooth(mirrored(path("0,530 80,540 80,640 88,700 136,762 90,850 0,880"))))
    stops = [(0, SKIN_SHADE), (0.22, SKIN), (0.5, mix(SKIN, SKIN_LIGHT, 0.4)), (1, SKIN_SHADE)]
    layer.paint(inside, layer.colours(layer.ramp((-120, 0), (130, 0)), stops))
    chin = layer.mask(smooth(mirrored(path("0,480 170,500 140,600 80,668 0,696"))), 13)
    layer.shade(chin, rgb("#b0694f"), 0.85, inside)
    for side in (-1, 1):
        tendon = strand([(side * x, y) for x, y in path("66,640 46,730 16,796")], [2, 12, 2])
        layer.shade(layer.mask(tendon, 7), rgb("#b5745a"), 0.45, inside)
        bone = strand([(side * x, y) for x, y in path("18,812 60,796 100,776")], [2, 9, 2])
        layer.light(layer.mask(bone, 5), SKIN_LIGHT, 0.35, inside)
    return inside


def _yoke(layer: Layer, inside: Array) -> None:
    """Two rows of cream diamonds and one of dots, knitted around the neck."""
    layer.region = ""
    diamonds: list[Array] = []
    for radius, count, size in ((236, 26, 7.5), (267, 22, 12.0), (298, 30, 7.5)):
        for turn in np.radians(np.linspace(-84, 84, count)):
            x, y = radius * 1.12 * np.sin(turn), 660 + radius * np.cos(turn)
            across, up = np.array([np.cos(turn), -np.sin(turn) * 0.9]), np.array([np.sin(turn), np.cos(turn)])
            shape = [(x, y) + size * d for d in (1.15 * up, 0.8 * across, -1.15 * up, -0.8 * across)]
            diamonds.append(np.array(shape, np.float32))
    layer.paint(layer.masks(diamonds, [1.0] * len(diamonds)), CREAM, 0.88, inside)


def _collar(layer: Layer, inside: Array, skin: Array) -> None:
    """A white shirt's edge, then the ribbed neckband."""
    down = np.array([0, 8], np.float32)
    shirt = strand(path("-134,742 -104,782 -58,814 0,826 58,814 104,782 134,742"), [14, 22, 26, 28, 26, 22, 14])
    layer.shade(layer.mask(shirt - down, 6), rgb("#8d4f3a"), 0.4, skin)
    layer.region = ""
    stops = [(0, rgb("#fffaf0")), (0.6, rgb("#f3e6d6")), (1, rgb("#cdb8a6"))]
    layer.paint(layer.mask(shirt), layer.colours(layer.ramp((-130, 0), (130, 0)), stops))
    layer.region = "clothes"
    band = strand(path("-150,736 -114,790 -63,832 0,847 63,832 114,790 150,736"), [22, 34, 38, 40, 38, 34, 22])
    layer.shade(layer.mask(band + down, 8), rgb("#6d2915"), 0.6, inside)
    ribbed = layer.mask(band)
    stops = [(0, KNIT_LIGHT), (0.5, KNIT), (1, KNIT_DARK)]
    layer.paint(ribbed, layer.colours(layer.ramp((-150, 740), (150, 800)), stops))
    layer.shade(1 - layer.blur(ribbed, 5), rgb("#6d2915"), 0.8, ribbed)
    angle = np.arctan2(layer.x, layer.y - 690) * (180 / np.pi)
    layer.shade(np.clip(np.sin(angle * 1.45), 0, 1).astype(np.float32), rgb("#6d2915"), 0.28, ribbed)


def head(height: int) -> Layer:
    layer = Layer((-270, 70, 270, 730), height)
    layer.region = "hair"
    back = _bob(layer)
    layer.region = "skin"
    face = _skin(layer)
    _features(layer, face)
    layer.region = "hair"
    _fringe(layer, face)
    # light from the window along the left edge
    rim = np.clip(layer.alpha - layer.blur(np.roll(layer.alpha, (5, 9 * round(layer.scale)), (0, 1)), 3), 0, 1)
    layer.light(rim * layer.ramp((20, 0), (-170, 0)), rgb("#ffd7a4"), 0.6, back)
    return layer


def _bob(layer: Layer) -> Array:
    """The hair behind the face, down to its turned-in tips; with a gap for the neck."""
    right = path("-10,94 84,98 164,134 216,204 239,300 240,390 250,470 250,550 254,612 232,668 190,698 142,704 110,684")
    inner = path("100,640 128,588 120,480 0,300 -120,480 -128,588 -98,642")
    left = path(
        "-112,690 -146,706 -196,698 -236,664 -256,606 -250,542 -252,464 -242,384 -240,294 -214,198 -160,132 -82,98"
    )
    inside = layer.mask(smooth([*right, *inner, *left]))
    stops = [(0, mix(HAIR, HAIR_LIGHT, 0.25)), (0.45, HAIR), (1, HAIR_DARK)]
    layer.paint(inside, layer.colours(layer.ramp((-240, 120), (240, 520)), stops))
    behind = layer.mask(smooth(mirrored(path("0,190 150,240 186,420 166,580 100,700 0,700"))), 15)
    for side, seed in ((-1, 21), (1, 22)):
        outer = [(side * x, y) for x, y in path("214,220 236,330 238,430 250,520 246,600 190,694")]
        near = [(side * x, y) for x, y in path("150,240 176,340 170,440 166,530 164,610 104,680")]
        fibres = layer.fibres(inside, outer, near, 46, seed)
        layer.light(fibres, HAIR_LIGHT, 0.42 if side < 0 else 0.24)
        layer.shade(layer.fibres(inside, outer, near, 30, seed + 10), HAIR_DARK, 0.55)
    layer.shade(behind, rgb("#5a3a34"), 0.85, inside)
    layer.shade(1 - layer.blur(inside, 8), HAIR_DARK, 0.4, inside)
    return inside


def _skin(layer: Layer) -> Array:
    """The face as a lit egg, returned as its mask."""
    inside = layer.mask(smooth(FACE))
    nx, ny = (layer.x - 4) / 196, (layer.y - 416) / 262
    nz = np.sqrt(np.clip(1 - nx**2 - ny**2, 0.02, 1))
    lit = np.clip(0.5 * nz - 0.46 * nx - 0.30 * ny + 0.34, 0, 1).astype(np.float32)
    stops = [(0, SKIN_SHADE), (0.36, mix(SKIN_SHADE, SKIN, 0.7)), (0.62, SKIN), (1, SKIN_LIGHT)]
    layer.paint(inside, layer.colours(lit, stops))
    layer.shade(1 - layer.blur(inside, 13), rgb("#c0694e"), 0.5, inside)
    for side, strength in ((-1, 0.34), (1, 0.38)):
        layer.paint(layer.mask(ellipse((side * 106, 486), (42, 30)), 17), BLUSH, strength, inside)
        layer.shade(layer.mask(ellipse((side * 74, 388), (50, 32)), 16), rgb("#cf8a72"), 0.36, inside)
        crease = strand([(side * x, y) for x, y in path("70,506 82,526 82,548")], [1, 5, 1])
        layer.shade(layer.mask(crease, 4), rgb("#c27c62"), 0.32, inside)
    layer.light(layer.mask(ellipse((-84, 452), (34, 13), -14), 10), SKIN_LIGHT, 0.45, inside)
    layer.light(layer.mask(ellipse((-10, 612), (24, 11)), 9), SKIN_LIGHT, 0.34, inside)
    layer.shade(layer.mask(ellipse((2, 578), (34, 7)), 8), rgb("#c27c62"), 0.38, inside)
    return inside


def _features(layer: Layer, inside: Array) -> None:
    """Nose, closed eyelids (the open eyes are drawn live, over them) and brows."""
    layer.shade(layer.mask(smooth(path("10,372 24,420 34,464 28,484 8,490 14,440")), 9), rgb("#c9795d"), 0.5, inside)
    base = strand(path("-26,478 -13,491 2,494 17,491 30,476"), [3, 7, 8, 7, 3])
    layer.shade(layer.mask(base, 5), rgb("#b5654c"), 0.7, inside)
    layer.light(layer.mask(ellipse((-5, 468), (11, 8)), 5), rgb("#fff0e0"), 0.62, inside)
    layer.light(layer.mask(strand(path("-5,384 -6,440"), [6, 9]), 6), rgb("#fff0e0"), 0.30, inside)
    rng = np.random.default_rng(3)
    for _ in range(26):  # freckles, most of them on the cheekbones
        x = float(rng.choice([-1, 1]) * rng.normal(84, 26))
        y = float(471 + rng.normal(0, 9) + 0.05 * abs(x))
        size = float(rng.uniform(1.3, 2.3))
        layer.shade(
            layer.mask(ellipse((x, y), (size, size * 0.9)), 0.8), rgb("#b3664a"), float(rng.uniform(0.2, 0.5)), inside
        )
    for side in (-1, 1):

        def at(text: str, side: int = side) -> list[Point]:
            return [(side * x, y) for x, y in path(text)]

        nostril = ellipse((side * 12 + 2, 487), (6, 2.8), side * -16)
        layer.shade(layer.mask(nostril, 1.5), rgb("#8d4534"), 0.75, inside)
        wing = strand([(x + 2, y) for x, y in at("25,466 31,476 25,488")], [1, 4.5, 1])
        layer.shade(layer.mask(wing, 2), rgb("#b5654c"), 0.5, inside)
        layer.paint(layer.mask(ellipse((side * 76, 400), (40, 25)), 5), mix(SKIN, SKIN_SHADE, 0.30), 0.7, inside)
        crease = strand(at("35,388 54,369 80,363 108,374 119,387"), [1, 4, 4.5, 4, 1])
        layer.shade(layer.mask(crease, 1.6), rgb("#9c5441"), 0.6, inside)
        under = strand(at("46,424 76,437 108,425"), [1, 5, 1])
        layer.shade(layer.mask(under, 4), rgb("#c27c62"), 0.34, inside)
        layer.region = "hair"
        brow = layer.mask(strand(at("32,346 52,334 82,327 110,333 130,349"), [8, 15, 14, 10, 2]), 1.6)
        layer.paint(brow, mix(HAIR, HAIR_DARK, 0.3), 0.9, inside)
        for step in range(11):
            left, low = side * (34 + step * 8.2), 356 - 18 * float(np.sin(0.55 + step * 0.17))
            hair = layer.mask(strand([(left, low), (left + side * 9, low - 11)], [2.6, 0.8]), 0.4)
            layer.paint(hair, HAIR_DARK, 0.35, brow)
        layer.region = "skin"


def _fringe(layer: Layer, face: Array) -> None:
    """The hair in front: swept from a parting on the left, to both sides."""
    right_line = path(
        "-52,108 40,92 146,126 214,206 236,312 236,420 226,520 206,590 192,604 188,560 180,500 174,430 168,360"
        " 148,312 104,276 46,246 -8,202 -46,156"
    )
    left_line = path(
        "-46,106 -104,106 -178,150 -220,230 -238,330 -238,430 -228,520 -206,592 -192,606 -188,560 -182,500 -176,440"
        " -170,372 -154,318 -120,268 -80,212 -52,158"
    )
    right, left = layer.mask(smooth(right_line)), layer.mask(smooth(left_line))
    both = np.maximum(right, left)
    fallen = np.maximum(
        layer.mask(smooth([(x + 5, y + 17) for x, y in right_line]), 9),
        layer.mask(smooth([(x + 3, y + 15) for x, y in left_line]), 9),
    )
    layer.shade(fallen, rgb("#a8563f"), 0.72, face * (1 - both))
    stops = [(0, mix(HAIR, HAIR_LIGHT, 0.35)), (0.35, mix(HAIR, HAIR_LIGHT, 0.12)), (0.65, HAIR), (1, HAIR_DARK)]
    tones = layer.colours(layer.ramp((-240, 100), (230, 520)), stops)
    for mask, near, far, seed, glossy in (
        (
            right,
            "-46,150 40,236 128,282 172,370 182,480 196,590",
            "-30,104 96,104 200,190 236,310 232,430 214,570",
            31,
            0.5,
        ),
        (
            left,
            "-52,150 -90,226 -152,312 -176,420 -184,500 -196,592",
            "-60,104 -150,124 -214,220 -238,330 -234,440 -214,570",
            32,
            0.62,
        ),
    ):
        layer.paint(mask, tones)
        layer.shade(layer.fibres(mask, path(near), path(far), 60, seed + 10), HAIR_DARK, 0.5)
        fibres = layer.fibres(mask, path(near), path(far), 90, seed)
        layer.light(fibres, HAIR_LIGHT, 0.34)
        # a band of light lies across the strands, high on the head
        sheen = layer.glow((-20, 330), (235, 215), 0.5) - layer.glow((-20, 336), (205, 165), 0.5)
        crown = np.clip(sheen * 1.6, 0, 1) * layer.ramp((0, 330), (0, 200))
        layer.light(layer.blur(crown, 6) * (0.35 + 0.65 * fibres), rgb("#e8b07c"), glossy, mask)
    layer.shade(1 - layer.blur(both, 10), HAIR_DARK, 0.45, both)
    layer.shade(layer.mask(strand(path("-48,100 -50,150 -38,196"), [3, 7, 1]), 3), HAIR_DARK, 0.8, both)
