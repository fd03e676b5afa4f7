# Sourced by the scripts beside it: makes .venv with everything pinned, once, and quickly says so after that.
# RECASTER_PYTHON chooses the interpreter (3.11 to 3.13).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

find_python() {
  local candidate
  for candidate in "${RECASTER_PYTHON:-}" python3.11 python3.12 python3.13 python3 python; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "Recaster needs Python 3.11, 3.12 or 3.13 with venv and pip; set RECASTER_PYTHON to one." >&2
  return 1
}

install_everything() {
  local python stamp
  if [ -L .venv ] && [ -x .venv/bin/recaster ]; then
    return  # another checkout's, which keeps it
  fi
  stamp=$(cat constraints.txt pyproject.toml | cksum)
  if [ -x .venv/bin/recaster ] && [ "$(cat .venv/installed 2>/dev/null)" = "$stamp" ]; then
    return
  fi
  python=$(find_python)
  echo "Installing into .venv with $("$python" --version) (about 2 GB, a minute or two) ..."
  "$python" -m venv --clear .venv
  # --no-deps: the list is complete, and face_recognition's own wish for a source build of dlib must
  # not be followed (dlib-bin stands in for it).
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r constraints.txt
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  echo "$stamp" > .venv/installed
}

install_everything
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
