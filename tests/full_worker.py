"""The real worker on a disk that is full as long as a file exists: ``$IMGOPT_TEST_FULL`` is ``ERRNO PATH``."""

from __future__ import annotations

import os

from engine import descriptors, files, worker

_number, _flag = os.environ["IMGOPT_TEST_FULL"].split(" ", 1)
_write_all = descriptors.write_all


def write_all(fd: int, data: bytes) -> None:
    if os.path.exists(_flag):
        _write_all(fd, data[: len(data) // 2])
        raise OSError(int(_number), os.strerror(int(_number)))
    _write_all(fd, data)


setattr(files, "write_all", write_all)  # noqa: B010  # the name that its functions call

if __name__ == "__main__":
    worker.main()
