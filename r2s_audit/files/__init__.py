"""Files that people write: site, profile and policies, loaded with errors that help.

``yaml`` turns bytes into plain data and lines; ``problems`` turns what pydantic refuses into sentences; ``site`` and
``profile`` load a whole file and report everything wrong in it at once. Nothing here knows a probe or a network.
"""
