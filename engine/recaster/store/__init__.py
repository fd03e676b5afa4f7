"""Data that an engine keeps: blobs by their digest, a small database of jobs and what they work on."""
