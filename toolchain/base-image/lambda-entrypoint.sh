#!/bin/sh
# The image's entry point: the handler is its only argument, given by CMD or by the function's image configuration.
if [ $# -ne 1 ]; then
  echo "entrypoint requires the handler name to be the first argument" >&2
  exit 142
fi
if [ -z "${AWS_LAMBDA_RUNTIME_API:-}" ]; then
  echo "AWS_LAMBDA_RUNTIME_API is not set: this base image has no runtime interface emulator" >&2
  exit 143
fi
export _HANDLER="$1"
exec /var/runtime/bootstrap
