#!/bin/sh
# Makes a clone able to run: .venv with the project (editable) and the versions that requirements/ pins.
#
#   sh dbops/bootstrap.sh [--extra server|dev]
#
# Called by bin/* when their look at the stamp says so, and by setup-dev-db (--extra server) on a machine
# without PostgreSQL.  Nothing on stdout.  Exit 0: all is there; 2: wrong usage; 12: it could not be, and why;
# 130: interrupted.
#
# What it keeps in .venv:
#   dbops-stamp, dbops-stamp-EXTRA  this part is whole: the clone's path, a fingerprint of what was asked for
#   dbops-installing-PART           an install of it has begun; found at the start of another, it was killed
#   dbops-made                      this script made the folder, and may throw it away
# A .venv that somebody else made is never thrown away.  The pinned versions are installed into it, or it is
# refused, where its Python is too old or does not run.  DBOPS_PYTHON names the Python of a new .venv.
set -u
root='' venv='' made_now='' python='' version='' again=''

say() { printf '==> %s\n' "$*" >&2; }

fail() { # message, hint, detail
    [ -z "$made_now" ] || discard
    printf 'error: %s\n' "$1" >&2
    [ -z "${3-}" ] || printf '%s\n' "$3" >&2
    [ -z "${2-}" ] || printf 'hint: %s\n' "$2" >&2
    exit 12
}

interrupted() {
    trap '' INT TERM HUP
    [ -z "$made_now" ] || discard
    say 'interrupted; the next run does what is left'
    exit 130
}

# Renamed first: a folder that is half removed must not be taken for somebody else's.
discard() {
    rm -rf .venv.discarded
    [ ! -d .venv ] || mv .venv .venv.discarded
    rm -rf .venv.discarded
}

# --- is it all there? --------------------------------------------------------------------------------------

lock_of() { [ "$1" = base ] && echo requirements/lock.txt || echo "requirements/$1-lock.txt"; }
stamp_of() { [ "$1" = base ] && echo .venv/dbops-stamp || echo ".venv/dbops-stamp-$1"; }

# The pinned versions, and what pyproject.toml says about the build and the project.  Its other tables,
# [tool.dbops] above all, are edited often and change nothing that is installed.
fingerprint() {
    { awk '/^\[/ { ours = /^\[(project|build-system)/ } ours' pyproject.toml; cat "$(lock_of "$1")"; } | cksum
}

is_current() {
    { IFS= read -r made_for && IFS= read -r made_from; } 2>/dev/null <"$(stamp_of "$1")" &&
        [ "$made_for" = "$root" ] && [ "$made_from" = "$(fingerprint "$1")" ] &&
        [ -x .venv/bin/python ] && [ ! -e ".venv/dbops-installing-$1" ]
}

all_current() {
    for part in $parts; do is_current "$part" || return; done
}

# --- which Python ------------------------------------------------------------------------------------------

# Prints version and path.  Exit 3: too old; 4: without the part that makes environments, as Debian ships it.
look_at() {
    "$1" -I -c 'if True:
        import importlib.util, os, sys
        print("%d.%d" % sys.version_info[:2], os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
        if sys.version_info < (3, 11):
            sys.exit(3)
        if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
            sys.exit(4)' 2>/dev/null </dev/null
}

find_python() {
    too_old='' lacking=''
    for candidate in "${DBOPS_PYTHON:-python3.14}" python3.13 python3.12 python3.11 python3; do
        found=$(look_at "$candidate")
        case $? in
            0) python=${found#* } version=${found%% *}; return ;;
            3) too_old=$found ;;
            4) lacking=${lacking:-$found} ;;
        esac
        [ -z "${DBOPS_PYTHON-}" ] || break
    done
    if [ -n "$lacking" ]; then
        python=${lacking#* } version=${lacking%% *}
        [ -z "$uv" ] || return 0 # it makes environments without
        fail "Python $version ($python) lacks its venv package, and cannot make a virtual environment" \
            "sudo apt-get install python3-venv    # or python$version-venv"
    fi
    asked=${DBOPS_PYTHON:+, and DBOPS_PYTHON=$DBOPS_PYTHON}
    if [ -n "$too_old" ]; then
        fail "dbops needs Python 3.11 or later${asked:-, and the newest here} is ${too_old%% *} (${too_old#* })" \
            "$(how_to_get_python)"
    fi
    fail "dbops needs Python 3.11 or later${asked:-, and there is no python3 here}${asked:+ does not run}" \
        "$(how_to_get_python)"
}

how_to_get_python() {
    if [ -n "${DBOPS_PYTHON-}" ]; then echo 'unset DBOPS_PYTHON, or let it name a newer one'
    elif command -v brew >/dev/null; then echo 'brew install python'
    elif command -v apt-get >/dev/null; then echo 'sudo apt-get install python3 python3-venv'
    elif command -v dnf >/dev/null; then echo 'sudo dnf install python3.12'
    else echo 'install a newer Python, or name one: DBOPS_PYTHON=/path/to/python3'; fi
}

# --- one at a time -----------------------------------------------------------------------------------------

# The lock belongs to file descriptor 9, which this script and all that it starts have open: the kernel frees
# it when the last of them ends, however it ends.  A file system without locks does without.
take_lock() {
    (: >>.venv.lock) 2>/dev/null || fail "no permission to write in $root" 'run it as the owner of that folder'
    exec 9>>.venv.lock
    "$python" -I -c 'if True:
        import fcntl, signal, sys
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("==> another run is installing; waiting for it to end", file=sys.stderr, flush=True)
            fcntl.flock(9, fcntl.LOCK_EX)
        except OSError:
            pass' || exit 130
}

# --- making and filling the environment --------------------------------------------------------------------

