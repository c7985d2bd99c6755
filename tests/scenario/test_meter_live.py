#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/scenario/test_meter_live.py build/weir

`weir meter` live between two interfaces in a network namespace of the test's own: while it runs its
options data name the interface and count its packets, with one thread and with several; what the
kernel had to drop while it was stopped is reported, noted at the end, and adds up.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

weir = sys.argv[1]
PORT = 4739
SECONDS = 30
FRAMES = 20000
running = []
written = []


def fail(text):
    for path in filter(os.path.exists, written):
        print(f"{path} ends with:\n{text_of(path)[-3000:]}")
    print(f"FAILED: {text}")
    for process in running:
        process.kill()
    sys.exit(1)


def enter_namespace():
    """Begins anew in a namespace; 77 where that cannot be had."""
    if os.environ.get("WEIR_IN_NAMESPACE"):
        return
    if not shutil.which("unshare") or not shutil.which("ip") or subprocess.run(
            ["unshare", "-n", "ip", "link", "add", "weir0", "type", "veth", "peer", "name",
             "weir1"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        print("SKIP: no namespace with two interfaces can be had")
        sys.exit(77)
    os.environ["WEIR_IN_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", "-n", sys.executable] + sys.argv)


def make_interfaces():
    for command in ("link set lo up", "link add weir0 type veth peer name weir1",
                    "link set weir0 addrgenmode none", "link set weir1 addrgenmode none",
                    "link set weir0 up", "link set weir1 up"):
        subprocess.run(["ip"] + command.split(), check="addrgenmode" not in command,
                       stderr=subprocess.DEVNULL)


def wait_for(what, condition):
    until = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > until:
            fail(f"{what}: not after {SECONDS} s")
        time.sleep(0.02)


def frame(number):
    """An Ethernet frame with UDP from a port that makes some hundred flows."""
    udp = (1024 + number % 256).to_bytes(2, "big") + b"\x00\x35\x00\x26\x00\x00" + bytes(30)
    ip = (b"\x45\x00" + (20 + len(udp)).to_bytes(2, "big") + b"\x00\x00\x00\x00\x40\x11\x00\x00" +
          bytes([10, 0, number % 7, 1, 10, 0, 0, 2]))
    return b"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00" + ip + udp


def send(count):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("weir0", 0))
        for number in range(count):
            wire.send(frame(number))


def options(path, *names):
    """Lines of options records, whole ones, that have these elements."""
    lines = [json.loads(line) for line in text_of(path).split("\n")[:-1]]
    return [line for line in lines if line.get("type") == "options" and
            all(name in line for name in names)]


def read_and_dropped(line):
    """Packets that came: a busy machine lets even few of them be dropped."""
    return line["packetTotalCount"] + line["droppedPacketTotalCount"]


def start(command, out, errors):
    with open(out, "w", encoding="utf-8") as stdout, open(errors, "w", encoding="utf-8") as stderr:
        running.append(subprocess.Popen(command, stdout=stdout, stderr=stderr))
    written[:] = written[-2:] + [path for path in (out, errors) if path != os.devnull]
    return running[-1]


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def check(folder, workers):
    out, errors = os.path.join(folder, "lines.json"), os.path.join(folder, "errors")
    stats, said = os.path.join(folder, "stats.json"), os.path.join(folder, "collect.errors")
    collector = start([weir, "collect", "--listen", f"udp://127.0.0.1:{PORT}", "--to", "json:-"],
                      out, said)
    wait_for("a collector", lambda: "collecting on" in text_of(said))
    meter = start([weir, "meter", "-i", "weir1", "--buffer", "512Ki", "--workers", str(workers),
                   "--idle-timeout", "1s", "--progress", "--stats", stats, "--to",
                   f"udp://127.0.0.1:{PORT}?stats-interval=1s"], os.devnull, errors)
    result = watch(out, meter, errors, stats)
    collector.send_signal(signal.SIGTERM)
    if collector.wait(SECONDS) != 0:
        fail("weir collect did not end in good order")
    print(f"ok: {workers} workers: {result}")


