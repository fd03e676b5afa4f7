"""Options of all that Recaster does, each stated once: default, help, range and choices are one field's.

Flags and their help (``cli.flags``), the reading and checking of requests (``settings.messages``) and the
add-on's controls follow from these dataclasses. Nothing heavy is imported here, so help stays instant.
"""
