"""What the benchmarks share: a sandbox in a process of its own, and the bench of the flow tests."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "flows"))

from bench import DEFAULTS, Bench, Remote

__all__ = ["DEFAULTS", "Bench", "Remote", "sandbox_of"]


@contextmanager
def sandbox_of(**sizes: int) -> Iterator[Remote]:
    """A sandbox of so many records that does not share the processor's lock with what is measured."""
    with tempfile.TemporaryDirectory() as folder:
        ca_file = str(Path(folder) / "ca.pem")
        command = [sys.executable, "-m", "include.sandbox", "--port", "0", "--ca-file", ca_file]
        command += [part for name, number in sizes.items() for part in (f"--{name.replace('_', '-')}", str(number))]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout
        said = json.loads(process.stdout.readline())
        try:
            yield Remote(url=said["http"], tls_url=said["tls"], ca_file=ca_file)
        finally:
            process.terminate()
            process.wait()
