#!/usr/bin/env bash
# carry.sh FOLDER: makes FOLDER.tar.gz, which runs where little is installed: puts the libraries of FOLDER's programs into
# FOLDER/lib, glibc's aside, and sees that each program finds its own when it is unpacked elsewhere. The programs are linked with
# -Wl,--disable-new-dtags,-rpath,$ORIGIN/lib: old-style paths hold for the libraries of libraries, too.
set -euo pipefail
folder=$(realpath "$1")
limit=$((60 << 20)) # bytes of the archive
glibc='linux-vdso|ld-linux|/lib(c|m|dl|rt|pthread)\.so'
mkdir -p "$folder/lib"
mapfile -t programs < <(find "$folder" -maxdepth 1 -type f -perm -u+x -printf '%f\n')
[ ${#programs[@]} -gt 0 ] || { echo "$folder has no programs" >&2; exit 1; }

libraries() { # PROGRAM: the files it links
  env -i ldd "$1" | grep -vE "$glibc"
}

for program in "${programs[@]}"; do
  libraries "$folder/$program" | awk '{ print $3 }' | while read -r library; do
    [ "$library" -ef "$folder/lib/$(basename "$library")" ] || cp -L "$library" "$folder/lib/"
  done
done
strip --strip-unneeded "$folder"/lib/*
tar -czf "$folder.tar.gz" -C "$(dirname "$folder")" "$(basename "$folder")"

elsewhere=$(mktemp -d "${TMPDIR:-/tmp}/hpanet-carry.XXXXXX")
trap 'rm -rf "$elsewhere"' EXIT
tar -xzf "$folder.tar.gz" -C "$elsewhere"
for program in "${programs[@]}"; do
  if libraries "$elsewhere/$(basename "$folder")/$program" | grep -vF "$elsewhere/"; then
    echo "$program needs a library that is not carried" >&2
    exit 1
  fi
done
bytes=$(stat -c %s "$folder.tar.gz")
[ "$bytes" -le $limit ] || { echo "$folder.tar.gz has $bytes bytes, more than $limit" >&2; exit 1; }
echo "$folder.tar.gz: $bytes bytes, ${#programs[@]} programs"
