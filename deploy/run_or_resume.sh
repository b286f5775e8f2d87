#!/usr/bin/env bash
# Starts a study on the cluster that runs here, or goes on with it if its records are there: what a scheduler may run
# again and again. Usage: run_or_resume.sh STORAGE NAME [options of study.run, which a study keeps once it has begun]
set -euo pipefail
storage=$1
name=$2
shift 2
if python -m study.status "$storage/$name" > /dev/null 2>&1; then
    exec python -m study.run --address auto --resume "$storage/$name"
fi
exec python -m study.run --address auto --storage "$storage" --name "$name" "$@"
