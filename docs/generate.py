"""Write the pages that follow from the code: ``python docs/generate.py``."""

from __future__ import annotations

from pathlib import Path

import api_page
import commands_page

PAGES = {"api.md": api_page.page, "commands.md": commands_page.page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        Path(__file__).with_name(name).write_text(page(), encoding="utf-8")
        print(f"Wrote {name}")
