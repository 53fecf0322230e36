"""What runs on Ray: the router, the expert shards, the app builder, the command line."""
