# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitor and the timeline: previews and comparisons over the picture, progress on strips."""
