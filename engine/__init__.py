"""The core of imgopt-tui: planning, the parallel pool, safe replacement, metrics. Knows nothing of any screen."""

__version__ = "0.1.0"
