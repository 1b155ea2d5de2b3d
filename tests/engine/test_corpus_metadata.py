"""Every picture of the shared corpus with metadata, in all policies, resized and not, when the corpus is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.check import check_pixels, check_structure
from engine.codec import optimize, setup
from engine.errors import Declined, Unreadable
from engine.formats import Format
from engine.gainmap import GainMapKind
from engine.icc import ProfileKind
from engine.policy import Limits, MetadataPolicy, Policy
from engine.probe import Facts, probe
from engine.strip import strip
from engine.task import Quality, Resize, ResizeMode, TaskSettings
from tests.colours import colour_difference
from tests.corpus import files, needs_corpus
from tests.exif_reader import block_of, needs_exiftool, of_groups, position_in, tags_of

pytestmark = [needs_corpus, needs_exiftool]
LIMITS = Limits()
KEEP, NO_GPS, COPYRIGHT = MetadataPolicy.KEEP, MetadataPolicy.NO_GPS, MetadataPolicy.COPYRIGHT
CONVERSIONS = {Format.JPEG: (Format.WEBP, Format.PNG, Format.AVIF), Format.PNG: (Format.WEBP,)}
GAIN_MAP = ("XMP-hdrgm", "XMP-HDRGainMap", "XMP-apdi", "XMP-Container", "XMP-x:")
"""Where a gain map lies and how to use it is told in XMP, which stays with it."""
DAMAGED = ("pillow-tests__hopper_bad_exif.jpg",)
"""Files whose pixels are damaged, whatever becomes of their metadata."""
_LARGE, _SMALL_SIDE = 500_000, 240
"""Pixels above which a result is only made resized, and the long side it then gets."""


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> None:
    setup()


def _encode(data: bytes, facts: Facts, policy: MetadataPolicy, target: Format, small: bool) -> bytes:
    resize = Resize(ResizeMode.LONGEST, _SMALL_SIDE) if small else Resize()
    quality = 98 if target is Format.JPEG else 100
    chosen = TaskSettings(Quality(overall=quality), resize, target)
    encoded = optimize(data, facts, chosen, lambda _: None, Policy(metadata=policy))
    check_structure(encoded)
    check_pixels(data, facts, chosen, encoded)
    return encoded.data


def _check(
    policy: MetadataPolicy, target: Format, before: dict[str, Any], after: dict[str, Any], orientation: int
) -> None:
    """Tags are there or not exactly as the policy says."""
    if policy is not KEEP:
        assert position_in(after) == []
    if policy in (KEEP, NO_GPS):
        groups = ["ExifIFD", "MakerNotes", "XMP"] + ["IPTC"] * (target in (Format.JPEG, Format.PNG))
        for name, value in of_groups(before, *groups).items():
            joined = name.startswith("XMP-xmpNote") and target is not Format.JPEG
            changed = joined or (name == "XMP-tiff:Orientation" and orientation != 1)
            assert after.get(name) == value or name in position_in(before) or changed, name
        turned = orientation if target in (Format.JPEG, Format.PNG, Format.WEBP) else 1
        assert after.get("IFD0:Orientation", 1) in (turned, before.get("IFD0:Orientation", 1))
    else:
        assert of_groups(after, "ExifIFD", "GPS", "MakerNotes", "IFD1") == {}
        # A JPEG or WebP that is stored as it lies keeps its tag; how it looks is compared by the caller.
        assert after.get("IFD0:Orientation", 1) in (1, orientation)
    if policy is COPYRIGHT:
        for name in ("IFD0:Artist", "IFD0:Copyright", "XMP-dc:Creator", "XMP-dc:Rights"):
            if str(before.get(name, "")).strip():
                assert str(after.get(name)).strip() == str(before[name]).strip(), name
    if policy in (MetadataPolicy.STRIP, MetadataPolicy.ICC):
        left = of_groups(after, "XMP", "IPTC", "Photoshop", "IFD0")
        assert [name for name in left if not name.startswith(GAIN_MAP) and name != "IFD0:Orientation"] == []


@pytest.mark.parametrize("path", files("meta", "camera", every=20), ids=lambda path: path.name)
def test_results_follow_every_policy_and_look_the_same(path: Path) -> None:
    data = path.read_bytes()
    try:
        facts = probe(data, LIMITS)
    except (Unreadable, Declined):
        return
    if path.name in DAMAGED:
        with pytest.raises(Unreadable):
            _encode(data, facts, KEEP, facts.format, True)
        return
    large = facts.width * facts.height > _LARGE
    made: list[tuple[MetadataPolicy, Format, bytes]] = []
    for policy in MetadataPolicy:
        wanted = [(facts.format, small) for small in (False, True)]
        wanted += [
            (target, True)
            for target in CONVERSIONS.get(facts.format, ())
            if policy in (KEEP, NO_GPS, COPYRIGHT) and facts.gain_map is GainMapKind.NONE
        ]
        for target, small in wanted:
            if small or not large:
                made.append((policy, target, _encode(data, facts, policy, target, small)))
    before, *tags = tags_of(data, *(result for _, _, result in made))
    for (policy, target, result), after in zip(made, tags, strict=True):
        _check(policy, target, before, after, facts.orientation)
        assert colour_difference(data, result) < 1, (policy, target)
        kept = facts.profile in (ProfileKind.RGB, ProfileKind.SRGB) and policy in (KEEP, NO_GPS, MetadataPolicy.ICC)
        if kept and target is facts.format:
            assert block_of(result, "ICC_Profile") == block_of(data, "ICC_Profile")


@pytest.mark.parametrize("path", files("meta", "camera", "formats", large=150_000, every=3), ids=lambda path: path.name)
def test_kept_originals_follow_every_policy(path: Path) -> None:
    data = path.read_bytes()
    try:
        facts = probe(data, LIMITS)
    except (Unreadable, Declined):
        return
    kept = {policy: strip(data, facts, policy) for policy in MetadataPolicy}
    before, *tags = tags_of(data, *kept.values())
    for (policy, result), after in zip(kept.items(), tags, strict=True):
        again = probe(result, LIMITS)
        assert (again.width, again.height, again.orientation) == (facts.width, facts.height, facts.orientation)
        assert policy is KEEP or position_in(after) == []
        assert strip(result, again, policy) == result
        if policy is NO_GPS:
            gone = {name for name in of_groups(before, "ExifIFD", "XMP", "MakerNotes", "IPTC") if name not in after}
            assert gone <= set(position_in(before))


@pytest.mark.parametrize("path", files("formats", "meta", large=5_000, every=12), ids=lambda path: path.name)
def test_every_kind_of_colour_comes_out_as_a_colour_managed_viewer_shows_it(path: Path) -> None:
    data = path.read_bytes()
    try:
        facts = probe(data, LIMITS)
    except (Unreadable, Declined):
        return
    small = facts.width * facts.height > _LARGE
    for policy in (MetadataPolicy.STRIP, KEEP):
        for target in dict.fromkeys((facts.format, Format.PNG, Format.WEBP)):
            try:
                result = _encode(data, facts, policy, target, small)
            except (Unreadable, Declined):
                continue
            assert colour_difference(data, result) < 1, (policy, target)
