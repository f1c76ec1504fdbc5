#!/bin/sh

# Use the server's name: the boards of a group can resolve each other's names.
server=$(lava-group | grep 'server$' | cut -f 1)

lava-sync ready
../run-client "$server"
lava-sync done
