#!/bin/sh

../start-server
lava-sync ready
lava-sync done
