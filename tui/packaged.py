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
    _restore_library_path()
    if sys.argv[1:2] != [MODULE_OPTION]:
        from tui.__main__ import main as command_line

        return command_line()
    module = sys.argv[2]
    if not module.startswith(("engine.", "tui.")):
        return 2
    del sys.argv[1:3]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


def _restore_library_path() -> None:
    """Take back what PyInstaller's start put into the environment: it is for this process, and a command of the user's
    (``--on-finish``, a shell after Ctrl+Z) must not load our libraries."""
    before = os.environ.pop(f"{_LIBRARIES}_ORIG", None)
    if before is None:
        os.environ.pop(_LIBRARIES, None)
    else:
        os.environ[_LIBRARIES] = before


if __name__ == "__main__":
    sys.exit(main())
