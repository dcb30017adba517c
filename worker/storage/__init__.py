"""S3 and local disk: inputs come, outputs are found, objects are listed, checked and sent."""
