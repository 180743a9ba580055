"""Marlow: an elderly man with a grey beard and glasses, cut out as for a poster, before a sunset. Nobody's likeness."""

from __future__ import annotations

import numpy as np

from portraits.paint import Array, Layer, Point, box, ellipse, mirrored, mix, path, rgb, smooth, strand

SKIN = rgb("#9a6446")
SKIN_LIGHT = rgb("#bd8660")
SKIN_SHADE = rgb("#6c3f31")
SKIN_DEEP = rgb("#4a2824")
HAIR = rgb("#b7b1ab")
HAIR_LIGHT = rgb("#e4dfd6")
HAIR_SHADE = rgb("#7f787a")
HAIR_DEEP = rgb("#544b55")
NAVY = rgb("#2b3f6b")
NAVY_LIGHT = rgb("#41598c")
NAVY_SHADE = rgb("#1a2547")
NAVY_DEEP = rgb("#10172f")
CREAM = rgb("#efe3cb")
CREAM_SHADE = rgb("#b79f8b")
FRAME = rgb("#2a1714")
SUN = rgb("#ffb468")  # its light along the right edges

SUN_CENTRE = (330.0, 440.0)
FACE = mirrored(path("0,140 72,150 132,190 164,258 171,340 170,420 164,492 150,552 118,610 66,648 0,662"))
BEARD = mirrored(path("166,392 173,430 172,500 160,566 130,628 76,668 0,682"))


def _mirror(text: str, side: int) -> list[Point]:
    return [(side * x, y) for x, y in path(text)]


def background(height: int) -> Layer:
    layer = Layer((-960, 0, 960, 1000), height)
    everything = np.ones(layer.rgba.shape[:2], np.float32)
    layer.region = "background"
    # rings of evening around the sun, the nearest the brightest
    far = np.hypot(layer.x - SUN_CENTRE[0], (layer.y - SUN_CENTRE[1]) * 1.03)
    layer.paint(everything, rgb("#4b3a68"))
    rings = (
        (1120, "#5f4272"),
        (930, "#7d4a77"),
        (750, "#a2556f"),
        (590, "#c6665f"),
        (440, "#e08257"),
        (300, "#f0a05f"),
    )
    for radius, colour in rings:
        edge = np.clip((radius - far) * layer.scale / 2 + 0.5, 0, 1).astype(np.float32)
        layer.paint(edge, rgb(colour))
        layer.light(np.clip((far - radius + 46) / 46, 0, 1).astype(np.float32), rgb("#ffcf9a"), 0.09, edge)
    layer.region = ""
    layer.paint(layer.mask(ellipse(SUN_CENTRE, (168, 168))), rgb("#ffd894"))
    layer.light(layer.glow(SUN_CENTRE, (420, 420), 2), rgb("#ffdca0"), 0.35)
    _clouds(layer)
    _city(layer)
    layer.soften(2.2)
    layer.shade(1 - layer.glow((60, 430), (1350, 950), 0.6), rgb("#2c1f4a"), 0.45)
    return layer


def _clouds(layer: Layer) -> None:
    """Long flat bars with round ends, some across the sun."""
    bars = (
        (250, 338, 640, 18, "#f6b877"),
        (330, 372, 560, 12, "#f6b877"),
        (120, 520, 420, 16, "#eb955c"),
        (520, 205, 900, 16, "#d17862"),
        (640, 240, 980, 12, "#d17862"),
        (-900, 170, -610, 18, "#7d5182"),
        (-760, 206, -480, 12, "#7d5182"),
        (-620, 452, -300, 14, "#bb646c"),
        (-820, 486, -520, 18, "#9c5674"),
    )
    for left, y, right, thick, colour in bars:
        layer.paint(layer.mask(box(left, y, right, y + thick, thick / 2 - 0.1)), rgb(colour), 0.9)


