"""`python -m include.sandbox`: serves the sandbox until it is told to stop."""

from __future__ import annotations

import argparse
import json
import signal
import threading

from include.sandbox import credentials
from include.sandbox.server import Sandbox
from include.sandbox.world import Size


def main() -> None:
    """Read the command line, serve, and print one JSON line with the addresses."""
    parser = argparse.ArgumentParser(
        prog="python -m include.sandbox",
        description="Stand-ins for Business Central, Microsoft Entra and iPaaS.com on loopback, until they are told to stop.",
        epilog="It says in one line of JSON where it serves. GET /_sandbox lists what can be set and read there: counters, "
        "faults, latency, switches, published services, hooks, and the comparison of both sides.",
    )
    parser.add_argument("--port", type=int, default=8089, help="TLS port (0: any)")
    parser.add_argument("--http-port", type=int, default=0, help="plain HTTP port (0: any)")
    parser.add_argument(
        "--world",
        choices=["demo", "nasty", "empty"],
        default="demo",
        help="demo: only what can go through; nasty: what real tenants have, too; empty: the set-up tables",
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same world (default: 1)")
    parser.add_argument("--ca-file", help="where to write the certificate authority that clients have to trust")
    parser.add_argument("--hooks-url", help="where to send a hook for every change of a record in iPaaS.com")
    parser.add_argument("--hooks-key", default=credentials.WEBHOOK_API_KEY, help="the key that hooks carry as Bearer")
    for name, value in vars(Size()).items():
        kind = name.removeprefix("shop_")
        born = f"{kind} born in iPaaS.com" if kind != name else kind
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=int,
            default=value,
            metavar="N",
            help=f"how many {born} (default: {value})",
        )
    options = parser.parse_args()
    size = Size(**{name: getattr(options, name) for name in vars(Size())})
    sandbox = Sandbox(
        options.world,
        seed=options.seed,
        size=size,
        port=options.port,
        http_port=options.http_port,
        ca_file=options.ca_file,
    )
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    with sandbox:
        if options.hooks_url:
            sandbox.hooks.deliver_to(options.hooks_url, options.hooks_key)
        print(json.dumps({"tls": sandbox.tls_url, "http": sandbox.url, "ca_file": sandbox.ca_file}), flush=True)
        done.wait()


if __name__ == "__main__":
    main()
