"""Recaster recasts a face in an edit.

The base install is the thin client (``recaster.client``); the packages that see, train and paint
need ``recaster[cpu]`` or ``recaster[gpu]``. Importing this package loads none of them.
"""

__version__ = "0.1.0"
