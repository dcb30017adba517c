"""The demo's settings, under the same names as in config.py."""

APP_NAME = "FijiDemo"

# AWS. The demo runs on the embedded cloud (run.py --local), where nothing costs anything.
AWS_REGION = "us-east-1"
AWS_PROFILE = "default"
AWS_BUCKET = "demo-bucket"

# Machines: two small ones with one task each, since a rehearsal runs on your own processors.
CLUSTER_MACHINES = 2
TASKS_PER_MACHINE = 1
MACHINE_TYPE = ["m5.large"]
MACHINE_PRICE = 0.10  # The most to pay per machine-hour, in US dollars.
EBS_VOL_SIZE = 22  # GB
DOWNLOAD_FILES = True

# What runs in each task.
MEMORY = 1500  # MB
SCRIPT_DOWNLOAD_URL = "segment_nuclei.ijm"  # beside this file; setup uploads it
THUMBNAILS = "*overlay*"  # shown in the report that monitor writes

# A well takes only seconds, so a lost job is retried soon.
SQS_MESSAGE_VISIBILITY = 60
JOB_RETRIES = 3
JOB_TIMEOUT_MINUTES = 5

# A well has two sites; each gives a table and a picture.
EXPECTED_NUMBER_FILES = 4
MIN_FILE_SIZE_BYTES = 1
NECESSARY_STRING = ""
CHECK_IF_DONE_BOOL = True
