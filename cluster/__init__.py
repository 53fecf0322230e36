"""The hardware: topology manifests and what is rendered from them."""
