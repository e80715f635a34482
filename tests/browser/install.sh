#!/bin/sh
# A chromium for the browser tests: the one that is here, else Debian's where it can be installed without asking.
set -eu
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation fonts-dejavu-core >/dev/null
else
  echo "no chromium here: the browser tests will be skipped; on Debian: apt-get install chromium"
fi
