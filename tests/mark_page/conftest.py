"""Pages of `ganlab mark` in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.page_kit import Opener, open_pages


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Opener]:
    with open_pages(browser, tmp_path) as opener:
        yield opener
