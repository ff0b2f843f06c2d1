"""Endpoint configurations through a real boto3 client."""

import pytest
from botocore.exceptions import ClientError

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/"
ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


def a_variant(name="all", **more):
    return {"VariantName": name, "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, **more}


@pytest.fixture(scope="module")
def sagemaker(client):
    made = client("sagemaker")
    made.create_model(ModelName="m", PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=ROLE)
    return made


def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return caught.value.response["Error"]["Message"]


def test_a_configuration_comes_back_as_it_was_given(sagemaker):
    variants = [a_variant("a", InitialVariantWeight=3.0), a_variant("b")]
    more = {
        "KmsKeyId": "a-key",
        "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://out/x"}},
        "DataCaptureConfig": {
            "EnableCapture": False, "InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://out/c",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
    }  # fmt: skip
    tags = [{"Key": "a", "Value": "b"}]
    made = sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=variants, Tags=tags, **more)
    assert made["EndpointConfigArn"] == ARN + "c"
    found = sagemaker.describe_endpoint_config(EndpointConfigName="c")
    assert {name: found[name] for name in more} == more
    assert found["ProductionVariants"] == [variants[0], {**variants[1], "InitialVariantWeight": 1.0}]
    assert sagemaker.list_tags(ResourceArn=ARN + "c")["Tags"] == tags
    listed = sagemaker.list_endpoint_configs(NameContains="c")["EndpointConfigs"]
    assert [each["EndpointConfigArn"] for each in listed] == [ARN + "c"]
    message = refused(sagemaker.create_endpoint_config, EndpointConfigName="c", ProductionVariants=variants)
    assert message == f'Cannot create already existing endpoint configuration "{ARN}c".'
    sagemaker.delete_endpoint_config(EndpointConfigName="c")
    for call in (sagemaker.describe_endpoint_config, sagemaker.delete_endpoint_config):
        assert refused(call, EndpointConfigName="c") == f'Could not find endpoint configuration "{ARN}c".'


def test_a_serverless_variant_is_one_too(sagemaker):
    variant = {"VariantName": "s", "ModelName": "m", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2}}
    sagemaker.create_endpoint_config(EndpointConfigName="serverless", ProductionVariants=[variant])
    found = sagemaker.describe_endpoint_config(EndpointConfigName="serverless")
    assert found["ProductionVariants"][0]["ServerlessConfig"] == variant["ServerlessConfig"]


CAPTURE = {
    "EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://out/c",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"ProductionVariants": [a_variant(), a_variant()]}, "name of its own"),
        ({"ProductionVariants": [a_variant(ModelName="none")]}, 'Could not find model "arn:aws:sagemaker:us-east-1:'),
        ({"ProductionVariants": [a_variant(InitialVariantWeight=0)]}, "weight above 0"),
        ({"ProductionVariants": [{"VariantName": "a", "ModelName": "m"}]}, "either an InstanceType or a Serverless"),
        ({"ProductionVariants": [{"VariantName": "a", "InstanceType": "ml.m5.large"}]}, "inference components"),
        ({"ShadowProductionVariants": [a_variant("shadow")]}, "ShadowProductionVariants cannot be honoured"),
        ({"DataCaptureConfig": CAPTURE}, "DataCaptureConfig cannot be honoured"),
    ],
)
def test_what_could_not_be_honoured_is_refused(sagemaker, params, words):
    given = {"ProductionVariants": [a_variant()], **params}
    assert words in refused(sagemaker.create_endpoint_config, EndpointConfigName="bad", **given)
