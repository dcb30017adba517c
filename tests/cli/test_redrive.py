"""`redrive`, as a user calls it."""

from __future__ import annotations

from tests.cli.conftest import APP, Account, Command
from worker.contract.jobs import Job, encode_message


def test_dead_letters_are_jobs_again_and_a_second_redrive_finds_none(
    account: Account, ready: Command
) -> None:
    sqs = account.client("sqs")
    dead = sqs.get_queue_url(QueueName=f"{APP}DeadMessages")["QueueUrl"]
    body = encode_message(Job({"Well": "A1"}, "out"))
    sqs.send_message(QueueUrl=dead, MessageBody=body)

    first, second = ready("redrive"), ready("redrive")

    assert (first.code, first.out) == (0, f"Returned 1 job to {APP}Queue\n")
    assert "startCluster" in first.err
    assert (second.code, second.out) == (0, f"Returned 0 jobs to {APP}Queue\n")
    queue = sqs.get_queue_url(QueueName=f"{APP}Queue")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == body
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
