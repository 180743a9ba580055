"""What a user's hands do on the landmark editor's page, for its tests in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser import Complaints
from tests.web.client import wait_until
from tests.web.editor_desk import Desk


def go_to(page: Page, desk: Desk) -> Complaints:
    complaints = Complaints(page)
    page.goto(desk.editor.address)
    expect(page.locator("html")).to_have_attribute("data-state", "editing")
    return complaints


def handle(page: Page, name: str) -> tuple[float, float]:
    """Where a point is on the screen."""
    box = page.locator(f'.point[data-name="{name}"] .dot').bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, name: str, dx: float, dy: float) -> None:
    x, y = handle(page, name)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up()


def choose(page: Page, group: str) -> None:
    page.get_by_role("radio", name=group).click()


def waiting(page: Page, condition: Callable[[], object], what: str) -> None:
    """Like wait_until, but lets playwright handle the page's events meanwhile."""

    def step() -> bool:
        page.wait_for_timeout(20)
        return bool(condition())

    wait_until(step, what, 20)
