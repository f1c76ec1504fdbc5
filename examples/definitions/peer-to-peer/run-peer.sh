#!/bin/sh

./initialize-data
./start-p2p-service
lava-sync running

./push-data
for peer in $(lava-group | cut -f 1); do
    if [ "$peer" != "$(lava-self)" ]; then
        ./query-data "$peer"
    fi
done

lava-sync finished
