"""Settings that mean the same in whatever folder they are read."""

from __future__ import annotations

import os
from dataclasses import replace

from engine.schema import Kind
from engine.settings import SCHEMA, Settings

__all__ = ["absolute"]


def absolute(settings: Settings) -> Settings:
    """A copy whose paths do not depend on the working directory."""
    paths = {entry.name: getattr(settings, entry.name) for entry in SCHEMA if entry.kind is Kind.PATH}
    return replace(settings, **{name: os.path.abspath(path) for name, path in paths.items() if path is not None})
