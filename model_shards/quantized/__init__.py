"""nano in the forms of the real checkpoint: FP8 and NVFP4."""
