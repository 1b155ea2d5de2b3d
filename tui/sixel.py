"""One picture as Sixel: a process of its own, so that Pillow and numpy never come into the screen's.

In: width, a space, height, a new line, then rows of three bytes a pixel. Out: the Sixel text. Ends with 1 where the
package textual-image is not there.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Read one picture from stdin, write its Sixel to stdout."""
    try:
        from PIL import Image
        from textual_image._sixel import image_to_sixels  # no public name; the version is pinned for it
    except ImportError:
        return 1
    width, height = (int(word) for word in sys.stdin.buffer.readline().split())
    sys.stdout.write(image_to_sixels(Image.frombytes("RGB", (width, height), sys.stdin.buffer.read())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
