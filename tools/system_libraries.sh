#!/bin/sh
# The system libraries that Qt and OpenGL need, and a virtual display: installed where the user is root,
# else named in one line to paste. Nothing to do outside Debian and Ubuntu.
# With the argument "tests": BART, a browser, a validator of DICOM, and a proxy with TLS. Tests skip where they are missing, so
# that what the distribution does not have, or the user may not install, is left out.
set -eu
packages="python3-venv xvfb xauth libgl1 libegl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 \
libxcb-shape0 libxcb-xinerama0 libxcb-image0 libxcb-render-util0 libdbus-1-3 libglx-mesa0 libgl1-mesa-dri"

command -v dpkg-query >/dev/null 2>&1 || exit 0
missing_of() {
    for package in $1; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$status" = installed ] || printf ' %s' "$package"
    done
}

if [ "${1:-}" = tests ]; then
    missing=$(missing_of "bart chromium dicom3tools nginx-light openssl")
    [ -n "$missing" ] && [ "$(id -u)" = 0 ] && apt-get update -q || exit 0
    for package in $missing; do
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package" ||
            echo "$package cannot be installed here; the tests that need it are skipped." >&2
    done
    exit 0
fi

missing=$(missing_of "$packages")
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
