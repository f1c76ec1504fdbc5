"""Boot loaders, one per file; each implements `driver.BootLoader`."""
