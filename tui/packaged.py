"""The one entry of the program in one file: screen and command line, or with ``MODULE_OPTION`` one of our modules,
which is how it starts its runner and its workers."""

from __future__ import annotations

import os
import runpy
import sys

from engine.child import MODULE_OPTION

__all__ = ["main"]

_LIBRARIES = "LD_LIBRARY_PATH"


def main() -> int:
    """Be what the arguments say; returns the exit code."""
    _restore_environment()
    if sys.argv[1:2] != [MODULE_OPTION]:
        from tui.__main__ import main as command_line

        return command_line()
    module = sys.argv[2]
    if not module.startswith(("engine.", "tui.")):
        return 2
    del sys.argv[1:3]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


def _restore_environment() -> None:
    """Take back what PyInstaller's start put there: a command of the user's (``--on-finish``, a shell after Ctrl+Z)
    must not load our libraries, and a child of ours is to start as this process did, or it does not find them."""
    before = os.environ.pop(f"{_LIBRARIES}_ORIG", None)
    for name in [_LIBRARIES, *filter(lambda name: name.startswith("_PYI_"), os.environ)]:
        os.environ.pop(name, None)
    if before is not None:
        os.environ[_LIBRARIES] = before


if __name__ == "__main__":
    sys.exit(main())
