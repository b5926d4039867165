"""Families of daemons, by the ``kind`` that a service of the description names.

To add one: a module here with a settings model and a :class:`base.Family`, one line in :data:`FAMILIES`, and its data in
``building.yaml``. Start order, readiness, live change and stop come from the resources that it plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import dnsmasq, dot1x, freeradius, hostile, http, https, lldp, mqtt, openvswitch, radvd, responder, snmp, ssh
from .base import Family

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "openvswitch": openvswitch.FAMILY,
        "https": https.FAMILY,
        "snmp": snmp.FAMILY,
        "lldp": lldp.FAMILY,
        "radvd": radvd.FAMILY,
        "dnsmasq": dnsmasq.FAMILY,
        "http": http.FAMILY,
        "freeradius": freeradius.FAMILY,
        "dot1x": dot1x.FAMILY,
        "mqtt": mqtt.FAMILY,
        "ssh": ssh.FAMILY,
        "bacnet": responder.BACNET,
        "knx": responder.KNX,
        "modbus": responder.MODBUS,
        "rtsp": responder.RTSP,
        "sip": responder.SIP,
        "mdns": responder.MDNS,
        "ntp": responder.NTP,
        "syslog": responder.SYSLOG,
        "hostile": hostile.HOSTILE,
        "lldp-frame": hostile.LLDP_FRAME,
        "dtp": hostile.DTP,
        "impostor": hostile.IMPOSTOR,
    }
)
