"""Puppet: a creature of felt, wool and buttons on a paper stage. For those who show no person at all."""

from __future__ import annotations

import numpy as np

from portraits.paint import Array, Colour, Layer, Point, box, ellipse, mirrored, mix, path, rgb, smooth, strand

FELT = rgb("#3fa79b")
FELT_LIGHT = rgb("#7ed3c2")
FELT_DARK = rgb("#1d6a6c")
CORAL = rgb("#f07a5f")
CREAM = rgb("#f8ead0")
MUSTARD = rgb("#edb447")
PLUM = rgb("#6b3355")
NIGHT = rgb("#123c44")

HEAD = mirrored(path("0,152 104,160 180,212 220,312 228,430 208,546 146,620 70,648 0,653"))


def _felted(layer: Layer, inside: Array, seed: int, strength: float = 1.0) -> None:
    """Matted wool: fine grain and soft blotches."""
    for grain, amount in (((3.2, 3.2), 0.11), ((9, 6), 0.09), ((60, 50), 0.08)):
        noise = layer.noise(seed, grain)
        layer.light(np.clip(noise, 0, 1), (1, 1, 1), amount * strength, inside)
        layer.shade(np.clip(-noise, 0, 1), NIGHT, amount * 1.5 * strength, inside)


def _stitches(layer: Layer, line: Array, length: float, colour: Colour, width: float = 4.5) -> None:
    """A running stitch along a closed polyline, each with a small shadow."""
    steps = np.linalg.norm(np.roll(line, -1, axis=0) - line, axis=1)
    along = np.concatenate([[0], np.cumsum(steps)])
    closed = np.concatenate([line, line[:1]])
    count = int(along[-1] / length)
    dashes, shadows = [], []
    for index in range(count):
        places = (np.array([0.0, 0.3, 0.6]) + index) * along[-1] / count
        points: list[Point] = [
            (float(np.interp(p, along, closed[:, 0])), float(np.interp(p, along, closed[:, 1]))) for p in places
        ]
        dash = strand(points, [width * 0.8, width, width * 0.8])
        shadows.append(dash + np.array([1.5, 2.5], np.float32))
        dashes.append(dash)
    ones = [1.0] * count
    layer.shade(layer.blur(layer.masks(shadows, ones), 1.6), NIGHT, 0.6, layer.alpha)
    region, layer.region = layer.region, ""
    layer.paint(layer.masks(dashes, ones), colour, 0.95)
    layer.region = region


