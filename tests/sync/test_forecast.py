"""What applying a plan takes, in words."""

from __future__ import annotations

import pytest

from include.sync.forecast import Applying


@pytest.mark.parametrize(
    ("bc", "ipaas", "words"),
    [
        (1_200, 3, "Applying it takes about 1,200 requests to Business Central and 3 to iPaaS.com: about "),
        (0, 2, "Applying it takes about 2 requests to iPaaS.com: about "),
        (1, 0, "Applying it takes about 1 request to Business Central: about "),
        (0, 0, "Applying it takes no request to either system."),
    ],
)
def test_a_system_that_is_not_asked_is_not_named(bc: int, ipaas: int, words: str) -> None:
    assert str(Applying(bc_requests=bc, ipaas_requests=ipaas, seconds=60)).startswith(words)
