# Constants (User configurable)

APP_NAME = 'DistributedFiji'
LOG_GROUP_NAME = APP_NAME

# Docker
DOCKERHUB_TAG = 'cellprofiler/distributed-fiji:latest'

# AWS
AWS_REGION = 'us-east-1'
AWS_PROFILE = 'default'
SSH_KEY_NAME = 'your-key-file.pem'
AWS_BUCKET = 'your-bucket-name'

# EC2 and ECS
ECS_CLUSTER = 'default'
CLUSTER_MACHINES = 3
TASKS_PER_MACHINE = 1
MACHINE_TYPE = ['m4.xlarge']
MACHINE_PRICE = 0.10
EBS_VOL_SIZE = 30
DOWNLOAD_FILES = 'False'

# Container
MEMORY = 4096
SCRIPT_DOWNLOAD_URL = 'https://some/url/with/a/script.y'

# Queue
SQS_QUEUE_NAME = APP_NAME + 'Queue'
SQS_MESSAGE_VISIBILITY = 1*60
SQS_DEAD_LETTER_QUEUE = 'user_DeadMessages'

# Monitor and dashboard
AUTO_MONITOR = 'True'
CREATE_DASHBOARD = 'True'
CLEAN_DASHBOARD = 'True'

# When a job counts as done
EXPECTED_NUMBER_FILES = 7
MIN_FILE_SIZE_BYTES = 1
NECESSARY_STRING = ''
