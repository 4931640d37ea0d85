"""Addresses of clients as the limits on them count."""

from __future__ import annotations

import ipaddress
from typing import Final

_IPV6_PREFIX: Final = 64


def address_group(address: str) -> str:
    """Return the part of an address that its owner cannot change at will: all of IPv4, the /64 of IPv6.

    Examples
    --------
    >>> [address_group(one) for one in ("10.0.0.1", "::ffff:10.0.0.1", "2001:DB8::1:2:3:4", "fe80::1%eth0", "")]
    ['10.0.0.1', '10.0.0.1', '2001:db8::/64', 'fe80::/64', '']
    """
    try:
        parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return address  # none: a Unix socket
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), _IPV6_PREFIX), strict=False))
