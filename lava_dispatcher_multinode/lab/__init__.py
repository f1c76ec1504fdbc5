"""The lab: device files, device types, allocation and locks."""
