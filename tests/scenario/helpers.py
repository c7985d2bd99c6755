# SPDX-License-Identifier: Apache-2.0
"""What the scenario tests in Python share."""

import socket


def free_port():
    """A UDP port of the loopback that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
