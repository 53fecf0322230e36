"""Images in requests: which are accepted, how they are fetched and how their tokens are counted."""
