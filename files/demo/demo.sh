#!/usr/bin/env bash
# The demo, from images to results, on the embedded cloud of this machine: what `make demo` runs.
# Each command is shown as you would type it. Needs the virtual environment that `make` builds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH="$PWD/.venv/bin:$PATH"

CONFIG=files/demo/config.py
RECORD=files/FijiDemoSpotFleetRequestId.json
BUCKET=demo-bucket
IMAGES=demo-results/images/Demo1
RESULTS=demo-results/results

step() { printf '\n== %s\n' "$1"; }

run() {
    printf '$'
    printf ' %q' "$@"
    printf '\n'
    "$@"
}

# The AWS CLI would talk to the real AWS if the exports were missing, so look before the first call.
use_embedded_cloud() {
    printf '$ eval "$(python run.py local env)"\n'
    local exports
    exports="$(python run.py local env)"
    eval "$exports"
    local endpoint="${AWS_ENDPOINT_URL_S3:-${AWS_ENDPOINT_URL:-}}"
    if [[ ! "$endpoint" =~ ^http://127\.0\.0\.1:[0-9]+/?$ ]]; then
        echo "The embedded cloud's address is '$endpoint', which is not on this machine. Nothing was done." >&2
        exit 1
    fi
}

# A demo that was interrupted has left its fleet.
end_earlier_demo() {
    if [[ -e "$RECORD" ]]; then
        run python run.py --local --config "$CONFIG" cleanup FijiDemo --yes
    fi
}

# An earlier demo's images, results and manifests go, so that this one does the work again.
empty_bucket() {
    if aws s3api head-bucket --bucket "$BUCKET" >/dev/null 2>&1; then
        run aws s3 rm "s3://$BUCKET" --recursive --only-show-errors
    else
        run aws s3 mb "s3://$BUCKET"
    fi
    rm -rf -- "$IMAGES" "$RESULTS"
}

step "A plate of 24 wells, in a bucket of the embedded cloud"
use_embedded_cloud
end_earlier_demo
empty_bucket
run python files/demo/make_plate.py "$IMAGES"
run aws s3 cp "$IMAGES" "s3://$BUCKET/demo/plate/Demo1" --recursive --exclude '*' --include '*.tif' --only-show-errors

step "1. setup: queue, cluster, roles, task definition, service"
run python run.py --local --config "$CONFIG" setup

step "2. submitJob: one job for each well"
run python run.py --local --config "$CONFIG" submitJob files/demo/job.json

step "3. startCluster: two machines, each with a worker and its own ImageJ"
run python run.py --local --config "$CONFIG" startCluster files/demo/fleet.json

step "4. monitor: waits for the last well, then takes everything down"
run python run.py --local --config "$CONFIG" monitor "$RECORD"

step "The counts, compared with the truth"
run aws s3 cp "s3://$BUCKET/demo/results" "$RESULTS" --recursive --only-show-errors
run python files/demo/report.py "$RESULTS" "$IMAGES/truth.csv"

step "Resources that could still cost money"
run python run.py --local --config "$CONFIG" inventory FijiDemo
