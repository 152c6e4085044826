#!/bin/sh
# The system libraries that Qt and OpenGL need, and a virtual display: installed where the user is root,
# else named in one line to paste. Nothing to do outside Debian and Ubuntu.
set -eu
packages="python3-venv xvfb xauth libgl1 libegl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 \
libxcb-shape0 libxcb-xinerama0 libxcb-image0 libxcb-render-util0 libdbus-1-3 libglx-mesa0 libgl1-mesa-dri"

command -v dpkg-query >/dev/null 2>&1 || exit 0
missing=""
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
# A Python that was not installed by the distribution brings its own venv.
python3 -c "import ensurepip" 2>/dev/null && missing=$(echo "$missing" | sed 's/ python3-venv//')
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    apt-get update -q
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
else
    echo "These system libraries are missing; install them with this line, then run make again:" >&2
    echo "    sudo apt-get install -y$missing" >&2
    exit 1
fi
