from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.session.bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    for animator in bench.animators:
        animator.hang.set()
    bench.session.close()
