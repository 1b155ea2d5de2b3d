"""Says of two files whether the second is a whole picture that looks like the first; reads with libvips and nothing of
ours, in a process of its own, because what it reads may be broken.

    in   {"old": PATH, "new": PATH, "scaled": BOOL, "flat": BOOL}      one JSON object a line
    out  {"wrong": "…"}                                               empty: nothing is

``scaled`` allows another size of the same proportions, ``flat`` fewer frames.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

SIDE = 16
"""Pixels: both pictures are brought to this width and height before they are compared."""
MEAN, WORST = 9.0, 80.0
"""Largest mean and single difference of 0–255 between two pictures that count as the same. Encoders at quality 60 to
90 stay below a third of it with the suite's pictures, two different ones of those are apart by 30 and more."""


def _complete(data: bytes) -> bool:
    """Whether a file has the end that its format asks for; libvips reads on over some that are missing."""
    if data.startswith(b"\x89PNG"):
        return data.endswith(b"IEND\xaeB`\x82")
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" in data[-10_002:]
    if data.startswith(b"GIF8"):
        return data.rstrip(b"\0").endswith(b"\x3b")
    if data.startswith(b"RIFF"):
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return True


def _open(path: str, *, strict: bool) -> Any:
    """Upright, all frames one above the other; raises pyvips.Error. ``strict`` is for results."""
    import pyvips

    with open(path, "rb") as file:
        data = file.read()
    how = {"access": "random", "fail_on": "error" if strict else "none"}
    # libvips does not know some AVIF files by their start that it can read.
    load = pyvips.Image.heifload_buffer if data[4:8] == b"ftyp" else pyvips.Image.new_from_buffer
    rest = () if data[4:8] == b"ftyp" else ("",)
    image = load(data, *rest, **how)
    if _frames(image) > 1:
        image = load(data, *rest, **how, n=-1)
    if strict and not _complete(data):
        raise pyvips.Error("the file ends early")
    return image.autorot()


def _frames(image: Any) -> int:
    return int(image.get("n-pages")) if image.get_typeof("n-pages") else 1


def _same_animation(old: str, new: str) -> bool:
    """Whether two PNGs have the same number of frames, which libvips does not see; True for other files."""
    with open(old, "rb") as first, open(new, "rb") as second:
        before, after = first.read(), second.read()
    both = before.startswith(b"\x89PNG") and after.startswith(b"\x89PNG")
    return not both or before.partition(b"IEND")[0].count(b"fcTL") == after.count(b"fcTL")


def _size(image: Any) -> tuple[int, int]:
    height = image.get("page-height") if image.get_typeof("page-height") else image.height
    return image.width, height


def _small(image: Any) -> Any:
    """The first frame in 16 × 16 sRGB pixels on grey."""
    width, height = _size(image)
    image = image.crop(0, 0, width, height)
    if image.interpretation != "srgb":
        image = image.colourspace("srgb")
    if image.hasalpha():
        image = image.flatten(background=[128])
    image = image.cast("uchar") if image.format != "uchar" else image
    return image.resize(SIDE / width, vscale=SIDE / height, kernel="linear").cast("float")


def compare(old: str, new: str, *, scaled: bool, flat: bool) -> str:
    """What is wrong with ``new``; empty for nothing."""
    import pyvips

    try:
        after = _open(new, strict=True)
        after.avg()  # decodes every pixel
    except pyvips.Error as error:
        return f"cannot be decoded: {' '.join(str(error).split())[:160]}"
    try:
        before = _open(old, strict=False)
        small = _small(before)
        small.avg()
    except pyvips.Error as error:
        return f"was made of something that cannot be decoded: {' '.join(str(error).split())[:160]}"
    if not _same_animation(old, new):
        return "not the frames of the animated PNG that it was"
    if not flat and _frames(before) != _frames(after):
        return f"{_frames(after)} frames instead of {_frames(before)}"
    (width, height), (got_width, got_height) = _size(before), _size(after)
    if scaled and abs(got_width * height / width - got_height) > 1:
        return f"{got_width} × {got_height}: not the shape of {width} × {height}"
    if not scaled and (width, height) != (got_width, got_height):
        return f"{got_width} × {got_height} instead of {width} × {height}"
    apart = (small - _small(after)).abs()
    if apart.avg() > MEAN or apart.max() > WORST:
        return f"another picture: apart by {apart.avg():.0f}, at most {apart.max():.0f}"
    return ""


class Judge:
    """The process, from the outside; started when first asked, and again when a file has killed it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def wrong(self, old: str, new: str, *, scaled: bool = False, flat: bool = False) -> str:
        """What is wrong with the file ``new`` as a form of ``old``; empty for nothing."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", os.path.abspath(__file__)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "VIPS_CONCURRENCY": "1"},
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"old": old, "new": new, "scaled": scaled, "flat": flat}).encode() + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            self.close()
            return "kills the program that reads it"
        return str(json.loads(answer)["wrong"])

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            with self._process as process:
                process.kill()
            self._process = None


def main() -> None:
    import pyvips

    pyvips.cache_set_max(0)
    for line in sys.stdin:
        asked = json.loads(line)
        wrong = compare(asked["old"], asked["new"], scaled=asked["scaled"], flat=asked["flat"])
        print(json.dumps({"wrong": wrong}), flush=True)


if __name__ == "__main__":
    main()
