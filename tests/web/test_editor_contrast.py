"""Whether all that the landmark editor's page says can be read in both themes (WCAG 2 AA), in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.editor_desk import OpenDesk
from tests.web.editor_hands import choose, drag, go_to

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
    seen: dict[str, Any] = page.evaluate(SEEN)
    assert len(seen["texts"]) > 20
    assert len(seen["controls"]) > 3
    found = [
        (words, round(contrast(text, behind), 2), least)
        for kind, least in (("texts", TEXT), ("controls", CONTROL))
        for words, text, behind in seen[kind]
    ]
    return [(words, ratio) for words, ratio, least in found if ratio < least]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_all_words_and_controls_stand_out(browser: Browser, open_desk: OpenDesk, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    with open_desk(stored=True, notices=("There are 5 faces in the picture; see `vcam avatar edit`.",)) as desk:
        go_to(page, desk)
        expect(page.locator("#state")).to_have_text("As saved")
        assert too_faint(page) == []
        choose(page, "Mouth")
        drag(page, "mouth.lower_outer.middle", 0, 5)
        expect(page.locator("#state")).to_have_text("Unsaved changes")
        page.get_by_text("Move both sides alike").click()
        page.keyboard.press("h")
        assert too_faint(page) == []
        desk.trouble = "The disk is full; see `df`."
        page.get_by_role("button", name="Save avatar").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        assert too_faint(page) == []
        page.get_by_role("button", name="Keep editing").click()
        desk.trouble = ""
        page.get_by_role("button", name="Save avatar").click()
        expect(page.get_by_role("heading", name="me is saved")).to_be_visible()
        assert too_faint(page) == []
    context.close()
