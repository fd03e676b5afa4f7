"""Tables of the engine's store, as the steps that lead from an empty database to the newest version.

A step never changes once it has been released: a store of any earlier release is brought up to date by those
that it hasn't seen (``Database``). Statements end in semicolons; no other text of a step may hold one.
"""

from __future__ import annotations

from typing import Final

_JOBS_AND_CATALOG: Final = """
create table job (
  number integer primary key autoincrement,
  job_id text not null unique,
  request_id text unique,
  kind integer not null,
  state integer not null,
  labels text not null,
  body blob not null,          -- a serialised recaster.v1.Job
  wish text not null,          -- what clients want: run, pause or cancel
  best text not null,          -- JSON: the furthest it ever came, by stage, to tell a crash that repeats
  failures integer not null    -- crashes since it last came further
);
create index job_by_state on job (state, number);
create table event (
  job_id text not null references job (job_id) on delete cascade,
  seq integer not null,
  kind text not null,
  body blob not null,          -- a serialised recaster.v1.JobEvent
  primary key (job_id, seq)
) without rowid;
create table thing (
  number integer primary key autoincrement,
  kind text not null,          -- clip, identity, faceset or model
  thing_id text not null unique,
  origin text,                 -- what it was made from, so that it is not made twice
  body blob not null,          -- a serialised message of its kind
  unique (kind, origin)
);
create table blob_use (
  digest text not null,
  owner text not null,         -- "job ID" or "thing ID"
  primary key (digest, owner)
) without rowid;
create index blob_use_by_owner on blob_use (owner);
"""

_AUDIT_HEAD: Final = """
create table audit_head (
  one integer primary key,     -- 1: there is one row
  number integer not null,     -- of the audit log's newest record
  hash text not null
);
"""

_CLIENTS: Final = """
alter table job add column created_by text not null default '';
create index job_by_client on job (created_by, state);
create table token (
  token_id text primary key,
  name text not null,
  role text not null,
  secret_sha256 blob not null,
  created real not null,       -- seconds since 1970, like the next two
  expires real,
  revoked real,
  quota_bytes integer,
  max_jobs integer
) without rowid;
create table kept_by (         -- blobs that were brought here by a client, or made for one
  client text not null,
  digest text not null,
  primary key (client, digest)
) without rowid;
"""

_TRACES: Final = """
create table trace (
  owner text primary key,      -- "faceset ID", "model ID" or "identity ID"
  body text not null           -- JSON: the content by which a face is known again
) without rowid;
"""

_BLOB_SIZES: Final = """
create table blob_size (
  digest text primary key,
  size integer not null        -- bytes: content of one digest has always the same size
) without rowid;
"""

_TURNS: Final = """
alter table job add column turn integer not null default 0;  -- see Job.turn
"""

MIGRATIONS: Final = (_JOBS_AND_CATALOG, _AUDIT_HEAD, _CLIENTS, _TRACES, _BLOB_SIZES, _TURNS)
"""Step ``n`` makes version ``n + 1`` of version ``n``; SQLite's ``user_version`` holds the version."""
SCHEMA_VERSION: Final = len(MIGRATIONS)
