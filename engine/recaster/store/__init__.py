"""What an engine keeps: blobs by their digest, and a small database of jobs and what they work on."""
