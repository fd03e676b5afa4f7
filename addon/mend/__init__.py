# SPDX-License-Identifier: GPL-3.0-or-later
"""Corrections of what is found in strips: faces over the preview, tracks, people, trouble."""
