"""S3 and local disk: list and fetch inputs, find outputs, check them and upload them."""
