"""One picture for each kind of loss that turning it into a JPEG would bring."""

from __future__ import annotations

import io
import struct

import pyvips
from PIL import Image as Pillow
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from pyvips import Image

from engine.indexed import png_chunk
from engine.policy import Loss


def photo(width: int = 160, height: int = 112) -> Image:
    """Smooth colours without any symmetry."""
    ramp = Image.xyz(width, height)
    wave = (ramp[0] * 2.2 + ramp[1] * 3.1).math("sin") * 40 + 120
    picture = (ramp[0] * 200 / width + 30).bandjoin([ramp[1] * 180 / height + 20, wave])
    return picture.cast("uchar").copy(interpretation="srgb")


def jpeg_segment(data: bytes, code: int, payload: bytes) -> bytes:
    """A JPEG with one more segment in front."""
    return data[:2] + bytes([0xFF, code]) + struct.pack(">H", len(payload) + 2) + payload + data[2:]


def two_pictures() -> Image:
    tall = photo().join(photo().invert(), "vertical").copy()
    tall.set_type(pyvips.GValue.gint_type, "page-height", 112)
    return tall


def unlike_pages() -> bytes:
    first, second = Pillow.new("RGB", (60, 40), (200, 100, 50)), Pillow.new("RGB", (20, 30))
    file = io.BytesIO()
    first.save(file, "TIFF", save_all=True, append_images=[second])
    return file.getvalue()


def photoshop_layers() -> bytes:
    tags = ImageFileDirectory_v2()
    tags[37724] = b"Adobe Photoshop Document Data Block\0" + b"MIB8ryaL" + struct.pack("<I", 4) + b"\0" * 4
    tags.tagtype[37724] = 7
    file = io.BytesIO()
    Pillow.new("RGB", (60, 40), (200, 100, 50)).save(file, "TIFF", tiffinfo=tags)
    return file.getvalue()


def with_gamma(value: int = 100_000) -> bytes:
    data: bytes = photo().pngsave_buffer()
    return data[:33] + png_chunk(b"gAMA", struct.pack(">I", value)) + data[33:]


def with_code() -> bytes:
    data: bytes = photo().pngsave_buffer()
    return data[:33] + png_chunk(b"cICP", b"\x09\x10\0\1") + data[33:]


def deep() -> bytes:
    # 250 is no 257: the values cannot be told in 8 bits.
    data: bytes = (photo().cast("ushort") * 250).cast("ushort").copy(interpretation="rgb16").pngsave_buffer()
    return data


def half_transparent() -> bytes:
    data: bytes = photo().bandjoin(128).copy(interpretation="srgb").pngsave_buffer()
    return data


def mark_without_map() -> bytes:
    return jpeg_segment(photo().jpegsave_buffer(Q=100), 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version='1'/>")


def motion_photo() -> bytes:
    data: bytes = photo().jpegsave_buffer(Q=100)
    return data + b"\0\0\0\x18ftypmp42" + b"film" * 4000


SOURCES = {
    Loss.ANIMATION: ("a.gif", two_pictures().gifsave_buffer()),
    Loss.PAGES: ("b.tif", two_pictures().tiffsave_buffer()),
    Loss.GAIN_MAP: ("c.jpg", mark_without_map()),
    Loss.TRAILING: ("d.jpg", motion_photo()),
    Loss.BITS: ("e.png", deep()),
    Loss.ALPHA: ("f.png", half_transparent()),
    Loss.LAYERS: ("g.tif", photoshop_layers()),
    Loss.PROFILE: ("h.png", with_gamma()),
}
"""A file name and its bytes."""
