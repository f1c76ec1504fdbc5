#!/bin/bash
# lava-server 2026.09 (Debian forky): values of device type templates that a dictionary loses.
#
# 1. 27 templates of device types render a key twice in one mapping. YAML forbids that, and PyYAML,
#    with which LAVA reads dictionaries, keeps the last value without a message. juno-uboot has two
#    mappings `parameters` and two limits for u-boot-interrupt; 25 types of Android boards have the
#    connection `adb` twice.
# 2. Templates of Meson boards set interrupt_char to a line feed. The base template writes it
#    between double quotes, where YAML folds a line end to a blank: the dictionary has a blank.
#
# Output with lava-server 2026.09-1:
#     27 templates with a key twice
#     juno-uboot: parameters, u-boot-interrupt
#     meson-gxl-s905x-p212: interrupt_char is ' '
# The script fails if the behaviour changes. It needs Debian's apt and works in a temporary
# directory.
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
apt-get "${options[@]}" download "lava-server=$version"
dpkg -x ./lava-server_*.deb lava
python3 -m venv venv
venv/bin/pip install --quiet PyYAML==6.0.2 Jinja2==3.1.5

cat >render.py <<'EOF2'
import sys
from pathlib import Path

import jinja2
import yaml

directory = Path(sys.argv[1])
environment = jinja2.Environment(loader=jinja2.FileSystemLoader(directory), trim_blocks=True)


def repeated(node):
    """Yield each key that a mapping inside `node` has twice."""
    if isinstance(node, yaml.MappingNode):
        names = [key.value for key, _ in node.value]
        yield from (name for name in dict.fromkeys(names) if names.count(name) > 1)
        for _, value in node.value:
            yield from repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from repeated(value)


found = {}
for path in sorted(directory.glob("*.jinja2")):
    if path.name.startswith("base"):
        continue
    try:
        text = environment.get_template(path.name).render(connection_command="true")
    except (jinja2.TemplateError, TypeError):  # needs more values
        continue
    if keys := list(repeated(yaml.compose(text))):
        found[path.stem] = keys
print(f"{len(found)} templates with a key twice")
print(f"juno-uboot: {', '.join(found['juno-uboot'])}")
name = "meson-gxl-s905x-p212"
text = environment.get_template(f"{name}.jinja2").render(connection_command="true")
parameters = yaml.safe_load(text)["actions"]["boot"]["methods"]["u-boot"]["parameters"]
print(f"{name}: interrupt_char is {parameters['interrupt_char']!r}")
EOF2
venv/bin/python render.py lava/usr/share/lava-server/device-types | tee output
diff output - <<'EOF2'
27 templates with a key twice
juno-uboot: parameters, u-boot-interrupt
meson-gxl-s905x-p212: interrupt_char is ' '
EOF2
