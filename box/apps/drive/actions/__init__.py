"""Every write to drives. Each begins by holding the drive's row, so that the tree stands still meanwhile."""
