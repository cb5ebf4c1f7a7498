"""Stand-ins for Business Central, its Entra token endpoint and iPaaS.com: real servers on loopback, for tests and the demo.

Imports nothing of the project's other rooms, and nothing there imports it. `python -m include.sandbox` serves it.
"""

from include.sandbox.server import Sandbox

__all__ = ["Sandbox"]
