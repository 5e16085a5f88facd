#!/bin/sh
# Create the virtual environment, or name the missing prerequisite and the command that installs it.
# usage: make_venv.sh PYTHON DIRECTORY
python=$1
venv=$2

install() { # what the package manager of this machine is asked for
    case "$(uname -s)" in
        Darwin) echo "brew install $2" ;;
        *) if command -v dnf >/dev/null 2>&1; then echo "sudo dnf install $3"
           elif command -v apk >/dev/null 2>&1; then echo "sudo apk add $3"
           else echo "sudo apt-get install $1"; fi ;;
    esac
}

stop() {
    echo "" >&2
    echo "Cannot set up: $1." >&2
    echo "Install it with:" >&2
    echo "" >&2
    echo "    $2" >&2
    echo "" >&2
    echo "and run make again$3." >&2
    exit 1
}

if ! command -v "$python" >/dev/null 2>&1; then
    stop "there is no '$python' on this machine (Python 3.11 or newer is needed)" \
        "$(install 'python3 python3-venv' python@3.13 python3)"
fi

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    for newer in python3.13 python3.12 python3.11; do
        if command -v $newer >/dev/null 2>&1 && $newer -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "'$python' is older than 3.11; using $newer"
            python=$newer
            break
        fi
    done
fi

if ! version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))'); then
    stop "'$python' is Python $version, and 3.11 or newer is needed" \
        "$(install 'python3.11 python3.11-venv' python@3.13 python3.12)" " as: make PYTHON=python3.11 demo"
fi

if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
    package=python3-venv
    if [ "$(basename "$python")" != python3 ]; then package=python$version-venv; fi
    stop "Python's module 'venv' (with ensurepip) is missing; Debian and Ubuntu keep it in the package $package" \
        "$(install "$package" "python@$version" "python3")"
fi

rm -rf "$venv"
if ! "$python" -m venv "$venv"; then
    stop "'$python -m venv' failed (its message is above)" "$(install python3-venv "python@$version" python3)"
fi
