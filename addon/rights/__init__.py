# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights to faces, and signed renders."""
