"""What runs in the container: takes one job after another from SQS and runs FIJI on it."""

VERSION = "1.0.0"
