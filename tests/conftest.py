"""What holds for every test: examples that are the same each time, and no clock over them."""

from hypothesis import HealthCheck, settings

# A busy machine is no failure, and a change is not blamed for an example that it did not meet.
calm = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, max_examples=50, **calm)
# pytest --hypothesis-profile=explore looks further.
settings.register_profile("explore", max_examples=1000, print_blob=True, **calm)
settings.load_profile("same")
