"""The original goes to the backup area before its result takes its name: as a hard link, else a reflink, else a copy.

A hard link costs no space and keeps the very file, with all attributes. Where the system refuses one (another file
system, FAT, SMB, ``protected_hardlinks``) a copy of bytes and attributes takes its place.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat

from engine.descriptors import close, sync, write_all
from engine.errors import Declined
from engine.files import copy_xattrs
from engine.source import Identity

__all__ = ["AREA", "backup_name", "copy_file", "holds_backup", "is_backup", "keep_original"]

AREA = ".imgopt-backups"
"""Name of the folder in a root that holds the originals, one folder for each run. Never scanned."""
NAME_BYTES = 255
FICLONE = 0x40049409
"""Linux' request to share the blocks of another file."""
COPY_BYTES = 1024 * 1024
_NO_LINK = frozenset(
    (errno.EPERM, errno.EACCES, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
)


def backup_name(index: int, name: str, attempt: int = 0) -> str:
    """File name in the backup area of the original ``name``, image ``index`` of its run; a long name loses its head.

    ``attempt`` counts up where an earlier original of the same image is there already.
    """
    head = f"{index:07d}{f'.{attempt}' if attempt else ''}-".encode()
    return os.fsdecode(head + os.fsencode(name)[-(NAME_BYTES - len(head)) :])


def is_backup(name: str) -> bool:
    """Whether a file of the backup area is an original; beside them lie ledgers and what an area says of itself."""
    return name[:7].isdigit() and "-" in name


def holds_backup(folder: str, index: int, path: str, identity: Identity) -> bool:
    """Whether a try before this one linked the file at ``path`` into the backups already."""
    try:
        there = os.stat(os.path.join(folder, backup_name(index, os.path.basename(path))), follow_symlinks=False)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (identity.device, identity.inode)


def keep_original(index: int, name: str, folder: int, area: int, identity: Identity) -> tuple[str, Identity]:
    """Keep the file ``name`` of ``folder`` in ``area`` (both descriptors); the area is left to be synced.

    Returns its name there, and what the original's identity is from now on: a link changes its ctime. Raises Declined
    when the file is not ``identity`` any more, OSError when it cannot be kept; nothing of it is left in the area then.
    """
    attempt = 0
    while True:
        backup = backup_name(index, name, attempt)
        try:
            os.link(name, backup, src_dir_fd=folder, dst_dir_fd=area, follow_symlinks=False)
        except FileExistsError:
            there = os.stat(backup, dir_fd=area, follow_symlinks=False)
            if (there.st_dev, there.st_ino) != (identity.device, identity.inode):
                attempt += 1
                continue
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            if not copy_file(name, backup, folder, area, identity):
                attempt += 1
                continue
            return backup, identity
        linked = Identity.of(os.stat(backup, dir_fd=area, follow_symlinks=False))
        if not linked.but_for_ctime(identity):
            os.unlink(backup, dir_fd=area)
            raise Declined("changed during the run: left as it is now")
        return backup, linked


def copy_file(name: str, backup: str, folder: int, area: int, identity: Identity) -> bool:
    """Copy the file ``name`` of ``folder``, bytes and attributes, to ``backup`` of ``area``, synced; False when that
    name is taken. Raises OSError, or Declined when the file is not ``identity`` any more; no copy is left then."""
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        status = os.fstat(source)
        if Identity.of(status) != identity:
            raise Declined("changed during the run: left as it is now")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            copy = os.open(backup, flags, 0o600, dir_fd=area)
        except FileExistsError:
            return False
        try:
            _copy_bytes(source, copy)
            with contextlib.suppress(PermissionError):  # undo takes the owner from the file it replaces
                os.fchown(copy, status.st_uid, status.st_gid)
            copy_xattrs(copy, folder, name)
            os.fchmod(copy, stat.S_IMODE(status.st_mode))
            os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
            sync(copy)
            if Identity.of(os.fstat(source)) != identity:
                raise Declined("changed during the run: left as it is now")
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(backup, dir_fd=area)
            raise
        finally:
            close(copy)
    finally:
        close(source)
    return True


def _copy_bytes(source: int, copy: int) -> None:
    try:
        fcntl.ioctl(copy, FICLONE, source)
        return
    except OSError:
        pass  # most file systems cannot share blocks
    while part := os.read(source, COPY_BYTES):
        write_all(copy, part)
