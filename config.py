"""The settings of a run: edit them for each run. True and 'True' mean the same. See docs/config.md."""

APP_NAME = 'DistributedFiji'            # Names all resources in AWS: a letter, then letters, digits, - and _.
LOG_GROUP_NAME = APP_NAME               # Log group for FIJI's console, '' for none. The workers' own log group adds _perInstance.

# The worker's image: `make image` builds it, `make image-push` uploads it.
DOCKERHUB_TAG = 'your-docker-user/distributed-fiji:latest'

# AWS
AWS_REGION = 'us-east-1'
AWS_PROFILE = 'default'                 # Your AWS CLI profile; keys in the environment take precedence.
SSH_KEY_NAME = ''                       # Name of an EC2 key pair, if you want to log in to a machine.
AWS_BUCKET = 'your-bucket-name'         # Holds the run's own state: manifests, failures, logs, scripts.
SOURCE_BUCKET = AWS_BUCKET              # Inputs come from here.
DESTINATION_BUCKET = AWS_BUCKET         # Outputs go here.
MORE_SOURCE_BUCKETS = []                # Other buckets that jobs may read inputs from.
UPLOAD_FLAGS = ''                       # Upload flags, as for `aws s3 cp`: '--acl bucket-owner-full-control'.

# Roles: '' lets setup create them. If you may not create roles, see docs/permissions.md.
TASK_ROLE = ''
INSTANCE_PROFILE = ''
FLEET_ROLE = ''
JANITOR_ROLE = ''
PERMISSIONS_BOUNDARY = ''               # ARN of the permissions boundary for the roles that setup creates.

# Machines
ECS_CLUSTER = APP_NAME                  # The app's own cluster, which setup creates; an existing 'default' works too.
CLUSTER_MACHINES = 3                    # Number of spot machines.
TASKS_PER_MACHINE = 1                   # Workers on each machine; each runs one FIJI at a time.
MACHINE_TYPE = ['m5.xlarge']            # With several types, machines start sooner.
MACHINE_PRICE = 0.20                    # The most to pay per machine-hour, in dollars.
EBS_VOL_SIZE = 30                       # Disk of a machine in GB, at least 22.
ASSIGN_IP = True                        # False: machines get no public address (their subnets need a NAT).
MAX_HOURS = 24                          # The fleet ends after this many hours, whatever happens.
MAX_COST = 0                            # The most that a run may cost, in dollars, approximately; 0: no limit.

# A worker's container
MEMORY = 4096                           # In MB; a machine must fit TASKS_PER_MACHINE times this, and needs some memory itself.
CPU_CORES = 0                           # Processors per task; 0: tasks share the machine's processors.
DOWNLOAD_FILES = True                   # True: download inputs to local disk. False: mount the bucket with s3fs.
PLUGIN_ERRORS = 'fail'                  # If a plugin fails but the script continues: 'fail' the job, or 'warn' and accept it.
UNANSWERED = 'fail'                     # If a job does not answer a question: 'fail' it, or use the dialog's 'defaults'.
COLLECT_ALL = False                     # True: also keep files that a script writes beside its inputs or elsewhere.
THUMBNAILS = ''                         # Outputs that get thumbnails in the report, such as '*overlay*'; '': none.
DISPLAY_MODE = 'auto'                   # 'auto': use a virtual display if a script needs one; 'headless': never; 'xvfb': always.
STANDBY = True                          # Start the next job's FIJI while one is working (docs/performance.md).
FIJI_RUNNER = 'auto'                    # 'auto' or 'runner'; both mean the same (docs/worker.md).

# The script: https://…, s3://… or a file beside this one, which setup uploads.
SCRIPT_DOWNLOAD_URL = 'https://some/url/with/a/script.y'

# Queue
SQS_QUEUE_NAME = APP_NAME + 'Queue'
SQS_MESSAGE_VISIBILITY = 180            # Seconds until a lost worker's job goes to another worker.
HEARTBEAT_SECONDS = 60                  # At most a third of that; a job itself may take hours.
SQS_DEAD_LETTER_QUEUE = APP_NAME + 'DeadMessages'
JOB_RETRIES = 5                         # Times a job may fail; interruptions of its machine do not count.
JOB_TIMEOUT_MINUTES = 600               # End jobs that take longer; 0: after 11½ hours, SQS's limit.
STALL_TIMEOUT_MINUTES = 60              # End a FIJI that does nothing for this long; 0: never.

# Monitoring
AUTO_MONITOR = True                     # A Lambda ends the run if your computer is off (docs/costs.md).
NOTIFY_EMAIL = ''                       # Address to notify when it does; SNS asks once for confirmation.
CREATE_DASHBOARD = True                 # A CloudWatch dashboard during the run ($3 a month while it exists).
CLEAN_DASHBOARD = True                  # Remove it at the end.
LOG_FORMAT = 'text'                     # Format of the workers' own log: 'text' or 'json'.

# When a job counts as done
CHECK_IF_DONE_BOOL = True               # Skip jobs that are done: same script and inputs, outputs present (docs/worker.md).
RERUN_ON_NEW_IMAGE = True               # If the worker image changed, rerun resubmitted jobs that were done (docs/config.md).
EXPECTED_NUMBER_FILES = 1               # Files that each job must write at least …
MIN_FILE_SIZE_BYTES = 1                 # … each of at least this many bytes …
NECESSARY_STRING = ''                   # … with this text in its name.
