# Shared by scripts/start and scripts/test: a virtual environment in .venv and the system's packages. Sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3.10; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      printf '%s' "$candidate"
      return
    fi
  done
  say "vcam needs Python 3.10 or newer. Install it, or name it: PYTHON=/path/to/python3 $0"
  exit 1
}

# system_packages COMMAND-OR-LIBRARY=PACKAGE...: installs the packages of those that are missing, where apt and root
# are at hand; says what to install where not. Never fails: what stays missing is reported by whoever needs it.
system_packages() {
  [ "$(uname -s)" = Linux ] || return 0
  local need have missing=() libraries
  libraries=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null || true)
  for need in "$@"; do
    have=${need%%=*}
    case $have in
      *.so*) [[ $libraries == *"$have"* ]] || missing+=("${need#*=}") ;;
      *) command -v "$have" >/dev/null || missing+=("${need#*=}") ;;
    esac
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
      { apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } ||
      say "could not install ${missing[*]}"
  else
    say "not installed: ${missing[*]} (on Debian and Ubuntu: sudo apt install ${missing[*]})"
  fi
}

# environment NAME REQUIREMENT: .venv holds vcam with the given extras, installed anew when pyproject.toml has changed.
environment() {
  local name=$1 requirement=$2 stamp="$root/.venv/.$1.installed" python
  local python_in_venv="$root/.venv/bin/python"
  if [ -x "$python_in_venv" ] && cmp -s "$root/pyproject.toml" "$stamp"; then
    return
  fi
  if ! "$python_in_venv" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null || system_packages no-such-command=python3-venv
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      say "$python cannot make virtual environments. On Debian and Ubuntu: sudo apt install python3-venv"
      exit 1
    fi
    say "making a virtual environment in .venv"
    "$python" -m venv --clear "$root/.venv"
  fi
  say "installing vcam's packages into .venv (once; about a minute)"
  "$python_in_venv" -m pip install --quiet --disable-pip-version-check --editable "$root$requirement"
  cp "$root/pyproject.toml" "$stamp"
}
