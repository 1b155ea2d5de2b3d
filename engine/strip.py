"""The metadata policy for a file whose pixels stay as they are: what is not wanted goes, nothing is encoded.

JPEG, PNG, WebP and GIF are first stripped bare of EXIF, XMP, IPTC, comments, previews and trailing bytes; what the
policy leaves is put back in. TIFF and AVIF, whose parts point at each other, are overwritten in place instead. What
the picture's look depends on stays: a profile other than sRGB, gamma, Adobe's colour transform, animation, an Ultra HDR
gain map, and an orientation other than upright.
"""

from __future__ import annotations

import struct

from engine import gainmap
from engine.containers import PNG_SIGNATURE, Chunk, walk_gif, walk_jpeg, walk_png, walk_webp
from engine.embed import WEBP_EXIF, WEBP_ICC, WEBP_XMP, embed, riff_chunk
from engine.formats import Format
from engine.gainmap import GainMapKind
from engine.icc import ProfileKind
from engine.metadata import keeps_profile, stays
from engine.policy import MetadataPolicy
from engine.probe import Facts

__all__ = ["rewritten", "strip", "strip_gif", "with_own_gain_map"]

_PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"sRGB", b"cICP", b"sBIT", b"acTL", b"fcTL", b"fdAT"}
)
_PNG_GAMMA = frozenset({b"gAMA", b"cHRM"})
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"})


def strip(data: bytes, facts: Facts, policy: MetadataPolicy = MetadataPolicy.STRIP) -> bytes:
    """``data`` with the metadata that ``policy`` leaves; ``data`` itself when that changes nothing.

    Raises Unreadable for bytes that ``engine.probe.probe`` would not have taken, and for a TIFF or AVIF so odd that
    nothing can be taken out of it without touching the picture.
    """
    if policy is MetadataPolicy.KEEP:
        return data
    if facts.format in (Format.TIFF, Format.AVIF):
        return rewritten(data, facts, policy)  # overwritten in place, so of the same size
    result = with_own_gain_map(rewritten(data, facts, policy), data, facts)
    nothing_to_drop = policy in (MetadataPolicy.STRIP, MetadataPolicy.ICC) and len(result) >= len(data)
    return data if nothing_to_drop or result == data else result


def rewritten(data: bytes, facts: Facts, policy: MetadataPolicy) -> bytes:
    """The file written anew with what ``policy`` leaves and without its gain map. Raises as ``strip`` does."""
    profile = facts.profile is not ProfileKind.NONE and (facts.profile is not ProfileKind.SRGB or keeps_profile(policy))
    match facts.format:
        case Format.JPEG:
            bare = _bare_jpeg(data, profile)
        case Format.PNG:
            bare = _bare_png(data, profile)
        case Format.WEBP:
            bare = _bare_webp(data, profile)
        case Format.GIF:
            bare = strip_gif(data)
        case Format.TIFF:
            from engine.inplace import tiff_in_place

            return tiff_in_place(data, profile, policy)
        case Format.AVIF:
            from engine.inplace import avif_in_place

            return avif_in_place(data, facts, policy)
    return embed(bare, facts.format, stays(data, facts, policy))


def with_own_gain_map(result: bytes, data: bytes, facts: Facts) -> bytes:
    """``result``, a JPEG of ``data``'s own pixels, with the gain map of ``data`` behind it, if that has one."""
    if facts.gain_map is not GainMapKind.JPEG:
        return result
    gain = gainmap.find(data, walk_jpeg(data))
    cleaned = gainmap.cleaned(data[gain.start : gain.end])
    return gainmap.attach(result, cleaned, gainmap.version_segment(data))


def _jpeg_stays(data: bytes, segment: Chunk, profile: bool) -> bool:
    code = segment.kind[0]
    if code == 0xE2:
        return profile and data.startswith(b"ICC_PROFILE\0", segment.body)
    if code == 0xEE:
        return data.startswith(b"Adobe", segment.body)
    return code != 0xFE and not 0xE0 <= code <= 0xEF


def _bare_jpeg(data: bytes, profile: bool) -> bytes:
    layout = walk_jpeg(data)
    parts = [b"\xff\xd8"]
    for segment in layout.segments:
        if segment.kind == b"\xe0" and data.startswith(b"JFIF\0", segment.body) and segment.length >= 14:
            parts.append(b"\xff\xe0\0\x10" + data[segment.body : segment.body + 12] + b"\0\0")
    parts += [data[segment.start : segment.end] for segment in layout.segments if _jpeg_stays(data, segment, profile)]
    parts.append(data[layout.segments[-1].end : layout.end])
    return b"".join(parts)


def _bare_png(data: bytes, profile: bool) -> bytes:
    kept = set(_PNG_KEPT)
    chunks = walk_png(data)
    kinds = {chunk.kind for chunk in chunks}
    if profile:
        kept.add(b"iCCP")
    if profile or b"iCCP" not in kinds:
        kept |= _PNG_GAMMA
    return PNG_SIGNATURE + b"".join(data[chunk.start : chunk.end] for chunk in chunks if chunk.kind in kept)


def _bare_webp(data: bytes, profile: bool) -> bytes:
    chunks, _ = walk_webp(data)
    if chunks[0].kind != b"VP8X":
        return data
    flags = data[chunks[0].body] & ~(WEBP_XMP | WEBP_EXIF | WEBP_ICC)
    parts: list[bytes] = []
    for chunk in chunks[1:]:
        if chunk.kind in _WEBP_KEPT or (chunk.kind == b"ICCP" and profile):
            flags |= WEBP_ICC if chunk.kind == b"ICCP" else 0
            parts.append(riff_chunk(chunk.kind, chunk.payload(data)))
    header = chunks[0].payload(data)
    body = b"WEBP" + riff_chunk(b"VP8X", bytes([flags]) + header[1:]) + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def strip_gif(data: bytes) -> bytes:
    """A GIF without comments, foreign application blocks and trailing bytes."""
    layout = walk_gif(data, 1 << 30)
    parts: list[bytes] = []
    at = 0
    for start, end in layout.removable:
        parts.append(data[at:start])
        at = end
    parts.append(data[at : layout.end])
    return b"".join(parts)
