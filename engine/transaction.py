"""Results get their names: several at a time, each whole or not at all, whatever happens in between.

    temp beside the target (O_EXCL, 0600) ▸ write ▸ attributes ▸ fsync
    in place: ▸ original into the backups ▸ fsync of the ledger and of the backups ▸ source still the same?
    ▸ rename ▸ fsync of the folder ▸ where a conversion takes its source's place: source unlinked ▸ fsync of the folder

Any error before the rename removes the temp, takes the original out of the backups again and leaves every other file as
it was. Of a group each step is done for all before the next begins, so that one commit of the file system's own journal
serves several files.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.backup import keep_original
from engine.descriptors import close, sync
from engine.errors import ImageError, WriteFailed, system_reason
from engine.files import Target, begin_to_write_out
from engine.folders import open_folder
from engine.ledger import Entry, Ledgers
from engine.source import Identity

__all__ = ["PartFailed", "Written", "write", "write_group"]


@dataclass(frozen=True, slots=True)
class Written:
    """How it went with one result."""

    error: Exception | None = None
    """Declined or WriteFailed; None for a result that is in place."""
    entry: Entry | None = None
    """What was written down of it, with the identity the result has now."""
    lost: tuple[str, ...] = ()
    """Attributes of the source that it could not keep."""


@dataclass(slots=True)
class _Piece:
    """One result on its way."""

    target: Target
    data: bytes
    image: int
    """Pieces of one image get their names together or not at all."""
    folder: int = -1
    """Descriptor."""
    temp: int = -1
    """Descriptor; −1 before there is one and when it has its name or is gone."""
    expected: Identity | None = None
    """What the source must still be right before the rename."""
    backup: str = ""
    """Name in the backup area."""
    entry: Entry | None = None
    error: Exception | None = None
    placed: bool = False
    lost: tuple[str, ...] = ()


def write(target: Target, data: bytes) -> None:
    """Put ``data`` in place, whole or not at all; raises WriteFailed or Declined with the reason."""
    error = write_group([(target, data)])[0].error
    if error is not None:
        raise error


class PartFailed(WriteFailed):
    """A result was not put in place because another part of the same image could not be."""


def write_group(
    writes: Sequence[tuple[Target, bytes]], ledgers: Ledgers | None = None, images: Sequence[int] | None = None
) -> list[Written]:
    """Put several results in place; what became of each, in order. One that fails stops no other, except of the same
    image: ``images`` numbers the image of each; None: each has its own."""
    numbers = range(len(writes)) if images is None else images
    pieces = [_Piece(target, data, number) for (target, data), number in zip(writes, numbers, strict=True)]
    group = _Group(pieces, ledgers or Ledgers())
    try:
        group.fill()
        group.sync()
        group.keep_originals()
        group.write_down()
        group.rename()
    finally:
        group.close()
    return [Written(piece.error, piece.entry if piece.error is None else None, piece.lost) for piece in group.pieces]


class _Group:
    """The steps; each goes over the pieces that are still well."""

    def __init__(self, pieces: list[_Piece], ledgers: Ledgers) -> None:
        self.pieces = pieces
        self._ledgers = ledgers
        self._folders: dict[str, int] = {}

    @contextlib.contextmanager
    def _told(self, piece: _Piece) -> Iterator[None]:
        """Turn what goes wrong with one piece into its error, with nothing of it left."""
        try:
            yield
        except Exception as error:
            if isinstance(error, OSError):
                reason = f"the result cannot be written: {system_reason(error)}; the original is untouched"
                error = WriteFailed(reason, cause=error, at=os.path.dirname(piece.target.path))
            self._fail(piece, error)
        except BaseException:
            self._drop(piece)
            raise

    def _fail(self, piece: _Piece, error: Exception) -> None:
        piece.error = error if isinstance(error, ImageError) else WriteFailed(f"unexpected error: {error}")
        self._drop(piece)

    def _drop(self, piece: _Piece) -> None:
        """Remove what is there of a result that did not get its name."""
        if piece.temp >= 0:
            piece.target.drop(piece.temp, piece.folder)
            piece.temp = -1
        if piece.backup and not piece.placed:
            with contextlib.suppress(OSError):
                os.unlink(piece.backup, dir_fd=self._folders[piece.target.backup])
            piece.backup = ""

    def _well(self) -> Iterator[_Piece]:
        return (piece for piece in self.pieces if piece.error is None)

    def _folder(self, path: str, *, create: bool) -> int:
        """Its descriptor, opened once for the group; raises WriteFailed."""
        if path not in self._folders:
            try:
                self._folders[path] = open_folder(path or ".", create=create)
            except OSError as error:
                reason = f"the folder of the result cannot be used: {system_reason(error)}"
                raise WriteFailed(reason, cause=error, at=path) from None
        return self._folders[path]

    def fill(self) -> None:
        """Write all temps; the kernel begins with their bytes at once."""
        for piece in self.pieces:
            target = piece.target
            with self._told(piece):
                piece.folder = self._folder(os.path.dirname(target.path), create=target.replaces is None)
                piece.temp, lost = target.fill(piece.data, piece.folder)
                piece.lost = tuple(lost)
                piece.expected = target.replaces
                if target.entry is not None:
                    after = Identity.of(os.fstat(piece.temp))
                    piece.entry = replace(target.entry, after=replace(after, ctime_ns=0))
                if len(self.pieces) > 1:
                    begin_to_write_out(piece.temp)

    def sync(self) -> None:
        """Every temp is on the disk."""
        for piece in self._well():
            with self._told(piece):
                sync(piece.temp)

    def keep_originals(self) -> None:
        """Originals that are to be replaced are in the backups, for good."""
        areas: dict[str, int] = {}
        for piece in self._well():
            target = piece.target
            if target.replaces is None or not target.backup:
                continue
            with self._told(piece):
                try:
                    areas[target.backup] = area = self._folder(target.backup, create=False)
                    target.check(piece.folder, target.replaces)  # a link changes ctime, which cannot tell afterwards
                    kept = keep_original(target.index, target.original, piece.folder, area, target.replaces)
                except (OSError, WriteFailed) as error:
                    reason = f"the original cannot be kept as a backup: {_why(error)}; it is untouched"
                    cause = error if isinstance(error, OSError) else None
                    raise WriteFailed(reason, cause=cause, at=target.backup) from None
                piece.backup, piece.expected = kept
                if piece.entry is not None:
                    piece.entry = replace(piece.entry, backup=os.path.join(target.backup, piece.backup))
        for path, area in areas.items():
            self._sync_folder(path, area, [piece for piece in self._well() if piece.target.backup == path])

    def write_down(self) -> None:
        """The ledgers say what is about to happen; in place that is on the disk."""
        folders: dict[str, list[_Piece]] = {}
        for piece in self._well():
            if piece.entry is not None and piece.target.ledger:
                folders.setdefault(piece.target.ledger, []).append(piece)
        for folder, pieces in folders.items():
            entries = [piece.entry for piece in pieces if piece.entry is not None]
            replacing = [piece for piece in pieces if piece.target.replaces is not None]
            try:
                self._ledgers.append(folder, entries, sync=bool(replacing))
            except OSError as error:
                for piece in replacing:  # for others a line that is lost costs no more than another encode
                    reason = f"its line in {folder} cannot be written: {system_reason(error)}"
                    self._fail(piece, WriteFailed(f"{reason}; the original is untouched", cause=error, at=folder))

    def rename(self) -> None:
        """Every result that may has its name, and its folder knows it for good."""
        failed = {piece.image for piece in self.pieces if piece.error is not None}
        for piece in self._well():
            if piece.image in failed:
                self._fail(piece, PartFailed("another part of it could not be written"))
                continue
            with self._told(piece):
                piece.target.check(piece.folder, piece.expected)
                piece.target.take_name(piece.folder)
                piece.placed = True
                if piece.entry is not None:
                    piece.entry = replace(piece.entry, after=Identity.of(os.fstat(piece.temp)))
                close(piece.temp)
                piece.temp = -1
            if piece.error is not None:
                failed.add(piece.image)
        for path in dict.fromkeys(os.path.dirname(piece.target.path) for piece in self.pieces if piece.placed):
            here = [piece for piece in self._well() if os.path.dirname(piece.target.path) == path]
            self._sync_folder(path, self._folders[path], here)
        self._remove_sources()

    def _remove_sources(self) -> None:
        """Where results lie beside their sources for good, the sources go; one that changed stays, without result."""
        gone: dict[int, list[_Piece]] = {}
        for piece in self._well():
            if not piece.target.removes:
                continue
            with self._told(piece):
                try:
                    piece.target.check(piece.folder, piece.expected)
                    os.unlink(piece.target.original, dir_fd=piece.folder)
                except BaseException:
                    with contextlib.suppress(OSError):
                        os.unlink(piece.target.name, dir_fd=piece.folder)
                    piece.placed = False
                    raise
            if piece.error is None:
                gone.setdefault(piece.folder, []).append(piece)
        for folder, pieces in gone.items():
            self._sync_folder(os.path.dirname(pieces[0].target.path), folder, pieces)

    def _sync_folder(self, path: str, folder: int, pieces: list[_Piece]) -> None:
        try:
            sync(folder)
        except OSError as error:
            for piece in pieces:
                reason = f"the folder {path!r} cannot be synced: {system_reason(error)}"
                # A result that has its name is not written again, whatever its folder says.
                self._fail(piece, WriteFailed(reason, cause=None if piece.placed else error, at=path))

    def close(self) -> None:
        """Leave nothing open, and no temp."""
        for piece in self.pieces:
            if not piece.placed:
                self._drop(piece)
        for fd in self._folders.values():
            close(fd)


def _why(error: Exception) -> str:
    return system_reason(error) if isinstance(error, OSError) else str(error)
