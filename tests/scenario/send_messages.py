#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/send_messages.py FILE PORT
Sends the messages of an IPFIX File (RFC 5655) to a UDP port of this machine, as fast as it can: all
but the last, says so by a line, and sends the last when it gets one."""

import socket
import struct
import sys


def messages(octets):
    while octets:
        length = struct.unpack_from("!H", octets, 2)[0]
        yield octets[:length]
        octets = octets[length:]


with open(sys.argv[1], "rb") as file:
    *first, last = messages(file.read())
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect(("127.0.0.1", int(sys.argv[2])))
for message in first:
    sender.send(message)
print("sent", flush=True)
sys.stdin.readline()
sender.send(last)
