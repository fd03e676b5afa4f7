# SPDX-License-Identifier: GPL-3.0-or-later
"""Swaps of strips, from the button to the result on the timeline."""
