"""SNMP: what switches and routers say of themselves, to whom, and how well that conversation is protected."""
