"""VLAN segmentation: what a measuring point is, and what it reaches."""
