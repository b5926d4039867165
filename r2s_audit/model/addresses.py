"""Addresses and prefixes of both IP versions as data: written as text, read as objects of :mod:`ipaddress`."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator


def _address(value: object) -> IPv4Address | IPv6Address:
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    if not isinstance(value, str):
        raise ValueError("an IPv4 or IPv6 address")  # noqa: TRY004 - pydantic turns ValueError into a located problem
    return ip_address(value)


def _network(value: object) -> IPv4Network | IPv6Network:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    if not isinstance(value, str):
        raise ValueError("an IPv4 or IPv6 prefix")  # noqa: TRY004 - see _address
    return ip_network(value)


IPAddress = Annotated[
    IPv4Address | IPv6Address,
    PlainValidator(_address, json_schema_input_type=IPv4Address | IPv6Address),
    PlainSerializer(str, return_type=str),
]
IPNetwork = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(_network, json_schema_input_type=IPv4Network | IPv6Network),
    PlainSerializer(str, return_type=str),
]
