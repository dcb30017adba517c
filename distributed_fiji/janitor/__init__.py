"""The janitor: the monitor as a Lambda on a five-minute schedule, for runs whose laptop is gone."""
