"""Makes what is generated anew: ``config.example.toml``, the README's tables, and the pictures that tests compare
screens with. Run: python -m tests.refresh"""

from __future__ import annotations

from pathlib import Path

from engine.config import example
from tests.tui.pictures import write_all
from tui.actions import keys_table
from tui.setting_options import presets_table, settings_table

ROOT = Path(__file__).resolve().parent.parent
TABLES = {"settings": settings_table, "keys": keys_table, "presets": presets_table}


def readme(text: str) -> str:
    """The README's text with its generated tables as they should be."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: generated -->\n", f"<!-- /{name} -->"
        before, rest = text.split(begin)
        after = rest.split(end, 1)[1]
        text = f"{before}{begin}{table().strip()}\n{end}{after}"
    return text


def main() -> None:
    (ROOT / "config.example.toml").write_text(example(), encoding="utf-8")
    path = ROOT / "README.md"
    path.write_text(readme(path.read_text(encoding="utf-8")), encoding="utf-8")
    write_all()


if __name__ == "__main__":
    main()
