"""What the libvips at hand really reads and writes, as one line of JSON. For a child process: it loads libvips."""

from __future__ import annotations

import json

import pyvips

from engine.formats import Format
from engine.vips import setup

__all__ = ["main"]

_SIDE = 16


def _works(format: Format) -> bool:
    """Whether a small picture can be written and read again."""
    picture = pyvips.Image.black(_SIDE, _SIDE, bands=3).copy(interpretation="srgb")
    try:
        data = picture.write_to_buffer("." + ("tif" if format is Format.TIFF else format.value))
        return bool(pyvips.Image.new_from_buffer(data, "")[0].avg() < 2)
    except pyvips.Error:
        return False


def main() -> None:
    """Print version and formats."""
    version = setup()
    print(json.dumps({"libvips": version, "formats": {format.value: _works(format) for format in Format}}))


if __name__ == "__main__":
    main()
