#!/bin/sh

../start-server
lava-send server-ready ip="$(../get-my-ip)"
lava-wait client-done