def background(height: int) -> Layer:
    layer = Layer((-960, 0, 960, 1000), height)
    everything = np.ones(layer.rgba.shape[:2], np.float32)
    layer.region = "background"
    sky = [(0, rgb("#f6c98b")), (0.5, rgb("#f4dcae")), (1, rgb("#f0b48a"))]
    layer.paint(everything, layer.colours(layer.ramp((0, 0), (0, 900)), sky))
    layer.light(layer.glow((0, 380), (820, 620), 1.5), rgb("#fff3cf"), 0.55)
    layer.region = ""
    # paper hills, each with the shadow of the one in front
    hills = (
        ("-1000,640 -700,520 -420,600 -120,500 200,590 520,500 760,570 1000,520 1000,1100 -1000,1100", "#e39a6c"),
        ("-1000,720 -640,650 -300,720 60,640 420,730 720,640 1000,700 1000,1100 -1000,1100", "#c8705a"),
        ("-1000,820 -560,760 -160,840 260,770 640,840 1000,770 1000,1100 -1000,1100", "#8f4a56"),
    )
    for line, colour in hills:
        hill = smooth(path(line))
        layer.shade(layer.mask(hill + np.array([0, -14], np.float32), 14), rgb("#8a4a3c"), 0.5)
        inside = layer.mask(hill)
        layer.paint(inside, rgb(colour))
        layer.light(inside - layer.mask(hill + np.array([0, 7], np.float32)), rgb("#ffe9c8"), 0.35)
    # clouds and a moon on strings
    for x, y, size in ((-430, 220, 1.0), (400, 170, 1.15), (560, 330, 0.7), (-560, 380, 0.65)):
        layer.paint(layer.mask(strand([(x, -20), (x, y)], [2.5, 2.5])), rgb("#a86d50"), 0.7)
        parts = [
            ellipse((x + dx * size, y + dy * size), (radius * size, radius * size * 0.82))
            for dx, dy, radius in ((-62, 12, 40), (-15, -12, 56), (44, 4, 46), (84, 18, 28))
        ]
        cloud = np.max([layer.mask(part) for part in parts], axis=0)
        layer.shade(layer.blur(np.roll(cloud, round(12 * layer.scale), 0), 10), rgb("#b06a4c"), 0.5)
        layer.paint(cloud, rgb("#fff8ea"))
        layer.shade(1 - layer.blur(cloud, 16), rgb("#e6bd97"), 0.6, cloud)
    layer.soften(6.5)
    # curtains at both sides
    for side in (-1, 1):
        edge = path("980,-20 560,-20 590,180 640,420 700,640 660,760 690,1020 980,1020")
        cloth = smooth([(side * x, y) for x, y in edge])
        layer.shade(layer.mask(cloth + np.array([-side * 26, 10], np.float32), 26), rgb("#5a1f2c"), 0.7)
        inside = layer.mask(cloth, 3)
        layer.paint(inside, rgb("#a8323c"))
        folds = np.sin((np.abs(layer.x) - 0.16 * np.abs(layer.y - 560)) * (2 * np.pi / 92))
        layer.shade(layer.blur(np.clip(-folds, 0, 1).astype(np.float32), 8), rgb("#4b0f24"), 0.8, inside)
        layer.light(layer.blur(np.clip(folds, 0, 1).astype(np.float32), 8), rgb("#ff9a7a"), 0.34, inside)
        band = strand([(side * x, y) for x, y in path("1000,724 820,742 640,770")], [34, 34, 30])
        layer.shade(layer.mask(band + np.array([0, 14], np.float32), 8), rgb("#4b0f24"), 0.7, inside)
        layer.paint(
            layer.mask(band, 2),
            layer.colours(layer.ramp((0, 720), (0, 790)), [(0, rgb("#f7cf6e")), (1, rgb("#b57a2c"))]),
        )
    top = layer.mask(box(-980, -40, 980, 46), 2)
    scallops = np.max([layer.mask(ellipse((x, 40), (78, 62)), 2) for x in range(-960, 961, 150)], axis=0)
    valance = np.maximum(top, scallops)
    layer.shade(layer.blur(np.roll(valance, round(18 * layer.scale), 0), 14), rgb("#5a1f2c"), 0.6)
    layer.paint(valance, layer.colours(layer.ramp((0, 0), (0, 110)), [(0, rgb("#7d1f30")), (1, rgb("#c0404a"))]))
    layer.light(np.clip(valance - np.roll(valance, -round(7 * layer.scale), 0), 0, 1), rgb("#ffd27a"), 0.8)
    layer.soften(2.2)
    layer.shade(1 - layer.glow((0, 430), (1250, 900), 0.7), rgb("#3a1526"), 0.6)
    return layer


def body(height: int) -> Layer:
    layer = Layer((-560, 540, 560, 1060), height)
    outline = smooth(mirrored(path("0,560 120,580 190,640 268,720 330,820 362,940 374,1080 380,1200 0,1200")))
    inside = layer.mask(outline)
    layer.region = "skin"
    felt = [(0, FELT_LIGHT), (0.4, FELT), (1, FELT_DARK)]
    layer.paint(inside, layer.colours(layer.ramp((-330, 640), (330, 960)), felt))
    layer.shade(1 - layer.blur(inside, 30), NIGHT, 0.75, inside)
    belly = ellipse((0, 1010), (200, 190))
    layer.shade(layer.mask(belly + np.array([2, 6], np.float32), 8), NIGHT, 0.5, inside)
    patch = layer.mask(belly)
    layer.region = ""
    layer.paint(
        patch,
        layer.colours(layer.ramp((-180, 860), (190, 1060)), [(0, rgb("#fff6e2")), (1, rgb("#d9bf98"))]),
        1,
        inside,
    )
    for side in (-1, 1):
        seam = strand([(side * x, y) for x, y in path("300,1100 278,990 264,900 272,850")], [22, 16, 8, 2])
        layer.shade(layer.mask(seam, 6), NIGHT, 0.6, inside)
    _felted(layer, inside, 5)
    _stitches(layer, ellipse((0, 1010), (184, 174)), 22, CORAL)
    layer.region = "skin"
    layer.paint(layer.fuzz(outline, 8, 900, 6), FELT_LIGHT, 0.6, 1 - inside)
    # the head's shadow, and a knitted scarf over it
    layer.shade(layer.mask(ellipse((6, 640), (225, 84)), 24), NIGHT, 0.8, inside)
    layer.region = "clothes"
    tail = smooth(path("60,720 150,716 176,800 184,900 190,985 96,992 92,900 84,800"))
    loop = strand(path("-196,600 -176,676 -70,716 30,718 150,684 198,600"), [40, 100, 116, 116, 100, 40])
    for shape, lines, seed in ((tail, "down", 8), (loop, "round", 9)):
        layer.shade(layer.mask(shape + np.array([4, 14], np.float32), 12), NIGHT, 0.7, layer.alpha)
        wool = layer.mask(shape)
        layer.paint(
            wool,
            layer.colours(
                layer.ramp((-200, 660), (210, 900)),
                [(0, mix(MUSTARD, CREAM, 0.4)), (0.5, MUSTARD), (1, rgb("#b5762a"))],
            ),
        )
        place = layer.y * 1.0 if lines == "down" else np.arctan2(layer.x, layer.y - 400) * 330
        stripes = np.clip(np.sin(place * (2 * np.pi / 92)) * 8 + 1, 0, 1).astype(np.float32) * np.ones_like(wool)
        layer.paint(stripes, mix(CORAL, PLUM, 0.12), 0.94, wool)
        rows = np.sin((layer.x + 0.5 * np.abs(layer.y % 14 - 7)) * (2 * np.pi / 11)) * np.cos(
            layer.y * (2 * np.pi / 14)
        )
        layer.shade(np.clip(-rows, 0, 1).astype(np.float32), PLUM, 0.32, wool)
        layer.light(np.clip(rows, 0, 1).astype(np.float32), CREAM, 0.16, wool)
        layer.shade(1 - layer.blur(wool, 13), rgb("#5b2436"), 0.8, wool)
        layer.paint(layer.fuzz(shape, 9, 260, seed), mix(MUSTARD, CREAM, 0.4), 0.6, 1 - wool)
    for x in range(102, 190, 11):
        layer.paint(
            layer.mask(strand([(x, 984), (x + 2, 1010), (x - 2, 1034)], [7, 6, 3])), mix(MUSTARD, CORAL, 0.25 * (x % 2))
        )
    return layer


