"""How a result is judged and written: what a job has beside the contract's settings."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from engine.efforts import Effort

if TYPE_CHECKING:
    from engine.quality import QualityTarget

__all__ = ["Limits", "Loss", "MetadataPolicy", "Overwrite", "Policy", "Savings", "SizeLimit", "Verify"]
__all__ += ["parse_share_or_size", "parse_size"]


class Verify(StrEnum):
    """How a result is checked before it gets its final name."""

    AUTO = "auto"
    """``full`` when it replaces its source, else ``quick``."""
    FULL = "full"
    """Decode the result and compare it with the pixels handed to the encoder."""
    QUICK = "quick"
    """Header, dimensions and end of data."""


class Loss(StrEnum):
    """What a result may lack that its source has; such an image is skipped unless the kind is allowed."""

    ANIMATION = "animation"
    """All frames but the first."""
    PAGES = "pages"
    """All pages or pictures but the first."""
    GAIN_MAP = "gain-map"
    """What makes the picture brighter on an HDR screen."""
    TRAILING = "trailing"
    """What follows the end of the picture: the film of a motion photo, a depth map, a large preview."""
    BITS = "bits"
    """Bits per sample beyond what the target holds."""
    ALPHA = "alpha"
    """Transparency, by flattening onto white; half transparency in a GIF."""
    LAYERS = "layers"
    """Photoshop layers, masks, depth maps, and pictures inside pictures."""
    PROFILE = "profile"
    """A code (cICP, nclx) or a gamma that says how the numbers are to be seen."""


class MetadataPolicy(StrEnum):
    """What a result keeps of what its source says beside the pixels."""

    STRIP = "strip"
    """A colour profile that matters; pixels are turned upright."""
    ICC = "icc"
    """The same, and a profile that says no more than sRGB."""
    COPYRIGHT = "copyright"
    """As ``strip``, and author and rights."""
    NO_GPS = "no-gps"
    """As ``keep``, without the position."""
    KEEP = "keep"
    """EXIF, XMP, IPTC, profile and comments, as they are; pixels are not turned where viewers obey the tag."""


class Overwrite(StrEnum):
    """Which files in an output folder a result of the same name replaces."""

    OURS = "ours"
    """All in a folder that imgopt-tui made, none in any other."""
    NEVER = "never"
    BIGGER = "bigger"
    """Those with more bytes than the result."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Savings:
    """The least a result must save to be worth replacing the original: a share, a number of bytes, or both."""

    percent: float = 1.0
    """Percent of the original, 0–100."""
    bytes: int = 0

    @classmethod
    def parse(cls, text: str) -> Savings:
        """Read ``1%``, ``0.5%``, ``10K``, ``2MiB`` or ``0``; raises ValueError otherwise."""
        return cls(*parse_share_or_size(text))

    def __str__(self) -> str:
        return f"{self.percent!r}%".replace(".0%", "%") if not self.bytes else str(self.bytes)

    def reached(self, original: int, result: int) -> bool:
        """Whether ``result`` bytes instead of ``original`` bytes is enough; an equal size never is."""
        return original - result >= max(1, self.bytes, original * self.percent / 100)


_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Bytes from ``512M``, ``1.5 GiB``, ``10k`` or a bare number; K, M, G, T: powers of 1024. Else ValueError."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("a size such as 512M, 1.5G or a number of bytes")
    return int(float(match[1]) * 1024 ** " kmgt".index(match[2].lower() or " "))


def parse_share_or_size(text: str) -> tuple[float, int]:
    """Percent from 0 to below 100, and bytes, of which one is 0, from ``5%`` or ``500M``; ValueError otherwise."""
    text = text.strip()
    if not text.endswith("%"):
        return 0.0, parse_size(text)
    number = float(text[:-1])
    if not 0 <= number < 100:
        raise ValueError("a percentage from 0% to below 100%")
    return number, 0


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """The most bytes a result may have: a share of the original, or a number."""

    percent: float = 0.0
    """Percent of the original, above 0 to 100; 0 when ``bytes`` says it."""
    bytes: int = 0

    @classmethod
    def parse(cls, text: str) -> SizeLimit:
        """Read ``60%``, ``500K``, ``2MiB``; raises ValueError otherwise."""
        text = text.strip()
        if text.endswith("%"):
            number = float(text[:-1])
            if not 0 < number <= 100:
                raise ValueError("a percentage above 0% to 100%")
            return cls(percent=number)
        size = parse_size(text)
        if not size:
            raise ValueError("a size of at least one byte")
        return cls(bytes=size)

    def __str__(self) -> str:
        return str(self.bytes) if self.bytes else f"{self.percent!r}%".replace(".0%", "%")

    def of(self, original: int) -> int:
        """Bytes allowed for the result of an image of ``original`` bytes."""
        return self.bytes or int(original * self.percent / 100)


@dataclass(frozen=True, slots=True)
class Limits:
    """Decided from the header, before any pixel is decoded."""

    max_pixels: int = 300_000_000
    """Width × height of one frame or page."""
    max_frames: int = 1_000
    """Frames or pages in one file."""
    max_file_size: int = 512 * 1024**2
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a result is judged and written; what a job has beside the contract's settings."""

    keep_original: bool = True
    """Keep the original when the result is not smaller and neither format nor size was to change. False for contract
    calls, whose success always leaves a file in the format asked for."""
    min_savings: Savings = field(default_factory=Savings)
    skip_larger: bool = False
    """A requested resize or conversion that grew is skipped instead of delivered."""
    verify: Verify = Verify.AUTO
    overwrite: Overwrite = Overwrite.ALL
    """Which existing files at the output path may be replaced; never ``OURS``, which only a plan can tell."""
    limits: Limits = field(default_factory=Limits)
    allow_loss: frozenset[Loss] = frozenset()
    """Kinds of loss that do not make an image skipped."""
    metadata: MetadataPolicy = MetadataPolicy.STRIP
    lossless: bool = False
    """Every pixel of every image stays exactly as it is."""
    max_size: SizeLimit | None = None
    """What a result must fit into, by a lower quality where the format has one; None: any size."""
    effort: Effort = Effort.BALANCED
    replace: bool = False
    """Whether a source goes once its conversion lies beside it."""
    preserve: frozenset[str] = frozenset()
    """What results take over beside the mode where they replace nothing: ``time``, ``owner``, ``xattr``."""
    target: QualityTarget | None = None
    """What lossy results are to look like, instead of a quality number; None: the number is given."""
