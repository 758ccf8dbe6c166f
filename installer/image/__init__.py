"""A machine with a box in it, as a disk for hypervisors: built here, and at home at its first start.

`build` makes the disk from Debian's packages and a release; `formats` writes it for this and that hypervisor;
`start` runs on the machine itself. `files/` lies in the image as it lies there.
"""