def _city(layer: Layer) -> None:
    """Two rows of roofs in silhouette, a few windows lit."""
    rng = np.random.default_rng(12)
    for base, tallest, colour, lit in ((640, 150, "#7c4367", 0.0), (760, 190, "#43294f", 0.10)):
        x, windows, glow = -980.0, [], []
        skyline: list[Array] = [box(-980, base + 40, 980, 1010)]
        while x < 980:
            width, tall = float(rng.uniform(50, 120)), float(rng.uniform(0.15, 1.0)) * tallest
            skyline.append(box(x, base - tall, x + width, 1010))
            roof = int(rng.integers(0, 4))
            if roof == 0:
                skyline.append(
                    np.array(
                        [(x, base - tall), (x + width / 2, base - tall - 34), (x + width, base - tall)], np.float32
                    )
                )
            elif roof == 1:
                skyline.append(box(x + width * 0.3, base - tall - 26, x + width * 0.36, base - tall))
            for column in range(int(width // 20)):
                for row in range(int((tall + 200) // 30)):
                    if rng.random() < lit:
                        left, top = x + 8 + column * 20, base - tall + 14 + row * 30
                        windows.append(box(left, top, left + 9, top + 14))
                        glow.append(float(rng.uniform(0.45, 1)))
            x += width - float(rng.uniform(0, 8))
        houses = layer.masks(skyline, [1.0] * len(skyline))
        layer.paint(houses, rgb(colour))
        layer.light(houses * layer.ramp((0, base + 100), (0, base - tallest)), rgb("#e08257"), 0.28)
        if windows:
            layer.paint(layer.masks(windows, glow), rgb("#ffc979"), 0.9, houses)


def body(height: int) -> Layer:
    layer = Layer((-600, 500, 600, 1040), height)
    neck = _neck(layer)
    layer.region = "clothes"
    outline = smooth(
        mirrored(path("0,880 70,800 130,744 176,738 270,772 376,812 452,870 492,960 512,1080 520,1200 0,1210")),
        steps=24,
    )
    inside = layer.mask(outline)
    layer.paint(inside, NAVY)
    layer.paint(
        layer.mask(smooth(path("-520,900 -420,822 -270,770 -176,742 -200,800 -330,850 -420,960 -460,1100 -540,1100"))),
        NAVY_LIGHT,
        1,
        inside,
    )
    layer.paint(
        layer.mask(smooth(path("150,730 300,800 330,900 300,1000 260,1100 560,1100 540,900 420,800"))),
        NAVY_SHADE,
        1,
        inside,
    )
    for side in (-1, 1):
        sleeve = strand(_mirror("318,1100 330,1010 352,930 372,884", side), [30, 22, 12, 1])
        layer.paint(layer.mask(sleeve, 0.8), NAVY_DEEP, 1, inside)
        for line, widths in (("330,1000 384,962 430,952", [1, 13, 1]), ("334,930 300,900 262,890", [1, 9, 1])):
            layer.paint(layer.mask(strand(_mirror(line, side), widths), 0.8), NAVY_DEEP, 0.8, inside)
    _sweater(layer, neck)
    _lapels(layer, inside)
    layer.region = ""
    # the sun's edge on the right shoulder, the sky's on the left one
    rim = layer.mask(strand(path("196,746 270,776 376,816 450,874 490,962 508,1080"), [0, 9, 13, 15, 12, 9]), 0.8)
    layer.paint(rim, SUN, 0.95, inside)
    sky = layer.mask(strand(path("-186,744 -270,775 -376,815 -450,873 -490,962"), [0, 5, 6, 6, 3]), 1)
    layer.paint(sky, rgb("#9d8fd0"), 0.7, inside)
    return layer


def _neck(layer: Layer) -> Array:
    layer.region = "skin"
    inside = layer.mask(smooth(mirrored(path("0,540 104,540 106,660 112,720 120,800 0,860"))))
    layer.paint(inside, SKIN_SHADE)
    layer.paint(layer.mask(smooth(path("-130,560 -92,640 -84,720 -96,800 -140,800"))), SKIN, 1, inside)
    layer.paint(layer.mask(smooth(path("-74,560 120,560 120,800 40,760 -40,716"))), SKIN_DEEP, 0.75, inside)
    return inside


def _sweater(layer: Layer, neck: Array) -> None:
    """A rolled collar, ribbed; no part of the jacket's colour."""
    layer.region = ""
    chest = layer.mask(smooth(path("-160,740 0,800 160,740 160,900 80,1010 0,1110 -80,1010 -160,900")))
    layer.paint(chest, CREAM_SHADE)
    layer.paint(layer.mask(smooth(path("-190,740 -20,800 -10,1000 -60,1040 -190,920"))), CREAM, 1, chest)
    roll = smooth(
        path(
            "-118,700 -64,722 0,728 64,722 118,700 132,716 139,752 136,792 70,822 0,830 -70,822 -136,792 -139,752"
            " -132,716"
        )
    )
    layer.shade(layer.mask(roll + np.array([6, 22], np.float32), 1), rgb("#8d7688"), 0.6, chest)
    band = layer.mask(roll)
    layer.paint(band, CREAM)
    layer.paint(layer.mask(smooth(path("36,700 150,690 160,800 60,840 20,834 52,790"))), CREAM_SHADE, 1, band)
    layer.shade(
        layer.mask(smooth(path("-96,690 0,716 140,684 140,716 64,748 10,756 -40,748 -84,724"))),
        rgb("#a78e92"),
        0.75,
        band,
    )
    ribs = [strand([(x, 715), (x * 1.04, 770), (x * 0.98, 828)], [1, 3.2, 1]) for x in range(-128, 129, 16)]
    layer.shade(layer.masks(ribs, [1.0] * len(ribs)), rgb("#957e7c"), 0.55, band)
    layer.light(layer.mask(strand(path("118,716 132,750 126,792"), [1, 8, 1]), 0.8), SUN, 0.8, band)


def _lapels(layer: Layer, inside: Array) -> None:
    layer.region = "clothes"
    for side in (-1, 1):
        front = layer.mask(smooth(_mirror("146,770 150,850 96,960 30,1060 20,1210 420,1210 300,900 250,800", side)))
        layer.paint(front, NAVY if side < 0 else NAVY_SHADE, 1, inside)
        corners = np.array(
            _mirror(
                "124,716 164,734 236,792 270,866 214,872 236,910 150,1000 62,1060 96,960 138,850 150,800 136,750", side
            ),
            np.float32,
        )
        layer.shade(layer.mask(corners + np.array([10, 12], np.float32), 2), rgb("#0c1024"), 0.55, inside)
        lapel = layer.mask(corners)
        layer.paint(lapel, NAVY_LIGHT if side < 0 else NAVY)
        layer.paint(
            layer.mask(
                np.array(_mirror("150,800 138,850 96,960 62,1060 110,1020 160,900 168,810", side), np.float32), 0.8
            ),
            NAVY if side < 0 else NAVY_SHADE,
            1,
            lapel,
        )
        notch = strand(_mirror("214,872 190,862 152,846", side), [4, 4, 2])
        layer.paint(layer.mask(notch), NAVY_DEEP, 0.9, inside)


def head(height: int) -> Layer:
    layer = Layer((-270, 60, 270, 730), height)
    for side in (-1, 1):
        _ear(layer, side)
    skull = _hair(layer)
    face = _face(layer)
    _beard(layer, face)
    _features(layer, face)
    _glasses(layer)
    # the sun along the right edge of all
    layer.region = ""
    edge = path("96,118 148,160 178,222 186,300 186,350")
    layer.paint(layer.mask(strand(edge, [0, 8, 10, 9, 2]), 0.8), SUN, 0.95, skull)
    edge = path("176,452 174,500 161,566 131,626 84,664 30,680")
    layer.paint(layer.mask(strand(edge, [2, 11, 13, 12, 8, 0]), 0.8), SUN, 0.95, layer.alpha)
    return layer


def _ear(layer: Layer, side: int) -> None:
    layer.region = "skin"
    outline = smooth(_mirror("160,356 184,340 205,352 210,392 200,440 184,470 164,468", side))
    ear = layer.mask(outline)
    layer.paint(ear, SKIN if side < 0 else SKIN_SHADE)
    inner = strand(_mirror("172,372 190,362 198,384 190,420 176,446", side), [4, 9, 8, 9, 3])
    layer.paint(layer.mask(inner, 0.8), SKIN_SHADE if side < 0 else SKIN_DEEP, 1, ear)
    layer.region = ""
    if side > 0:
        layer.paint(
            layer.mask(strand(path("190,344 206,356 209,392 200,438 186,466"), [1, 9, 9, 9, 1]), 0.8), SUN, 0.95, ear
        )


def _hair(layer: Layer) -> Array:
    """Cropped close around the skull; the forehead is laid over it."""
    layer.region = "hair"
    inside = layer.mask(smooth(mirrored(path("0,104 76,110 134,140 172,196 187,266 188,340 178,400 160,420 0,420"))))
    layer.paint(inside, HAIR)
    layer.paint(layer.mask(smooth(path("60,90 110,140 150,210 164,300 160,430 220,430 220,90"))), HAIR_SHADE, 1, inside)
    layer.paint(
        layer.mask(smooth(path("-200,300 -176,200 -130,136 -60,110 20,112 -60,132 -120,176 -156,250 -166,330"))),
        HAIR_LIGHT,
        1,
        inside,
    )
    rng = np.random.default_rng(2)
    hairs, strengths = [], []
    for _ in range(330):
        turn, far = float(rng.uniform(-1.5, 1.5)), float(rng.uniform(0.5, 0.985))
        x, y = 188 * far * np.sin(turn), 305 - 200 * far * np.cos(turn)
        # combed back from a parting on the left, down at the sides
        heading = turn * 0.9 + (0.75 if turn > -0.45 else -0.75)
        dx, dy = float(np.sin(heading)), float(-np.cos(heading))
        reach = float(rng.uniform(11, 24))
        bend = (x + 0.5 * reach * dx, y + 0.5 * reach * dy - 2)
        hairs.append(strand([(x, y), bend, (x + reach * dx, y + reach * dy)], [0.6, 2.8, 0.6]))
        strengths.append(float(rng.uniform(0.3, 0.9)))
    layer.paint(layer.masks(hairs[::2], strengths[::2]), HAIR_DEEP, 0.55, inside)
    layer.paint(layer.masks(hairs[1::2], strengths[1::2]), HAIR_LIGHT, 0.6, inside)
    return inside


def _face(layer: Layer) -> Array:
    """Three flat tones: lit from the left, shaded on the right."""
    layer.region = "skin"
    brow = path("0,212 52,204 96,196 128,214 148,244 155,300 158,350 168,372")
    jaw = path("170,430 164,492 150,552 118,610 66,648 0,662")
    inside = layer.mask(smooth(mirrored([*brow, *jaw])))
    layer.paint(inside, SKIN)
    shade = smooth(
        path("132,180 122,240 118,290 132,330 142,366 138,420 122,452 104,500 96,560 60,620 20,670 220,680 220,180")
    )
    layer.paint(layer.mask(shade, 0.9), SKIN_SHADE, 1, inside)
    light = smooth(path("-120,222 -60,214 -10,226 -4,262 -30,292 -96,300 -140,318 -146,270"))
    layer.paint(layer.mask(light, 0.9), SKIN_LIGHT, 1, inside)
    cheek = smooth(path("-150,452 -116,446 -70,462 -62,482 -96,498 -140,500 -156,480"))
    layer.paint(layer.mask(cheek, 0.9), SKIN_LIGHT, 1, inside)
    layer.paint(layer.mask(smooth(path("76,458 112,452 104,476 84,490 66,480")), 0.9), SKIN, 1, inside)
    for line, widths in (("-78,262 -30,254 20,258 64,266", [0, 4, 4, 0]), ("-60,236 -10,230 48,238", [0, 3.4, 0])):
        layer.paint(layer.mask(strand(path(line), widths), 0.7), SKIN_SHADE, 0.85, inside)
    return inside


def _beard(layer: Layer, face: Array) -> None:
    layer.region = "hair"
    right = path("164,372 174,430 173,500 161,566 131,628 77,669 0,684")
    outer = [*right, *[(-x, y) for x, y in reversed(right[:-1])]]
    inner = path(
        "-158,372 -150,420 -142,470 -118,512 -84,514 -50,500 -24,504 0,508 24,504 50,500 84,514 118,512 142,470 150,420"
        " 158,372"
    )
    outline = smooth([*outer, *inner])
    beard = layer.mask(outline)
    layer.shade(layer.mask(outline + np.array([0, -7], np.float32), 4), rgb("#8a5a50"), 0.55, face * (1 - beard))
    layer.paint(beard, HAIR)
    layer.paint(
        layer.mask(smooth(path("120,380 128,500 106,560 76,620 10,650 -20,700 240,700 240,380"))), HAIR_SHADE, 1, beard
    )
    layer.paint(
        layer.mask(smooth(path("-186,380 -152,430 -140,500 -118,560 -128,600 -158,570 -182,480"))), HAIR_LIGHT, 1, beard
    )
    chin = smooth(path("-64,606 -30,594 0,592 24,598 16,622 -10,650 -50,640"))
    layer.paint(layer.mask(chin, 0.9), HAIR_LIGHT, 0.9, beard)
    # where the mouth moves: shadow, so that round lips leave nothing bare
    layer.paint(layer.mask(smooth(mirrored(path("0,526 46,530 74,544 70,562 40,578 0,584"))), 3), HAIR_DEEP, 0.85)
    _bristles(layer, beard)
    for side in (-1, 1):
        lip = smooth(_mirror("0,505 26,499 54,508 80,530 92,566 84,574 67,555 36,545 10,544 0,539", side))
        layer.shade(layer.mask(lip + np.array([2, 6], np.float32), 3), rgb("#5d545c"), 0.6, beard)
        wing = layer.mask(lip)
        layer.paint(wing, mix(HAIR, HAIR_LIGHT, 0.45) if side < 0 else mix(HAIR, HAIR_SHADE, 0.35))
        for index in range(9):
            at = index / 8
            x, y = side * (4 + 70 * at), 506 + 16 * at**2
            hair = strand([(x, y), (x + side * 9, y + 15), (x + side * (10 + 10 * at), y + 37)], [0.6, 2.6, 0.6])
            layer.paint(layer.mask(hair, 0.5), HAIR_LIGHT if index % 2 else HAIR_SHADE, 0.75, wing)


def _bristles(layer: Layer, beard: Array) -> None:
    """Short strokes that follow the jaw."""
    rng = np.random.default_rng(8)
    for tone, count, opacity in ((HAIR_DEEP, 150, 0.5), (HAIR_LIGHT, 170, 0.6)):
        hairs, strengths = [], []
        for _ in range(count):
            turn = float(rng.uniform(-1.75, 1.75))
            x = 166 * np.sin(turn) * rng.uniform(0.5, 1.0)
            y = 470 + 206 * np.cos(turn * 0.9) * rng.uniform(0.72, 1.0)
            lean, reach = 0.10 * x, float(rng.uniform(12, 26))
            hairs.append(strand([(x, y), (x - lean * 0.3, y + reach * 0.55), (x - lean, y + reach)], [0.6, 3.0, 0.6]))
            strengths.append(float(rng.uniform(0.35, 1.0)))
        layer.paint(layer.masks(hairs, strengths), tone, opacity, beard)


def _features(layer: Layer, inside: Array) -> None:
    """Nose, lids (the open eyes are drawn live, over them), lines of age and brows."""
    layer.region = "skin"
    side_plane = smooth(path("14,352 22,400 28,440 46,462 48,486 26,500 4,498 10,470 4,430 4,390"))
    layer.paint(layer.mask(side_plane, 0.9), SKIN_SHADE, 1, inside)
    layer.paint(layer.mask(smooth(path("-46,478 -36,462 -26,474 -20,492 -38,498")), 0.9), SKIN_SHADE, 0.75, inside)
    layer.paint(layer.mask(strand(path("-4,372 -8,430 -8,462"), [4, 12, 15]), 0.9), SKIN_LIGHT, 1, inside)
    layer.paint(layer.mask(ellipse((-10, 470), (15, 11)), 0.9), SKIN_LIGHT, 1, inside)
    base = strand(path("-44,488 -26,496 -12,494 0,501 12,494 28,496 46,488"), [2, 8, 8, 9, 8, 8, 2])
    layer.paint(layer.mask(base, 0.8), SKIN_DEEP, 1, inside)
    for side in (-1, 1):
        lit = side < 0
        socket = smooth(_mirror("30,372 56,360 100,360 124,378 126,410 104,428 60,430 36,412", side))
        layer.paint(layer.mask(socket, 2), mix(SKIN, SKIN_SHADE, 0.55 if lit else 1.0), 0.9, inside)
        layer.paint(
            layer.mask(ellipse((side * 78, 402), (40, 22)), 1.5),
            mix(SKIN_SHADE, SKIN, 0.55 if lit else 0.25),
            1,
            inside,
        )
        crease = strand(_mirror("38,392 54,377 80,372 106,380 118,396", side), [1, 4, 4.5, 4, 1])
        layer.paint(layer.mask(crease, 0.7), SKIN_DEEP, 0.8, inside)
        bag = strand(_mirror("46,428 78,440 110,428", side), [1, 5, 1])
        layer.paint(layer.mask(bag, 0.8), SKIN_SHADE if lit else SKIN_DEEP, 0.8, inside)
        for line in ("136,392 152,384", "138,404 154,406", "136,416 148,426"):
            layer.paint(
                layer.mask(strand(_mirror(line, side), [3.2, 0.6]), 0.6), SKIN_SHADE if lit else SKIN_DEEP, 0.8, inside
            )
        fold = strand(_mirror("52,474 68,492 80,512", side), [1, 6, 2])
        layer.paint(layer.mask(fold, 0.8), SKIN_SHADE if lit else SKIN_DEEP, 0.9, inside)
        layer.region = "hair"
        brow = layer.mask(smooth(_mirror("26,336 50,318 88,308 124,318 140,340 118,330 88,326 54,334 30,348", side)))
        layer.paint(brow, mix(HAIR, HAIR_LIGHT, 0.3) if lit else HAIR_SHADE, 1, inside)
        for step in range(9):
            x, y = side * (32 + step * 12), 340 - 16 * float(np.sin(0.5 + step * 0.28))
            hair = strand([(x, y), (x + side * 8, y - 9), (x + side * 17, y - 14)], [0.6, 3, 0.6])
            layer.paint(layer.mask(hair, 0.5), HAIR_DEEP if step % 2 else HAIR_LIGHT, 0.7, brow)
        layer.region = "skin"


def _glasses(layer: Layer) -> None:
    """Round-cornered frames of dark horn, their shadow on the skin, and a glint at each lens's corner."""
    layer.region = "skin"
    frames = []
    for side in (-1, 1):
        lens = smooth(
            _mirror("24,372 36,356 78,350 122,354 138,370 136,410 122,440 82,452 44,444 28,416", side), steps=20
        )
        hole = np.array([(side * 80, 402)], np.float32) + (lens - (side * 80, 402)) * np.array(
            [0.855, 0.83], np.float32
        )
        frames.append(layer.mask(lens) - layer.mask(hole.astype(np.float32)))
        frames.append(layer.mask(strand(_mirror("134,376 160,372 184,376", side), [15, 11, 8])))
    frames.append(layer.mask(strand(path("-30,386 -14,374 0,371 14,374 30,386"), [9, 10, 10, 10, 9])))
    frame = np.max(frames, axis=0)
    step = (round(9 * layer.scale), round(4 * layer.scale))
    layer.shade(layer.blur(np.roll(frame, step, (0, 1)), 1.2), rgb("#8a5a58"), 0.6, layer.alpha)
    layer.region = ""
    layer.paint(frame, FRAME)
    upper = np.clip(frame - np.roll(frame, round(4 * layer.scale), 0), 0, 1)
    layer.paint(upper * layer.ramp((150, 0), (-140, 0)), rgb("#a8664a"), 0.8, frame)
    layer.paint(upper * layer.ramp((60, 0), (130, 0)), SUN, 0.9, frame)
    for side in (-1, 1):
        glint = np.array([(side * 80 + x, y) for x, y in path("-40,366 -26,363 -42,384 -45,378")], np.float32)
        layer.paint(layer.mask(glint, 0.6), (1.0, 1.0, 1.0), 0.55)
        glint = np.array([(side * 80 + x, y) for x, y in path("44,420 46,428 30,440 22,441")], np.float32)
        layer.paint(layer.mask(glint, 0.6), (1.0, 1.0, 1.0), 0.3)