def head(height: int) -> Layer:
    layer = Layer((-300, 40, 300, 680), height)
    layer.region = "skin"
    for side in (-1, 1):
        _ear(layer, side)
    _tuft(layer, behind=True)
    outline = smooth(HEAD)
    inside = layer.mask(outline)
    layer.paint(layer.fuzz(outline, 9, 1100, 3), mix(FELT, FELT_LIGHT, 0.6), 0.75)
    nx, ny = layer.x / 250, (layer.y - 410) / 275
    nz = np.sqrt(np.clip(1 - nx**2 - ny**2, 0.02, 1))
    lit = np.clip(0.52 * nz - 0.42 * nx - 0.40 * ny + 0.28, 0, 1).astype(np.float32)
    layer.paint(inside, layer.colours(lit, [(0, FELT_DARK), (0.42, FELT), (1, FELT_LIGHT)]))
    layer.shade(1 - layer.blur(inside, 18), NIGHT, 0.6, inside)
    _felted(layer, inside, 1)
    _face(layer, inside)
    seam = smooth([(x * 0.915, 405 + (y - 405) * 0.925) for x, y in HEAD])
    _stitches(layer, seam, 25, CREAM, 4.2)
    _tuft(layer, behind=False)
    return layer


def _ear(layer: Layer, side: int) -> None:
    outline = ellipse((side * 178, 190), (74, 70), side * 20)
    ear = layer.mask(outline)
    layer.paint(layer.fuzz(outline, 8, 320, 12 + side), mix(FELT, FELT_LIGHT, 0.5), 0.7)
    layer.paint(
        ear,
        layer.colours(
            layer.ramp((side * 178 - 70, 120), (side * 178 + 80, 270)), [(0, FELT_LIGHT), (0.5, FELT), (1, FELT_DARK)]
        ),
    )
    layer.shade(1 - layer.blur(ear, 12), NIGHT, 0.5, ear)
    _felted(layer, ear, 14 + side)
    layer.region = ""
    inner = layer.mask(ellipse((side * 180, 188), (44, 42), side * 20))
    layer.shade(layer.mask(ellipse((side * 180, 186), (48, 46)), 5), NIGHT, 0.55, ear)
    layer.paint(inner, layer.colours(layer.ramp((0, 150), (0, 235)), [(0, mix(CORAL, PLUM, 0.35)), (1, CORAL)]))
    _felted(layer, inner, 17 + side)
    layer.region = "skin"


