"""What a job costs beside its work: create → running, and a toy built-in job from create to Completed.

Usage: ``python benchmarks/jobs.py [--jobs 10]``. One server, real boto3 over loopback; medians and worst, in seconds.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from server_kill import BUCKET, Server, prepare, train


def main() -> None:
    """Time jobs one after the other."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--jobs", type=int, default=10)
    n = arguments.parse_args().jobs
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        up = server.start()
        try:
            prepare(server)
            sagemaker = server.client("sagemaker")
            acknowledged, running, completed = [], [], []
            for i in range(n):
                began = time.time()
                train(server, f"toy-{i}", 5)
                acknowledged.append(time.time() - began)
                while (found := sagemaker.describe_training_job(TrainingJobName=f"toy-{i}"))[
                    "TrainingJobStatus"
                ] == "InProgress":
                    time.sleep(0.02)
                completed.append(time.time() - began)
                assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
                running.append(found["TrainingStartTime"].timestamp() - began)
        finally:
            server.kill()
    print(f"server up in {up:.2f} s; {n} jobs on s3://{BUCKET}/train/ (2,000 rows)")
    for name, found in (
        ("create answered", acknowledged),
        ("create → training", running),
        ("create → Completed", completed),
    ):
        print(f"{name:20} median {statistics.median(found):.3f} s, worst {max(found):.3f} s")


if __name__ == "__main__":
    main()
