"""Puts the project's root on sys.path, so that plain Airflow finds `include` as Astro does. Nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parent.parent)
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)
