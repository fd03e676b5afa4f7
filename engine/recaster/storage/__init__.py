"""Files that several machines share, behind a URL: content-addressed, verified on read, cached on each node.

An object is kept under the SHA-256 of its bytes. A file is kept as objects of 8 MiB (chunks), of which a
manifest says the digests; the manifest's own digest is the file's reference. A folder is a manifest of
references. So everything is verified from one reference, any range of a file can be had on any storage, an
upload that broke off goes on where it was, and a crash leaves nothing but chunks that nobody refers to. A
chunk is sent in one request: no storage needs uploads in several parts for it.
"""
