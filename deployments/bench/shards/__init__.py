"""What a split takes beside `cp`, and one of four ranks to load its part beside vLLM's own loading.

What is loaded goes into plain memory, for a whole model of this size, and its engine, fit no small
machine: this measures the iterators over tensors, which are all in which the loaders differ.
"""
