"""A busy machine is no fault of what is tested: examples of hypothesis may take their time."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
