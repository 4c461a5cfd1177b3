"""Keeps fetches out of networks that are not the public one, by looking at the very address a socket connects to."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from typing import Any, Final

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address is in the last 32 bits
LOCAL_NAT64: Final = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215: leads wherever its operator likes
NOT_PUBLIC: Final = "address is not public"


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, whatever it is wrapped in."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _wrapped(ip)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local or ip in LOCAL_NAT64:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback)


def _wrapped(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def anyone(_address: str) -> bool:
    return True


class Gate:
    """Makes the sockets of the connector, so that what is checked is the very address connected to, not a name."""

    def __init__(self, admits: Callable[[str], bool]) -> None:
        self._admits = admits

    def __call__(self, addr_info: tuple[Any, ...]) -> socket.socket:
        family, kind, proto, _, sockaddr = addr_info
        if not self._admits(str(sockaddr[0])):
            raise OSError(errno.EACCES, NOT_PUBLIC)
        return socket.socket(family=family, type=kind, proto=proto)


def was_refused(error: OSError) -> bool:
    """Whether it was the gate that let no connection through, at one address of a name or at all of them."""
    return NOT_PUBLIC in str(error)
