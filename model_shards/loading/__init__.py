"""A shard set as ranks load it, from a directory or from S3."""
