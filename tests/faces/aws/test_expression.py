from typing import Any

import pytest

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.expression import matches, rank, values

JOB: dict[str, Any] = {
    "TrainingJobName": "xgb-1",
    "CreationTime": 1_767_225_600.5,
    "HyperParameters": {"eta": "0.10", "tree.depth": "6"},
    "Tags": [{"Key": "team", "Value": "blue"}, {"Key": "a.b", "Value": "dotted"}],
    "Metrics": [
        {"MetricName": "validation:auc", "Value": 0.93, "Max": 0.95},
        {"MetricName": "loss.total", "Last": 2.0, "Count": 7},
    ],
    "Parents": [{"ExperimentName": "e", "TrialName": "t1"}, {"ExperimentName": "e", "TrialName": "t2"}],
    "Parameters": {"lr": {"NumberValue": 0.01}, "kind": {"StringValue": "sgd"}},
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/train", "S3DataType": "S3Prefix"}}},
        {"ChannelName": "test", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/test", "S3DataType": "Manifest"}}},
    ],
    "EnableNetworkIsolation": True,
    "Source": {"SourceArn": "arn:x"},
}


def holds(name: str, operator: str = "Equals", value: str | None = None) -> bool:
    condition = {"Name": name, "Operator": operator} | ({} if value is None else {"Value": value})
    return matches(JOB, {"Filters": [condition]})


@pytest.mark.parametrize(
    ("name", "operator", "value", "fits"),
    [
        ("TrainingJobName", "Equals", "xgb-1", True),
        ("TrainingJobName", "Equals", "XGB", False),
        ("TrainingJobName", "NotEquals", "xgb-1", False),
        ("TrainingJobName", "Contains", "XGB", True),
        ("TrainingJobName", "In", "a, xgb-1,b", True),
        ("TrainingJobName", "In", "a,b", False),
        ("HyperParameters.eta", "Equals", "0.1", True),
        ("HyperParameters.eta", "LessThan", "0.2", True),
        ("HyperParameters.eta", "GreaterThanOrEqualTo", "0.1", True),
        ("HyperParameters.tree.depth", "GreaterThan", "5", True),
        ("Tags.team", "Equals", "blue", True),
        ("Tags.a.b", "Equals", "dotted", True),
        ("Tags.team", "Exists", None, True),
        ("Tags.none", "NotExists", None, True),
        ("Tags.none", "Exists", None, False),
        ("Tags.none", "NotEquals", "x", True),
        ("Metrics.validation:auc", "GreaterThan", "0.9", True),
        ("Metrics.validation:auc.Max", "LessThanOrEqualTo", "0.95", True),
        ("metrics.validation:auc.max", "GreaterThan", "0.94", True),
        ("Metrics.loss.total", "Equals", "2", True),
        ("Metrics.loss.total.Count", "Equals", "7", True),
        ("Parents.ExperimentName", "Equals", "e", True),
        ("Parents.TrialName", "Equals", "t2", True),
        ("Parameters.lr.NumberValue", "LessThan", "0.1", True),
        ("Parameters.kind.StringValue", "Equals", "sgd", True),
        ("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", "b/test", True),
        ("CreationTime", "GreaterThan", "2025-12-31T23:59:59Z", True),
        ("CreationTime", "LessThan", "2026-01-01", False),
        ("EnableNetworkIsolation", "Equals", "true", True),
        ("Source.SourceArn", "Equals", "arn:x", True),
        ("TrainingJobName", "GreaterThan", "3", False),
    ],
)
def test_paths_and_operators(name: str, operator: str, value: str | None, fits: bool) -> None:
    assert holds(name, operator, value) is fits


def test_conditions_join_with_and_or_and_inside_each_other() -> None:
    yes, no = {"Name": "Tags.team", "Value": "blue"}, {"Name": "Tags.team", "Value": "red"}
    assert not matches(JOB, {"Filters": [yes, no]})
    assert matches(JOB, {"Filters": [yes, no], "Operator": "Or"})
    assert matches(JOB, {"Filters": [no], "SubExpressions": [{"Filters": [yes]}], "Operator": "Or"})
    assert not matches(JOB, {"Filters": [yes], "SubExpressions": [{"Filters": [no]}]})
    assert matches(JOB, {})


def test_nested_filters_speak_of_one_element() -> None:
    base = "InputDataConfig.DataSource.S3DataSource"

    def nested(uri: str, kind: str) -> bool:
        filters = [
            {"Name": f"{base}.S3Uri", "Operator": "Equals", "Value": uri},
            {"Name": f"{base}.S3DataType", "Operator": "Equals", "Value": kind},
        ]
        return matches(JOB, {"NestedFilters": [{"NestedPropertyName": base, "Filters": filters}]})

    assert nested("s3://b/train", "S3Prefix")
    assert not nested("s3://b/train", "Manifest")


def test_a_comparison_without_a_value_is_refused() -> None:
    with pytest.raises(AwsError, match="needs a Value"):
        holds("TrainingJobName", "Equals")


def test_order_is_numbers_then_words_then_nothing() -> None:
    ordered = sorted([{"x": "b"}, {}, {"x": 3}, {"x": 1.5}, {"x": "a"}], key=lambda each: rank(each, "x"))
    assert ordered == [{"x": 1.5}, {"x": 3}, {"x": "a"}, {"x": "b"}, {}]
    assert list(values(JOB, "No.Such.Path")) == []
