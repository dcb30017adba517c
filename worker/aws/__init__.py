"""SQS, ECS's agent, CloudWatch Logs and the machine's metadata, as the worker uses them."""
