"""What ``pyproject.toml`` cannot say: the man page and the completions are made when the package is built."""

import sys
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent
MADE = Path("build") / "share"


def made_of_the_command_line() -> list[tuple[str, list[str]]]:
    """Make them; returns the folders they go to, and the files, as ``data_files`` takes them."""
    sys.path.insert(0, str(HERE))
    from tui.completions import bash, fish, zsh
    from tui.man_page import man_page
    from tui.spoken import spoken

    texts = {
        "man/man1/imgopt-tui.1": man_page,
        "bash-completion/completions/imgopt-tui": bash,
        "zsh/site-functions/_imgopt-tui": zsh,
        "fish/vendor_completions.d/imgopt-tui.fish": fish,
    }
    commands = spoken()
    for name, text in texts.items():
        path = HERE / MADE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(commands), encoding="utf-8")
    return [(f"share/{Path(name).parent}", [str(MADE / name)]) for name in texts]


data_files = [("share/doc/imgopt-tui", ["README.md", "CHANGELOG.md", "config.example.toml"])]
if "bdist_wheel" in sys.argv:  # a source distribution makes them again
    data_files += made_of_the_command_line()
setup(data_files=data_files)
