"""A world as it stands, kept in memory, to be set back to any number of times."""

from __future__ import annotations

import io
import pickle
from typing import Any

from include.sandbox.state import World


class Snapshot:
    """What both systems held when it was taken. Whoever serves the world goes on with the same objects."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._fixed = (world.tenant, world.platform, world.switches)
        content = io.BytesIO()
        _Writer(content, self._fixed).dump([vars(each) for each in self._fixed])
        self._content = content.getvalue()

    def restore(self) -> None:
        """Set the world back, its numbers and its chances as well."""
        states = _Reader(io.BytesIO(self._content), self._fixed).load()
        for each, state in zip(self._fixed, states, strict=True):
            vars(each).clear()
            vars(each).update(state)


class _Writer(pickle.Pickler):
    """Names the objects that stay, instead of copying them."""

    def __init__(self, file: io.BytesIO, fixed: tuple[object, ...]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._places = {id(each): place for place, each in enumerate(fixed)}

    def persistent_id(self, obj: object) -> int | None:
        return self._places.get(id(obj))


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, fixed: tuple[object, ...]) -> None:
        super().__init__(file)
        self._fixed = fixed

    def persistent_load(self, pid: Any) -> object:
        return self._fixed[pid]
