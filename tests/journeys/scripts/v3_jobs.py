"""SDK v3: processing with a script, the registry, a batch transform."""

import tempfile
from pathlib import Path

import boto3
import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.resources import Model, ModelPackage, ModelPackageGroup, TransformJob
from sagemaker.core.shapes import (
    ContainerDefinition,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
    TransformDataSource,
    TransformInput,
    TransformOutput,
    TransformResources,
    TransformS3DataSource,
)
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData

SCRIPT = """
rows = open("/opt/ml/processing/input/table.csv").read().split()
with open("/opt/ml/processing/output/half.csv", "w") as file:
    file.write("\\n".join(rows[: len(rows) // 2]) + "\\n")
"""
session = Session()
bucket, role, s3 = session.default_bucket(), get_execution_role(), boto3.client("s3")
rng = np.random.default_rng(2)
X = rng.normal(size=(200, 2))
table = np.column_stack([X[:, 0] * 3, X])
s3.put_object(Bucket=bucket, Key="v3jobs/in/table.csv", Body="\n".join(",".join(map(str, row)) for row in table))
s3.put_object(Bucket=bucket, Key="v3jobs/ask/x.csv", Body="\n".join(",".join(map(str, row)) for row in X[:20]))

with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "half.py").write_text(SCRIPT)
    processor = ScriptProcessor(
        role=role, image_uri=image_uris.retrieve("sklearn", "us-east-1", "1.2-1"), command=["python3"],
        instance_count=1, instance_type="ml.m5.large", sagemaker_session=session,
    )  # fmt: skip
    s3_input = ProcessingS3Input(
        s3_uri=f"s3://{bucket}/v3jobs/in/table.csv", local_path="/opt/ml/processing/input", s3_data_type="S3Prefix",
        s3_input_mode="File",
    )  # fmt: skip
    s3_output = ProcessingS3Output(
        s3_uri=f"s3://{bucket}/v3jobs/half", local_path="/opt/ml/processing/output", s3_upload_mode="EndOfJob"
    )
    processor.run(
        code=f"{folder}/half.py", inputs=[ProcessingInput(input_name="table", s3_input=s3_input)],
        outputs=[ProcessingOutput(output_name="half", s3_output=s3_output)],
    )  # fmt: skip
assert len(s3.get_object(Bucket=bucket, Key="v3jobs/half/half.csv")["Body"].read().split()) == 100

image = image_uris.retrieve("xgboost", "us-east-1", "1.7-1")
trainer = ModelTrainer(
    training_image=image, role=role, compute=Compute(instance_type="ml.m5.large", instance_count=1),
    sagemaker_session=session, base_job_name="v3jobs", hyperparameters={"num_round": "20"},
)  # fmt: skip
source = InputData(channel_name="train", data_source=f"s3://{bucket}/v3jobs/half", content_type="text/csv")
trainer.train(input_data_config=[source], wait=True, logs=False)
data = trainer._latest_training_job.refresh().model_artifacts.s3_model_artifacts

ModelPackageGroup.create(model_package_group_name="v3-group")
# The SDK's own ModelPackage.create cannot read the service's answer for a versioned package (3.27): boto3 makes it.
arn = boto3.client("sagemaker").create_model_package(
    ModelPackageGroupName="v3-group", ModelApprovalStatus="PendingManualApproval",
    InferenceSpecification={
        "Containers": [{"Image": image, "ModelDataUrl": data}], "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
)["ModelPackageArn"]  # fmt: skip
package = ModelPackage.get(model_package_name=arn)
package.update(model_approval_status="Approved")
package.refresh()
assert package.model_approval_status == "Approved"
assert package.model_package_version == 1

Model.create(
    model_name="v3jobs", execution_role_arn=role,
    primary_container=ContainerDefinition(model_package_name=package.model_package_arn),
)  # fmt: skip
where = TransformS3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/v3jobs/ask")
job = TransformJob.create(
    transform_job_name="v3jobs", model_name="v3jobs",
    transform_input=TransformInput(
        data_source=TransformDataSource(s3_data_source=where), content_type="text/csv", split_type="Line"
    ),
    transform_output=TransformOutput(s3_output_path=f"s3://{bucket}/v3jobs/answers", assemble_with="Line"),
    transform_resources=TransformResources(instance_type="ml.m5.large", instance_count=1),
)  # fmt: skip
job.wait()
answers = [float(v) for v in s3.get_object(Bucket=bucket, Key="v3jobs/answers/x.csv.out")["Body"].read().split()]
assert np.corrcoef(answers, X[:20, 0])[0, 1] > 0.9
print("done")