def watch(out, meter, errors, stats):
    wait_for("the interface's name", lambda: options(out, "interfaceName"))
    if options(out, "interfaceName")[0]["interfaceName"] != "weir1":
        fail("another interface")
    send(1000)
    wait_for("counts of packets while it runs",
             lambda: any(read_and_dropped(line) == 1000
                         for line in options(out, "packetTotalCount", "meteringProcessId")))
    wait_for("the same of the interface",
             lambda: any(read_and_dropped(line) == 1000 and line["ingressInterface"] and
                         line["hardwareTimedPacketTotalCount"] == 0
                         for line in options(out, "packetTotalCount", "ingressInterface")))
    meter.send_signal(signal.SIGSTOP)
    send(FRAMES)
    meter.send_signal(signal.SIGCONT)
    wait_for("what was dropped",
             lambda: any(line["droppedPacketTotalCount"] > 0 and
                         read_and_dropped(line) == FRAMES + 1000
                         for line in options(out, "droppedPacketTotalCount", "meteringProcessId")))
    meter.send_signal(signal.SIGTERM)
    if meter.wait(SECONDS) != 0:
        fail("weir meter did not end in good order")
    counted, said = json.loads(text_of(stats)), text_of(errors)
    if f"note: {counted['packets_dropped']} packets were dropped" not in said:
        fail(f"no note of {counted['packets_dropped']} packets: {said}")
    if counted["packets"] + counted["packets_dropped"] != FRAMES + 1000:
        fail(f"{counted['packets']} and {counted['packets_dropped']} packets")
    return f"{counted['packets']} packets, {counted['packets_dropped']} dropped"


def check_points(folder):
    """What goes out by one interface comes in by the other: two Observation Points."""
    out, said = os.path.join(folder, "points.json"), os.path.join(folder, "points.errors")
    stats = os.path.join(folder, "points.stats")
    meter = start([weir, "meter", "-i", "weir0", "-i", "weir1", "--to",
                   "json:-?stats-interval=1s", "--idle-timeout", "1s", "--stats", stats], out, said)
    wait_for("both names", lambda: len(options(out, "interfaceName")) == 2)
    names = {line["interfaceName"]: line["ingressInterface"]
             for line in options(out, "interfaceName")}
    wanted = {socket.if_indextoname(index): index for index in names.values()}
    if names != wanted or set(names) != {"weir0", "weir1"}:
        fail(f"names of interfaces: {names}")
    send(1000)
    for index in names.values():
        wait_for(f"the packets of interface {index}",
                 lambda index=index: any(
                     read_and_dropped(line) == 1000 and line["ingressInterface"] == index
                     for line in options(out, "packetTotalCount", "ingressInterface")))
    meter.send_signal(signal.SIGTERM)
    if meter.wait(SECONDS) != 0:
        fail("weir meter did not end in good order")
    flows = [json.loads(line) for line in text_of(out).splitlines()]
    packets = {"weir0": 0, "weir1": 0}
    for flow in flows:
        if "type" in flow:
            continue
        is_egress = flow["flowDirection"] == 1
        point = flow["egressInterface" if is_egress else "ingressInterface"]
        if point != names["weir0" if is_egress else "weir1"]:
            fail(f"a flow of another Observation Point: {flow}")
        packets["weir0" if is_egress else "weir1"] += flow["packetDeltaCount"]
    dropped = json.loads(text_of(stats))["packets_dropped"]
    if max(packets.values()) > 1000 or sum(packets.values()) + dropped != 2000:
        fail(f"packets by interface: {packets}, {dropped} dropped")
    print(f"ok: two interfaces: {packets}")


def check_note(folder):
    """Packets of a flow that has not both addresses may come to any worker: there is one."""
    errors = os.path.join(folder, "errors")
    meter = start([weir, "meter", "-i", "weir1", "--workers", "2", "--flow", "keys=dst_addr",
                   "--to", "json:/dev/null", "--progress"], os.devnull, errors)
    wait_for("a note", lambda: "note: of --workers 2 there is 1: live" in text_of(errors))
    meter.send_signal(signal.SIGTERM)
    if meter.wait(SECONDS) != 0:
        fail("weir meter did not end in good order")
    print("ok: a note about workers")


def main():
    enter_namespace()
    make_interfaces()
    for workers in (1, 2):
        folder = tempfile.mkdtemp(prefix="weir-live.")
        check(folder, workers)
        shutil.rmtree(folder)
    folder = tempfile.mkdtemp(prefix="weir-live.")
    check_points(folder)
    check_note(folder)
    shutil.rmtree(folder)


main()
