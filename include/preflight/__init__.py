"""What has to be in place before anything is moved, thing by thing, in the order in which a person would mend it."""

from include.preflight.checks import Line, Red, Unknown

__all__ = ["Line", "Red", "Unknown"]
