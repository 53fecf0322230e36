"""Images in requests: which are taken, fetched and counted, and how."""
