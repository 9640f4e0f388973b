"""What the kernel counts of packets in this network namespace."""

from __future__ import annotations

from pathlib import Path


def no_route() -> int | None:
    """Packets that had nowhere to go, by the kernel's own count in this network namespace."""
    try:
        names, values = (line.split() for line in Path("/proc/net/snmp").read_text("ascii").splitlines() if line.startswith("Ip:"))
        six = [line.split() for line in Path("/proc/net/snmp6").read_text("ascii").splitlines() if line.startswith("Ip6OutNoRoutes")]
    except (OSError, ValueError):
        return None
    return int(values[names.index("OutNoRoutes")]) + sum(int(value) for _, value in six)
