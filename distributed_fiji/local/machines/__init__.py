"""The machines of the embedded cloud: what EC2, the ECS agent and its scheduler do, on this computer."""
