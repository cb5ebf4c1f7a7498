"""What both clients share on the wire: connections, retries, throttling, telemetry, values as JSON has them."""
