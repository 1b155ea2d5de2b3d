"""What the metadata policies promise, read back by exiftool: what is there, what is gone, upright, same colours."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from pyvips import Image

from engine import exif
from engine.check import check_pixels, check_structure
from engine.codec import optimize, setup
from engine.errors import Declined, Unreadable
from engine.formats import Format
from engine.ifd import form_of
from engine.ifdedit import tables
from engine.policy import Limits, MetadataPolicy, Policy
from engine.probe import probe
from engine.strip import strip
from engine.task import Quality, Resize, ResizeMode, TaskSettings
from tests.colours import colour_difference
from tests.exif_reader import BLOCKS, block_of, needs_exiftool, of_groups, position_in, tags_of, write_tags

pytestmark = needs_exiftool
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
LIMITS = Limits()
KEEP, NO_GPS, COPYRIGHT, ICC, STRIP = (
    MetadataPolicy.KEEP,
    MetadataPolicy.NO_GPS,
    MetadataPolicy.COPYRIGHT,
    MetadataPolicy.ICC,
    MetadataPolicy.STRIP,
)
TARGETS = (Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.TIFF)
TAGS = (
    "-GPSLatitude=48.1",
    "-GPSLatitudeRef=N",
    "-GPSLongitude=11.5",
    "-GPSLongitudeRef=E",
    "-XMP-exif:GPSLatitude=48.1",
    "-XMP-exif:GPSAltitude=520",
    "-Artist=Ann Author",
    "-Copyright=(c) Ann",
    "-XMP-dc:Creator=Ann Author",
    "-XMP-dc:Rights=all of them",
    "-XMP-xmpRights:UsageTerms=ask first",
    "-XMP-photoshop:Credit=The Agency",
    "-XMP-dc:Subject=a secret",
    "-XMP-photoshop:City=Ghent",
    "-ImageDescription=a secret",
    "-UserComment=a secret",
    "-IPTC:By-line=Ann Author",
    "-IPTC:CopyrightNotice=(c) Ann",
    "-IPTC:Caption-Abstract=a secret",
    "-Comment=a secret",
)
RIGHTS = ("Artist", "Copyright", "Creator", "Rights", "UsageTerms", "Credit", "By-line", "CopyrightNotice")
STRUCTURE = ("ExifTool", "System", "File", "Composite", "JFIF", "PNG", "RIFF", "QuickTime", "Meta", "ICC", "APP14")


@pytest.fixture(autouse=True, scope="module")
def _libvips() -> None:
    setup()


@cache
def rich(format: Format, orientation: int = 6, icc: bool = True) -> bytes:
    """A photo with everything in it: EXIF, GPS, XMP, IPTC, comment, profile."""
    source = (DATA / "libavif__paris_exif_xmp_icc.jpg").read_bytes()
    image = Image.new_from_buffer(source, "")
    if icc:
        image = image.icc_transform("p3", input_profile="srgb", embedded=True)
    else:
        image = image.icc_transform("srgb", input_profile="srgb", embedded=True)
    suffix = {Format.JPEG: ".jpg[Q=95,keep=icc]", Format.TIFF: ".tif[keep=icc,compression=deflate]"}
    data = image.write_to_buffer(suffix.get(format, f".{format.value}[keep=icc]"))
    tags: tuple[str, ...] = TAGS
    if format is Format.TIFF:
        tags = tuple(tag for tag in TAGS if not tag.startswith("-Comment"))
    if format in (Format.WEBP, Format.AVIF):
        tags = tuple(tag for tag in TAGS if not tag.startswith(("-IPTC", "-Comment")))
    return write_tags(data, *tags, *([f"-IFD0:Orientation={orientation}"] if format is not Format.AVIF else []))


def run(data: bytes, policy: MetadataPolicy, target: Format | None = None, width: int = 0, quality: int = 0) -> bytes:
    facts = probe(data, LIMITS)
    quality = quality or (98 if (target or facts.format) is Format.JPEG else 100)
    resize = Resize(ResizeMode.WIDTH, width) if width else Resize()
    chosen = TaskSettings(Quality(overall=quality), resize, target)
    encoded = optimize(data, facts, chosen, lambda _: None, Policy(metadata=policy))
    check_structure(encoded)
    check_pixels(data, facts, chosen, encoded)
    assert (encoded.width, encoded.height) == resize.target(facts.width, facts.height)
    return encoded.data


def holds_iptc(target: Format) -> bool:
    return target in (Format.JPEG, Format.PNG, Format.TIFF)


@pytest.mark.parametrize("width", [0, 100])
@pytest.mark.parametrize("target", [Format.JPEG, Format.PNG, Format.WEBP])
def test_keep_carries_every_block_byte_for_byte_and_does_not_turn(target: Format, width: int) -> None:
    source = rich(Format.JPEG)
    result = run(source, KEEP, target, width)
    for name in BLOCKS:
        if name != "IPTC" or holds_iptc(target):
            assert block_of(result, name) == block_of(source, name) != b"", name
    assert probe(result, LIMITS).orientation == 6
    assert colour_difference(source, result) < 1


def test_keep_into_avif_turns_the_pixels_and_sets_the_tag_to_1() -> None:
    source = rich(Format.JPEG)
    result = run(source, KEEP, Format.AVIF)
    before, after = block_of(source, "Exif"), block_of(result, "Exif")
    assert [place for place in range(len(before)) if before[place] != after[place]] == [before.index(b"\x01\x12") + 9]
    assert block_of(result, "XMP") == block_of(source, "XMP")
    assert block_of(result, "ICC_Profile") == block_of(source, "ICC_Profile")
    assert tags_of(result)[0]["IFD0:Orientation"] == 1
    assert colour_difference(source, result) < 1


def test_keep_into_tiff_has_every_field() -> None:
    source = rich(Format.JPEG)
    result = run(source, KEEP, Format.TIFF)
    before, after = tags_of(source, result)
    for groups in (("ExifIFD", "GPS"), ("XMP",), ("IPTC",)):
        for name, value in of_groups(before, *groups).items():
            assert after.get(name) == value, name
    assert after["IFD0:Artist"] == before["IFD0:Artist"]
    assert block_of(result, "XMP") == block_of(source, "XMP")
    assert block_of(result, "ICC_Profile") == block_of(source, "ICC_Profile")
    assert colour_difference(source, result) < 1


@pytest.mark.parametrize("source_format", [Format.TIFF, Format.PNG, Format.WEBP, Format.AVIF])
@pytest.mark.parametrize("target", [None, Format.JPEG])
def test_keep_reads_every_format(source_format: Format, target: Format | None) -> None:
    source = rich(source_format)
    result = run(source, KEEP, target)
    before, after = tags_of(source, result)
    groups = ["ExifIFD", "GPS", "XMP"] + ["IPTC"] * (source_format in (Format.PNG, Format.TIFF))
    for group in groups:
        assert of_groups(before, group)
        assert of_groups(after, group) == of_groups(before, group)
    assert colour_difference(source, result) < 1


@pytest.mark.parametrize("width", [0, 100])
@pytest.mark.parametrize("target", TARGETS)
def test_no_gps_keeps_all_but_the_position(target: Format, width: int) -> None:
    source = rich(Format.JPEG)
    result = run(source, NO_GPS, target, width)
    before, after = tags_of(source, result)
    assert position_in(before)
    assert position_in(after) == []
    kept = [name for name in of_groups(before, "ExifIFD", "XMP") if "GPS" not in name]
    assert {name: after.get(name) for name in kept} == {name: before[name] for name in kept}
    assert holds_iptc(target) == (of_groups(after, "IPTC") == of_groups(before, "IPTC"))
    assert block_of(result, "ICC_Profile") == block_of(source, "ICC_Profile")
    assert colour_difference(source, result) < 1


@pytest.mark.parametrize("width", [0, 100])
@pytest.mark.parametrize("target", TARGETS)
def test_copyright_keeps_author_and_rights_and_nothing_else(target: Format, width: int) -> None:
    source = rich(Format.JPEG)
    result = run(source, COPYRIGHT, target, width)
    before, after = tags_of(source, result)
    assert b"a secret" not in result
    assert position_in(after) == []
    for name, value in before.items():
        group, _, tag = name.partition(":")
        wanted = group.startswith(("IFD0", "XMP")) or (group == "IPTC" and holds_iptc(target))
        if tag in RIGHTS and wanted:
            assert after.get(name) == value, name
    said = {name.partition(":")[2] for name in of_groups(after, "ExifIFD", "GPS", "XMP", "IPTC")}
    assert said <= {*RIGHTS, "CodedCharacterSet", "XMPToolkit"}
    # A JPEG whose own quality is no higher than the one asked for is stored as it lies.
    stored = target is Format.JPEG and not width
    assert probe(result, LIMITS).orientation == (probe(source, LIMITS).orientation if stored else 1)
    assert colour_difference(source, result) < 1


@pytest.mark.parametrize("policy", [STRIP, ICC])
@pytest.mark.parametrize("target", TARGETS)
def test_strip_and_icc_leave_no_metadata(policy: MetadataPolicy, target: Format) -> None:
    for wide in (True, False):
        source = rich(Format.JPEG, icc=wide)
        result = run(source, policy, target)
        (after,) = tags_of(result)
        assert of_groups(after, "ExifIFD", "GPS", "XMP", "IPTC", "Photoshop", "IFD1") == {}
        assert b"a secret" not in result
        assert b"Ann" not in result
        kept = wide or policy is ICC
        assert block_of(result, "ICC_Profile") == (block_of(source, "ICC_Profile") if kept else b"")
        assert colour_difference(source, result) < 1


@pytest.mark.parametrize("policy", list(MetadataPolicy))
@pytest.mark.parametrize("format", TARGETS)
def test_a_kept_original_follows_the_policy_and_no_pixel_changes(policy: MetadataPolicy, format: Format) -> None:
    source = rich(format)
    result = strip(source, probe(source, LIMITS), policy)
    if policy is KEEP:
        assert result is source
        return
    before, after = tags_of(source, result)
    assert position_in(before)
    assert position_in(after) == []
    assert b"a secret" in result if policy is NO_GPS else b"a secret" not in result
    said = {name.partition(":")[2] for name in of_groups(after, "IFD0", "XMP") if name.partition(":")[2] in RIGHTS}
    assert ({"Artist", "Copyright", "Creator", "Rights"} <= said) == (policy in (COPYRIGHT, NO_GPS))
    assert block_of(result, "ICC_Profile") == block_of(source, "ICC_Profile")
    assert probe(result, LIMITS).orientation == probe(source, LIMITS).orientation
    assert (Image.new_from_buffer(source, "") - Image.new_from_buffer(result, "")).abs().max() == 0
    assert strip(result, probe(result, LIMITS), policy) == result
    assert "ExifTool:Error" not in after


@pytest.mark.parametrize("format", [Format.JPEG, Format.PNG, Format.WEBP, Format.TIFF])
def test_no_gps_changes_nothing_but_the_position_of_a_kept_original(format: Format) -> None:
    source = rich(format)
    result = strip(source, probe(source, LIMITS), NO_GPS)
    before, after = tags_of(source, result)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    unsaid = ("System", "File", "ExifTool", "Composite", "SourceFile", "JFIF", "RIFF", "PNG")
    assert {name for name in changed if not name.startswith(unsaid)} == set(position_in(before))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("policy", [KEEP, STRIP])
def test_every_orientation_is_upright_whether_turned_or_tagged(orientation: int, policy: MetadataPolicy) -> None:
    source = rich(Format.JPEG, orientation)
    for target in (Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF):
        result = run(source, policy, target, width=60)
        tag = orientation if policy is KEEP and target is not Format.AVIF else 1
        assert tags_of(result)[0].get("IFD0:Orientation", 1) == tag
        assert colour_difference(source, result) < 1.5


def test_damaged_blocks_go_and_the_image_stays() -> None:
    source = rich(Format.JPEG)
    exif, packet = block_of(source, "Exif"), block_of(source, "XMP")
    for policy in MetadataPolicy:
        cut = source.replace(exif[:16], exif[:4] + b"\xff\xff\xff\xff" + exif[8:16])
        broken = cut.replace(packet[60:80], b"<" * 20)
        assert colour_difference(cut, run(broken, policy)) < 1
        if policy is NO_GPS:
            (after,) = tags_of(run(broken, policy))
            assert of_groups(after, "XMP", "GPS", "IFD0") == {}


def test_a_gif_holds_xmp_and_comments() -> None:
    source = write_tags(
        (DATA / "image_optim-spec__icecream.gif").read_bytes(), "-XMP-dc:Creator=Ann", "-Comment=cold", "-GPSLatitude=1"
    )
    for policy in MetadataPolicy:
        for result in (run(source, policy), strip(source, probe(source, LIMITS), policy)):
            (after,) = tags_of(result)
            assert position_in(after) == [] or policy is KEEP
            assert ("XMP-dc:Creator" in after) == (policy in (KEEP, NO_GPS, COPYRIGHT))
            assert (b"\x04cold" in result) == (policy in (KEEP, NO_GPS))


def test_extended_xmp_is_kept_edited_and_joined(tmp_path: Path) -> None:
    words = " ".join(f"word{number}" for number in range(20_000))
    text = tmp_path / "words.txt"
    text.write_text(words, encoding="ascii")
    source = write_tags(rich(Format.PNG), f"-XMP-dc:Description<={text}", "-XMP-exif:GPSLatitude=3")
    split = run(source, KEEP, Format.JPEG)
    (before, after) = tags_of(source, split)
    assert b"http://ns.adobe.com/xmp/extension/" in split
    assert of_groups(after, "XMP-dc", "XMP-exif") == of_groups(before, "XMP-dc", "XMP-exif")
    again = run(split, KEEP, Format.WEBP)
    assert of_groups(tags_of(again)[0], "XMP-dc", "XMP-exif") == of_groups(before, "XMP-dc", "XMP-exif")
    (without,) = tags_of(run(split, NO_GPS))
    assert position_in(without) == []
    assert of_groups(without, "XMP-dc") == of_groups(before, "XMP-dc")


def test_png_texts_stay_with_keep_and_coordinates_among_them_go() -> None:
    from engine.indexed import png_chunk

    texts = [(b"Title", b"a day"), (b"exif:GPSLatitude", b"48/1"), (b"Author", b"Ann"), (b"Comment", b"cold")]
    chunks = b"".join(png_chunk(b"tEXt", name + b"\0" + text) for name, text in texts)
    plain = rich(Format.PNG, icc=False)
    source = plain[:33] + chunks + plain[33:]
    for policy, words in ((KEEP, 4), (NO_GPS, 3), (COPYRIGHT, 1), (STRIP, 0)):
        for result in (run(source, policy), strip(source, probe(source, LIMITS), policy)):
            assert sum(png_chunk(b"tEXt", name + b"\0" + text) in result for name, text in texts) == words
            assert (b"GPSLatitude\0" in result) == (policy is KEEP)


@pytest.mark.parametrize(("status", "savings"), [("done", "0"), ("kept", "99%")])
@pytest.mark.parametrize("policy", list(MetadataPolicy))
def test_a_run_follows_the_option(policy: MetadataPolicy, status: str, savings: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(rich(Format.JPEG))
    options = ["-q", "50", "--min-savings", savings, "--metadata", policy.value, "--ndjson"]
    command = [sys.executable, "-m", "tui", "run", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *options]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[0])["status"] == status
    (after,) = tags_of((tmp_path / "out" / "a.jpg").read_bytes())
    assert bool(position_in(after)) == (policy is KEEP)
    assert ("XMP-photoshop:City" in after) == (policy in (KEEP, NO_GPS))
    assert ("IFD0:Artist" in after) == (policy in (KEEP, NO_GPS, COPYRIGHT))


def test_an_original_that_cannot_be_cleaned_is_not_kept(tmp_path: Path) -> None:
    tiff = bytearray(rich(Format.TIFF))
    form = form_of(bytes(tiff))
    entries = {entry.tag: entry for entry in next(tables(bytes(tiff), form)).entries}
    struct.pack_into(form.order + "I", tiff, entries[exif.ARTIST].place + 8, 8 + len(tiff) // 2)
    source = bytes(tiff)
    for policy in (STRIP, ICC):
        with pytest.raises(Unreadable, match="overlap"):
            strip(source, probe(source, LIMITS), policy)
    (tmp_path / "a.tif").write_bytes(source)
    command = [sys.executable, "-m", "tui", "run", str(tmp_path), "-o", str(tmp_path / "out"), "--min-savings", "99%"]
    done = subprocess.run([*command, "--ndjson"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[0])["status"] == "done"
    result = (tmp_path / "out" / "a.tif").read_bytes()
    assert position_in(tags_of(result)[0]) == []
    assert colour_difference(source, result) == 0


def test_losses_are_still_declined() -> None:
    with pytest.raises(Declined):
        run((DATA / "image_optim-spec__icecream.gif").read_bytes(), KEEP, Format.PNG)
