"""The settings of a run: edit them for each job. True and 'True' mean the same. docs/config.md tells more."""

APP_NAME = 'DistributedFiji'            # Names everything in AWS: a letter, then letters, digits, - and _.
LOG_GROUP_NAME = APP_NAME               # Log group of FIJI's console, '' for none; the workers' own has _perInstance behind.

# The worker's image: `make image` builds it, `make image-push` uploads it.
DOCKERHUB_TAG = 'your-docker-user/distributed-fiji:latest'

# AWS
AWS_REGION = 'us-east-1'
AWS_PROFILE = 'default'                 # The profile of your AWS CLI; keys in the environment come first.
SSH_KEY_NAME = ''                       # Name of an EC2 key pair, for those who want to look into a machine.
AWS_BUCKET = 'your-bucket-name'         # Holds the run's own state: manifests, failures, logs, scripts.
SOURCE_BUCKET = AWS_BUCKET              # Inputs come from here.
DESTINATION_BUCKET = AWS_BUCKET         # Outputs go here.
MORE_SOURCE_BUCKETS = []                # Further buckets that jobs may read inputs from.
UPLOAD_FLAGS = ''                       # Flags for uploads, as `aws s3 cp` takes them: '--acl bucket-owner-full-control'.

# Roles: '' lets setup make them; docs/permissions.md, where you may not.
TASK_ROLE = ''
INSTANCE_PROFILE = ''
FLEET_ROLE = ''
JANITOR_ROLE = ''
PERMISSIONS_BOUNDARY = ''               # ARN of the policy that bounds the roles that setup makes.

# Machines
ECS_CLUSTER = APP_NAME                  # A cluster of its own, made by setup; an older 'default' works too.
CLUSTER_MACHINES = 3                    # Spot machines.
TASKS_PER_MACHINE = 1                   # Workers on each; each runs one FIJI at a time.
MACHINE_TYPE = ['m5.xlarge']            # Several types find capacity sooner.
MACHINE_PRICE = 0.20                    # Most that a machine may cost, in dollars an hour.
EBS_VOL_SIZE = 30                       # Volume of a machine in GB, 22 at least.
ASSIGN_IP = True                        # False: machines have no public address (their subnets need a NAT).
MAX_HOURS = 24                          # After so many hours the fleet ends, whatever happens.
MAX_COST = 0                            # Dollars that a run may cost, about; 0: no limit.

# A worker's container
MEMORY = 4096                           # In MB; TASKS_PER_MACHINE of them must fit a machine, which keeps some itself.
CPU_CORES = 0                           # Processors of a task; 0: the machine's, shared between its tasks.
DOWNLOAD_FILES = True                   # True: inputs are brought to local disk. False: the bucket is mounted by s3fs.
PLUGIN_ERRORS = 'fail'                  # Of a plugin that fails while the script goes on; 'warn': done, with a warning.
UNANSWERED = 'fail'                     # Of a question that a job does not answer; 'defaults': what the dialog shows.
COLLECT_ALL = False                     # True: what a script writes beside its inputs or elsewhere is kept too.
DISPLAY_MODE = 'auto'                   # 'auto': a virtual display where a script needs one; 'headless'; 'xvfb'.
STANDBY = True                          # The next job's FIJI starts while one is at work (docs/performance.md).
FIJI_RUNNER = 'auto'                    # 'auto' or 'runner', which mean the same (docs/worker.md).

# The script: https://, s3:// or a file beside this one, which setup uploads.
SCRIPT_DOWNLOAD_URL = 'https://some/url/with/a/script.y'

# Queue
SQS_QUEUE_NAME = APP_NAME + 'Queue'
SQS_MESSAGE_VISIBILITY = 180            # Seconds until a job of a lost worker is given to another.
HEARTBEAT_SECONDS = 60                  # At most a third of that; a job itself may take hours.
SQS_DEAD_LETTER_QUEUE = APP_NAME + 'DeadMessages'
JOB_RETRIES = 5                         # Times a job may fail; a machine that is taken away is no failure of its job.
JOB_TIMEOUT_MINUTES = 600               # A job that takes longer is ended; 0: after 11½ hours, SQS's limit.
STALL_TIMEOUT_MINUTES = 60              # A FIJI that does nothing for so long is ended; 0: never.

# Monitoring
AUTO_MONITOR = True                     # A Lambda ends the run when your machine is off (docs/costs.md).
NOTIFY_EMAIL = ''                       # Who is told that it did; SNS asks the address to confirm once.
CREATE_DASHBOARD = True                 # A CloudWatch dashboard while the run lasts ($3 a month while it is there).
CLEAN_DASHBOARD = True                  # Remove it at the end.
LOG_FORMAT = 'text'                     # The workers' own log: 'text' or 'json'.

# When a job counts as done
CHECK_IF_DONE_BOOL = True               # Skip jobs that are done: same script and inputs, outputs there (docs/worker.md).
RERUN_ON_NEW_IMAGE = True               # Another worker image: run submitted jobs again that are done (docs/config.md).
EXPECTED_NUMBER_FILES = 1               # Files that each job must make at least …
MIN_FILE_SIZE_BYTES = 1                 # … of at least so many bytes …
NECESSARY_STRING = ''                   # … with this in their names.
