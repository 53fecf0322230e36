"""The wire between routers and shards: all that both ends share."""
