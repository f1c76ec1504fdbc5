#!/bin/bash
# lava-dispatcher 2026.09 (Debian forky): the overlay of a job with secrets has no secrets file.
#
# According to LAVA's documentation, the overlay contains /lava-<job>/secrets with a line KEY=VALUE
# for each entry of the job's `secrets`. 2023.01 writes that file. 2026.09 writes an empty file for
# a job without secrets and no file for a job with secrets: a test that sources it fails.
# Output with 2026.09-1:
#     job without secrets: /lava-1/secrets exists
#     job with secrets: no /lava-1/secrets
# The script fails if the behaviour changes. It needs root and Debian's apt, and works in a
# temporary directory.
set -eu
version=2026.09-1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

mkdir -p apt/lists/partial apt/archives/partial
archive=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' | head -n 1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive forky main" >apt/list
options=(
    -qq -o "Dir::Etc::SourceList=$work/apt/list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/apt/lists" -o "Dir::Cache=$work/apt" -o APT::Sandbox::User=root
)
apt-get "${options[@]}" update
apt-get "${options[@]}" download "lava-dispatcher=$version" "lava-common=$version" \
    busybox-static=1:1.38.0-3+b1
for package in ./*.deb; do
    dpkg -x "$package" lava
done
cp lava/usr/bin/busybox busybox
python3 -m venv venv
venv/bin/pip install --quiet PyYAML==6.0.2 pexpect==4.9.0 requests==2.32.3 setproctitle==1.3.4 \
    aiohttp==3.11.11 sentry-sdk==2.19.2 configobj==5.0.9 Jinja2==3.1.5 python-magic==0.4.27 \
    pyudev==0.24.3 voluptuous==0.15.2

cat >dut <<'EOF'
#!/bin/sh
exec unshare --mount --pid --fork --kill-child --uts sh -ec '
mkdir -p /tmp/dut
mount -t tmpfs dut /tmp/dut
cd /tmp/dut
mkdir -p bin sbin usr/bin usr/sbin dev proc tmp root etc var/lib/lava/dispatcher/tmp
cp "$1" bin/busybox
chroot . /bin/busybox --install -s
mount --bind /dev dev
mount -t proc proc proc
mount --bind /var/lib/lava/dispatcher/tmp var/lib/lava/dispatcher/tmp
exec chroot . /usr/bin/env -i TERM=dumb HOME=/root PATH=/bin:/sbin:/usr/bin:/usr/sbin "PS1=root@dut:# " /bin/sh -i' sh "$(dirname "$0")/busybox"
EOF
chmod +x dut
cat >device.yaml <<EOF
hostname: dut
devicetype: dut
constants:
  posix:
    lava_test_sh_cmd: /bin/sh
    lava_test_results_dir: /lava-%s
    lava_test_shell_file: ~/.bashrc
  kernel-start-message: ''
  default-shell-prompt: 'lava-test: # '
  spawn_maxread: '4092'
  failure_retry: 1
  boot_retry: 1
commands: {connect: $work/dut}
parameters: {pass: }
actions:
  deploy: {connections: {serial: }, methods: {overlay: }}
  boot: {connections: {serial: }, methods: {minimal: }}
timeouts: {actions: {}, connections: {}}
EOF
echo 'dispatcher_ip: 127.0.0.1' >dispatcher.yaml
job() {
    cat <<'EOF'
job_name: secrets
device_type: dut
visibility: public
timeouts: {job: {minutes: 3}, action: {minutes: 1}, connection: {minutes: 1}}
actions:
- deploy: {to: overlay}
- boot:
    method: minimal
    reset: false
    prompts: ['root@dut:#']
    transfer_overlay:
      download_command: "f(){ cp /var/lib/lava/dispatcher/${1#http://*/} . ; }; cd /root; f"
      unpack_command: tar -C / -xzf
- test:
    definitions:
    - from: inline
      name: look
      path: look.yaml
      repository:
        metadata: {format: Lava-Test Test Definition 1.0, name: look}
        run: {steps: [lava-test-case file-of-secrets --shell test -e /lava-1/secrets]}
EOF
}
job >without.yaml
{
    job
    echo 'secrets: {TOKEN: example}'
} >with.yaml

run() {
    # The path of LAVA's directory is fixed: mount a temporary file system there.
    unshare --mount sh -ec '
        mkdir -p /var/lib/lava/dispatcher
        mount -t tmpfs lava /var/lib/lava/dispatcher
        mkdir /var/lib/lava/dispatcher/tmp
        PATH=$1/venv/bin:$PATH PYTHONPATH=$1/lava/usr/lib/python3/dist-packages \
            "$1/venv/bin/python" "$1/lava/usr/bin/lava-run" --skip-sudo-warning --job-id 1 \
            --output-dir "$1/out" --device "$1/device.yaml" --dispatcher "$1/dispatcher.yaml" "$1/$2.yaml"
    ' sh "$work" "$1" >"$1.log" 2>&1 || true
    grep -o '"case": "file-of-secrets".*"result": "[a-z]*"' "$1.log" |
        grep -o '"result": "[a-z]*"' | cut -d '"' -f 4
}
without=$(run without)
with=$(run with)
echo "the test finds the file: job without secrets: $without, job with secrets: $with"
[ "$without" = pass ] && [ "$with" = fail ]
