#!/usr/bin/env bash
# Build the image of the Dockerfile without a daemon and without an image registry, run the main job in it, and compare
# its predictions bit by bit with the same job here. Needs root on Debian, buildah and mmdebstrap, and the network of
# apt and pip. The first stage's base, python:3.12-slim, is made from this machine's own Debian sources, so the image
# has Debian's Python (3.11 or 3.13). The images stay in $VA_IMAGE_STORE (default: build/image); chroot isolation is no
# security boundary: a check that the image builds and runs, not a place to run foreign code.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
STORE=${VA_IMAGE_STORE:-$PWD/build/image}
JOB=(model=interva,insilico site=all tracking=none report=false -m)

step="looking for the tools"
trap 'echo "image: FAILED while $step" >&2' ERR
say() { step=$1; echo "image: $step"; }

missing=()
for tool in buildah mmdebstrap; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [ ${#missing[@]} -gt 0 ] || [ "$(id -u)" != 0 ]; then
  echo "image: needs root, and ${missing[*]:-its tools} (apt-get install --no-install-recommends buildah mmdebstrap runc)" >&2
  exit 1
fi

mkdir -p "$STORE"
B=(buildah --root "$STORE/store" --runroot "$STORE/run" --storage-driver vfs)
. /etc/os-release
sources=(/etc/apt/sources.list.d/debian.sources)
[ -f "${sources[0]}" ] || sources=(/etc/apt/sources.list)

base=localhost/python-debian
if ! "${B[@]}" inspect --type image "$base" >/dev/null 2>&1; then
  say "making a base of $PRETTY_NAME with mmdebstrap"
  mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates,libgomp1,procps \
    --aptopt='Acquire::Check-Valid-Until "false"' "$VERSION_CODENAME" "$STORE/base.tar" "${sources[@]}"
  say "importing the base"
  made=$("${B[@]}" from scratch)
  "${B[@]}" add --quiet "$made" "$STORE/base.tar" /
  "${B[@]}" run --isolation chroot "$made" -- ln -sf python3 /usr/bin/python
  "${B[@]}" config --env PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd python3 "$made"
  "${B[@]}" commit --quiet --rm "$made" "$base" >/dev/null
  rm "$STORE/base.tar"
fi

say "building the Dockerfile (its FROM lines name $base)"
sed "s#^FROM python:[^ ]*#FROM $base#" Dockerfile > "$STORE/Dockerfile"
network=()  # how this machine reaches its package index: settings and certificates, for the build only
for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt /etc/apt/apt.conf.d; do
  if [ -e "$file" ]; then network+=(--volume "$file:$file:ro"); fi
done
"${B[@]}" bud --isolation chroot --network host "${network[@]}" --ignorefile .dockerignore --file "$STORE/Dockerfile" --tag localhost/va_experiments .

say "running the main job in the image"
run=$("${B[@]}" from localhost/va_experiments)
began=$(date +%s)
"${B[@]}" run --isolation chroot "$run" -- python -m va_experiments "${JOB[@]}" paths.outputs=/home/va/image
echo "image: the main job took $(($(date +%s) - began)) s"

say "running the main job here"
here=$(mktemp -d)
"$PYTHON" -m va_experiments "${JOB[@]}" "paths.outputs=$here"

say "comparing predictions"
mounted=$("${B[@]}" mount "$run")
"$PYTHON" - "$here" "$mounted/home/va/image" <<'PYTHON'
import sys
from pathlib import Path

from va_experiments.results import load_results

cell = ["model", "protocol", "train_sites", "test_site", "split_sha256"]
tables = [load_results(next(Path(p, "runs").glob("*/*"))).sort_values(cell).reset_index() for p in sys.argv[1:]]
here, there = (t[[*cell, "prediction_sha256"]] for t in tables)
equal = here.equals(there)
print(f"image: {len(there)} cells in the image, {len(here)} here, predictions {'equal to the last bit' if equal else 'DIFFER'}")
sys.exit(not equal)
PYTHON
"${B[@]}" umount "$run" >/dev/null
"${B[@]}" rm "$run" >/dev/null
rm -r "$here"
"${B[@]}" images
