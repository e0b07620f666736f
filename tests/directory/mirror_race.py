#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What slapd does when two providers in mirror mode are written to at the same moment, with nothing of pwreset in it.

Two clients modify the same entries in the same order, each on its provider; nothing fails. Afterwards the providers say by contextCSN
that each has had all of the other's writes, and their entries are compared. docs/directories.md has what came of it.

Usage: mirror_race.py [ROUNDS]
"""
import re
import subprocess
import sys
import time

import slapd
from slapd import BASE, MANAGER, MANAGER_PASSWORD, PEOPLE, Slapd, free_port, password_of
from test_providers import consumer, wait_for

ENTRIES = 40
PASSES = 10
CONVERGE_S = 30


def client(provider, program, *words, **more):
    return subprocess.Popen([program, "-x", "-H", f"ldap://127.0.0.1:{provider.port}", "-D", MANAGER, "-w", MANAGER_PASSWORD, *words],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                            env={"PATH": "/usr/bin:/bin", "LDAPNOINIT": "1"}, **more)


def ask(provider, base, scope, *attributes):
    text = client(provider, "ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", base, "-s", scope, "(objectClass=*)", *attributes).communicate()[0]
    return {block.split("\n", 1)[0]: sorted(block.split("\n")[1:]) for block in text.strip().split("\n\n")}


def run(providers, number):
    """The entries in which they differ for good: {dn: the entryCSN of each}."""
    clients = [client(provider, "ldapmodify") for provider in providers]
    for side, writer in enumerate(clients):
        writer.stdin.write("".join(
            f"dn: uid=p{n:03},{PEOPLE}\nchangetype: modify\nreplace: description\ndescription: {number}.{turn}.{side}\n\n"
            for turn in range(PASSES) for n in range(ENTRIES)))
        writer.stdin.close()
    for writer in clients:
        writer.wait()
    deadline = time.monotonic() + CONVERGE_S
    while len({str(ask(provider, BASE, "base", "contextCSN")) for provider in providers}) > 1:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not in step after {CONVERGE_S} s")
        time.sleep(0.2)
    time.sleep(2)
    first, second = (ask(provider, PEOPLE, "one", "description", "entryCSN") for provider in providers)
    return {dn: [re.search(r"entryCSN: (\S+)", "\n".join(side[dn]))[1] for side in (first, second)]
            for dn in first if first[dn] != second[dn]}


def main():
    ports, providers = [free_port(), free_port()], []
    try:
        for number in (0, 1):
            providers.append(Slapd(load=number == 0, port=ports[number], modules=("syncprov",), first=f"serverID {number + 1}\n",
                                   replica=consumer(1, ports[1 - number]) + "multiprovider on\n", extra="overlay syncprov\n",
                                   people=[slapd.person(f"p{n:03}", 20000 + n) for n in range(ENTRIES)]))
        last = f"p{ENTRIES - 1:03}"
        wait_for(lambda: providers[1].binds(last, password_of(last)))
        for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
            lost = run(providers, number)
            print(f"round {number + 1}: {2 * PASSES * ENTRIES} writes, {len(lost)} of {ENTRIES} entries differ for good", flush=True)
            for dn, stamps in list(lost.items())[:2]:
                print(f"  {dn}: {' and '.join(stamps)}")
    finally:
        for provider in providers:
            provider.stop()


if __name__ == "__main__":
    main()
