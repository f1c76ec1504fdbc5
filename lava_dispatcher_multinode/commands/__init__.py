"""The commands `lava-dispatch` and `lava-multinode`; one module per verb."""
