"""The dashboard and the command line."""

from engine import __version__

__all__ = ["VERSION"]

VERSION = f"imgopt-tui {__version__}"
"""What ``--version`` prints."""
