#!/bin/sh
# Starts MinIO in its container, after a look at the event queue: a kill in the middle of a write leaves files there with which
# it would deliver nothing more, or not start at all.
set -eu
queue="$MINIO_NOTIFY_NATS_QUEUE_DIR_SAFE"
mkdir -p "$queue"
stack quarantine "$queue" "${queue%/*}/quarantine"
exec minio server --quiet --address :9000 --certs-dir /tmp/certs /data
