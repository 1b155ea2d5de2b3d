"""The terminal as Textual's driver: one frame under way, never a queue of them; the link's speed measured at the link.

```
 screen ──frame──▶ Painter ──bytes──▶ Outlet (thread) ──▶ terminal
    ▲                                    │ left             │ keys, answers
    └── link_free ◀── LinkPace ◀─────────┴── Answers ◀──────┘
```
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import threading
import time
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from tui.answers import Answers
from tui.link import LinkPace, question
from tui.outlet import Outlet
from tui.palettes import is_light

if TYPE_CHECKING:
    from tui.app import ImgoptApp

__all__ = ["LinkDriver"]

LEAVE_SECONDS = 0.5
"""How long the last bytes may take to leave, and how long an answer under way is waited for, when the screen ends."""
ESCAPE_SECONDS, ESCAPE_LOOKS = 0.02, 8
"""After a key: how often, and how many times, the parser looks whether an Escape stays alone."""
BEGINNING_SECONDS = 5.0
"""So long after the start answers may come to what Textual asks then."""
COLOUR_SECONDS = 30.0
"""So long the terminal may take to tell its background."""
MOUSE_MODES = (1000, 1002, 1006)
GIVE_BACK = (
    b"\x1b[m\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1002l\x1b[?1006l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l"
)
"""All modes as they were: what a terminal is sent that does not read any more."""


class LinkDriver(LinuxDriver):
    """Draws on a terminal that may be slow, stand still or never answer."""

    def __init__(self, app: ImgoptApp, **given: Any) -> None:
        super().__init__(app, **given)
        self._size = self._size or self._get_terminal_size()
        self.pace = LinkPace()
        self._host = app
        self._outlet: Outlet | None = None
        self._answers = Answers(self._position, self._colour)
        self._answers.expected = self._expected
        self._colour_until = 0.0
        self._answer_came = threading.Event()
        self._asking = False
        """Whether the question of the frame under way has not left yet."""
        self._late: asyncio.TimerHandle | None = None
        self._leaving = False
        self._began = 0.0
        self._wake = os.pipe()

    # --- frames ---------------------------------------------------------------------------------------------------

    @property
    def free(self) -> bool:
        """Whether a frame may be sent now."""
        outlet = self._outlet
        return outlet is not None and not outlet.busy and self.pace.wait(time.monotonic()) <= 0

    def send_frame(self, frame: str) -> None:
        """Send a frame, and with it the question about the link when that is due; call only while ``free``."""
        if self.pace.due(time.monotonic()):
            frame += question(self.pace.ask(time.monotonic()))
            self._asking = True
            self._answer_came.clear()
        self.write(frame)

    def write(self, data: str) -> None:
        """Send anything that is not a frame; it is never dropped."""
        if self._outlet is not None:
            self._outlet.put(data.encode("utf-8", "replace"))

    def _left(self) -> None:
        """All bytes have left; called in the outlet's thread."""
        self._tell(self._frame_left, time.monotonic())

    def _frame_left(self, at: float) -> None:
        if self._asking:
            self._asking = False
            self.pace.sent(at)
        self._go_on()

    def _go_on(self) -> None:
        """Tell the screen that it may paint, now or when the answer is late."""
        if self._late is not None:
            self._late.cancel()
            self._late = None
        rest = self.pace.wait(time.monotonic())
        if rest > 0:
            self._late = self._loop.call_later(rest, self._go_on)
        elif self.free:
            self._host.link_free()

    def _position(self, column: int) -> None:
        """An answer; called in the thread that reads. Answers come in order: a background untold by now never is."""
        self._colour_until = 0.0
        self._answer_came.set()
        self._tell(self._answered, column, time.monotonic())

    def _expected(self) -> bool:
        """Whether what comes may be an answer: to a question of ours, or at first of Textual's."""
        return self.pace.expects or time.monotonic() < max(self._colour_until, self._began + BEGINNING_SECONDS)

    def _answered(self, column: int, at: float) -> None:
        self.pace.answered(column, at)
        self._go_on()

    def ask_colour(self) -> None:
        """Ask the terminal for its background; the application is told when it answers."""
        self._colour_until = time.monotonic() + COLOUR_SECONDS
        self.write("\x1b]11;?\x1b\\")

    def _colour(self, answer: bytes) -> None:
        self._colour_until = 0.0
        self._answer_came.set()
        self._tell(self._host.background_is, is_light(answer.decode("ascii", "replace")))

    def _tell(self, call: Any, *given: object) -> None:
        """Call something in the loop, from a thread; the loop may have ended already."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *given)

    # --- the terminal's modes -------------------------------------------------------------------------------------

    def start_application_mode(self) -> None:
        """Take the terminal."""
        self._leaving = False
        self._began = time.monotonic()
        self._outlet = Outlet(1, self._left)
        if self._host.wants_background:
            self.ask_colour()  # first, so that the answer is here before the first frame
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual's has no annotations
        if self._writer_thread is not None:
            self._writer_thread.stop()  # Textual's own; nothing is ever given to it
            self._writer_thread = None

    def stop_application_mode(self) -> None:
        """Give the terminal back. An answer under way is waited for a moment: the shell would take it for typing."""
        untold = time.monotonic() < self._colour_until and not self.pace.deaf
        if (self.pace.expects or untold) and self._key_thread and self._key_thread.is_alive():
            self._answer_came.wait(LEAVE_SECONDS)
        super().stop_application_mode()

    def disable_input(self) -> None:
        """End the thread that reads."""
        self._leaving = True
        os.write(self._wake[1], b".")
        super().disable_input()

    def close(self) -> None:
        """Let the last bytes out; with a terminal that does not read, those alone that give it back."""
        if self._outlet is not None:
            self._outlet.close(LEAVE_SECONDS, GIVE_BACK)
            self._outlet = None
        self.pace.restart()

    def set_mouse(self, on: bool) -> None:
        """Clicks and wheel only: reports of every movement would cost more than the whole dashboard."""
        self._mouse = on
        self.write("".join(f"\x1b[?{mode}{'h' if on else 'l'}" for mode in MOUSE_MODES))

    def _enable_mouse_support(self) -> None:
        if self._mouse:
            self.set_mouse(True)

    def _disable_mouse_support(self) -> None:
        self.write("".join(f"\x1b[?{mode}l" for mode in MOUSE_MODES))

    def _query_in_band_window_resize(self) -> None:
        """Sizes come by signal, also over SSH; with this they would come with a mouse that counts in pixels."""

    def _get_terminal_size(self) -> tuple[int, int]:
        """Columns and lines as the terminal has them. The environment, which a shell may export and which never
        changes, is asked only where the terminal does not know (a serial line, a container without a size)."""
        for fd in (1, self.fileno):
            with contextlib.suppress(OSError):
                columns, lines = os.get_terminal_size(fd)
                if columns and lines:
                    return columns, lines
        found: tuple[int, int] = super()._get_terminal_size()
        return found

    # --- keys -----------------------------------------------------------------------------------------------------

    def run_input_thread(self) -> None:
        """Read keys until the terminal is gone or given back."""
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        selector = selectors.DefaultSelector()
        selector.register(self.fileno, selectors.EVENT_READ)
        selector.register(self._wake[0], selectors.EVENT_READ)
        with selector:
            quiet = ESCAPE_LOOKS
            while not self._leaving:
                ready = {key.fd for key, _ in selector.select(ESCAPE_SECONDS if quiet < ESCAPE_LOOKS else None)}
                data = b""
                if self._wake[0] in ready:
                    os.read(self._wake[0], 64)
                if self.fileno in ready:
                    try:
                        data = os.read(self.fileno, 4096)
                    except OSError:
                        data = b""
                    if not data:
                        return  # hung up; the watcher of the terminal ends the screen
                quiet = 0 if data or self._answers.keeps else quiet + 1
                keys = self._answers.feed(data, time.monotonic())
                for event in (*(parser.feed(decode(keys)) if keys else ()), *parser.tick()):
                    self.process_message(event)

    def process_message(self, message: Message) -> None:
        """Hand a key to the application; where the cursor is was a question of ours, also when it comes too late."""
        if not isinstance(message, events.CursorPosition):
            super().process_message(message)
