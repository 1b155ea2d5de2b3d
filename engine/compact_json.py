"""JSON without a space, for pipes, sockets and ledgers: one encoder for all of them, because making one for each line
costs more than a short line itself."""

from __future__ import annotations

import json

__all__ = ["compact"]

compact = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
"""A value as ASCII text on one line; raises TypeError for what JSON has not."""
