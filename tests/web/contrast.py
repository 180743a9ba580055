"""What on a page has too little contrast to be read (WCAG 2 AA)."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page

TEXT = 4.5  # the least contrast of words
CONTROL = 3.0  # and of what shows how a control stands

# What is seen, its colour, and the colours behind it from the nearest on. A picture may be as light as any.
SEEN = """() => {
  const behind = (element) => {
    const found = [];
    for (let at = element; at && !at.matches(".easel, .screen"); at = at.parentElement) {
      found.push(getComputedStyle(at).backgroundColor);
    }
    return found;
  };
  const seen = (element) => element.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const inUse = (element) => seen(element) && !element.closest(":disabled");
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const {data, parentElement} = walker.currentNode;
    if (!data.trim() || parentElement.matches(".sr") || !inUse(parentElement)) continue;
    texts.push([data.trim(), getComputedStyle(parentElement).color, behind(parentElement)]);
  }
  const icons = [...document.querySelectorAll("button > svg")].filter(inUse);
  const thumbs = [...document.querySelectorAll(".track")].filter(seen);
  return {
    texts,
    controls: [
      ...icons.map((icon) => [icon.parentElement.id, getComputedStyle(icon).stroke, behind(icon)]),
      ...thumbs.map((track) => ["thumb", getComputedStyle(track, "::after").backgroundColor, behind(track)]),
    ],
  };
}"""


def colour(text: str) -> tuple[float, float, float, float]:
    """Red, green and blue 0..255 and alpha of a computed colour."""
    numbers = [float(number) for number in re.findall(r"[\d.]+", text)]
    assert text.startswith("rgb"), text
    red, green, blue, alpha = [*numbers, 1.0][:4]
    return red, green, blue, alpha


def over(top: str, below: tuple[float, ...]) -> tuple[float, ...]:
    *channels, alpha = colour(top)
    return tuple(alpha * a + (1 - alpha) * b for a, b in zip(channels, below, strict=True))


def luminance(channels: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in channels)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(text: str, behind: list[str]) -> float:
    ground: tuple[float, ...] = (255, 255, 255)
    for layer in reversed(behind):
        ground = over(layer, ground)
    darker, lighter = sorted(luminance(channels) for channels in (ground, over(text, ground)))
    return (lighter + 0.05) / (darker + 0.05)


def too_faint(page: Page) -> list[tuple[str, float]]:
    """What is seen in less contrast than it should be: words or a control's name, and the ratio."""
    seen: dict[str, Any] = page.evaluate(SEEN)
    assert len(seen["texts"]) > 20
    assert len(seen["controls"]) > 3
    found = [
        (words, round(contrast(text, behind), 2), least)
        for kind, least in (("texts", TEXT), ("controls", CONTROL))
        for words, text, behind in seen[kind]
    ]
    return [(words, ratio) for words, ratio, least in found if ratio < least]
