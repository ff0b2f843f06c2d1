"""Which files answer which operations: one list, read when the server starts."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

from tarragon.faces.aws.protocol import Function, Operations

FAMILIES = (
    "associations", "automl", "cards", "cloudwatch", "components", "endpoint_configs", "endpoints", "experiments",
    "iam", "kms", "lineage", "logs", "models", "package_groups", "packages", "processing", "runtime", "s3",
    "s3_buckets", "s3_listing", "s3_multipart", "s3_settings", "sagemaker_metrics", "search", "sts", "tags",
    "training", "transform", "trials",
)  # fmt: skip


@lru_cache(maxsize=1)
def functions() -> Mapping[str, Mapping[str, Function]]:
    """Map each service's function names to what answers them."""
    found: dict[str, dict[str, Function]] = {}
    for name in FAMILIES:
        if find_spec(f"tarragon.faces.aws.{name}") is None:
            continue
        module = import_module(f"tarragon.faces.aws.{name}")
        for operations in vars(module).values():
            if isinstance(operations, Operations):
                found.setdefault(operations.service, {}).update(operations.functions)
    return found