def _tuft(layer: Layer, behind: bool) -> None:
    """Loops of plum wool on the top of the head."""
    layer.region = "hair"
    rng = np.random.default_rng(41 if behind else 42)
    for index in range(15 if behind else 9):
        spread = (index / (14 if behind else 8) - 0.5) * 2
        tall = (108 if behind else 62) * (1 - 0.35 * abs(spread)) * rng.uniform(0.8, 1.1)
        x, y = spread * 46, 168 + 6 * abs(spread)
        lean = spread * 74 + rng.uniform(-16, 16)
        curl = rng.choice([-1, 1]) * 16
        line: list[Point] = [
            (x, y),
            (x + 0.3 * lean, y - 0.5 * tall),
            (x + lean, y - 0.92 * tall),
            (x + lean + curl, y - 0.98 * tall),
            (x + lean + 1.3 * curl, y - 0.72 * tall),
        ]
        yarn = strand(line, [13, 13, 12, 11, 8])
        layer.shade(layer.mask(yarn + np.array([3, 6], np.float32), 4), NIGHT, 0.55, layer.alpha)
        mask = layer.mask(yarn)
        layer.paint(mask, mix(PLUM, CORAL, float(rng.uniform(0, 0.45))))
        layer.shade(1 - layer.blur(mask, 3), rgb("#2c1024"), 0.7, mask)
        twist = np.sin((layer.x * 0.7 + layer.y) * (2 * np.pi / 9)).astype(np.float32)
        layer.light(np.clip(twist, 0, 1), rgb("#ffb59a"), 0.28, mask)
    layer.region = "skin"


def _face(layer: Layer, inside: Array) -> None:
    layer.region = ""
    # cheeks: coral felt, sewn on
    for side in (-1, 1):
        centre = (side * 152, 494)
        layer.shade(layer.mask(ellipse((centre[0] + 1, centre[1] + 5), (43, 38)), 6), NIGHT, 0.5, inside)
        cheek = layer.mask(ellipse(centre, (42, 37)))
        layer.paint(
            cheek, layer.colours(layer.ramp((0, 456), (0, 536)), [(0, mix(CORAL, CREAM, 0.3)), (1, CORAL)]), 1, inside
        )
        _felted(layer, cheek * inside, 31 + side, 0.8)
        _stitches(layer, ellipse(centre, (33, 28)), 17, mix(CORAL, CREAM, 0.7), 3.4)
    # eyelids: padded domes, on which the eyes are drawn live
    for side in (-1, 1):
        x = side * 82
        layer.region = "skin"
        layer.shade(layer.mask(ellipse((x + 3, 392), (70, 70)), 10), NIGHT, 0.75, inside)
        dome = layer.mask(ellipse((x, 380), (66, 66)))
        nx, ny = (layer.x - x) / 74, (layer.y - 380) / 74
        nz = np.sqrt(np.clip(1 - nx**2 - ny**2, 0.02, 1))
        lit = np.clip(0.55 * nz - 0.45 * nx - 0.5 * ny + 0.15, 0, 1).astype(np.float32)
        layer.paint(dome, layer.colours(lit, [(0, rgb("#15585c")), (0.5, rgb("#2f8f88")), (1, FELT_LIGHT)]))
        _felted(layer, dome, 51 + side)
        layer.shade(layer.mask(ellipse((x, 384), (57, 55)), 4), NIGHT, 0.55, dome)
        lid = layer.mask(ellipse((x, 381), (54, 53)))
        layer.paint(lid, layer.colours(layer.ramp((0, 326), (0, 436)), [(0, rgb("#4db3a5")), (1, rgb("#257a77"))]))
        _felted(layer, lid, 61 + side)
        layer.region = "hair"
        brow = strand([(side * dx, y) for dx, y in path("36,290 74,272 122,290")], [15, 21, 13])
        layer.shade(layer.mask(brow + np.array([2, 7], np.float32), 5), NIGHT, 0.6, inside)
        wool = layer.mask(brow)
        layer.paint(wool, layer.colours(layer.ramp((0, 265), (0, 300)), [(0, mix(PLUM, CORAL, 0.3)), (1, PLUM)]))
        layer.paint(layer.fuzz(brow, 9, 130, 71 + side), PLUM, 0.85)
    layer.region = ""
    # a pompom for a nose
    rng = np.random.default_rng(9)
    layer.shade(layer.mask(ellipse((4, 478), (44, 38)), 10), NIGHT, 0.7, inside)
    layer.paint(layer.mask(ellipse((0, 458), (38, 35)), 2), CORAL)
    for _ in range(420):
        turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1) ** 0.5
        dx, dy = float(far * np.cos(turn)), float(far * np.sin(turn))
        reach = 11 * rng.uniform(0.6, 1.2)
        bright = np.clip(0.5 - 0.4 * dx - 0.5 * dy, 0, 1) + rng.normal(0, 0.14)
        tone = mix(rgb("#a83a3a"), rgb("#ffb79a"), float(np.clip(bright, 0, 1)))
        root = (36 * dx, 458 + 33 * dy)
        tip = (root[0] + reach * float(np.cos(turn)), root[1] + reach * float(np.sin(turn)))
        layer.dab(strand([root, tip], [3.4, 1]), tone, 0.85)
