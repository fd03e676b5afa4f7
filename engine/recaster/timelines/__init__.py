"""Edits in the formats of OpenTimelineIO: the media that they show, and edits that show others instead."""
