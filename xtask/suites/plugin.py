"""pytest plugin of `cargo xtask suites`: resolves the cluster's name to this machine, writes test outcomes to a file.

The clients under test connect to a name like a cluster's, which no name server resolves. A line in the hosts file would
do the same for all programs; the plugin needs no permission to write there.
"""

import json
import os
import socket

resolve = socket.getaddrinfo


def resolve_here(host, port, *arguments, **options):
    name = host.decode() if isinstance(host, bytes) else host
    here = name == os.environ["CLUSTER_ENDPOINT"]
    return resolve("127.0.0.1" if here else host, port, *arguments, **options)


socket.getaddrinfo = resolve_here


def write(test, outcome, reason=""):
    """Writes one line for a part of a test; a test that failed in any part has failed."""
    with open(os.environ["SUITES_REPORT"], "a", encoding="utf-8") as file:
        file.write(json.dumps({"test": test, "outcome": outcome, "reason": reason}) + "\n")


def pytest_configure(config):
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        import django

        django.setup()


def write_phase(phase):
    crash = getattr(phase.longrepr, "reprcrash", None)
    write(phase.nodeid or "collection", phase.outcome, str(crash.message if crash else phase.longrepr or ""))


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        write_phase(report)


def pytest_collectreport(report):
    if report.failed:
        write_phase(report)
