"""Pictures on terminals that draw them: what this one can, asked before the screen takes it, and what is sent.

Kitty's protocol is a few bytes around zlib (https://sw.kovidgoyal.net/kitty/graphics-protocol/); Sixel needs an encoder
and gets one from textual-image, in a process of its own (``tui.sixel``).
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import select
import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.child import command, environment
from engine.errors import ImgoptError
from engine.tuning import Pixels
from tui.crop import Preview

__all__ = [
    "TEXT_ONLY",
    "USUAL_CELL",
    "Graphics",
    "GraphicsError",
    "ask",
    "at",
    "kitty",
    "kitty_gone",
    "learn",
    "sixel",
    "wanted",
]

USUAL_CELL = (10, 20)
"""Width and height in pixels of a cell where the terminal does not say."""
_NUMBER = 31
"""Of our picture, in Kitty's protocol."""
_QUESTION = f"\x1b_Gi={_NUMBER},s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[c".encode()
"""Can you draw this pixel? How large is a cell? Who are you? Every terminal answers the last one, so that nobody waits
for answers that do not come."""
_KITTY = re.compile(rb"\x1b_Gi=%d;OK\x1b\\" % _NUMBER)
_CELL = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_WHO = re.compile(rb"\x1b\[\?([\d;]+)c")
_CHUNK = 4096
"""Bytes of one piece of Kitty's protocol at most."""


class GraphicsError(ImgoptError):
    """A picture cannot be made for this terminal."""


@dataclass(frozen=True, slots=True)
class Graphics:
    """What a terminal draws beside text."""

    kitty: bool = False
    sixel: bool = False
    cell: tuple[int, int] = USUAL_CELL
    asked: bool = False
    """Whether it was asked at all."""
    at_once: bool = False
    """Whether the user asked for a picture by name: shown from the beginning."""

    def modes(self, in_text: Preview) -> tuple[Preview, ...]:
        """What ``v`` goes through."""
        more = ((Preview.KITTY, self.kitty), (Preview.SIXEL, self.sixel))
        return (in_text, *(mode for mode, can in more if can))


TEXT_ONLY = Graphics()
"""A terminal that was not asked."""


def wanted(preview: str, look: Callable[[], Graphics]) -> Graphics:
    """What ``auto`` or the name of a way to draw pictures gives; ``look`` asks the terminal. What is asked for by name
    is believed over the terminal's own answer."""
    found = look()
    if preview == "auto":
        return found
    return replace(found, kitty=preview == "kitty", sixel=preview == "sixel", at_once=True)


def learn(answer: bytes) -> Graphics | None:
    """What the answers so far say; None while the last one is not here."""
    who = _WHO.search(answer)
    if who is None:
        return None
    cell = _CELL.search(answer)
    size = (int(cell[2]), int(cell[1])) if cell and int(cell[1]) and int(cell[2]) else USUAL_CELL
    return Graphics(bool(_KITTY.search(answer)), b"4" in who[1].split(b";")[1:], size, asked=True)


def ask(fd_in: int, fd_out: int, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> Graphics:
    """Ask the terminal, and wait at most ``seconds`` for its answer: what it does not say it cannot do."""
    import termios
    import tty

    before = termios.tcgetattr(fd_in)
    answer, end = b"", clock() + seconds
    try:
        tty.setcbreak(fd_in, termios.TCSADRAIN)
        os.write(fd_out, _QUESTION)
        while (found := learn(answer)) is None:
            rest = end - clock()
            if rest <= 0 or not select.select([fd_in], [], [], rest)[0]:
                return Graphics(asked=True)
            answer += os.read(fd_in, 1024)
    finally:
        termios.tcsetattr(fd_in, termios.TCSADRAIN, before)
    return found if found.cell != USUAL_CELL else Graphics(found.kitty, found.sixel, _cell(fd_out), asked=True)


def _cell(fd: int) -> tuple[int, int]:
    """A cell's size from the size of the window, where the system knows that in pixels."""
    import fcntl
    import termios

    try:
        lines, columns, width, height = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))
    except OSError:
        return USUAL_CELL
    return (width // columns, height // lines) if columns and lines and width and height else USUAL_CELL


def at(column: int, line: int, picture: str) -> str:
    """``picture`` drawn from a cell on, both from 0; the cursor comes back to where it was."""
    return f"\x1b7\x1b[{line + 1};{column + 1}H{picture}\x1b8"


def kitty(pixels: Pixels) -> str:
    """A picture in Kitty's protocol, in place of the one before; the terminal answers nothing."""
    data = base64.b64encode(zlib.compress(pixels.rgb)).decode()
    pieces = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    head = f"a=T,f=24,o=z,s={pixels.width},v={pixels.height},i={_NUMBER},p=1,q=2,C=1,"
    out = []
    for number, piece in enumerate(pieces):
        more = int(number < len(pieces) - 1)
        out.append(f"\x1b_G{head if not number else ''}m={more};{piece}\x1b\\")
    return "".join(out)


def kitty_gone() -> str:
    """Takes the picture away."""
    return f"\x1b_Ga=d,d=I,i={_NUMBER},q=2\x1b\\"


async def sixel(pixels: Pixels) -> str:
    """A picture as Sixel. Raises GraphicsError."""
    child = await asyncio.create_subprocess_exec(
        *command("tui.sixel"),
        cwd="/",
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await child.communicate(f"{pixels.width} {pixels.height}\n".encode() + pixels.rgb)
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode:
        raise GraphicsError("Sixel needs the package textual-image: pip install 'imgopt-tui[all]'")
    return out.decode("ascii")
