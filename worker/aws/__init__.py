"""SQS, the ECS agent, CloudWatch Logs and instance metadata, as the worker uses them."""
