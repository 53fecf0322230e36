# Makes the namespaces that it runs in (as root, by unshare) a machine of its own, and goes on as $@.
# NAME, ROOT, PACKAGES come by the environment; its home, /tmp, /run and /dev/shm begin empty.
set -e
hostname "$NAME"
ip link set lo up
[ -z "$PACKAGES" ] || mount -t overlay packages -o "lowerdir=$PACKAGES/usr:/usr" /usr
mount -t tmpfs run /run
mkdir /run/home /run/sshd /run/project /run/written /run/work
# The project where it is, even below /tmp; what is written there goes to /run.
mount -t overlay project -o "lowerdir=$ROOT,upperdir=/run/written,workdir=/run/work" /run/project
mount -t tmpfs tmp /tmp
mount -t tmpfs shm /dev/shm
mkdir -p "$ROOT"
mount --bind /run/project "$ROOT"
etc() { cat >"/run/$1" && mount --bind "/run/$1" "/etc/$1"; }
printf '%s\n' root:x:0:0::/run/home:/bin/bash sshd:x:109:65534::/run/sshd:/bin/false | etc passwd
# As Debian has it: a machine's own name leads to its loopback.
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$NAME" | etc hosts
etc resolv.conf </dev/null
export HOME=/run/home
# A worker's Ray ends this long after its head, or after a minute by default.
echo "export RAY_gcs_rpc_server_reconnect_timeout_s=20" >"$HOME/.profile"
# As the tests' own environment has it, where .venv belongs to another checkout.
[ -z "$PYTHONPATH" ] || echo "export PYTHONPATH='$PYTHONPATH'" >>"$HOME/.profile"
cd "$HOME"
echo ready
exec "$@"
