#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_service.py build/weir build/contrib/systemd/weir-collect.service

`weir collect` as a service: it says that it is ready when it is, and neither before nor where it
cannot be; and the unit is one that systemd takes.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from helpers import free_port

WEIR, UNIT = sys.argv[1], sys.argv[2]
PATIENCE_S = 60


def fail(what):
    print(f"FAILED: {what}")
    sys.exit(1)


def collect(folder, port, notify):
    return subprocess.Popen([WEIR, "collect", "--listen", f"udp://127.0.0.1:{port}", "--store",
                             os.path.join(folder, "store"), "--quiet"],
                            env={**os.environ, "NOTIFY_SOCKET": notify}, stderr=subprocess.PIPE)


def says_when_it_is_ready(folder, name, notify):
    port = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(PATIENCE_S)
        process = collect(folder, port, notify)
        if manager.recv(256) != b"READY=1":
            fail("what it said is not READY=1")
        # From then on the port is its own.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            try:
                other.bind(("127.0.0.1", port))
                fail("it was not ready")
            except OSError:
                pass
        # And one that cannot listen says nothing.
        second = collect(folder, port, notify)
        if second.wait(PATIENCE_S) != 2:
            fail(f"exit status of the second: {second.returncode}")
        process.send_signal(signal.SIGTERM)
        if process.wait(PATIENCE_S) != 0:
            fail(f"exit status: {process.returncode}")
        manager.settimeout(0)
        try:
            fail(f"it also said {manager.recv(256)}")
        except BlockingIOError:
            pass


def goes_on_without_a_manager(folder):
    for notify in ("", "@", "relative", os.path.join(folder, "nobody"), "/" + 200 * "x"):
        process = collect(folder, free_port(), notify)
        for line in process.stderr:
            if b"collecting on" in line:
                break
        process.send_signal(signal.SIGTERM)
        if process.wait(PATIENCE_S) != 0:
            fail(f"NOTIFY_SOCKET={notify}: {process.returncode}")


def unit_is_valid(folder):
    if not shutil.which("systemd-analyze"):
        print("systemd-analyze is not here; whether the unit is valid is not known")
        return
    with open(UNIT) as file:
        text = file.read()
    # It is not installed yet.
    text, count = re.subn(r"^ExecStart=\S+", f"ExecStart={os.path.abspath(WEIR)}", text, flags=re.M)
    path = os.path.join(folder, os.path.basename(UNIT))
    with open(path, "w") as file:
        file.write(text)
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", path], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # Of other units on this machine nothing is said here.
    complaints = [line for line in result.stdout.splitlines() if "weir" in line]
    if count != 1 or complaints:
        fail(f"the unit: {complaints}")


def main():
    folder = tempfile.mkdtemp(prefix="weir-service.")
    path = os.path.join(folder, "notify")
    says_when_it_is_ready(folder, path, path)
    abstract = "weir-" + os.path.basename(folder)
    says_when_it_is_ready(folder, "\0" + abstract, "@" + abstract)
    goes_on_without_a_manager(folder)
    unit_is_valid(folder)
    shutil.rmtree(folder)


main()
