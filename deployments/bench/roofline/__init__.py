"""`make bench BENCH=roofline HARDWARE=gpu`: a GPU's real steps beside `small4 cluster plan`'s.

Two parts of a step are timed, in the real sizes and in plain PyTorch: the experts of a layer that
one GPU of a gang holds, and a layer's latent attention. Weights are noise. Calls are captured into
a CUDA graph, as vLLM does for decoding, and take several layers in turn, so that none finds its
weights in the GPU's cache. The bench needs only torch and pydantic.
"""
