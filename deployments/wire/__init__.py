"""What both ends of the wire between routers and shards share."""
