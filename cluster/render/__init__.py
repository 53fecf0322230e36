"""Renderers: what `ray up`, Ray Serve and Kubernetes need, from a manifest and its layout."""
