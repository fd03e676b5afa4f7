# Sourced by the scripts beside it: makes .venv with everything pinned, once, and quickly says so after that.
# RECASTER_PYTHON chooses the interpreter (3.11 to 3.13).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
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

# Puts the environment $1.new, which is complete, in the place of $1. Programs' first lines, activate and
# pyvenv.cfg hold the path of their environment.
put_in_place() {
  "$root/$1.new/bin/python" - "$root/$1.new" "$root/$1" <<'END'
import pathlib
import sys

folder, wanted = sys.argv[1:]
for path in (pathlib.Path(folder, "pyvenv.cfg"), *pathlib.Path(folder, "bin").iterdir()):
    content = b"" if path.is_symlink() or path.is_dir() else path.read_bytes()
    if folder.encode() in content:
        path.write_bytes(content.replace(folder.encode(), wanted.encode()))
END
  rm -rf "$1.old"
  [ ! -e "$1" ] || mv "$1" "$1.old"
  mv "$1.new" "$1"
  rm -rf "$1.old"
}

# The environment that is there works until another one is complete, whatever happens to this run.
install_everything() {
  local python stamp
  if [ -L .venv ]; then  # another checkout's, which keeps it: to install through a link would empty that one
    [ -x .venv/bin/recaster ] && return
    echo "$(readlink -m .venv) isn't installed, or is being installed: run a script of its own checkout first." >&2
    return 1
  fi
  if [ ! -e .venv ] && [ -d .venv.old ]; then  # a run ended while it put the new one in its place
    mv .venv.old .venv
  fi
  stamp=$(cat constraints.txt pyproject.toml | cksum)
  if [ -x .venv/bin/recaster ] && [ "$(cat .venv/installed 2>/dev/null)" = "$stamp" ]; then
    return
  fi
  python=$(find_python)
  echo "Installing into .venv with $("$python" --version) (about 2 GB, a minute or two) ..."
  "$python" -m venv --clear "$root/.venv.new"
  # --no-deps: the list is complete, and face_recognition's own wish for a source build of dlib must
  # not be followed (dlib-bin stands in for it).
  "$root/.venv.new/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r constraints.txt
  "$root/.venv.new/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  echo "$stamp" > .venv.new/installed
  put_in_place .venv
}

install_everything
export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}"