prepare() {
    rmdir .venv 2>/dev/null # an empty folder is nobody's
    if [ -e .venv/dbops-made ]; then
        made_for=''
        { IFS= read -r made_for; } 2>/dev/null <.venv/dbops-stamp
        [ ! -e .venv/dbops-installing-base ] && [ "$made_for" = "$root" ] && look_at .venv/bin/python >/dev/null &&
            return
        say 'starting .venv over: it was moved, its Python is gone, or its install was cut short'
        [ ! -e .venv/dbops-stamp-server ] || parts="$parts server"
        discard
    elif [ -e .venv ] || [ -h .venv ]; then
        found=$(look_at .venv/bin/python)
        case $? in 0 | 4) say "using the .venv that is there (Python ${found%% *})"; return ;; esac
        [ -n "$found" ] && why="is Python ${found%% *}, older than 3.11" || why='does not run'
        fail ".venv was not made by dbops, and its Python $why" 'mv .venv .venv.old    # then run this again'
    fi
    make_environment
}

make_environment() {
    say "making .venv with Python $version ($python)"
    made_now=yes
    mkdir .venv && : >.venv/dbops-made && : >.venv/dbops-installing-base || fail "cannot write in $root/.venv"
    [ -z "$uv" ] || "$uv" venv --quiet --no-project --allow-existing --python "$python" .venv 2>/dev/null ||
        uv=''
    [ -n "$uv" ] || output=$("$python" -I -m venv .venv 2>&1) ||
        fail "Python $version ($python) could not make a virtual environment" \
            "sudo apt-get install python3-venv    # where that is Debian's or Ubuntu's Python" "$output"
}

install() { # part
    case $1 in
        base) say 'installing dbops and the libraries it needs' ;;
        server) say "installing PostgreSQL's programs (about 100 MB)" ;;
        dev) say 'installing the tools of development, PostgreSQL 16 and 18 among them (about 130 MB)' ;;
    esac
    again=''
    [ -n "$made_now" ] || [ ! -e ".venv/dbops-installing-$1" ] || again=yes
    : >".venv/dbops-installing-$1"
    if [ -n "$uv" ] && ! output=$(with_uv "$1" 2>&1); then
        say 'uv could not; trying pip'
        uv=''
    fi
    [ -n "$uv" ] || output=$(with_pip "$1" 2>&1) || not_installed "$1"
    printf '%s\n' "$root" "$(fingerprint "$1")" >.venv/dbops-stamp.new
    # Stamped with the time of the beginning: a lock file that changed meanwhile is newer.
    touch -r ".venv/dbops-installing-$1" .venv/dbops-stamp.new
    mv .venv/dbops-stamp.new "$(stamp_of "$1")" && rm ".venv/dbops-installing-$1"
}

with_uv() {
    "$uv" pip install --quiet --compile-bytecode --python .venv/bin/python ${again:+--reinstall} \
        --require-hashes -r "$(lock_of "$1")" || return
    [ "$1" != base ] ||
        "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
}

with_pip() {
    .venv/bin/python -I -m pip --version >/dev/null 2>&1 || .venv/bin/python -I -m ensurepip || return
    set -- "$1" .venv/bin/python -I -m pip --quiet --disable-pip-version-check --no-input install
    part=$1
    shift
    "$@" ${again:+--ignore-installed} --require-hashes -r "$(lock_of "$part")" || return
    [ "$part" != base ] || "$@" --no-deps --no-build-isolation -e .
}

# pip downloads all before it installs any, and takes back what failed: nothing of this part is left.
not_installed() {
    [ -n "$again" ] || rm -f ".venv/dbops-installing-$1"
    case $output in
        *NewConnectionError* | *ConnectTimeout* | *'name resolution'* | *ProxyError* | *ReadTimeout*)
            fail 'the package index cannot be reached' \
                'connect to the network, or set HTTPS_PROXY or PIP_INDEX_URL, and run this again' "$output" ;;
    esac
    fail "installing from $(lock_of "$1") failed" '' "$output"
}

# --- the whole ---------------------------------------------------------------------------------------------

parts=base
case "$#${1+ $1}${2+ $2}" in
    0) ;;
    '2 --extra server' | '2 --extra dev') parts="base $2" ;;
    *) echo 'usage: bootstrap.sh [--extra server|dev]' >&2; exit 2 ;;
esac
case $0 in */*) root=${0%/*}/.. ;; *) root=.. ;; esac
cd -P -- "$root" && root=$(pwd -P) || exit 12
[ -f requirements/lock.txt ] ||
    fail "$root is no clone of dbops, only clones install themselves" "pip install 'dbops${2:+[$2]}'"
case $root in *'
'*) fail 'a path with a line break in it is more than Python environments can take' 'rename the folder' ;; esac

if all_current; then # only the times of the files differed
    for part in $parts; do touch "$(stamp_of "$part")" 2>/dev/null; done
    exit 0
fi

# The user's PIP_* and UV_* stay, they may name a proxy or an index; not so what leads an install elsewhere.
unset PYTHONHOME PYTHONPATH PYTHONSTARTUP __PYVENV_LAUNCHER__ PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON \
    PIP_REQUIRE_HASHES UV_REQUIRE_HASHES UV_TARGET UV_PREFIX
export PIP_USER=0 PIP_RETRIES="${PIP_RETRIES-2}" UV_PYTHON_DOWNLOADS=never
[ -n "${HOME-}" ] || export PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
uv=$(command -v uv) && "$uv" --version >/dev/null 2>&1 || uv=''

find_python
trap interrupted INT TERM HUP
take_lock
if all_current; then exit 0; fi # the run that we waited for did it
prepare
for part in $parts; do
    is_current "$part" || install "$part"
done
