# Sourced by the scripts beside it: Blender as a Python module (bpy), each version in a virtual environment of its
# own under .blender. Versions and the Python that each is built for; the first two are what tests always use.
BLENDERS="4.5:4.5.15:3.11 5.0:5.0.1:3.11 4.2:4.2.23:3.11 5.2:5.2.3:3.13"

# Prints a Python of version $1, or fails.
python_of_version() {
  local candidate
  for candidate in "python$1" "$HOME/.pyenv/versions/$1".*/bin/python; do
    if "$candidate" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

# Installs Blender $1 (as 4.5) where its Python is found; says so where it isn't. The one that is there works
# until the next one is complete.
install_blender() {
  local entry name version needed python
  for entry in $BLENDERS; do
    IFS=: read -r name version needed <<< "$entry"
    [ "$name" = "$1" ] || continue
    if [ ! -e ".blender/$name" ] && [ -d ".blender/$name.old" ]; then  # a run ended while it put a new one there
      mv ".blender/$name.old" ".blender/$name"
    fi
    [ "$(cat ".blender/$name/installed" 2>/dev/null)" = "$version" ] && return
    if ! python=$(python_of_version "$needed"); then
      echo "Blender $name needs Python $needed, which isn't here: it is not tested." >&2
      return
    fi
    if [ -L .blender ]; then  # another checkout's, which keeps them
      echo "$(readlink -m .blender) lacks Blender $version: run a script of its own checkout first." >&2
      return 1
    fi
    echo "Installing Blender $version as a Python module into .blender/$name (about 1 GB) ..." >&2
    mkdir -p .blender
    "$python" -m venv --clear "$PWD/.blender/$name.new"
    ".blender/$name.new/bin/python" -m pip install --quiet --disable-pip-version-check "bpy==$version" \
      -c scripts/blender-constraints.txt || return
    echo "$version" > ".blender/$name.new/installed"
    put_in_place ".blender/$name"
  done
}

# Prints the Python of the newest Blender that is installed, or fails.
newest_blender() {
  local found
  found=$(ls -d .blender/*/installed 2>/dev/null | grep -v '\.\(new\|old\)/' | sort -V | tail -n 1)
  [ -n "$found" ] || { echo "No Blender is installed: it needs Python 3.11 or 3.13." >&2; return 1; }
  echo "$(dirname "$found")/bin/python"
}
