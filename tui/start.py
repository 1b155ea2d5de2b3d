"""Opening the dashboard: on a folder, on the demo, or on a run that is going on; and what to say without a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.folder_settings import FolderSettings
from engine.settings import Settings
from tui.terminal import colour_depth, is_utf8, usable

if TYPE_CHECKING:
    from engine.view import RunView
    from tui.graphics import Graphics

__all__ = ["open_attached", "open_dashboard"]

EXIT_FAILED = 1
EXIT_USAGE = 2


def _say(line: str) -> None:
    print(f"imgopt-tui: {line}", file=sys.stderr)


def open_dashboard(paths: Sequence[str], settings: Settings, own: FolderSettings, *, demo: bool = False) -> int:
    """Open the dashboard on ``paths`` (default: the current folder), with ``own`` settings of single folders; with
    ``demo`` on freshly made images, at work."""
    if demo:
        return _demo(settings)
    roots = list(paths) or [os.getcwd()]
    for root in roots:
        if not os.path.lexists(root):
            _say(f"{shlex.quote(root)}: no such file or folder")
            return EXIT_USAGE
    if not usable(os.environ):
        _say(f"no terminal for the dashboard; for scripts use: imgopt-tui run {shlex.join(roots)}")
        return EXIT_USAGE
    return asyncio.run(_show(roots, settings, own=own))


def open_attached(run_id: str | None, settings: Settings) -> int:
    """Open the dashboard on a run, going on or over; raises RunnerError."""
    if not usable(os.environ):
        _say("no terminal for the dashboard; running runs are listed by: imgopt-tui ps")
        return EXIT_USAGE
    return asyncio.run(_show_attached(run_id, settings))


def _demo(settings: Settings) -> int:
    from tui.demo import make_demo

    folder = tempfile.mkdtemp(prefix="imgopt-demo-")
    make_demo(folder, say=_say)
    if usable(os.environ):
        code = asyncio.run(_show([folder], settings, start=True))
    else:
        from tui.run_command import Output, run

        code = run([folder], settings, Output())
    _say(f"the demo's images are in {folder}")
    return code


async def _show_attached(run_id: str | None, settings: Settings) -> int:
    from engine.opening import open_run

    view = await open_run(run_id)
    return await _show(view.info.roots, settings, view=view)


async def _launch(roots: Sequence[str], settings: Settings, own: FolderSettings) -> RunView:
    """Start a run; what that needs is loaded then, not before the first picture."""
    from engine.runner import launch

    return await launch(roots, settings, own)


async def _show(
    roots: Sequence[str],
    settings: Settings,
    *,
    own: FolderSettings | None = None,
    view: RunView | None = None,
    start: bool = False,
) -> int:
    gc.disable()  # what is loaded now stays, and looking through it again and again takes a tenth of the start
    import logging

    from engine.config import user_file
    from tui.app import ImgoptApp
    from tui.diverted import diverted
    from tui.hangup import Leaving
    from tui.palettes import chosen_theme
    from tui.pens import Depth

    app = ImgoptApp(
        roots=roots,
        settings=settings,
        own=own,
        launcher=_launch,
        view=view,
        start=start,
        ascii_only=settings.ascii or not is_utf8(os.environ),
        depth=Depth(colour_depth(os.environ, settings.colors)),
        theme=chosen_theme(settings.theme, os.environ, user_file().parent / "theme.toml"),
        mouse=settings.mouse,
        graphics=_pictures(settings.preview),
    )
    loop = asyncio.get_running_loop()

    def leave() -> None:
        """Closed terminal or asked to end: the run goes on."""
        with contextlib.suppress(RuntimeError):  # it has left already
            loop.call_soon_threadsafe(app.exit)

    leaving = Leaving(leave)
    leaving.install()
    result = None
    with diverted():
        try:
            result = await app.run_async(mouse=settings.mouse)
        except Exception as error:  # not even Textual could end in order
            logging.getLogger("imgopt-tui").exception("the dashboard broke down")
            app.broken = app.broken or error
        if app.broken:
            await app.session.let_go()  # a fault of the screen is no closed terminal
    with contextlib.suppress(OSError):
        if app.broken:
            _say(_broken(app.broken, app.mirror.info.run_id if app.mirror.working and app.mirror.info else ""))
        elif result is not None and result.choice == "left":
            _say(f"run {result.run_id} goes on; watch it with: imgopt-tui attach {result.run_id}")
        elif result is not None and result.choice in ("stopping", "stopped"):
            _say(f"run {result.run_id} {'ends after the images in work' if result.choice == 'stopping' else 'stopped'}")
    return leaving.code or (EXIT_FAILED if app.broken else app.return_code) or 0


def _pictures(preview: str) -> Graphics | None:
    """What the terminal draws beside text; it is asked only where pictures are wanted."""
    if preview == "half":
        return None
    from tui.graphics import ask, wanted

    return wanted(preview, lambda: ask(sys.stdin.fileno(), sys.stdout.fileno()))


def _broken(error: Exception, run_id: str) -> str:
    """What to say after a fault of the screen."""
    from engine.places import log_file
    from tui.text import escape

    goes_on = f"; run {run_id} goes on, watch it with: imgopt-tui attach {run_id}" if run_id else ""
    cause = getattr(error, "error", error)  # Textual wraps what went wrong in a worker of its own
    what = escape(f"{type(cause).__name__}: {cause}")
    return f"the dashboard broke down ({what}){goes_on}; details are in {escape(str(log_file()))}"
