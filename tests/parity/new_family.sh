#!/usr/bin/env bash
# new_family.sh DOCS: the fences of new_family.md, with an empty line between them, are convnext.hpanet.
set -eu
awk '/^```hpanet$/ { if (pieces++) print ""; inside = 1; next }
     /^```/ { inside = 0 }
     inside' "$1/new_family.md" | diff -u - "$1/convnext.hpanet"
