"""Renderers: what `ray up`, Ray Serve and Kubernetes need, from a topology and its layout."""
