"""The demo's images: made by a child process from the few that come with the package (``tui.demo_maker``)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

from engine.child import command, environment
from engine.errors import ImgoptError

__all__ = ["DemoError", "make_demo"]


class DemoError(ImgoptError):
    """The demo's images cannot be made."""


def make_demo(folder: str, *, count: int = 300, say: Callable[[str], None]) -> None:
    """Fill ``folder`` (made if need be) with a tree of ``count`` different images; raises DemoError.

    The same count gives the same files every time. ``say`` gets a line before the work, which takes a few seconds.
    """
    target = os.path.abspath(folder)
    say(f"making {count} images in {target} …")
    try:
        child = subprocess.run(
            [*command("tui.demo_maker"), target, "--count", str(count)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
            env=environment(pixels=True),
            check=False,
        )
    except OSError as error:
        raise DemoError(f"the demo's images cannot be made: no process could be started ({error.strerror})") from None
    if child.returncode:
        lines = os.fsdecode(child.stderr).strip().splitlines()
        reason = lines[-1] if lines else f"the process that makes them ended with {child.returncode}"
        raise DemoError(f"the demo's images cannot be made in {target}: {reason}")
