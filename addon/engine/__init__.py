# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: the connection to it, its jobs, and the one that is started on this machine."""
