"""One image held in a worker while it is tuned: its encodes, their scores, and the pixels to look at.

    file ▸ facts ▸ (enough memory?) ▸ pixels ─┬─▸ encode at a quality ▸ score ▸ Rung
                                              └─▸ as they are seen: the source, and a rung decoded again

Encodes are those of a run: ``codec.Encoding`` makes them, ``judging`` says what a run would deliver instead. Only for
workers: it needs libvips, and numpy for scores.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pyvips import Image

from engine import cost, judging, pipeline
from engine.codec import Encoded, Encoding, may_stay, optimize_as_stored, target_format
from engine.decode import SharedPictures, turned
from engine.efforts import stores_colours_well
from engine.encoders import Bytes, refuse_size
from engine.errors import Declined, WouldLose
from engine.extras import NEEDS_NUMPY, installed
from engine.formats import Format, info
from engine.icc import ProfileKind
from engine.job import Recipe
from engine.losses import settle
from engine.metadata import carried
from engine.policy import Policy
from engine.probe import Facts, probe
from engine.quality import QualityTarget
from engine.seen import as_seen, decoded
from engine.source import Source
from engine.task import TaskSettings
from engine.tuning import TUNABLE, Rung, Subject
from engine.ways import keeps_pixels

if TYPE_CHECKING:
    from engine.similarity import Comparison

__all__ = ["Key", "Ladder", "Stopped"]

Key = tuple[Format, int, bool]
"""Format, quality, and whether colours are stored better: what tells two encodes apart."""
HELD_BYTES, HELD_SHARE = 48 * 1024**2, 8
"""Encodes that are held, beside the newest, and the part of the allowance that they may take at most; older ones are
made again when they are to be seen."""
_ANY = QualityTarget(80)
"""Stands for any target where only the memory for one matters."""


class Stopped(Exception):
    """The request was taken back."""


def _colour(facts: Facts) -> str:
    named = {ProfileKind.RGB: "own profile", ProfileKind.GREY: "grey, own profile"}
    grey = "grey" if facts.bands - facts.alpha == 1 else "sRGB"
    space = "CMYK" if facts.cmyk else named.get(facts.profile, grey)
    return f"{space} {facts.bits} bit" if facts.bits > 8 else space


def _only_picture(facts: Facts) -> None:
    """Declined for what has more than one picture."""
    if facts.apng or facts.animated or facts.sequence:
        raise Declined("an animation, and only single pictures can be tuned; a run takes it all the same")
    if facts.frames + facts.more > 1:
        count = facts.frames + facts.more
        raise Declined(f"{count} pages or pictures in one file, and only single pictures can be tuned")


def _flat(image: Image) -> Image:
    return image.flatten(background=255) if image.hasalpha() else image


class Ladder:
    """See the module's docstring. ``rung`` and ``reach`` are for one thread, ``source`` and ``shown`` for another."""

    def __init__(self, path: str, recipe: Recipe, allowance: int) -> None:
        """Read ``path``; ``allowance`` is what it may take in bytes. Raises Unreadable or Declined."""
        self._recipe, self._allowance = recipe, allowance
        self._policy = replace(recipe.policy, target=None, max_size=None)
        self._most_held = min(HELD_BYTES, allowance // HELD_SHARE)
        with Source(path) as source:
            self.identity = source.identity
            self._admit(source.size + pipeline.READ_AHEAD_BYTES, "")
            self._data = source.read()
        self._facts = probe(self._data, recipe.policy.limits)
        _only_picture(self._facts)
        self.path = path
        self._shared = SharedPictures()
        self._strict = True
        self._lock = threading.Lock()
        self._source: Image | None = None
        self._shown: tuple[Key, Image] | None = None
        self._rungs: dict[Key, Rung] = {}
        self._held: OrderedDict[Key, Bytes] = OrderedDict()
        self._seconds: dict[Key, float] = {}
        self._as_stored: Encoded | None = None

    @property
    def subject(self) -> Subject:
        """What is known of it from its header."""
        facts, settings = self._facts, self._recipe.settings
        size = settings.resize.target(facts.width, facts.height)
        target = target_format(facts, settings)
        own = facts.width, facts.height, facts.bands
        return Subject(self.path, facts.format, *own, len(self._data), facts.quality, _colour(facts), target, *size)

    def _admit(self, needs: int, what: str) -> None:
        if needs > self._allowance:
            raise Declined(
                f"it needs about {needs >> 20:,} MiB of memory{what}, and {self._allowance >> 20:,} MiB may be taken: "
                "set a smaller size (--long-edge) or a higher --memory-limit, or end other programs"
            )

    def _settings(self, format: Format, quality: int) -> TaskSettings:
        own = self._recipe.settings
        numbers = {format.value: quality} if format in TUNABLE else {}
        written = None if format is self._facts.format else format
        return replace(own, quality=replace(own.quality, **numbers), output_format=written)

    def _encoding(
        self, format: Format, quality: int, policy: Policy | None = None, *, scored: bool = False
    ) -> Encoding:
        """The image on its way into ``format``; ``scored``: what is made is to be compared. Declined when that cannot
        hold it, or there is not enough memory."""
        settings, policy = self._settings(format, quality), policy or self._policy
        facts = settle(self._facts, settings, policy)
        size = settings.resize.target(facts.width, facts.height)
        refuse_size(format, *size, facts.frames)
        recipe = replace(self._recipe, settings=settings, policy=replace(policy, target=_ANY), variants=())
        needs, _ = pipeline.predicted(facts, recipe, len(self._data), full_check=False)
        needs += cost.shown_bytes(facts, format, *size) + self._most_held
        self._admit(needs, f" as {format.value.upper()}")
        if scored:
            keeps = needs + cost.kept_bytes(facts, *size) <= self._allowance
            self._shared.keep_up_to(2 * size[0] * size[1] if keeps else cost.KEPT_PIXELS)
        metadata = carried(self._data, facts, format, policy.metadata)
        return Encoding(self._data, facts, settings, policy, metadata, self._shared, strict=self._strict)

    def _key(self, format: Format, quality: int, full_chroma: bool | None) -> Key:
        return format, quality, stores_colours_well(format, quality, self._policy.effort, full_chroma)

    def rung(self, format: Format, quality: int, full_chroma: bool | None = None) -> Rung:
        """The encode at ``quality``. Raises Unreadable and Declined, with a sentence."""
        key = self._key(format, quality, full_chroma)
        if key not in self._rungs:
            encoding = self._encoding(format, quality, scored=True)
            if keeps_pixels(encoding.facts, encoding.settings, encoding.policy):
                own = f"its own quality is about {self._facts.quality}" if self._facts.quality else ""
                self._rungs[key] = self._stored_rung(key, encoding, own)
            else:
                encoding.attempt(partial(self._measure, key))
        return self._rungs[key]

    def _measure(self, key: Key, encoding: Encoding) -> None:
        made = self._bytes(key, encoding)
        scored = installed("numpy") and not made.lossless
        self._note(key, encoding, made, encoding.compare(made.data) if scored else None)

    def reach(
        self, format: Format, target: QualityTarget, probed: Callable[[Rung], None], stopped: Callable[[], bool]
    ) -> Rung:
        """What a run with ``target`` writes; ``probed`` gets each rung on the way. Raises as ``rung`` does, and
        Stopped once ``stopped`` says so."""
        if not installed("numpy"):
            raise Declined(f"a score {NEEDS_NUMPY}")
        policy = replace(self._policy, target=target)
        encoding = self._encoding(format, self._recipe.settings.quality.of(format), policy, scored=True)
        if keeps_pixels(encoding.facts, encoding.settings, policy):
            return self._stored_rung((format, 0, False), encoding, "its own quality is the least to try already")
        if not info(format).lossy and encoding.settings.quality.of(format) == 100:
            raise Declined(f"{format.value.upper()} has no quality to choose here: it is written without loss")
        return encoding.attempt(lambda each: self._reach(each, target, probed, stopped))

    def _reach(
        self, encoding: Encoding, target: QualityTarget, probed: Callable[[Rung], None], stopped: Callable[[], bool]
    ) -> Rung:
        tried: list[tuple[Bytes, Key]] = []

        def encode(quality: int, full_chroma: bool | None = None) -> Bytes:
            if stopped():
                raise Stopped
            key = self._key(encoding.target, quality, full_chroma)
            made = self._bytes(key, encoding)
            tried.append((made, key))
            if made.lossless and key not in self._rungs:
                probed(self._note(key, encoding, made, None))
            return made

        def compare(data: bytes) -> Comparison:
            if stopped():
                raise Stopped
            made, key = next(pair for pair in reversed(tried) if pair[0].data is data)
            seen = encoding.compare(data)
            if key not in self._rungs:
                probed(self._note(key, encoding, made, seen))
            return seen

        choice = encoding.reach(target, encode, compare)
        if choice.missed and may_stay(encoding.facts, encoding.settings, encoding.policy):
            return self._stored_rung((encoding.target, 0, False), encoding, f"{choice.missed}; its pixels stay")
        rung = self._rungs[next(key for made, key in tried if made is choice.bytes)]
        return replace(rung, note=", ".join(part for part in (choice.missed, rung.note) if part))

    def _bytes(self, key: Key, encoding: Encoding) -> Bytes:
        """The encode, made now unless it is still held."""
        if (held := self._held.get(key)) is not None:
            self._held.move_to_end(key)
            return held
        format, quality, full_chroma = key
        self._see(encoding)
        before = time.process_time()
        made = encoding.at(quality, full_chroma if format in (Format.JPEG, Format.WEBP) else None)
        self._seconds.setdefault(key, time.process_time() - before)
        self._strict = encoding.strict
        self._held[key] = made
        while len(self._held) > 1 and sum(len(each.data) for each in self._held.values()) > self._most_held:
            self._held.popitem(last=False)
        return made

    def _note(self, key: Key, encoding: Encoding, made: Bytes, seen: Comparison | None) -> Rung:
        """The rung for an encode; ``seen`` is None where its pixels are the source's own, or nothing can compare."""
        format, quality, full_chroma = key
        size = encoding.settings.resize.target(encoding.facts.width, encoding.facts.height)
        encoded = Encoded(made.data, format, *size, 1, quality, made.lossless)
        words = ["4:4:4"] if full_chroma and format is Format.JPEG else ["lossless"] if made.lossless else []
        equal = 100.0 if made.lossless else None
        rung = Rung(
            format,
            quality,
            len(made.data),
            seen.score if seen else equal,
            seen.worst if seen else equal,
            seen.left if seen else 0,
            seen.top if seen else 0,
            round(self._seconds.get(key, 0.0), 3),
            self._policy.effort.value,
            full_chroma,
            made.lossless,
            ", ".join((*words, *self._judged(encoding, encoded))),
        )
        self._rungs[key] = rung
        return rung

    def _judged(self, encoding: Encoding, encoded: Encoded) -> list[str]:
        """What a run would make of it, where that is not the encode itself."""
        policy, facts = encoding.policy, encoding.facts
        larger = len(encoded.data) >= len(self._data)
        try:
            delivers = judging.is_delivered(policy, facts, encoded, self._data)
        except Declined:
            return ["larger, so a run skips it"]
        better = judging.without_loss(
            policy, facts, encoded, self._data, delivers=delivers, store=lambda *_: self._stored()
        )
        if better is not None:
            return ["larger"] * larger + ["a run stores it without loss instead"]
        if delivers:
            return ["larger"] * larger
        return ["larger, so a run keeps the original" if larger else "saves too little, so a run keeps the original"]

    def _stored(self) -> Encoded:
        """The image with its own pixels, stored better."""
        if self._as_stored is None:
            self._as_stored = optimize_as_stored(self._data, self._facts, self._policy)
        return self._as_stored

    def _stored_rung(self, key: Key, encoding: Encoding, why: str) -> Rung:
        before = time.process_time()
        stored = self._stored()
        seconds = time.process_time() - before
        kept = not judging.is_delivered(encoding.policy, encoding.facts, stored, self._data)
        words = [why, "a run keeps the original" if kept else "stored without loss"]
        size = len(self._data) if kept else len(stored.data)
        note = ", ".join(word for word in words if word)
        effort = self._policy.effort.value
        return Rung(key[0], key[1], size, 100.0, 100.0, 0, 0, round(seconds, 3), effort, key[2], True, note)

    def _see(self, encoding: Encoding) -> None:
        """Have the pixels in memory, and know the source as it is seen."""
        with self._lock:
            picture = encoding.pixels(encoding.settings.quality.of(encoding.target))
            if self._source is None:
                self._source = _flat(turned(as_seen(picture), encoding.metadata.orientation))

    def source(self) -> Image:
        """The source as it is seen: upright, resized as the result, three bands of 8 bits. Raises as ``rung`` does."""
        if self._source is None:
            target = target_format(self._facts, self._recipe.settings)
            try:
                encoding = self._encoding(target, self._recipe.settings.quality.of(target))
            except WouldLose:
                encoding = self._encoding(Format.PNG, 100)
            encoding.attempt(self._see)
        assert self._source is not None
        return self._source

    def shown(self, key: Key) -> Image | None:
        """An encode decoded again, as it is seen; None when it is not held and must be made first."""
        if self._shown is not None and self._shown[0] == key:
            return self._shown[1]
        encoding = self._encoding(key[0], key[1] or 100)
        if not key[1] or keeps_pixels(encoding.facts, encoding.settings, encoding.policy):
            return self.source()
        if (made := self._held.get(key)) is None:
            return None
        image = _flat(turned(decoded(made.data).copy_memory(), encoding.metadata.orientation))
        self._shown = key, image
        return image

    def again(self, key: Key) -> None:
        """Make an encode once more, for ``shown``."""
        format, quality, _ = key
        self._encoding(format, quality).attempt(lambda encoding: self._bytes(key, encoding))
