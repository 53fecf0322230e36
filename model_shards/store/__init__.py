"""Shard sets in S3: sent, fetched, and kept once per node."""
