#!/bin/sh
# A failed event is tried again: shown with the AWS CLI and curl. Prints what happened; fails if it is not as AWS has it.
set -eu

EMULATOR_URL=${EMULATOR_URL:-http://localhost:4566}
here=$(cd "$(dirname "$0")" && pwd)

control() { # control METHOD PATH [JSON]
    curl --silent --show-error --fail-with-body -X "$1" "$EMULATOR_URL/_emulator/$2" ${3:+-d "$3"}
}
field() { # field NAME: the first string or number of that name in the JSON that comes in
    sed -n "s/.*\"$1\" *: *\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1
}

# An account of our own, which the access key names; time stands still until we move it.
account=$(control POST worlds | field account)
trap 'control DELETE "worlds/$account" > /dev/null' EXIT
control POST clock '{"action": "freeze"}' > /dev/null
export AWS_ENDPOINT_URL="$EMULATOR_URL" AWS_ACCESS_KEY_ID="$account" AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1

aws lambda create-function --function-name render --runtime python3.11 --handler app.handler --timeout 60 \
    --role "arn:aws:iam::$account:role/render" --code "S3Bucket=hot-reload,S3Key=$here/render" > /dev/null

# The first two attempts fail: docs/time-and-faults.md has every fault.
control POST "faults?account=$account" '{"function": "render", "fault": "error", "times": 2}' > /dev/null
event=$(mktemp)
echo '{"report": 7}' > "$event"
aws lambda invoke --function-name render --invocation-type Event --payload "fileb://$event" /dev/null > /dev/null
rm "$event"

# Everything that follows from it, in no time.
control POST clock "{\"action\": \"settle\", \"account\": \"$account\"}" > /dev/null

control GET "attempts?account=$account&function=render" | tr '}' '\n' | sed -n 's/.*"outcome": *"\([a-z_]*\)".*/\1/p' | tee /dev/stderr |
    tr '\n' ' ' | grep -qx 'function_error function_error success '
