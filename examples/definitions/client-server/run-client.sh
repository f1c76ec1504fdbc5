#!/bin/sh

server=$(lava-wait server-ready | cut -d = -f 2)
../run-client "$server"
lava-send client-done
