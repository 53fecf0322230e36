"""Whether one key's many requests keep another's first waiting."""
