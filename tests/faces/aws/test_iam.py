"""IAM: any role's name resolves, what is made is kept, and a simulation says what this server does."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@pytest.fixture
def iam(client: Any) -> Any:
    return client("iam")


def failure(call: Any, **params: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call(**params)
    told = error.value.response
    return told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]


def test_any_name_is_a_role_that_sagemaker_may_assume(iam: Any) -> None:
    role = iam.get_role(RoleName="AmazonSageMaker-ExecutionRole-2024")["Role"]
    assert role["Arn"] == "arn:aws:iam::123456789012:role/AmazonSageMaker-ExecutionRole-2024"
    trusted = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
    assert trusted == ["sagemaker.amazonaws.com", "bedrock.amazonaws.com"]
    assert role["RoleId"].startswith("AROA")


def test_a_role_is_kept_until_it_is_deleted(iam: Any, client: Any) -> None:
    made = iam.create_role(
        RoleName="Kept", Path="/mine/", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "b"}]
    )["Role"]  # fmt: skip
    assert made["Arn"] == "arn:aws:iam::123456789012:role/mine/Kept"
    elsewhere = client("iam", "eu-west-1").get_role(RoleName="Kept")["Role"]
    assert (elsewhere["AssumeRolePolicyDocument"], elsewhere["Tags"]) == (
        json.loads(TRUST),
        [{"Key": "a", "Value": "b"}],
    )
    assert failure(iam.create_role, RoleName="Kept", AssumeRolePolicyDocument=TRUST) == ("EntityAlreadyExists", 409)
    iam.attach_role_policy(RoleName="Kept", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    iam.put_role_policy(RoleName="Kept", PolicyName="inside", PolicyDocument=POLICY)
    attached = iam.list_attached_role_policies(RoleName="Kept")["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == ["AmazonSageMakerFullAccess"]
    assert iam.get_role_policy(RoleName="Kept", PolicyName="inside")["PolicyDocument"] == json.loads(POLICY)
    assert iam.list_role_policies(RoleName="Kept")["PolicyNames"] == ["inside"]
    assert failure(iam.delete_role, RoleName="Kept") == ("DeleteConflict", 409)
    iam.detach_role_policy(RoleName="Kept", PolicyArn=attached[0]["PolicyArn"])
    iam.delete_role_policy(RoleName="Kept", PolicyName="inside")
    iam.update_assume_role_policy(RoleName="Kept", PolicyDocument=POLICY)
    assert iam.get_role(RoleName="Kept")["Role"]["AssumeRolePolicyDocument"] == json.loads(POLICY)
    iam.delete_role(RoleName="Kept")
    assert failure(iam.delete_role, RoleName="Kept") == ("NoSuchEntity", 404)
    gone = {"RoleName": "Kept", "PolicyArn": attached[0]["PolicyArn"]}
    assert failure(iam.detach_role_policy, **gone) == ("NoSuchEntity", 404)
    assert failure(iam.get_role_policy, RoleName="Kept", PolicyName="inside") == ("NoSuchEntity", 404)


def test_roles_are_listed_page_by_page(iam: Any) -> None:
    for number in range(5):
        iam.create_role(RoleName=f"Listed{number}", Path="/listed/", AssumeRolePolicyDocument=TRUST)
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/listed/", PaginationConfig={"PageSize": 2})
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == [f"Listed{n}" for n in range(5)]
    assert "TarragonRole" in [role["RoleName"] for role in iam.list_roles()["Roles"]]


def test_policies_are_kept(iam: Any) -> None:
    made = iam.create_policy(PolicyName="Mine", PolicyDocument=POLICY)["Policy"]
    arn = made["Arn"]
    assert arn == "arn:aws:iam::123456789012:policy/Mine"
    assert failure(iam.create_policy, PolicyName="Mine", PolicyDocument=POLICY) == ("EntityAlreadyExists", 409)
    iam.attach_role_policy(RoleName="Holder", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert version["Document"] == json.loads(POLICY)
    assert failure(iam.delete_policy, PolicyArn=arn) == ("DeleteConflict", 409)
    iam.detach_role_policy(RoleName="Holder", PolicyArn=arn)
    assert [each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"]] == [arn]
    iam.delete_policy(PolicyArn=arn)
    assert failure(iam.get_policy, PolicyArn=arn) == ("NoSuchEntity", 404)
    assert failure(iam.attach_role_policy, RoleName="Holder", PolicyArn=arn) == ("NoSuchEntity", 404)


@pytest.mark.parametrize("document", ["{", "[]", "{}", "[" * 5000])
def test_a_document_that_is_none_is_refused(iam: Any, document: str) -> None:
    refused = ("MalformedPolicyDocument", 400)
    assert failure(iam.create_role, RoleName="R", AssumeRolePolicyDocument=document) == refused
    assert failure(iam.put_role_policy, RoleName="R", PolicyName="p", PolicyDocument=document) == refused


def test_a_simulation_says_what_this_server_lets_a_role_do(iam: Any) -> None:
    role = "arn:aws:iam::123456789012:role/Any"
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=role, ActionNames=["s3:PutObject", "s3:GetObject"], ResourceArns=["arn:aws:s3:::b/*"]
    )
    results = [each for page in pages for each in page["EvaluationResults"]]
    assert [(each["EvalActionName"], each["EvalDecision"]) for each in results] == [
        ("s3:PutObject", "allowed"), ("s3:GetObject", "allowed"),
    ]  # fmt: skip
    theirs = "arn:aws:iam::999999999999:role/Any"
    assert failure(iam.simulate_principal_policy, PolicySourceArn=theirs, ActionNames=["a:B"]) == ("NoSuchEntity", 404)


def test_there_are_no_users(iam: Any) -> None:
    assert failure(iam.get_user, UserName="somebody") == ("NoSuchEntity", 404)
    assert failure(iam.get_user)[0] == "ValidationError"
