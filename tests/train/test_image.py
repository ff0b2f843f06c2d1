"""What an image's name says."""

import pytest

from tarragon.train import image

HOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("sagemaker-scikit-learn:1.2-1-cpu-py3", ("framework", "sklearn", "")),
        ("sagemaker-xgboost:1.7-1", ("algorithm", "xgboost", "xgboost")),
        ("linear-learner:1", ("algorithm", "", "linear-learner")),
        ("pytorch-training:2.3.0-cpu-py311-ubuntu20.04-sagemaker", ("framework", "pytorch", "")),
        ("pytorch-inference-graviton:2.3.0", ("framework", "pytorch", "")),
        ("huggingface-pytorch-training:2.1.0-transformers4.36.0-gpu-py310", ("framework", "huggingface", "")),
        ("tensorflow-training@sha256:abc", ("framework", "tensorflow", "")),
        ("sagemaker-clarify-processing:1.0", ("tool", "", "clarify")),
        ("mine:2", ("custom", "", "")),
        ("../../etc/passwd", ("custom", "", "")),
    ],
)
def test_the_repository_decides(repository: str, expected: tuple[str, str, str]) -> None:
    found = image(f"{HOST}/{repository}")
    assert (found.kind, found.framework, found.algorithm) == expected
    assert image(f"1.dkr.ecr.cn-north-1.amazonaws.com.cn/{repository}").kind == expected[0]


def test_tags() -> None:
    assert image(f"{HOST}/xgboost").tag == "latest"
    assert image(f"{HOST}/sagemaker-xgboost:1.7-1").tag == "1.7-1"
