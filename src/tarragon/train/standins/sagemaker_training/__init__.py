"""Stand-in for SageMaker's training toolkit: what users' scripts import of it."""

SUCCESS_CODE = 0
DEFAULT_FAILURE_CODE = 1
