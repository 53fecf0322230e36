"""A split beside `cp`, and the loading of one of four ranks beside vLLM's own.

Tensors are loaded into plain memory, because a whole model of this size and its engine don't fit a
small machine. The bench measures the iterators over tensors; loaders differ in nothing else.
"""
